//! What a job module declares of itself: name, parameters, cuts, result.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Params, SecretNames, SplitRule};

/// What a module says of itself in its custom section `bramble:manifest` (JSON). A reader ignores
/// fields it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case")]
pub struct Declared {
    /// Short name of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One sentence on what it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How its input is to be cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitDecl>,
    /// Its parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ParamDecl>,
    /// What its result is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultDecl>,
    /// What its input should be; anything when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputDecl>,
    /// When it merges what its maps wrote; always when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_when: Option<WhenDecl>,
}

/// What the input of a job should be, for people, forms and file choosers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InputDecl {
    /// What it is.
    pub kind: InputKind,
    /// In a few words: `one number on each line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How the names of suitable files end, without the dot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// There is none: the module makes its chunks from its parameters.
    None,
    /// Text in UTF-8.
    Text,
    /// Lines of fields between tabs.
    Table,
    /// A picture.
    Image,
    /// Anything else.
    Binary,
}

/// A condition on a parameter: it has one of these values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WhenDecl {
    /// The parameter's name.
    pub param: String,
    /// The values.
    pub values: Vec<String>,
}

/// One parameter a module declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ParamDecl {
    /// As given in `--arg name=value`.
    pub name: String,
    /// What it means.
    #[serde(default)]
    pub help: String,
    /// What its values are.
    #[serde(default, skip_serializing_if = "ParamKind::is_text")]
    pub kind: ParamKind,
    /// Whether the job cannot do without. Of no use beside a default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The smallest integer allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// The largest integer allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Its value when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The only values allowed; empty when any will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// A sentence on each of the choices, or some of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
    /// When none is given, so many random bytes are drawn as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random: Option<u32>,
    /// Whether it is a key or passphrase, which is never recorded or shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// What the values of a parameter are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ParamKind {
    /// Any text.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number, maybe with a fraction or an exponent.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl ParamKind {
    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "true or false",
        }
    }

    fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

impl fmt::Display for ParamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl InputKind {
    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Text => "text",
            Self::Table => "table",
            Self::Image => "image",
            Self::Binary => "binary",
        }
    }
}

impl ParamDecl {
    /// What is wrong with `value`, in words for the user.
    pub fn fault(&self, value: &str) -> Option<String> {
        let shown: String = value.chars().take(80).collect();
        let cannot = |why: String| Some(format!("`{}` cannot be `{shown}`; {why}", self.name));
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == value) {
            return cannot(format!("choose from: {}", self.choices.join(", ")));
        }
        match self.kind {
            ParamKind::Text => None,
            ParamKind::Boolean => match value {
                "true" | "false" => None,
                _ => cannot("say true or false".into()),
            },
            ParamKind::Number => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => None,
                _ => cannot("it is a number, such as 2.5".into()),
            },
            ParamKind::Integer => match value.parse::<i128>() {
                Ok(number) if self.admits(number) => None,
                _ => cannot(format!("it is a whole number{}", self.bounds())),
            },
        }
    }

    fn admits(&self, number: i128) -> bool {
        self.min.is_none_or(|min| number >= min.into())
            && self.max.is_none_or(|max| number <= max.into())
    }

    /// The bounds of an integer, for people. Those that only say how a program keeps it are left
    /// out.
    pub fn bounds(&self) -> String {
        let min = self.min.filter(|min| *min > i64::MIN);
        let max = self.max.filter(|max| *max < i64::MAX as u64);
        match (min, max) {
            (Some(min), Some(max)) => format!(" from {min} to {max}"),
            (Some(min), None) => format!(" from {min}"),
            (None, Some(max)) => format!(" up to {max}"),
            (None, None) => String::new(),
        }
    }
}

/// What a job's result is, so that it can be shown and named well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct ResultDecl {
    /// What to show it as.
    pub kind: ResultKind,
    /// Its media type; what the kind usually is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// How its file's name ends, without the dot; what is usual for the kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// What it is for some values of a parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_param: Option<Box<ResultCases>>,
}

/// Results that depend on a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResultCases {
    /// The parameter's name.
    pub param: String,
    /// The result for each of its values; none of them depends on a parameter again.
    pub cases: BTreeMap<String, ResultDecl>,
}

/// What a result can be shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ResultKind {
    /// Text in UTF-8.
    Text,
    /// Lines of fields between tabs.
    Table,
    /// JSON, one value or one on each line.
    Json,
    /// A picture.
    Image,
    /// Anything else.
    Binary,
}

impl ResultKind {
    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Table => "table",
            Self::Json => "JSON",
            Self::Image => "image",
            Self::Binary => "binary",
        }
    }

    /// Media type and file extension that are usual.
    const fn usual(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("text/plain; charset=utf-8", "txt"),
            Self::Table => ("text/tab-separated-values", "tsv"),
            Self::Json => ("application/json", "json"),
            Self::Image => ("image/png", "png"),
            Self::Binary => ("application/octet-stream", "bin"),
        }
    }
}

impl ResultDecl {
    /// The media type.
    pub fn media(&self) -> &str {
        self.media.as_deref().unwrap_or(self.kind.usual().0)
    }

    /// How the file's name ends, without the dot.
    pub fn extension(&self) -> &str {
        self.extension.as_deref().unwrap_or(self.kind.usual().1)
    }

    /// What is wrong with it, in words for whoever wrote the module.
    pub fn fault(&self) -> Option<String> {
        let plain = |text: &str, max: usize, extra: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || extra.contains(c);
            (1..=max).contains(&text.len()) && text.chars().all(allowed)
        };
        if !plain(self.media(), 100, "/+-.;= _") {
            return Some("the result's media type is empty, too long or not plain".into());
        }
        let extension = self.extension();
        if !plain(extension, 16, ".-_") || extension.starts_with('.') {
            return Some(format!("`{extension:.40}` cannot end the name of a file"));
        }
        let cases = self.by_param.iter().flat_map(|cases| cases.cases.values());
        cases.into_iter().find_map(|case| match &case.by_param {
            Some(_) => Some("a result depends on more than one parameter".into()),
            None => case.fault(),
        })
    }
}

/// How a module wants its input cut: always in one way, or as a parameter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SplitDecl {
    /// Always so.
    Always(SplitRule),
    /// Depending on a parameter's value.
    ByParam {
        /// The parameter's name.
        param: String,
        /// Rule for each of its values.
        cases: BTreeMap<String, SplitRule>,
    },
}

impl Declared {
    /// The rule for cutting an input under `params`; lines when nothing is declared.
    pub fn split_rule(&self, params: &Params) -> SplitRule {
        match &self.split {
            None => SplitRule::Lines,
            Some(SplitDecl::Always(rule)) => *rule,
            Some(SplitDecl::ByParam { param, cases }) => self
                .value(param, params)
                .and_then(|value| cases.get(value))
                .copied()
                .unwrap_or(SplitRule::Lines),
        }
    }

    /// The value of a parameter: as given, else its default.
    fn value<'a>(&'a self, name: &str, params: &'a Params) -> Option<&'a String> {
        let declared = || self.params.iter().find(|decl| decl.name == name)?.default.as_ref();
        params.get(name).or_else(declared)
    }

    /// Whether it works on no input at all.
    pub fn takes_no_input(&self) -> bool {
        self.input.as_ref().is_some_and(|input| input.kind == InputKind::None)
    }

    /// Whether under `params` the job merges, if its module can.
    pub fn merges(&self, params: &Params) -> bool {
        self.merge_when.as_ref().is_none_or(|when| {
            self.value(&when.param, params).is_some_and(|value| when.values.contains(value))
        })
    }

    /// What the result is under `params`, if that is declared.
    pub fn result_for(&self, params: &Params) -> Option<&ResultDecl> {
        let result = self.result.as_ref()?;
        let case = result
            .by_param
            .as_ref()
            .and_then(|cases| cases.cases.get(self.value(&cases.param, params)?));
        Some(case.unwrap_or(result))
    }

    /// Gives a value to each parameter that is to be drawn at random and was not given. `draw`
    /// fills its argument with random bytes.
    ///
    /// # Errors
    /// What `draw` answers.
    pub fn draw_missing<E>(
        &self,
        params: &mut Params,
        mut draw: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for decl in &self.params {
            let Some(bytes) = decl.random.filter(|_| !params.contains_key(&decl.name)) else {
                continue;
            };
            let mut drawn = vec![0; (bytes as usize).min(Self::RANDOM_BYTES_MAX)];
            draw(&mut drawn)?;
            let digits = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
            params.insert(decl.name.clone(), digits);
        }
        Ok(())
    }

    /// The most random bytes of a parameter.
    pub const RANDOM_BYTES_MAX: usize = 64;

    /// The first thing wrong with `params`, in words for the user. A module that declares no
    /// parameters accepts any.
    pub fn param_fault(&self, params: &Params) -> Option<String> {
        if self.params.is_empty() {
            return None;
        }
        let given = params.iter().find_map(|(name, value)| {
            let Some(decl) = self.params.iter().find(|decl| decl.name == *name) else {
                let known: Vec<_> = self.params.iter().map(|decl| decl.name.as_str()).collect();
                return Some(format!(
                    "this module has no parameter `{name}`; it has: {}",
                    known.join(", ")
                ));
            };
            if decl.secret {
                return Some(format!(
                    "`{name}` is secret, and what --arg gives is recorded with the job: give it \
                     with --secret {name}=@FILE"
                ));
            }
            decl.fault(value)
        });
        given.or_else(|| {
            let missing = |decl: &&ParamDecl| {
                let is_needed = decl.required && !decl.secret && decl.default.is_none();
                is_needed && !params.contains_key(&decl.name)
            };
            let decl = self.params.iter().find(missing)?;
            let what = if decl.help.is_empty() { decl.kind.name() } else { &decl.help };
            Some(format!("the parameter `{}` is missing: {what}", decl.name))
        })
    }

    /// The first thing wrong with the secrets that are given by these names, in words for the user.
    /// A module that declares no parameters accepts any.
    pub fn secrets_fault(&self, given: Option<&SecretNames>) -> Option<String> {
        if self.params.is_empty() {
            return None;
        }
        let secret = || self.params.iter().filter(|decl| decl.secret);
        for name in given.iter().flat_map(|names| names.given.keys()) {
            match self.params.iter().find(|decl| decl.name == *name) {
                Some(decl) if decl.secret => {}
                Some(_) => {
                    return Some(format!(
                        "`{name}` is not secret: give it with --arg {name}=VALUE"
                    ));
                }
                None => {
                    let known: Vec<_> = secret().map(|decl| decl.name.as_str()).collect();
                    let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                    return Some(format!(
                        "this module has no secret parameter `{name}`; it has: {known}"
                    ));
                }
            }
        }
        let is_given = |name| given.is_some_and(|names| names.given.contains_key(name));
        let missing = secret().find(|decl| decl.required && !is_given(&decl.name))?;
        let ParamDecl { name, help, .. } = missing;
        let what = if help.is_empty() { "a secret" } else { help };
        Some(format!("the secret `{name}` is missing: {what}; give it with --secret {name}=@FILE"))
    }

    /// The name of a result's file made from `name`, which may end as an input's file does:
    /// it gets the extension that the module declares for its results under `params`.
    pub fn result_name(&self, name: &str, params: &Params) -> String {
        let Some(result) = self.result_for(params) else { return name.to_owned() };
        let stem = match name.rsplit_once('.') {
            Some((stem, end)) if !stem.is_empty() && (1..=8).contains(&end.len()) => stem,
            _ => name,
        };
        format!("{stem}.{}", result.extension())
    }
}

#[cfg(test)]
mod tests;
