//! When a job's attempts ran, and where: what a picture of its work is drawn from.

use serde::{Deserialize, Serialize};

use crate::{AttemptId, JobId};

/// What `GET /jobs/{id}/attempts` answers: attempts that have ended, in the order in which their
/// reports came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attempts {
    /// Always `bramble.attempts/1`.
    pub schema: String,
    /// The job.
    pub job: JobId,
    /// The attempts that came since.
    pub attempts: Vec<AttemptView>,
    /// What to ask for next: `?since=` this number gives those that come after.
    pub next: u64,
    /// Attempts that are not known any more: there were too many, or the head was started anew
    /// after them.
    pub dropped: u64,
}

impl Attempts {
    /// The schema's name.
    pub const SCHEMA: &str = "bramble.attempts/1";
    /// So many attempts of a job are kept, the latest.
    pub const KEPT_MAX: usize = 10_000;
}

/// One attempt that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttemptView {
    /// The attempt.
    pub attempt: AttemptId,
    /// Where it ran.
    pub node: String,
    /// When it began, in milliseconds since 1970: when its report came, less what it took. By the
    /// head's clock, and later than the truth by the time that the report was under way.
    pub started_at_ms: u64,
    /// When its report came, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// Time in the sandbox, in microseconds.
    pub wall_us: u64,
    /// Part of `wall_us` spent on reading and checking inputs, at its beginning.
    pub read_us: u64,
    /// Part of `wall_us` spent on storing outputs, at its end.
    pub write_us: u64,
    /// Processor time of the guest, in microseconds.
    pub cpu_us: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// How it ended: `succeeded`, or the name of the failure.
    pub outcome: String,
}
