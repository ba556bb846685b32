//! Versions of everything that outlives a process.

/// Version of the messages between head and agent.
///
/// | version | what changed |
/// |---|---|
/// | 1 | first |
/// | 2 | calibration (`calibrate`, `calibrated`); the phase `reduce` |
/// | 3 | secrets of tasks, without which an older agent would run them; interface 0.1.2 |
/// | 4 | nodes join by tokens and are known by their keys; TLS only |
pub const AGENT_PROTOCOL: u32 = 4;

/// Version of the data directory's layout.
///
/// | version | what changed |
/// |---|---|
/// | 1 | first: `objects/`, `tmp/`, `corrupt/`, `id`; `checkpoints/` where a task has saved, |
/// |   | which a release that does not know it leaves alone |
pub const DATA_FORMAT: u32 = 1;

/// Version of the journal's records.
///
/// | version | what changed |
/// |---|---|
/// | 1 | first |
/// | 2 | the phase `reduce`; what format 1 holds is read as it is |
/// | 3 | policies of jobs, draining nodes; what older formats hold is read as it is |
/// | 4 | tasks that say that later ones are not needed; what older formats hold is read as it is |
pub const JOURNAL_FORMAT: u32 = 4;

/// The guest interface that this release offers.
pub const GUEST_INTERFACE: &str = "bramble:job@0.1.2";
