//! Results as text, as JSON, and as bytes.

use maud::{Markup, html};

use super::histogram;
use crate::lang::Lang;

/// Lines that are shown.
const LINES_MAX: usize = 200;
/// The longest line that is shown, in characters.
const LINE_CHARS_MAX: usize = 400;
/// Bytes that are shown as numbers.
const HEX_BYTES: usize = 512;

/// Whether bytes are text: UTF-8, perhaps cut off at the end, without control characters.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let text = valid(bytes);
    // The last character may have been cut.
    let is_all = bytes.len() - text.len() < 4;
    is_all && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
}

/// As much of the bytes as is UTF-8.
pub(super) fn valid(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// The first lines of a text.
pub(super) fn section(lang: Lang, start: &[u8], total: u64) -> Markup {
    lines(lang, valid(start), start.len() as u64, total)
}

fn lines(lang: Lang, text: &str, read: u64, total: u64) -> Markup {
    let mut shown = String::new();
    let mut all = text.lines();
    for line in all.by_ref().take(LINES_MAX) {
        shown.extend(line.chars().take(LINE_CHARS_MAX));
        if line.chars().nth(LINE_CHARS_MAX).is_some() {
            shown.push('…');
        }
        shown.push('\n');
    }
    let is_more = all.next().is_some() || read < total;
    html! {
        pre.result tabindex="0" { (shown) }
        @if is_more { p.muted { (lang.with("first-lines", &[("count", LINES_MAX.into())])) } }
    }
}

/// JSON with its parts on lines of their own, if it is short enough to be one value.
pub(super) fn json(lang: Lang, start: &[u8], total: u64) -> Markup {
    let value = serde_json::from_slice::<serde_json::Value>(start).ok();
    match value.and_then(|value| serde_json::to_string_pretty(&value).ok()) {
        Some(pretty) => lines(lang, &pretty, total, total),
        None => section(lang, start, total),
    }
}

/// Bytes as numbers and letters, with how often each occurs.
pub(super) fn bytes(lang: Lang, start: &[u8], total: u64) -> Markup {
    let counts = histogram::counts(start);
    let shown = start.len().min(HEX_BYTES);
    let rows: String = start[..shown].chunks(16).enumerate().map(row).collect();
    html! {
        (histogram::of_bytes(lang, &lang.text("bytes"), &counts))
        pre.result.hex tabindex="0" { (rows) }
        p.muted {
            (lang.with("first-bytes", &[("count", shown.into()), ("all", lang.bytes(total).into())]))
        }
    }
}

fn row((number, bytes): (usize, &[u8])) -> String {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let letter = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
    let letters: String = bytes.iter().map(letter).collect();
    format!("{:06x}  {:<48} {letters}\n", number * 16, hex.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_bytes_also_where_its_end_was_cut() {
        assert!(is_text("слово\n".as_bytes()));
        assert!(is_text(&"слово".as_bytes()[..9]));
        assert!(!is_text(b"a\0b") && !is_text(b"\xff\xfe\xfd\xfc\xfb"));
    }

    #[test]
    fn what_a_user_wrote_stays_text() {
        let evil = b"<script>alert(1)</script>";
        for shown in
            [section(Lang::En, evil, 25), json(Lang::En, evil, 25), bytes(Lang::En, evil, 25)]
        {
            assert!(!shown.into_string().contains("<script>"));
        }
    }

    #[test]
    fn bytes_stand_sixteen_to_a_row() {
        assert_eq!(
            row((1, b"ab\0")),
            "000010  61 62 00                                         ab.\n"
        );
    }
}
