//! The JSON form of what a job says of itself, written while the job is compiled.

use crate::ParamKind;
use crate::declare::{Declaration, InputKind, Param, ResultKind, Split};

/// Writes as much as fits into `N` bytes and counts the rest, so that the same code finds the
/// length and fills the bytes. All of it can run in a constant.
pub(crate) struct Writer<const N: usize> {
    pub(crate) bytes: [u8; N],
    pub(crate) len: usize,
}

impl<const N: usize> Writer<N> {
    pub(crate) const fn declaration(&mut self, declaration: &Declaration) {
        self.raw("{\"name\":");
        self.text(declaration.name);
        self.raw(",\"about\":");
        self.text(declaration.about);
        if !declaration.input.is_any() {
            self.input(&declaration.input);
        }
        self.raw(",\"split\":");
        match declaration.split {
            Split::ByParam(param, cases) => self.split_by_param(param, cases),
            rule => {
                self.raw("{\"always\":");
                self.rule(rule);
                self.raw("}");
            }
        }
        self.raw(",\"params\":[");
        let mut at = 0;
        while at < declaration.params.len() {
            self.comma_unless(at == 0);
            self.param(&declaration.params[at]);
            at += 1;
        }
        self.raw("]");
        if let Some(result) = declaration.result {
            self.raw(",\"result\":");
            self.result(&result);
        }
        if let Some((param, values)) = declaration.merge_when {
            self.raw(",\"merge-when\":{\"param\":");
            self.text(param);
            self.raw(",\"values\":");
            self.texts(values);
            self.raw("}");
        }
        self.raw("}");
    }

    const fn input(&mut self, input: &InputKind) {
        self.raw(",\"input\":{\"kind\":");
        self.text(input.kind);
        self.optional_text(",\"about\":", input.about);
        if !input.extensions.is_empty() {
            self.raw(",\"extensions\":");
            self.texts(input.extensions);
        }
        self.raw("}");
    }

    const fn result(&mut self, result: &ResultKind) {
        self.raw("{\"kind\":");
        self.text(result.kind);
        self.optional_text(",\"media\":", result.media);
        self.optional_text(",\"extension\":", result.extension);
        if let Some((param, cases)) = result.cases {
            self.raw(",\"by-param\":{\"param\":");
            self.text(param);
            self.raw(",\"cases\":{");
            let mut at = 0;
            while at < cases.len() {
                self.comma_unless(at == 0);
                self.text(cases[at].0);
                self.raw(":");
                assert!(cases[at].1.cases.is_none(), "a result can depend on one parameter only");
                self.result(&cases[at].1);
                at += 1;
            }
            self.raw("}}");
        }
        self.raw("}");
    }

    const fn texts(&mut self, texts: &[&str]) {
        self.raw("[");
        let mut at = 0;
        while at < texts.len() {
            self.comma_unless(at == 0);
            self.text(texts[at]);
            at += 1;
        }
        self.raw("]");
    }

    const fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.raw(name);
            self.text(text);
        }
    }

    const fn split_by_param(&mut self, param: &str, cases: &[(&str, Split)]) {
        self.raw("{\"by-param\":{\"param\":");
        self.text(param);
        self.raw(",\"cases\":{");
        let mut at = 0;
        while at < cases.len() {
            self.comma_unless(at == 0);
            self.text(cases[at].0);
            self.raw(":");
            self.rule(cases[at].1);
            at += 1;
        }
        self.raw("}}}");
    }

    const fn rule(&mut self, rule: Split) {
        match rule {
            Split::Lines => self.raw("\"lines\""),
            Split::Bytes => self.raw("\"bytes\""),
            Split::Guest => self.raw("\"guest\""),
            Split::Records(bytes) => {
                self.raw("\"records:");
                self.number(bytes as u64);
                self.raw("\"");
            }
            Split::ByParam(..) => panic!("a split rule can depend on one parameter only"),
        }
    }

    const fn param(&mut self, param: &Param) {
        self.raw("{\"name\":");
        self.text(param.name);
        self.raw(",\"help\":");
        self.text(param.help);
        match param.kind {
            ParamKind::Text => {}
            ParamKind::Integer => self.raw(",\"kind\":\"integer\""),
            ParamKind::Number => self.raw(",\"kind\":\"number\""),
            ParamKind::Boolean => self.raw(",\"kind\":\"boolean\""),
        }
        if param.required {
            self.raw(",\"required\":true");
        }
        if let Some(min) = param.min {
            self.raw(if min < 0 { ",\"min\":-" } else { ",\"min\":" });
            self.number(min.unsigned_abs());
        }
        if let Some(max) = param.max {
            self.raw(",\"max\":");
            self.number(max);
        }
        self.optional_text(",\"default\":", param.default);
        if param.random_bytes > 0 {
            self.raw(",\"random\":");
            self.number(param.random_bytes as u64);
        }
        if param.is_secret {
            self.raw(",\"secret\":true");
        }
        self.raw(",\"choices\":");
        self.texts(param.choices);
        if !param.notes.is_empty() {
            self.notes(param.notes);
        }
        self.raw("}");
    }

    const fn notes(&mut self, notes: &[(&str, &str)]) {
        self.raw(",\"notes\":{");
        let mut at = 0;
        while at < notes.len() {
            self.comma_unless(at == 0);
            self.text(notes[at].0);
            self.raw(":");
            self.text(notes[at].1);
            at += 1;
        }
        self.raw("}");
    }

    const fn comma_unless(&mut self, first: bool) {
        if !first {
            self.raw(",");
        }
    }

    const fn number(&mut self, number: u64) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.byte(b'0' + (number % 10) as u8);
    }

    /// A JSON string with its quotes.
    const fn text(&mut self, text: &str) {
        const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.byte(b'"');
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                quoted @ (b'"' | b'\\') => {
                    self.byte(b'\\');
                    self.byte(quoted);
                }
                control @ 0..0x20 => {
                    self.raw("\\u00");
                    self.byte(HEX_DIGITS[(control >> 4) as usize]);
                    self.byte(HEX_DIGITS[(control & 15) as usize]);
                }
                plain => self.byte(plain),
            }
            at += 1;
        }
        self.byte(b'"');
    }

    const fn raw(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self.byte(bytes[at]);
            at += 1;
        }
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < N {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
    }
}
