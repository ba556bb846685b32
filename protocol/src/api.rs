//! Bodies of the HTTP API under `/api/v1`.
//!
//! Times are milliseconds since 1970 in fields that end in `_at_ms`, lengths of time are
//! milliseconds (`_ms`) or microseconds (`_us`), sizes are bytes. Within 1.x fields are only
//! added.

use serde::{Deserialize, Serialize};

use crate::ease::Ease;
use crate::power::PowerView;
use crate::{
    AttemptOutcome, Digest, JobId, JobSpec, Manifest, ModuleInfo, NodeId, NodeState, NodeStatus,
    PhaseKind, Secrets, TargetClass, TaskId, Usage, secret,
};

/// `GET /api/v1`: who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeadView {
    /// Always `bramble.head/1`.
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// Process id of the head, for `bramble down`.
    pub process_id: u32,
    /// Nodes that are connected.
    pub nodes_connected: u32,
    /// Slots on them.
    pub slots: u32,
}

/// `POST /api/v1/objects/missing`: which of these does the head lack?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MissingRequest {
    /// At most [`MissingRequest::DIGESTS_MAX`].
    pub digests: Vec<Digest>,
}

impl MissingRequest {
    /// The most digests in one question.
    pub const DIGESTS_MAX: usize = 10_000;
}

/// Answer to [`MissingRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MissingResponse {
    /// Those that must be sent.
    pub missing: Vec<Digest>,
}

/// Answer to `POST /api/v1/objects` (a pack).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredResponse {
    /// Objects in the pack, all of which are now stored.
    pub objects: u64,
}

/// `POST /api/v1/jobs`. The module, the manifest and all chunks must have been sent before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubmitRequest {
    /// The job. The head fills in what it says of secrets.
    pub spec: JobSpec,
    /// Its secrets, beside it: the head keeps them in memory only, and only until the job ends.
    #[serde(default, with = "secret::reveal", skip_serializing_if = "Secrets::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "secret::reveal::Written"))]
    pub secrets: Secrets,
}

/// `POST /api/v1/jobs/{id}/secrets`, and `POST /api/v1/jobs/{id}/retry`: the secrets of a job that
/// the head does not have any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretsRequest {
    /// All of them, by name. What the job may do with each was said when it was submitted.
    #[serde(default, with = "secret::reveal", skip_serializing_if = "Secrets::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "secret::reveal::Written"))]
    pub secrets: Secrets,
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// No task of it has started.
    Waiting,
    /// Some task runs or has run.
    Running,
    /// All tasks succeeded; the result is there.
    Done,
    /// A task failed for good.
    Failed,
    /// The user stopped it.
    Canceled,
}

impl JobState {
    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }

    /// Its name, as shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// A job, as everybody is shown it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobView {
    /// Always `bramble.job/1`.
    pub schema: String,
    /// Its number.
    pub id: JobId,
    /// What was asked for.
    pub spec: JobSpec,
    /// What it is doing.
    pub state: JobState,
    /// Why it waits or failed, and what to do; absent when there is nothing to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Tasks by state, over all phases.
    pub tasks: TaskCounts,
    /// The same for each phase, in their order.
    pub phases: Vec<PhaseView>,
    /// Work by node, most tasks first.
    pub nodes: Vec<JobNodeView>,
    /// When it was accepted.
    pub submitted_at_ms: u64,
    /// When its first task was leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_ms: Option<u64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
    /// Length of the input.
    pub input_bytes: u64,
    /// Length of the result, when done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_bytes: Option<u64>,
    /// What its successful attempts used in all.
    pub usage: Usage,
    /// The failure that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureView>,
    /// The first tasks that failed for good, at most [`JobView::FAILURES_MAX`]; how many there
    /// are in all is part of [`TaskCounts::ended`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureView>,
    /// What was not done because it had been done before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<Saved>,
    /// Where a task said that those of later chunks are not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enough: Option<Enough>,
}

/// A task said that those of later chunks are not needed: the result ends with its chunk, and the
/// counts of the job are of those that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Enough {
    /// The earliest chunk whose task said so.
    pub chunk: u32,
    /// Tasks of later chunks: never run, stopped, or done for nothing.
    pub unneeded: u32,
}

impl Enough {
    /// The same in words, without a full stop.
    pub fn text(&self) -> String {
        let Self { chunk, unneeded } = self;
        let were = if *unneeded == 1 { "task was" } else { "tasks were" };
        format!("chunk {chunk} said enough: {unneeded} {were} not needed")
    }
}

/// What earlier tasks of the same work saved a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Saved {
    /// Tasks that did not have to run.
    pub tasks: u32,
    /// Processor time that they used when they ran, in microseconds.
    pub cpu_us: u64,
}

impl JobView {
    /// The most failures that are listed.
    pub const FAILURES_MAX: usize = 16;
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// How many tasks are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskCounts {
    /// All.
    pub total: u32,
    /// Waiting for other tasks.
    pub waiting: u32,
    /// Waiting for a slot.
    pub ready: u32,
    /// Failed a moment ago and waiting for their next attempt.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delayed: u32,
    /// Leased to a node.
    pub leased: u32,
    /// Done.
    pub succeeded: u32,
    /// Failed for good, cancelled, or never to run.
    pub ended: u32,
    /// Attempts that failed and were followed by another.
    pub retried: u32,
}

/// One phase of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PhaseView {
    /// Which.
    pub phase: PhaseKind,
    /// Its tasks.
    pub total: u32,
    /// Those that are done.
    pub succeeded: u32,
    /// Those among them that were not run, because an earlier task did the same.
    #[serde(default)]
    pub reused: u32,
    /// When its first task was leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_ms: Option<u64>,
    /// When its last task was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
    /// What its successful attempts used.
    pub usage: Usage,
}

/// One node's part in a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobNodeView {
    /// The node's name.
    pub name: String,
    /// Tasks it has done.
    pub succeeded: u32,
    /// Tasks it has leased now.
    pub leased: u32,
    /// Processor time of its successful attempts.
    pub cpu_us: u64,
    /// What these took of what it draws, in millionths of a joule; 0 where that is not known.
    #[serde(default)]
    pub energy_uj: u64,
    /// The part of `energy_uj` that comes from a sensor; the rest is estimated.
    #[serde(default)]
    pub energy_measured_uj: u64,
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailureView {
    /// The task that failed for good.
    pub task: TaskId,
    /// Its phase.
    pub phase: PhaseKind,
    /// Its place in the phase: the number of the chunk for a map task.
    pub index: u32,
    /// Where the last attempt ran.
    pub node: String,
    /// How many attempts there were.
    pub attempts: u32,
    /// How the last one ended.
    pub outcome: AttemptOutcome,
    /// The nodes that broke down under it, when it is taken for poison because of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought_down: Vec<String>,
}

impl FailureView {
    /// What happened, in words for the user, without a full stop.
    pub fn message(&self) -> String {
        let Some((last, others)) = self.brought_down.split_last() else {
            return self.outcome.message();
        };
        let thing = if self.phase == PhaseKind::Map { "chunk" } else { "task" };
        let nodes = format!("{} and {last}", others.join(", "));
        format!("this {thing} brought down {nodes}; at last {}", self.outcome.message())
    }
}

/// `GET /api/v1/jobs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobList {
    /// Newest first.
    pub jobs: Vec<JobView>,
}

/// `GET /api/v1/jobs/{id}/result`: the result's chunks in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResultView {
    /// The job.
    pub id: JobId,
    /// What the result's file should be called.
    pub name: String,
    /// Its bytes.
    pub manifest: Manifest,
}

/// `GET /api/v1/jobs/{id}/previews`: what tasks of a job have shown, as far as the head has kept it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewList {
    /// That of the latest of them; 0 when there is none. It grows with each that comes.
    pub version: u64,
    /// The last one of each task, by task.
    pub previews: Vec<PreviewView>,
}

/// What a task has shown last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewView {
    /// The task's number in its job.
    pub task: u32,
    /// What its guest says that it is, such as `image/png`.
    pub media: String,
    /// Its length.
    pub bytes: u64,
    /// When the head got it, in milliseconds since 1970.
    pub at_ms: u64,
    /// Another one of the same task has a higher one.
    pub version: u64,
}

/// `GET /api/v1/jobs/{id}/logs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogList {
    /// In the order in which the attempts ended.
    pub entries: Vec<LogEntry>,
}

/// What one attempt logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogEntry {
    /// Its task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// Phase of the task.
    pub phase: PhaseKind,
    /// Place of the task in the phase.
    pub index: u32,
    /// Where it ran.
    pub node: String,
    /// When its report came in.
    pub at_ms: u64,
    /// [`AttemptOutcome::slug`] of how it ended.
    pub outcome: String,
    /// Why it failed, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The last lines the guest logged.
    pub text: String,
    /// What the attempt used, also when it failed.
    #[serde(default)]
    pub usage: Usage,
}

/// A node, as everybody is shown it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeView {
    /// Always `bramble.node/1`.
    pub schema: String,
    /// Its number.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// What it is at the moment.
    pub state: NodeState,
    /// What its runners can execute.
    pub class: TargetClass,
    /// Version of its agent.
    pub version: String,
    /// How many tasks it runs at a time.
    pub slots: u32,
    /// How fast one of its cores is, in thousandths of the reference core; unknown until its
    /// calibration job is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
    /// Why it is given no more work, if somebody drains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining: Option<String>,
    /// Why it is given no work for a while, if it failed too often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<String>,
    /// How it is spared, if its board is too hot or its supply too weak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ease: Option<Ease>,
    /// What it has drawn since the head was started and it was connected.
    #[serde(default)]
    pub energy: EnergyView,
    /// Its power, if something can switch it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<Box<PowerView>>,
    /// How far its results are believed.
    #[serde(default)]
    pub trust: TrustView,
    /// How many it holds now, running or waiting.
    pub leased: u32,
    /// The jobs it works for, with how many tasks of each.
    pub jobs: Vec<(JobId, u32)>,
    /// Tasks it has done since the head started.
    pub succeeded: u64,
    /// Attempts that failed there since the head started.
    pub failed: u64,
    /// When it was last heard of.
    pub seen_at_ms: u64,
    /// The machine.
    pub status: NodeStatus,
}

/// Energy, and how it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnergyView {
    /// In thousandths of a joule.
    pub millijoules: u64,
    /// The part of it that comes from a sensor; the rest is estimated.
    pub measured_millijoules: u64,
}

/// What comparing a node's results with those of others has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrustView {
    /// Results in a row that others confirmed, since the head started or the last wrong one.
    pub valid: u64,
    /// Results that others contradicted.
    pub wrong: u64,
    /// What the last of these was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_wrong: Option<String>,
}

/// `GET /api/v1/nodes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeList {
    /// In the order of their names.
    pub nodes: Vec<NodeView>,
}

/// Answer to `POST /api/v1/backup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JournalCopy {
    /// Always `bramble.journal-copy/1`.
    pub schema: String,
    /// Name of the copy in the head's data directory. Whoever asked removes it.
    pub file: String,
}

/// Answer to `POST /api/v1/modules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModuleResponse {
    /// What the module is.
    pub module: ModuleInfo,
    /// Whether the head knew it already.
    pub known: bool,
}
