//! How much there is of what, for those who watch a head over days.

use bramble_protocol::api::{JobState, TaskCounts};

use super::Scheduler;

/// Sums over all jobs that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jobs whose tasks have not started.
    pub waiting: usize,
    /// Jobs at work.
    pub running: usize,
    /// Jobs with a result, as far as they are still known; so are the two below.
    pub done: usize,
    /// Jobs of which a task failed for good.
    pub failed: usize,
    /// Jobs that somebody stopped.
    pub canceled: usize,
    /// Tasks of jobs that have not ended.
    pub tasks: TaskCounts,
    /// When the waiting job that has waited longest was submitted, in milliseconds since 1970.
    pub oldest_waiting_at_ms: Option<u64>,
}

impl Scheduler {
    /// Counts without copying anything of a job.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for job in self.jobs.values() {
            let state = job.state();
            *match state {
                JobState::Waiting => &mut counts.waiting,
                JobState::Running => &mut counts.running,
                JobState::Done => &mut counts.done,
                JobState::Failed => &mut counts.failed,
                JobState::Canceled => &mut counts.canceled,
            } += 1;
            if state == JobState::Waiting {
                let at = job.submitted_at.0;
                counts.oldest_waiting_at_ms =
                    Some(counts.oldest_waiting_at_ms.map_or(at, |oldest| oldest.min(at)));
            }
            if let Some(open) = job.open() {
                add(&mut counts.tasks, &open.counts);
            }
        }
        counts
    }
}

fn add(sum: &mut TaskCounts, more: &TaskCounts) {
    let TaskCounts { total, waiting, ready, delayed, leased, succeeded, ended, retried } = more;
    for (sum, more) in [
        (&mut sum.total, total),
        (&mut sum.waiting, waiting),
        (&mut sum.ready, ready),
        (&mut sum.delayed, delayed),
        (&mut sum.leased, leased),
        (&mut sum.succeeded, succeeded),
        (&mut sum.ended, ended),
        (&mut sum.retried, retried),
    ] {
        *sum = sum.saturating_add(*more);
    }
}
