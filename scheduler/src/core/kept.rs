//! Results of tasks as the journal keeps them.

use bramble_protocol::{Digest, ObjectRef};
use serde::{Deserialize, Serialize};

/// A task's result that is kept for later tasks of the same work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What names the work.
    pub key: Digest,
    /// What it gave.
    pub outputs: Vec<ObjectRef>,
    /// Processor time that it used, in microseconds.
    pub cpu_us: u64,
    /// On how many nodes it gave the same bytes.
    pub agreed: u32,
    /// Whether it said that no task of a later chunk is needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enough: bool,
}
