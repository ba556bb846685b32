//! What the journal holds: everything that must survive a crash, and nothing else.
//!
//! Records are decisions, not requests: replaying them needs none of the rules that led to them.
//! They are versioned by [`bramble_protocol::version::JOURNAL_FORMAT`]: whoever changes a record
//! so that an older head would misread it raises that number.

use bramble_protocol::api::{
    Enough, FailureView, JobNodeView, JobState, PhaseView, Saved, TaskCounts,
};
use bramble_protocol::power::PowerAct;
use bramble_protocol::{
    AttemptId, AttemptOutcome, Digest, JobId, JobSpec, ModuleInfo, NodeId, ObjectRef, TargetClass,
    TaskId, Usage, UserLimits,
};
use serde::{Deserialize, Serialize};

use super::kept::Kept;
use super::share::UserUsage;

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
pub enum Record {
    /// A head started on this journal.
    HeadStarted {
        /// How many heads have, with this one. Part of each lease's number.
        epoch: u32,
    },
    /// A node connected for the first time, or as another kind of machine than before.
    NodeKnown {
        /// Its number.
        node: NodeId,
        /// Its name.
        name: String,
        /// What its runners can execute.
        class: TargetClass,
    },
    /// A node is to get no more work, or work again.
    NodeDraining {
        /// Which.
        node: NodeId,
        /// Why it gets none; absent when it may have work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A node failed too often and is to get no work for a while, or may work again.
    NodeQuarantined {
        /// Which.
        node: NodeId,
        /// Why; absent when it may have work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// When it gets one task to try, in milliseconds since 1970.
        until_ms: u64,
        /// How often in a row, with this one.
        times: u32,
    },
    /// Somebody wants a node on or off, or leaves that to the policy again.
    PowerWish {
        /// The node's name: it may never have been connected.
        node: String,
        /// What is wanted.
        wish: PowerAct,
    },
    /// A node was seen to boot.
    NodeBooted {
        /// Its name.
        node: String,
        /// Time from power to its connection, in milliseconds, over its last boots.
        ms: u64,
    },
    /// A job was accepted.
    JobSubmitted(Box<Submitted>),
    /// An attempt succeeded, and with it its task.
    TaskSucceeded {
        /// The attempt.
        attempt: AttemptId,
        /// Where it ran.
        node: NodeId,
        /// When it was leased, in milliseconds since 1970.
        leased_at_ms: u64,
        /// When its report came in, in milliseconds since 1970.
        at_ms: u64,
        /// What it wrote.
        outputs: Vec<ObjectRef>,
        /// What it used.
        usage: Usage,
        /// Whether it said that no task of a later chunk is needed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        enough: bool,
    },
    /// A job that waited for others got its tasks.
    JobReleased {
        /// The job.
        job: JobId,
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Its input's chunks, when they are another job's result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chunks: Option<Vec<ObjectRef>>,
        /// Into how many key ranges the head decided to cut it.
        partitions: u32,
    },
    /// A task was done without an attempt: an earlier one of the same work gave its outputs.
    TaskReused {
        /// The task.
        task: TaskId,
        /// What names the work.
        key: Digest,
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// What the earlier one wrote.
        outputs: Vec<ObjectRef>,
        /// Processor time that the earlier one used, in microseconds.
        cpu_us: u64,
        /// Whether that one said that no task of a later chunk is needed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        enough: bool,
        /// Whether the result is kept as one of this job's from now on. The records of the other
        /// job go when it ends, and then this is what is known of it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        takes_over: bool,
    },
    /// What a task gave is not in the store any more: it runs again, and those wait for it that
    /// have not ended.
    TaskUndone {
        /// The task.
        task: TaskId,
    },
    /// Results are not kept any more.
    ResultsDropped {
        /// What names the work that gave them.
        keys: Vec<Digest>,
    },
    /// An attempt gave a result that counts only when others agree with it.
    TaskVoted {
        /// The attempt.
        attempt: AttemptId,
        /// Where it ran.
        node: NodeId,
        /// When it was leased, in milliseconds since 1970.
        leased_at_ms: u64,
        /// When its report came in, in milliseconds since 1970.
        at_ms: u64,
        /// What it wrote.
        outputs: Vec<ObjectRef>,
        /// What it used.
        usage: Usage,
        /// Whether it said that no task of a later chunk is needed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        enough: bool,
    },
    /// A second attempt of a task that is done gave another result.
    TaskDisputed {
        /// The task.
        task: TaskId,
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Whose result was accepted.
        accepted: Voice,
        /// Whose result differs.
        other: Voice,
        /// What that one wrote.
        outputs: Vec<ObjectRef>,
    },
    /// Nothing more is done about two results that differ.
    TaskSettled {
        /// The task.
        task: TaskId,
        /// When, in milliseconds since 1970.
        at_ms: u64,
    },
    /// Other nodes contradict a result of a node.
    NodeDistrusted {
        /// Which.
        node: NodeId,
        /// How often that has been so, with this one.
        wrong: u64,
        /// Of which task, and who contradicts it.
        reason: String,
    },
    /// An attempt failed.
    AttemptFailed {
        /// The attempt.
        attempt: AttemptId,
        /// Where it ran.
        node: NodeId,
        /// When it was leased, in milliseconds since 1970.
        leased_at_ms: u64,
        /// When that was known, in milliseconds since 1970.
        at_ms: u64,
        /// How it ended.
        outcome: AttemptOutcome,
        /// Whether the task fails with it for good; else it is tried again.
        fatal: bool,
        /// What it used; nothing where its node could not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Box<Usage>>,
        /// When it may be tried again, in milliseconds since 1970; at once when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at_ms: Option<u64>,
        /// Whether its node broke down under it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        brought_down: bool,
        /// Whether the task is given up because so many nodes broke down under it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        poison: bool,
    },
    /// A job failed for a reason that no task of it has.
    JobFailed {
        /// The job.
        job: JobId,
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Why, in words for the user.
        reason: String,
    },
    /// A user cancelled a job.
    JobCanceled {
        /// The job.
        job: JobId,
        /// When, in milliseconds since 1970.
        at_ms: u64,
    },
    /// A job ended, and this is all that is kept of its tasks. Written right after the record
    /// that ended it; the journal then drops the job's records about attempts.
    JobEnded(Box<Ended>),
    /// What users have used up to now. Written after the end of a job, whose attempts the journal
    /// then drops.
    UsageAt {
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Some of the users.
        users: Vec<UserUsage>,
    },
    /// What a user may have, or each student of a class, or everybody who has no other limits.
    UserLimits {
        /// The user; absent for a class or the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// The class; absent for a user or the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
        /// All of them; where a user has none, he has no limits of his own any more.
        limits: Box<UserLimits>,
    },
    /// A lesson began: nobody has used any processor time in it.
    LessonBegan {
        /// When, in milliseconds since 1970.
        at_ms: u64,
    },
    /// The queue or a class was paused, or goes on.
    QueuePaused {
        /// The class; absent for the whole queue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
        /// Why it is paused; absent when it goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A job was given another priority.
    JobPrioritised {
        /// Which.
        job: JobId,
        /// Its priority from now on.
        priority: i32,
    },
    /// A job that ended long ago is not shown any more.
    JobForgotten {
        /// The job.
        job: JobId,
        /// The number of the next job, so that none is ever given twice.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<JobId>,
    },
}

/// An attempt that says what a task's result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// Number of the attempt.
    pub number: u32,
    /// Where it ran.
    pub node: NodeId,
    /// Whether it says that no task of a later chunk is needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enough: bool,
}

/// An accepted job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submitted {
    /// Its number.
    pub job: JobId,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What the user asked for.
    pub spec: JobSpec,
    /// What the module is.
    pub module: ModuleInfo,
    /// The input's chunks in order.
    pub chunks: Vec<ObjectRef>,
    /// The input's sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<ObjectRef>,
    /// Into how many key ranges the head decided to cut it.
    pub partitions: u32,
    /// Whether the user had the input himself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owns_input: bool,
    /// Which head accepted it. Leases from heads before are of another job that had its number,
    /// of which the journal never heard.
    #[serde(default)]
    pub epoch: u32,
}

/// What is kept of the input of a job that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The manifest of the input, or what it would be.
    pub input: Digest,
    /// Its length.
    pub input_bytes: u64,
    /// Into how many key ranges the job was cut.
    pub partitions: u32,
}

impl Submitted {
    /// All that must be known of a job that ended beside its [`Ended`], which says how long the
    /// input was.
    #[must_use]
    pub fn without_chunks(mut self) -> Self {
        self.chunks = Vec::new();
        self.sample = None;
        self
    }
}

/// What is kept of a job that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// The job.
    pub job: JobId,
    /// How it ended: always a final state.
    pub state: JobState,
    /// When its first task was leased, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_ms: Option<u64>,
    /// When it ended, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// Its tasks by state.
    pub tasks: TaskCounts,
    /// The same for each phase.
    pub phases: Vec<PhaseView>,
    /// Work by node.
    pub nodes: Vec<JobNodeView>,
    /// What its successful attempts used in all.
    pub usage: Usage,
    /// The task's failure that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureView>,
    /// The first tasks that failed for good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureView>,
    /// What it takes to run those again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_tasks: Vec<super::FailedTask>,
    /// Why it failed, when no task of it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The result's objects in order, when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Vec<ObjectRef>>,
    /// What earlier tasks saved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<Saved>,
    /// Where a task said that those of later chunks are not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enough: Option<Enough>,
    /// Its input, in short; absent in journals of older formats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// What its tasks gave and is kept for later ones, what was used last at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<Kept>,
}

impl Record {
    /// Its name in the journal.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::HeadStarted { .. } => "head-started",
            Self::NodeKnown { .. } => "node-known",
            Self::NodeDraining { .. } => "node-draining",
            Self::NodeQuarantined { .. } => "node-quarantined",
            Self::PowerWish { .. } => "power-wish",
            Self::NodeBooted { .. } => "node-booted",
            Self::JobSubmitted(_) => "job-submitted",
            Self::TaskSucceeded { .. } => "task-succeeded",
            Self::JobReleased { .. } => "job-released",
            Self::TaskReused { .. } => "task-reused",
            Self::TaskUndone { .. } => "task-undone",
            Self::ResultsDropped { .. } => "results-dropped",
            Self::TaskVoted { .. } => "task-voted",
            Self::TaskDisputed { .. } => "task-disputed",
            Self::TaskSettled { .. } => "task-settled",
            Self::NodeDistrusted { .. } => "node-distrusted",
            Self::AttemptFailed { .. } => "attempt-failed",
            Self::JobFailed { .. } => "job-failed",
            Self::JobCanceled { .. } => "job-canceled",
            Self::JobEnded(_) => "job-ended",
            Self::UsageAt { .. } => "usage-at",
            Self::UserLimits { .. } => "user-limits",
            Self::LessonBegan { .. } => "lesson-began",
            Self::QueuePaused { .. } => "queue-paused",
            Self::JobPrioritised { .. } => "job-prioritised",
            Self::JobForgotten { .. } => "job-forgotten",
        }
    }

    /// What it is the latest word on, if later ones of its kind make it needless. The journal keeps
    /// only the last record of a kind about a subject.
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::HeadStarted { .. } | Self::LessonBegan { .. } | Self::JobForgotten { .. } => {
                Some(String::new())
            }
            Self::JobPrioritised { job, .. } => Some(job.to_string()),
            // No user or class is called so.
            Self::UserLimits { user: None, class: Some(class), .. } => Some(format!("*{class}")),
            Self::UserLimits { user: who, .. } | Self::QueuePaused { class: who, .. } => {
                Some(who.clone().unwrap_or_else(|| "*".into()))
            }
            Self::NodeKnown { node, .. }
            | Self::NodeDraining { node, .. }
            | Self::NodeQuarantined { node, .. }
            | Self::NodeDistrusted { node, .. } => Some(node.to_string()),
            Self::PowerWish { node, .. } | Self::NodeBooted { node, .. } => Some(node.clone()),
            Self::UsageAt { users, .. } => match users.as_slice() {
                [one] => Some(one.user.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it takes the place of the record that it replaces, rather than the last: others
    /// after that one rely on it.
    pub const fn stays_in_place(&self) -> bool {
        matches!(self, Self::NodeKnown { .. })
    }

    /// Whether the end of its job makes it needless: [`Ended`] says all that is kept. Of the
    /// record that made the job, the chunks become needless: [`Submitted::without_chunks`].
    pub const fn ends_with_job(&self) -> bool {
        self.job().is_some()
            && !matches!(
                self,
                Self::JobSubmitted(_)
                    | Self::JobPrioritised { .. }
                    | Self::JobEnded(_)
                    | Self::JobForgotten { .. }
            )
    }

    /// The job it is about.
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::HeadStarted { .. }
            | Self::NodeKnown { .. }
            | Self::NodeDraining { .. }
            | Self::NodeQuarantined { .. }
            | Self::NodeDistrusted { .. }
            | Self::PowerWish { .. }
            | Self::NodeBooted { .. }
            | Self::UsageAt { .. }
            | Self::UserLimits { .. }
            | Self::LessonBegan { .. }
            | Self::QueuePaused { .. }
            | Self::ResultsDropped { .. } => None,
            Self::TaskReused { task, .. }
            | Self::TaskUndone { task }
            | Self::TaskDisputed { task, .. }
            | Self::TaskSettled { task, .. } => Some(task.job),
            Self::JobSubmitted(submitted) => Some(submitted.job),
            Self::TaskSucceeded { attempt, .. }
            | Self::TaskVoted { attempt, .. }
            | Self::AttemptFailed { attempt, .. } => Some(attempt.task.job),
            Self::JobReleased { job, .. }
            | Self::JobFailed { job, .. }
            | Self::JobCanceled { job, .. }
            | Self::JobPrioritised { job, .. }
            | Self::JobForgotten { job, .. } => Some(*job),
            Self::JobEnded(ended) => Some(ended.job),
        }
    }
}
