//! Why something runs where it does, or waits.

use serde::{Deserialize, Serialize};

use crate::JobId;

/// `GET /api/v1/queue`: the order in which jobs get slots, and all numbers that make it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueueView {
    /// Always `bramble.queue/1`.
    pub schema: String,
    /// What is paused.
    pub paused: Vec<PauseView>,
    /// Jobs that have not ended: those with tasks for a slot in their order, then the others.
    pub jobs: Vec<QueuedView>,
}

/// A pause of the queue or of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PauseView {
    /// The class; absent for the whole queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Why.
    pub reason: String,
}

/// A job in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueuedView {
    /// Its place, from 1; absent when it has nothing for a slot at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
    /// The job.
    pub job: JobId,
    /// What people call it.
    pub name: String,
    /// Whose it is; empty when nobody said.
    pub user: String,
    /// Its class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Higher ones go first.
    pub priority: i32,
    /// What the user has used, in microseconds of the reference core; half fades in a day.
    pub used_us: u64,
    /// What his running tasks are expected to use. Who has the smaller sum goes first.
    pub expected_us: u64,
    /// Its tasks that are leased: of one user's jobs the one with fewer goes first, then the
    /// older one.
    pub leased: u32,
    /// Its tasks that wait for a slot.
    pub ready: u32,
    /// Why it gets no slot, if there is a reason other than its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
}

/// `GET /api/v1/jobs/{id}/explain` and `/jobs/{id}/tasks/{index}/explain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Explanation {
    /// Always `bramble.explain/1`.
    pub schema: String,
    /// The job.
    pub job: JobId,
    /// The task, when one was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u32>,
    /// How it stands and what it waits for, one sentence.
    pub text: String,
    /// The command that changes that, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The same for each node, by name; empty when the job has ended.
    pub nodes: Vec<NodeAnswer>,
    /// Attempts of the task that are known, in their order; empty for a job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptAnswer>,
}

/// What one node does for a job or task, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeAnswer {
    /// Its name.
    pub node: String,
    /// Whether it runs it, could, or cannot.
    pub verdict: Verdict,
    /// Why, to be read after the node's name.
    pub text: String,
    /// The command that changes that, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What a node is to a job or task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Runs it.
    Runs,
    /// Would, when its turn comes.
    Could,
    /// Does not, until something changes.
    Cannot,
}

impl Verdict {
    /// Its name, as shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Could => "could",
            Self::Cannot => "cannot",
        }
    }
}

/// One attempt of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttemptAnswer {
    /// Its number, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Where.
    pub node: String,
    /// What became of it, and why it went there.
    pub text: String,
    /// Why it went there; only known for the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
}

/// Why an attempt went to its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// The node had nothing to do.
    Idle,
    /// The node had a free slot, and the task was the next in the order.
    Next,
    /// The node's slots were taken, but tasks are so short that one should wait there.
    Ahead,
    /// An attempt elsewhere had failed.
    RetriedElsewhere,
    /// Another attempt is slow: the first of both to end counts.
    Duplicate,
    /// Another node's result is to be compared.
    Verification,
    /// The node already ran it when the head was started again.
    Adopted,
}

impl Placement {
    /// In words, to be read after "because".
    pub const fn text(self) -> &'static str {
        match self {
            Self::Idle => "it had nothing to do",
            Self::Next => "it had a free slot and the task was next in the order",
            Self::Ahead => "its tasks are short, so that some wait there for a slot",
            Self::RetriedElsewhere => "an attempt before had failed",
            Self::Duplicate => "another attempt is slow",
            Self::Verification => "its result is compared with another node's",
            Self::Adopted => "it ran it already when the head was started again",
        }
    }
}
