//! What a job says of itself.

use crate::json::Writer;
use crate::{ParamKind, ParamValue};

/// Where the input may be cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// After a line feed.
    Lines,
    /// After any byte.
    Bytes,
    /// After each record of this many bytes.
    Records(u32),
    /// Where the job's own `plan` says.
    Guest,
    /// As the value of a parameter says: its name, and the rule for each value.
    ByParam(&'static str, &'static [(&'static str, Split)]),
}

impl Split {
    /// Whether the job itself cuts the input, always or for some value of the parameter.
    pub(crate) const fn asks_the_guest(self) -> bool {
        match self {
            Self::Guest => true,
            Self::ByParam(_, cases) => {
                let mut at = 0;
                while at < cases.len() {
                    if cases[at].1.asks_the_guest() {
                        return true;
                    }
                    at += 1;
                }
                false
            }
            _ => false,
        }
    }
}

/// A parameter that a job understands. [`params!`](crate::params!) makes them from a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: ParamKind,
    pub(crate) required: bool,
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<u64>,
    pub(crate) default: Option<&'static str>,
    pub(crate) choices: &'static [&'static str],
    pub(crate) notes: &'static [(&'static str, &'static str)],
    pub(crate) random_bytes: u32,
    pub(crate) is_secret: bool,
}

impl Param {
    /// A text with its name in `--arg name=value` and one sentence on what it does.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        let help = help.trim_ascii();
        let kind = ParamKind::Text;
        Self {
            name,
            help,
            kind,
            required: false,
            min: None,
            max: None,
            default: None,
            choices: &[],
            notes: &[],
            random_bytes: 0,
            is_secret: false,
        }
    }

    /// A parameter of a type. It must be given unless it is an `Option` or gets a default.
    pub const fn of<T: ParamValue>(name: &'static str, help: &'static str) -> Self {
        let (kind, min, max) = (T::KIND, T::MIN, T::MAX);
        Self { kind, min, max, required: !T::OPTIONAL, ..Self::new(name, help) }
    }

    /// The value when the user gives none.
    pub const fn default(self, value: &'static str) -> Self {
        Self { default: Some(value), required: false, ..self }
    }

    /// The only values allowed. Others are refused before the job starts.
    pub const fn choices(self, values: &'static [&'static str]) -> Self {
        Self { choices: values, ..self }
    }

    /// A sentence on each of the choices, or some: what it is good for, and what not.
    pub const fn notes(self, notes: &'static [(&'static str, &'static str)]) -> Self {
        Self { notes, ..self }
    }

    /// When the user gives none, so many random bytes as hexadecimal digits, drawn once when the
    /// job is submitted and recorded with it: a salt, a seed.
    pub const fn random(self, bytes: u32) -> Self {
        assert!(bytes >= 1 && bytes <= 64, "a parameter has 1 to 64 random bytes");
        Self { random_bytes: bytes, required: false, ..self }
    }

    /// A key or a passphrase: given by `--secret name=@FILE`, read by
    /// [`host::secret`](crate::host::secret), never recorded or shown.
    pub const fn secret(self) -> Self {
        Self { is_secret: true, required: false, ..self }
    }
}

/// What a job's input should be: people are told so, and forms and file choosers go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputKind {
    pub(crate) kind: &'static str,
    pub(crate) about: Option<&'static str>,
    pub(crate) extensions: &'static [&'static str],
}

impl InputKind {
    /// Whatever there is; so when a job says nothing.
    pub const ANY: Self = Self::new("any");
    /// There is none: the job makes its chunks from its parameters, by `cut`.
    pub const NONE: Self = Self::new("none");
    /// Text in UTF-8.
    pub const TEXT: Self = Self::new("text");
    /// Lines of fields between tabs.
    pub const TABLE: Self = Self::new("table");
    /// A picture.
    pub const IMAGE: Self = Self::new("image");
    /// Anything else.
    pub const BINARY: Self = Self::new("binary");

    const fn new(kind: &'static str) -> Self {
        Self { kind, about: None, extensions: &[] }
    }

    /// What the input should be, in a few words: `one number on each line`.
    pub const fn about(self, about: &'static str) -> Self {
        Self { about: Some(about), ..self }
    }

    /// How the names of suitable files end, without the dot.
    pub const fn extensions(self, extensions: &'static [&'static str]) -> Self {
        Self { extensions, ..self }
    }

    pub(crate) const fn is_none(&self) -> bool {
        // The only kind that starts so.
        self.kind.as_bytes()[0] == b'n'
    }

    pub(crate) const fn is_any(&self) -> bool {
        self.kind.as_bytes()[0] == b'a'
    }
}

/// What a job's result is: people see it as that, and its file is named so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultKind {
    pub(crate) kind: &'static str,
    pub(crate) media: Option<&'static str>,
    pub(crate) extension: Option<&'static str>,
    pub(crate) cases: Option<(&'static str, &'static [(&'static str, ResultKind)])>,
}

impl ResultKind {
    /// Text in UTF-8 (`txt`).
    pub const TEXT: Self = Self::new("text");
    /// Lines of fields between tabs (`tsv`).
    pub const TABLE: Self = Self::new("table");
    /// JSON, one value or one on each line (`json`).
    pub const JSON: Self = Self::new("json");
    /// A picture (`png`).
    pub const IMAGE: Self = Self::new("image");
    /// Anything else (`bin`).
    pub const BINARY: Self = Self::new("binary");

    const fn new(kind: &'static str) -> Self {
        Self { kind, media: None, extension: None, cases: None }
    }

    /// As the value of a parameter says: its name, and the kind for each value. For other values
    /// it is [`BINARY`](Self::BINARY).
    pub const fn by_param(
        param: &'static str,
        cases: &'static [(&'static str, ResultKind)],
    ) -> Self {
        Self { cases: Some((param, cases)), ..Self::BINARY }
    }

    /// The media type, where it is not the usual one: `image/x-portable-graymap`.
    pub const fn media(self, media: &'static str) -> Self {
        Self { media: Some(media), ..self }
    }

    /// How the file's name ends, where not as usual, without the dot: `pgm`.
    pub const fn extension(self, extension: &'static str) -> Self {
        Self { extension: Some(extension), ..self }
    }
}

/// All that a job says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Short name.
    pub name: &'static str,
    /// One sentence on what it does.
    pub about: &'static str,
    /// What its input should be.
    pub input: InputKind,
    /// How its input is cut.
    pub split: Split,
    /// Its parameters.
    pub params: &'static [Param],
    /// What its result is.
    pub result: Option<ResultKind>,
    /// The parameter, and its values, for which the job merges; always when absent.
    pub merge_when: Option<(&'static str, &'static [&'static str])>,
}

impl Declaration {
    /// Length of the JSON form in bytes.
    pub const fn json_len(&self) -> usize {
        let mut counter = Writer { bytes: [], len: 0 };
        counter.declaration(self);
        counter.len
    }

    /// The JSON form. `N` is [`json_len`](Self::json_len).
    pub const fn json<const N: usize>(&self) -> [u8; N] {
        let mut writer = Writer { bytes: [0; N], len: 0 };
        writer.declaration(self);
        assert!(writer.len == N, "the length of the JSON form was counted wrongly");
        writer.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_becomes_json_in_a_constant() {
        const DECLARATION: Declaration = Declaration {
            name: "sort",
            about: "Say \"hi\" \\ in\ntwo lines: привет",
            split: Split::ByParam("type", &[("text", Split::Lines), ("u64", Split::Records(8))]),
            params: &[
                Param::new("type", "what").default("text").choices(&["text", "u64"]),
                Param::new("other", ""),
                Param::of::<i8>("shift", " how far "),
                Param::of::<Option<f32>>("scale", ""),
                Param::of::<bool>("strict", "").default("true"),
            ],
            result: Some(ResultKind::IMAGE.extension("pgm")),
            input: InputKind::ANY,
            merge_when: None,
        };
        const JSON: [u8; DECLARATION.json_len()] = DECLARATION.json();
        assert_eq!(
            std::str::from_utf8(&JSON).unwrap(),
            concat!(
                r#"{"name":"sort","about":"Say \"hi\" \\ in\u000atwo lines: привет","#,
                r#""split":{"by-param":{"param":"type","#,
                r#""cases":{"text":"lines","u64":"records:8"}}},"#,
                r#""params":[{"name":"type","help":"what","default":"text","#,
                r#""choices":["text","u64"]},{"name":"other","help":"","choices":[]},"#,
                r#"{"name":"shift","help":"how far","kind":"integer","required":true,"#,
                r#""min":-128,"max":127,"choices":[]},"#,
                r#"{"name":"scale","help":"","kind":"number","choices":[]},"#,
                r#"{"name":"strict","help":"","kind":"boolean","default":"true","choices":[]}],"#,
                r#""result":{"kind":"image","extension":"pgm"}}"#
            )
        );
    }

    #[test]
    fn inputs_results_and_merges_may_depend_on_parameters() {
        const DECLARATION: Declaration = Declaration {
            name: "n",
            about: "",
            input: InputKind::IMAGE.about("a picture").extensions(&["ppm", "png"]),
            split: Split::Bytes,
            params: &[
                Param::new("do", "").choices(&["seal", "look"]).notes(&[("look", "shows it")]),
                Param::new("salt", "").random(16),
                Param::new("key", "").secret(),
            ],
            result: Some(ResultKind::by_param(
                "do",
                &[("seal", ResultKind::BINARY.extension("sealed")), ("look", ResultKind::TABLE)],
            )),
            merge_when: Some(("do", &["look"])),
        };
        const JSON: [u8; DECLARATION.json_len()] = DECLARATION.json();
        assert_eq!(
            std::str::from_utf8(&JSON).unwrap(),
            concat!(
                r#"{"name":"n","about":"","#,
                r#""input":{"kind":"image","about":"a picture","extensions":["ppm","png"]},"#,
                r#""split":{"always":"bytes"},"#,
                r#""params":[{"name":"do","help":"","choices":["seal","look"],"#,
                r#""notes":{"look":"shows it"}},"#,
                r#"{"name":"salt","help":"","random":16,"choices":[]},"#,
                r#"{"name":"key","help":"","secret":true,"choices":[]}],"#,
                r#""result":{"kind":"binary","by-param":{"param":"do","cases":{"#,
                r#""seal":{"kind":"binary","extension":"sealed"},"look":{"kind":"table"}}}},"#,
                r#""merge-when":{"param":"do","values":["look"]}}"#
            )
        );
    }

    #[test]
    fn a_plain_rule_holds_always() {
        let rules = [
            (Split::Lines, "lines"),
            (Split::Bytes, "bytes"),
            (Split::Guest, "guest"),
            (Split::Records(1048576), "records:1048576"),
        ];
        for (split, text) in rules {
            let input = InputKind::ANY;
            let (result, merge_when) = (None, None);
            let declaration =
                Declaration { name: "n", about: "", input, split, params: &[], result, merge_when };
            let mut writer = Writer { bytes: [0; 200], len: 0 };
            writer.declaration(&declaration);
            let json = std::str::from_utf8(&writer.bytes[..writer.len]).unwrap();
            assert!(json.contains(&format!(r#""split":{{"always":"{text}"}}"#)), "{json}");
        }
    }
}
