//! What a job module is: its kind, what it exports, what it declares of itself.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Digest, Params};

/// What the head found when it inspected a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// BLAKE3 of the bytes as they were uploaded.
    pub digest: Digest,
    /// Their length.
    pub size_bytes: u64,
    /// How it is run.
    pub kind: ModuleKind,
    /// The phases it exports. A command maps, and does nothing else.
    pub exports: Exports,
    /// What it declares of itself.
    #[serde(default)]
    pub declared: Declared,
}

/// How a module is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleKind {
    /// A component that exports interfaces of `bramble:job`, or a core module made with an SDK,
    /// which the head turns into one.
    Job,
    /// A WASI command: chunk on standard input, result on standard output.
    Command,
}

/// Which interfaces of `bramble:job` a module exports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exports {
    /// Cuts the input itself.
    pub planner: bool,
    /// Chooses key ranges from a sample.
    pub partitioner: bool,
    /// Maps a chunk as a stream.
    pub mapper: bool,
    /// Maps a chunk as one list of bytes.
    pub mapper_bytes: bool,
    /// Maps a chunk to keys and values.
    #[serde(default)]
    pub mapper_pairs: bool,
    /// Shrinks keys and values before they are reduced.
    #[serde(default)]
    pub combiner: bool,
    /// Reduces the keys and values of one partition.
    #[serde(default)]
    pub reducer: bool,
    /// Merges sorted parts.
    pub merger: bool,
}

/// What a module says of itself in its custom section `bramble:manifest` (JSON).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
}

/// One parameter a module declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamDecl {
    /// As given in `--arg name=value`.
    pub name: String,
    /// What it means.
    #[serde(default)]
    pub help: String,
    /// Its value when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The only values allowed; empty when any will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// How a module wants its input cut: always in one way, or as a parameter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
            Some(SplitDecl::ByParam { param, cases }) => {
                let declared = self.params.iter().find(|decl| decl.name == *param);
                let value = params.get(param).or(declared.and_then(|decl| decl.default.as_ref()));
                value.and_then(|value| cases.get(value)).copied().unwrap_or(SplitRule::Lines)
            }
        }
    }

    /// The first thing wrong with `params`, in words for the user. A module that declares no
    /// parameters accepts any.
    pub fn param_fault(&self, params: &Params) -> Option<String> {
        if self.params.is_empty() {
            return None;
        }
        params.iter().find_map(|(name, value)| {
            let Some(decl) = self.params.iter().find(|decl| decl.name == *name) else {
                let known: Vec<_> = self.params.iter().map(|decl| decl.name.as_str()).collect();
                return Some(format!(
                    "this module has no parameter `{name}`; it has: {}",
                    known.join(", ")
                ));
            };
            (!decl.choices.is_empty() && !decl.choices.contains(value)).then(|| {
                format!("`{name}` cannot be `{value}`; choose from: {}", decl.choices.join(", "))
            })
        })
    }
}

/// Where an input may be cut. Text form: `lines`, `bytes`, `records:8`, `guest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SplitRule {
    /// After any byte.
    Bytes,
    /// After a line feed.
    Lines,
    /// After each record of this many bytes.
    Records {
        /// Length of a record in bytes, at least 1.
        bytes: u32,
    },
    /// Where the module's own planner says.
    Guest,
}

impl fmt::Display for SplitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => f.write_str("bytes"),
            Self::Lines => f.write_str("lines"),
            Self::Records { bytes } => write!(f, "records:{bytes}"),
            Self::Guest => f.write_str("guest"),
        }
    }
}

/// Why a text is not a split rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a way to cut an input: use lines, bytes, records:SIZE or guest")]
pub struct SplitRuleError(String);

impl FromStr for SplitRule {
    type Err = SplitRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "bytes" => Ok(Self::Bytes),
            "lines" => Ok(Self::Lines),
            "guest" => Ok(Self::Guest),
            _ => text
                .strip_prefix("records:")
                .and_then(|size| size.parse().ok())
                .filter(|bytes| (1..=1 << 20).contains(bytes))
                .map(|bytes| Self::Records { bytes })
                .ok_or_else(|| SplitRuleError(text.chars().take(80).collect())),
        }
    }
}

impl Serialize for SplitRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SplitRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A kind of machine for which modules are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TargetClass {
    /// 64-bit PCs.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit boards: Raspberry Pi Zero 2 and later, Orange Pi.
    #[serde(rename = "aarch64")]
    Aarch64,
    /// The same on a kernel that cannot reserve address space by the gigabyte: memory accesses
    /// are checked by code instead of by guard pages.
    #[serde(rename = "aarch64-narrow")]
    Aarch64Narrow,
    /// 32-bit boards, by interpreter.
    #[serde(rename = "pulley32")]
    Pulley32,
    /// 64-bit machines that shall interpret too: to try what a 32-bit board does without one,
    /// and where no machine code may be loaded.
    #[serde(rename = "pulley64")]
    Pulley64,
}

impl TargetClass {
    /// Every class, for tests and listings.
    pub const ALL: [Self; 5] =
        [Self::X86_64, Self::Aarch64, Self::Aarch64Narrow, Self::Pulley32, Self::Pulley64];

    /// The class of the machine this program was built for.
    pub const fn native() -> Self {
        if cfg!(target_arch = "x86_64") {
            Self::X86_64
        } else if cfg!(target_arch = "aarch64") {
            Self::Aarch64
        } else {
            Self::interpreted()
        }
    }

    /// The class by which this machine interprets.
    pub const fn interpreted() -> Self {
        if cfg!(target_pointer_width = "64") { Self::Pulley64 } else { Self::Pulley32 }
    }

    /// Whether a program built for this machine can run what is compiled for the class.
    pub const fn runs_here(self) -> bool {
        match self {
            Self::X86_64 => cfg!(target_arch = "x86_64"),
            Self::Aarch64 | Self::Aarch64Narrow => cfg!(target_arch = "aarch64"),
            Self::Pulley32 => cfg!(target_pointer_width = "32"),
            Self::Pulley64 => cfg!(target_pointer_width = "64"),
        }
    }

    /// Its name, as in messages and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Aarch64Narrow => "aarch64-narrow",
            Self::Pulley32 => "pulley32",
            Self::Pulley64 => "pulley64",
        }
    }
}

impl fmt::Display for TargetClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TargetClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|class| class.name() == text)
            .ok_or_else(|| format!("`{text}` is not a target class"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Declared {
        serde_json::from_str(
            r#"{ "name": "sort",
                 "split": { "by-param": { "param": "type",
                            "cases": { "text": "lines", "u64": "records:8" } } },
                 "params": [ { "name": "type", "default": "text", "choices": ["text", "u64"] } ] }"#,
        )
        .unwrap()
    }

    #[test]
    fn the_split_rule_follows_the_parameter_and_its_default() {
        let mut params = Params::new();
        assert_eq!(declared().split_rule(&params), SplitRule::Lines);
        params.insert("type".into(), "u64".into());
        assert_eq!(declared().split_rule(&params), SplitRule::Records { bytes: 8 });
    }

    #[test]
    fn an_unknown_parameter_or_value_is_named_with_what_would_do() {
        let fault = |name: &str, value: &str| {
            declared().param_fault(&Params::from([(name.into(), value.into())]))
        };
        assert_eq!(fault("type", "u64"), None);
        assert!(fault("typo", "u64").unwrap().contains("it has: type"));
        assert!(fault("type", "u65").unwrap().contains("choose from: text, u64"));
    }

    #[test]
    fn split_rules_survive_text_and_back() {
        for rule in [
            SplitRule::Bytes,
            SplitRule::Lines,
            SplitRule::Records { bytes: 100 },
            SplitRule::Guest,
        ] {
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for bad in ["", "records", "records:0", "records:-1", "records:99999999", "line"] {
            assert!(bad.parse::<SplitRule>().is_err(), "{bad}");
        }
    }
}
