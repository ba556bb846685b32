//! Whose turn it is: jobs with ready tasks, in a ring.

use std::collections::VecDeque;

use bramble_protocol::JobId;

use super::job::OpenJob;

/// Jobs that have ready tasks. Each in turn gets one lease.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ring: VecDeque<JobId>,
}

impl Queue {
    /// Lets a job in or out, as it has ready tasks or not. To be called after each change.
    pub(crate) fn sync(&mut self, job: &mut OpenJob) {
        let due = job.counts.ready > 0 && job.fate.is_none();
        if due && !job.queued {
            self.ring.push_back(job.id);
        } else if !due && job.queued {
            self.remove(job);
        }
        job.queued = due;
    }

    fn remove(&mut self, job: &OpenJob) {
        // Nearly always the one that has just had its turn, at one of the ends.
        if self.ring.back() == Some(&job.id) {
            self.ring.pop_back();
        } else if self.ring.front() == Some(&job.id) {
            self.ring.pop_front();
        } else {
            self.ring.retain(|id| *id != job.id);
        }
    }

    /// Gives the next job its turn and puts it last.
    pub(crate) fn turn(&mut self) -> Option<JobId> {
        let job = self.ring.pop_front()?;
        self.ring.push_back(job);
        Some(job)
    }

    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &JobId> {
        self.ring.iter()
    }
}
