//! Into how many partitions a job is cut by itself: as before, where the same was done before.
//!
//! The number follows from the slots that are there when the job is submitted. A node more or less
//! would give every task another name, and nothing would be found that was done before.

use std::collections::BTreeMap;

use bramble_protocol::{Digest, JobId, JobSpec};

use super::Scheduler;
use super::job::{Body, Job};

/// By module and input: the newest job over them whose partitions the head chose.
pub(crate) type Shapes = BTreeMap<(Digest, Digest), JobId>;

impl Scheduler {
    /// The partitions that a job should have so that earlier results fit it, if there are any.
    pub(super) fn earlier_partitions(&self, spec: &JobSpec, input: Digest) -> Option<u32> {
        let policy = &spec.policy;
        let retried = policy.retry_of.and_then(|id| self.jobs.get(&id));
        let may_share = policy.cache && spec.partitions.is_none();
        let same_input = may_share.then(|| self.shapes.get(&(spec.module, input))).flatten();
        let same_input = same_input.and_then(|id| self.jobs.get(id));
        let is_useful = |earlier: &&Job| match &earlier.body {
            // One that has done nothing yet is cut for the nodes that it asked for.
            Body::Open(open) => open.counts.succeeded > 0 || open.spec.nodes == spec.nodes,
            Body::Pending(_) => false,
            Body::Ended(ended) => ended.tasks.succeeded > 0,
        };
        let earlier = retried.into_iter().chain(same_input).find(is_useful)?;
        Some(earlier.partitions)
    }

    /// Notes into how many partitions the head cut a job.
    pub(super) fn note_shape(&mut self, id: JobId, spec: &JobSpec, input: Digest) {
        if spec.partitions.is_none() && spec.policy.cache {
            let newest = self.shapes.entry((spec.module, input)).or_insert(id);
            *newest = id.max(*newest);
        }
    }

    /// Drops what is known of a job that is forgotten.
    pub(super) fn forget_shape(&mut self, id: JobId) {
        if let Some(job) = self.jobs.get(&id) {
            let key = (job.spec.module, job.input);
            if self.shapes.get(&key) == Some(&id) {
                self.shapes.remove(&key);
            }
        }
    }
}
