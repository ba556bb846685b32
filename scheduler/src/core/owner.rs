//! Whose a job is, and what of its result there is, for whoever decides what people see.

use bramble_protocol::api::{JobState, JobView};
use bramble_protocol::{JobId, JobSpec, ObjectRef};

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

    /// Of the jobs that `keep` keeps, newest first, the `count` ones after the first `skip`; and how
    /// many it keeps in all.
    pub fn jobs_where(
        &self,
        keep: impl Fn(JobState, &JobSpec) -> bool,
        skip: usize,
        count: usize,
    ) -> (Vec<JobView>, usize) {
        let kept = self.jobs.values().rev().filter(|job| keep(job.state(), &job.spec));
        let mut views = Vec::new();
        let mut all = 0;
        for job in kept {
            if (skip..skip.saturating_add(count)).contains(&all) {
                views.push(self.job_view(job));
            }
            all += 1;
        }
        (views, all)
    }
}
