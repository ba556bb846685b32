//! The scheduler's settings and limits.

use bramble_protocol::UserLimits;

/// Times and limits of a head. All times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How often agents send a heartbeat.
    pub heartbeat_ms: u64,
    /// Silence after which a node gets no more work until it is heard again.
    pub suspect_ms: u64,
    /// Silence after which a node is lost, though its connection seems open.
    pub lost_ms: u64,
    /// How long the leases of a node without a connection are kept for it, and how long a head
    /// that was started again waits for nodes to come back.
    pub reconnect_grace_ms: u64,
    /// How long a lease lasts unless a heartbeat renews it.
    pub lease_ms: u64,
    /// How long to wait before a module is compiled again after a failure that may pass.
    pub compile_retry_ms: u64,
    /// How often a module is compiled for one class before its jobs fail.
    pub compile_attempts_max: u32,
    /// What a user may have, until somebody says otherwise.
    pub user_limits: UserLimits,
    /// Time after which only half of what a user has used still counts.
    pub usage_half_life_ms: u64,
    /// Jobs that have not ended.
    pub jobs_open_max: usize,
    /// Tasks of jobs that have not ended.
    pub tasks_open_max: usize,
    /// Jobs that have ended and are still shown.
    pub jobs_ended_max: usize,
    /// Agents that are connected.
    pub agents_max: usize,
    /// Nodes that were ever connected.
    pub nodes_max: usize,
    /// Results of tasks that are kept for later jobs, at most.
    pub cache_entries_max: usize,
    /// How many of a thousand tasks are run again on an idle node, to compare the results.
    pub spot_check_permille: u32,
    /// What nodes are measured by; without it their speed stays unknown.
    pub calibration: Option<super::Calibration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat_ms: 1_000,
            suspect_ms: 3_000,
            lost_ms: 10_000,
            reconnect_grace_ms: 5_000,
            lease_ms: 30_000,
            compile_retry_ms: 2_000,
            compile_attempts_max: 5,
            user_limits: UserLimits { jobs: Some(200), ..UserLimits::default() },
            usage_half_life_ms: 24 * 3600 * 1000,
            jobs_open_max: 1_000,
            tasks_open_max: 1_000_000,
            jobs_ended_max: 1_000,
            agents_max: 1_000,
            nodes_max: 10_000,
            cache_entries_max: 100_000,
            spot_check_permille: 10,
            calibration: None,
        }
    }
}

/// The slots one agent may offer.
pub(crate) const SLOTS_MAX: u32 = 1_024;
/// Names and values of a job's parameters together, and its arguments together, in bytes.
pub(crate) const PARAMS_BYTES_MAX: usize = 64 << 10;
/// A job's name, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 200;
/// Leases in one message. A lease holds at most two times [`PARAMS_BYTES_MAX`] and the names of
/// [`super::plan::FAN_IN`] parts, so that the message stays below the protocol's limit.
pub(crate) const LEASES_PER_MESSAGE_MAX: usize = 32;
/// What an agent may say about a failure, in bytes; the rest is cut off.
pub(crate) const MESSAGE_BYTES_MAX: usize = 8 << 10;
/// Log lines kept of all attempts of one job, in bytes.
pub(crate) const JOB_LOG_BYTES_MAX: usize = 16 << 20;
