//! What follows from a failed attempt: one table, and how long to wait.

use bramble_protocol::{AttemptOutcome, JobId, JobSpec, NodeId};

use super::Scheduler;
use super::event::Timestamp;
use super::job::Job;
use super::trial::{Next, Trial};

/// How long a task waits after its first failure, in milliseconds; twice as long after each more.
const BACKOFF_MS_MIN: u64 = 100;
/// The longest that it waits, in milliseconds.
const BACKOFF_MS_MAX: u64 = 30_000;
/// A task that breaks down so many different nodes is not tried again.
pub(super) const POISON_NODES: usize = 3;

/// What is done about a kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Tried elsewhere at once: nothing suggests that the task or another node is at fault.
    AtOnce,
    /// Tried elsewhere after a pause, which lets a full disk or a slow store recover.
    WithBackoff,
    /// Tried again only if the job asks for it: a task is a pure function of its input, so that
    /// it fails again the same way.
    IfAsked,
    /// Not tried again.
    Never,
}

/// The table. It is printed in docs/reliability.md.
pub(super) const fn policy(outcome: &AttemptOutcome) -> Policy {
    match outcome {
        AttemptOutcome::LeaseExpired | AttemptOutcome::NodeLost => Policy::AtOnce,
        AttemptOutcome::NodeFault { .. }
        | AttemptOutcome::ChunkCorrupt { .. }
        | AttemptOutcome::ChunkMissing { .. }
        | AttemptOutcome::TimedOut { .. } => Policy::WithBackoff,
        AttemptOutcome::GuestFailed { .. }
        | AttemptOutcome::Trapped { .. }
        | AttemptOutcome::OutOfTime { .. }
        | AttemptOutcome::MemoryExceeded { .. }
        | AttemptOutcome::OutOfFuel { .. }
        | AttemptOutcome::TooMuch { .. }
        | AttemptOutcome::OutputExceeded { .. } => Policy::IfAsked,
        AttemptOutcome::Succeeded { .. }
        | AttemptOutcome::Disagreed { .. }
        | AttemptOutcome::Canceled => Policy::Never,
    }
}

impl Scheduler {
    /// Makes tasks ready whose pause is over.
    pub(super) fn wake_delayed(&mut self) {
        let due = |id: &JobId| {
            let first = self.open(*id).delayed.first();
            first.is_some_and(|(until, _)| *until <= self.now)
        };
        let due: Vec<JobId> = self.open.iter().copied().filter(due).collect();
        for job in due {
            if let Some(open) = self.jobs.get_mut(&job).and_then(Job::open_mut) {
                open.wake(self.now);
            }
            self.step.more_ready = true;
            self.changed(job);
        }
    }
}

/// What follows for a task whose attempt ended with `outcome` now, where `trial` knows its other
/// attempts but not this one.
pub(super) fn next(
    spec: &JobSpec,
    trial: &Trial,
    outcome: &AttemptOutcome,
    now: Timestamp,
) -> Next {
    let failures = trial.failed_on.len() as u32 + 1;
    let is_out = trial.leases.len() > 1;
    let waits = match policy(outcome) {
        Policy::Never => return Next::Never,
        // Where it has succeeded before, the node that says otherwise need not be right.
        Policy::IfAsked if !spec.policy.retry_guest && trial.votes.is_empty() => {
            return Next::Never;
        }
        Policy::AtOnce => false,
        Policy::WithBackoff | Policy::IfAsked => true,
    };
    // Another attempt that is under way is not stopped for want of further ones.
    if failures >= spec.limits.attempts_max && !is_out {
        Next::Never
    } else if waits && !is_out {
        Next::Later(now.plus_ms(backoff_ms(failures)))
    } else {
        Next::Again
    }
}

/// Whether a task is poison, once it has brought down one more node.
pub(super) fn is_poison(trial: &Trial, node: NodeId, brought_down: bool) -> bool {
    let down = &trial.brought_down;
    brought_down && down.len() + usize::from(!down.contains(&node)) >= POISON_NODES
}

fn backoff_ms(failures: u32) -> u64 {
    let doubled = failures.saturating_sub(1).min(16);
    (BACKOFF_MS_MIN << doubled).min(BACKOFF_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let pauses: Vec<u64> = [1, 2, 3, 9, 10, 100].map(backoff_ms).to_vec();
        assert_eq!(pauses, [100, 200, 400, 25_600, 30_000, 30_000]);
    }
}
