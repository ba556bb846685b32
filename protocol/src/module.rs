//! What a job module is: its kind, what it exports, where its input may be cut.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use crate::declared::{
    Declared, InputDecl, InputKind, ParamDecl, ParamKind, ResultCases, ResultDecl, ResultKind,
    SplitDecl, WhenDecl,
};

use crate::{Digest, Params};

/// What the head found when it inspected a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl ModuleInfo {
    /// The phases that a job with these parameters has: without those that the module declares
    /// for other values of a parameter.
    pub fn effective_exports(&self, params: &Params) -> Exports {
        let merges = !self.exports.merger || self.declared.merges(params);
        // Key ranges are there for whoever merges or reduces them.
        let partitioner = self.exports.partitioner && (merges || self.exports.reducer);
        Exports { merger: self.exports.merger && merges, partitioner, ..self.exports }
    }
}

/// How a module is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exports {
    /// Cuts the input itself.
    pub planner: bool,
    /// Makes its chunks itself.
    #[serde(default)]
    pub cutter: bool,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
