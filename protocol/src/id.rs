//! Names of jobs, tasks, attempts, leases and nodes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $repr:ty) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub $repr);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number_id!(
    /// A job: what a user submitted. Counted from 1 on each head, never used again.
    JobId,
    u64
);
number_id!(
    /// A node: a machine that runs, or once ran, an agent. Given by the head at first contact.
    NodeId,
    u32
);
number_id!(
    /// The right to run one attempt until a time. Never used again, not even after the head restarts.
    LeaseId,
    u64
);

/// A task: one unit of a job's work, shown `7@12` (job 7, task 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskId {
    /// The job it belongs to.
    pub job: JobId,
    /// Its place among all tasks of the job, counted from 0.
    pub index: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.job, self.index)
    }
}

/// A numbered try at a task, shown `7@12#2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttemptId {
    /// The task that is tried.
    pub task: TaskId,
    /// Counted from 1.
    pub number: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.task, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_shown_as_job_task_and_number() {
        let task = TaskId { job: JobId(7), index: 12 };
        assert_eq!(AttemptId { task, number: 2 }.to_string(), "7@12#2");
    }
}
