//! How a board is connected.

use serde::{Deserialize, Serialize};

/// One network interface. Counters begin anew with the machine, or with the interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Interface {
    /// Its name, such as `eth0`; without the hardware address that some names contain.
    pub name: String,
    /// What the kernel says of it: `up`, `down`, `unknown`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Speed of the link in megabits a second; absent where there is no link, or it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub megabits: Option<u32>,
    /// Bytes that have come in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx_bytes: Option<u64>,
    /// Bytes that have gone out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_bytes: Option<u64>,
    /// Packets that came or went damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
    /// Packets for which there was no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// How often the link has come or gone: many times with a bad cable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier_changes: Option<u64>,
}

/// How much a counter has counted between two readings; nothing when it has begun anew.
///
/// Kernels for 32 bits count some things in 32 bits: what falls from the upper half of that range
/// into the lower one is taken to have wrapped.
pub fn counted_since(before: u64, now: u64) -> Option<u64> {
    const RANGE: u64 = 1 << 32;
    match now.checked_sub(before) {
        Some(counted) => Some(counted),
        None if (RANGE / 2..RANGE).contains(&before) && now < RANGE / 2 => {
            Some(RANGE - before + now)
        }
        None => None,
    }
}

/// The directory of chunks that is mounted from the head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Share {
    /// Whether it is mounted.
    pub state: ShareState,
    /// As what, such as `nfs4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<String>,
    /// Whether it can only be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Whether it does not answer, so that objects come over HTTP meanwhile. Absent while nobody
    /// has read from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
}

/// What is known of a share without touching it: a touch could hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ShareState {
    /// Mounted. Whether its server answers is another question.
    Mounted,
    /// Will be mounted as soon as somebody looks into it.
    OnDemand,
    /// Not mounted: there is nothing but an empty directory, or not even that.
    Missing,
}
