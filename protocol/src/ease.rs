//! Nodes that are spared: given less work than they have slots for, or none, because their board
//! is too hot or its supply too weak.

use serde::{Deserialize, Serialize};

/// How a node is spared, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ease {
    /// How much.
    pub level: EaseLevel,
    /// Why.
    pub reason: EaseReason,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
}

/// How much a node is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EaseLevel {
    /// It is given work for half of its slots, and after others.
    Less,
    /// It is given no work. What it has goes on.
    Rest,
}

impl EaseLevel {
    /// How many of `slots` are used.
    pub const fn slots(self, slots: u32) -> u32 {
        match self {
            Self::Less => slots.div_ceil(2),
            Self::Rest => 0,
        }
    }

    /// Its name. Never changes.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Less => "less",
            Self::Rest => "rest",
        }
    }
}

/// Why a node is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EaseReason {
    /// Its supply is too weak, so that it may fail at any moment.
    WeakSupply,
    /// It is so hot that its clock is held down.
    SlowedByHeat,
    /// It is hot.
    Hot,
}

impl EaseReason {
    /// Its name for programs and texts in several languages. Never changes.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::WeakSupply => "weak-supply",
            Self::SlowedByHeat => "slowed-by-heat",
            Self::Hot => "hot",
        }
    }
}

impl Ease {
    /// It in plain words, after the node's name.
    pub const fn text(&self) -> &'static str {
        match (self.level, self.reason) {
            (EaseLevel::Rest, EaseReason::WeakSupply) => "rests: its supply is too weak",
            (EaseLevel::Rest, EaseReason::SlowedByHeat) => {
                "rests: it is so hot that its clock is held down"
            }
            (EaseLevel::Rest, EaseReason::Hot) => "rests until it has cooled down",
            (EaseLevel::Less, EaseReason::WeakSupply) => {
                "is given half as much work: its supply is too weak"
            }
            (EaseLevel::Less, EaseReason::SlowedByHeat) => {
                "is given half as much work: it is so hot that its clock is held down"
            }
            (EaseLevel::Less, EaseReason::Hot) => "is given half as much work: it is hot",
        }
    }

    /// What somebody can do about it.
    pub const fn help(&self) -> &'static str {
        match self.reason {
            EaseReason::WeakSupply => "a shorter cable, a stronger supply, or fewer boards on it",
            EaseReason::SlowedByHeat | EaseReason::Hot => {
                "a heat sink, a fan, or more room between the boards"
            }
        }
    }
}
