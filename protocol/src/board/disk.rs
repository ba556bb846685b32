//! The disk under an agent's objects.

use serde::{Deserialize, Serialize};

/// The filesystem in which an agent keeps its objects, and the disk under it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Disk {
    /// Its filesystem, such as `ext4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<String>,
    /// Whether nothing can be written: a kernel does that to a disk with errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Size of the filesystem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_total: Option<u64>,
    /// What an agent that is not root may still write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_available: Option<u64>,
    /// How many files there may be; absent where there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_total: Option<u64>,
    /// How many there may still be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_available: Option<u64>,
    /// Written to its partition since the machine started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_written: Option<u64>,
    /// How worn the disk is, for the few that tell: eMMC does, SD cards do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wear: Option<Wear>,
}

/// How worn flash memory says it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Wear {
    /// How much of its estimated life is over, in percent, rounded up to tens; 110 is past it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life_used_percent: Option<u8>,
    /// Whether its reserve of spare blocks is nearly used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_low: Option<bool>,
}
