//! What agent and runner say to each other.
//!
//! The agent sends a task with its inputs as open files. While the task runs the runner may ask
//! for more, and is answered before it goes on; the agent may drop a hint at any time.

use bramble_protocol::agent::Work;
use bramble_protocol::{
    AttemptOutcome, Confinement, Limits, ObjectRef, Params, Secrets, Usage, secret,
};
use serde::{Deserialize, Serialize};

/// From the agent to the runner. `R` is what describes a task: [`RunWork`] as it comes,
/// [`RunWorkRef`] as it is sent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToRunner<R = Box<RunWork>> {
    /// One task. Files: the ranges if there are any, the inputs, and each output of `resume`
    /// that is not empty. Raw: the state that was saved.
    Run(R),
    /// A module's own planner or cutter. Files: the file to cut.
    Plan(Box<PlanWork>),
    /// Answers [`FromRunner::NeedArtefact`] and [`FromRunner::NeedOutput`]. Files: the one.
    File,
    /// Answers the same, or [`FromRunner::Save`]: it cannot be had, and the task ends so.
    Refused(Box<AttemptOutcome>),
    /// Answers [`FromRunner::Save`].
    Saved,
    /// The guest should end early.
    Stop,
    /// The guest should save.
    SaveSoon,
}

/// One task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunWork {
    pub(crate) work: Work,
    /// Lengths of the outputs of an earlier attempt that saved; the task goes on from there.
    pub(crate) resume: Option<Vec<u64>>,
}

/// The same, borrowed.
#[derive(Debug, Serialize)]
pub(crate) struct RunWorkRef<'a> {
    pub(crate) work: &'a Work,
    pub(crate) resume: Option<Vec<u64>>,
}

/// A call of a module's planner, or of its cutter.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanWork {
    /// The module, compiled for this machine.
    pub(crate) artefact: ObjectRef,
    /// Whether the module makes its chunks itself: its output is then their pieces, encoded.
    pub(crate) makes_chunks: bool,
    /// How long a chunk should be.
    pub(crate) wanted_bytes: u64,
    /// Parameters for the guest.
    pub(crate) params: Params,
    /// Secrets for the guest.
    #[serde(with = "secret::reveal")]
    pub(crate) secrets: Secrets,
    /// What it may use.
    pub(crate) limits: Limits,
}

/// From the runner to the agent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromRunner {
    /// The first message: it can run guests now, and so much was done to confine it.
    Ready { confinement: Confinement },
    /// The artefact of the task is not kept here from an earlier one.
    NeedArtefact,
    /// An output has become long: where is it to go?
    NeedOutput { partition: u32 },
    /// How far the guest says it is.
    Progress { done: u64, total: u64 },
    /// What the guest shows of its work. Raw: the picture.
    Preview { media: String },
    /// The guest wants this to be durable. Raw: its state.
    Save {
        /// Digest and length of each output so far.
        so_far: Vec<ObjectRef>,
    },
    /// The task ended. Raw: the outputs that are [`Output::Inline`], one after the other.
    Done(Box<Reply>),
}

/// How a task went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// How it ended. `Succeeded` names no outputs: the agent fills them in.
    pub(crate) outcome: AttemptOutcome,
    /// The outputs in order, if it succeeded.
    pub(crate) outputs: Vec<Output>,
    /// What a planner answered: offset and length in bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) spans: Vec<(u64, u64)>,
    #[serde(default, serialize_with = "bramble_protocol::outcome::only_used")]
    pub(crate) usage: Usage,
    pub(crate) log: String,
    /// Whether the guest said that no task of a later chunk is needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) enough: bool,
}

/// Where an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Output {
    /// So many of the raw bytes.
    Inline(u32),
    /// In the file that the agent gave for it.
    File(ObjectRef),
}
