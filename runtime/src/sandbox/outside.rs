//! What a sandbox gets from outside: open files, and somebody to ask while a task runs.

use std::fs::File;

use bramble_protocol::{AttemptOutcome, ObjectRef};

/// The files of one task.
#[derive(Debug, Default)]
pub(crate) struct TaskFiles {
    /// The ranges, if the task has any.
    pub(crate) ranges: Option<File>,
    /// The inputs, in order.
    pub(crate) inputs: Vec<File>,
    /// Where an earlier attempt got to.
    pub(crate) resume: Option<Resume>,
}

/// What an earlier attempt saved.
#[derive(Debug)]
pub(crate) struct Resume {
    /// The guest's own words.
    pub(crate) state: Vec<u8>,
    /// The outputs in order, with what is in them; none where nothing is.
    pub(crate) outputs: Vec<Option<File>>,
}

/// Hints for the guest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signals {
    /// It should end early.
    pub(crate) stopping: bool,
    /// It should save.
    pub(crate) save_soon: bool,
}

/// Whoever set up the sandbox. Each failure is the outcome that the task ends with.
pub(crate) trait Outside: Send + std::fmt::Debug {
    /// A task begins; hints for the one before are of no use any more.
    fn begin(&mut self);

    /// The artefact of the task, from its beginning.
    fn artefact(&mut self) -> Result<File, AttemptOutcome>;

    /// An empty file for an output that has become long.
    fn output(&mut self, partition: u32) -> Result<File, AttemptOutcome>;

    /// How much the guest has done, out of how much.
    fn progress(&mut self, done: u64, total: u64);

    /// A small picture of the work so far.
    fn preview(&mut self, media: String, bytes: &[u8]);

    /// Makes the state durable, together with the outputs, of which so much is written.
    fn save(&mut self, state: &[u8], so_far: Vec<ObjectRef>) -> Result<(), AttemptOutcome>;

    /// The hints that have come so far.
    fn signals(&mut self) -> Signals;
}
