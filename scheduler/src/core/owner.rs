//! Whose a job is, and what of its result there is, for whoever decides what people see.

use bramble_protocol::api::JobState;
use bramble_protocol::{JobId, ObjectRef};

use super::Scheduler;
use super::job::Body;

impl Scheduler {
    /// The user and the class of a job; `None` when there is none of this number.
    pub fn owner(&self, job: JobId) -> Option<(String, Option<String>)> {
        let policy = &self.jobs.get(&job)?.spec.policy;
        Some((policy.user.clone(), policy.class.clone()))
    }

    /// One chunk of a job's result, counted from 0; `None` when it has fewer.
    ///
    /// # Errors
    /// The job's state when it has no result; nothing when there is no such job.
    pub fn result_chunk(
        &self,
        job: JobId,
        index: usize,
    ) -> Result<Option<ObjectRef>, Option<JobState>> {
        let job = self.jobs.get(&job).ok_or(None)?;
        let Body::Ended(ended) = &job.body else { return Err(Some(job.state())) };
        let objects = ended.result.as_ref().ok_or(Some(ended.state))?;
        Ok(objects.get(index).copied())
    }
}
