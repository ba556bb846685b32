//! What is stored and why, and what a collection of the rest has freed.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/gc`: remove what nobody needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GcRequest {
    /// Only say what would go.
    #[serde(default)]
    pub dry_run: bool,
}

/// Why an object is stored. The first reason that holds counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GcReason {
    /// A job that has not ended reads it or has made it. Never removed.
    Open,
    /// A module of a job that is known, or what it was compiled to. Never removed.
    Module,
    /// Part of the result of a job that is known. Never removed.
    Result,
    /// Kept so that the same work is not done twice. Removed when space is short.
    Cached,
    /// Part of the input of a job that has ended. Removed when space is short.
    Input,
    /// Nothing needs it, but it was stored or asked for a moment ago. Removed later.
    Recent,
    /// Nothing needs it. Removed.
    Unused,
}

/// The objects that are stored for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GcKind {
    /// The reason.
    pub reason: GcReason,
    /// How many there were.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them were removed, or would be.
    pub freed_objects: u64,
    /// The bytes of those.
    pub freed_bytes: u64,
}

/// Answer to `POST /api/v1/gc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GcView {
    /// Always `bramble.gc/1`.
    pub schema: String,
    /// Whether nothing was removed.
    pub dry_run: bool,
    /// Each reason, in the order of [`GcReason`].
    pub kinds: Vec<GcKind>,
    /// The most that may be stored, in bytes; absent where a part of the disk is kept free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// Free space of the disk before, in bytes.
    pub disk_bytes_free: u64,
    /// How much of the disk is to stay free, in bytes; 0 with a quota.
    pub disk_bytes_reserved: u64,
    /// How much more there should be free when all is removed that may be, in bytes.
    pub short_bytes: u64,
}

impl GcReason {
    /// All, in the order in which they are looked for.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Module,
        Self::Result,
        Self::Cached,
        Self::Input,
        Self::Recent,
        Self::Unused,
    ];

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Module => "module",
            Self::Result => "result",
            Self::Cached => "cached",
            Self::Input => "input",
            Self::Recent => "recent",
            Self::Unused => "unused",
        }
    }
}

impl GcView {
    /// The name of the schema.
    pub const SCHEMA: &str = "bramble.gc/1";

    /// What was removed in all, or would be: objects and bytes.
    pub fn freed(&self) -> (u64, u64) {
        let sum = |of: fn(&GcKind) -> u64| self.kinds.iter().map(of).sum();
        (sum(|kind| kind.freed_objects), sum(|kind| kind.freed_bytes))
    }
}
