//! What it takes to run a task again that failed for good: kept beyond the end of its job, so that
//! whoever wrote the module can look for the fault at home.

use bramble_protocol::{JobId, ObjectRef, TaskContext};
use serde::{Deserialize, Serialize};

use super::Scheduler;
use super::job::{Body, OpenJob};
use super::work;

/// A task that failed for good, without what all tasks of its job have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedTask {
    /// Its number among the job's tasks.
    pub index: u32,
    /// What the guest was told of its place.
    pub context: TaskContext,
    /// What it reads, in order.
    pub inputs: Vec<ObjectRef>,
    /// The key ranges, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranges: Option<ObjectRef>,
    /// Its command-line arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
}

impl Scheduler {
    /// A task that failed for good and is listed among its job's failures.
    pub fn failed_task(&self, job: JobId, index: u32) -> Option<FailedTask> {
        match &self.jobs.get(&job)?.body {
            Body::Open(open) => {
                let is_listed = open.failures.iter().any(|failure| failure.task.index == index);
                is_listed.then(|| open.failed_task(index))
            }
            Body::Pending(_) => None,
            Body::Ended(ended) => {
                ended.failed_tasks.iter().find(|task| task.index == index).cloned()
            }
        }
    }
}

impl OpenJob {
    /// All listed failures, as they are kept.
    pub(crate) fn failed_tasks(&self) -> Vec<FailedTask> {
        self.failures.iter().map(|failure| self.failed_task(failure.task.index)).collect()
    }

    fn failed_task(&self, index: u32) -> FailedTask {
        // Nobody runs it by this, so that it needs no artefact.
        let none = ObjectRef { digest: bramble_protocol::Digest::ZERO, size: 0 };
        let work = work::work(self, index, none);
        let (context, inputs, ranges, args) = (work.task, work.inputs, work.ranges, work.args);
        FailedTask { index, context, inputs, ranges, args }
    }
}
