//! Forgetting people: their jobs are stopped and not known any more, nor what they have used.

use std::collections::BTreeSet;

use bramble_protocol::{JobId, UserLimits};

use super::Scheduler;
use super::action::{Answer, Rejection};
use super::job::Job;
use super::record::Record;
use super::share::UserUsage;

impl Scheduler {
    /// Stops and forgets all jobs of a user or of a class, and those that wait for one of them. What
    /// they used counts for nobody who is called so later.
    pub(super) fn forget(
        &mut self,
        user: Option<&str>,
        class: Option<&str>,
    ) -> Result<Answer, Rejection> {
        if user.is_some() == class.is_some() {
            let reason = "say whose jobs are to be forgotten: of one user, or of one class".into();
            return Err(Rejection::Unsound { reason, help: None });
        }
        let is_theirs = |job: &Job| match (user, class) {
            (Some(user), _) => job.spec.policy.user == user,
            (None, class) => job.spec.policy.class.as_deref() == class,
        };
        let theirs: BTreeSet<JobId> =
            self.jobs.values().filter(|job| is_theirs(job)).map(|job| job.id).collect();
        let users: BTreeSet<String> = theirs
            .iter()
            .map(|id| self.jobs[id].spec.policy.user.clone())
            .chain(user.map(str::to_owned))
            .collect();
        let mut canceled = 0;
        for id in theirs.iter().copied().chain(self.waiting_for(&theirs)) {
            if self.job_state(id).is_some_and(|state| !state.is_final()) {
                self.commit(Record::JobCanceled { job: id, at_ms: self.now.0 });
                self.end_if_over(id);
                canceled += 1;
            }
        }
        for id in &theirs {
            // The end of one may have pushed out the oldest.
            if self.jobs.contains_key(id) {
                let next = Some(JobId(self.next_job));
                self.commit(Record::JobForgotten { job: *id, next });
            }
        }
        self.forget_use(users);
        if let Some(class) = class.filter(|class| self.queue.class_limits(class).is_some()) {
            let (class, limits) = (Some(class.to_owned()), Box::default());
            self.commit(Record::UserLimits { user: None, class, limits });
        }
        let forgotten = theirs.len() as u64;
        Ok(Answer::Forgotten { canceled, forgotten })
    }

    /// Jobs that need one of `jobs` to be done.
    fn waiting_for(&self, jobs: &BTreeSet<JobId>) -> Vec<JobId> {
        let waits = |id: &&JobId| {
            let Some(job) = self.jobs.get(id) else { return false };
            let policy = &job.spec.policy;
            policy.after.iter().chain(&policy.input_from).any(|it| jobs.contains(it))
        };
        self.graph.pending.iter().filter(waits).copied().collect()
    }

    fn forget_use(&mut self, users: BTreeSet<String>) {
        for user in users {
            if self.queue.own_limits(&user).is_some() {
                let limits = Box::new(UserLimits::default());
                let user = Some(user.clone());
                self.commit(Record::UserLimits { user, class: None, limits });
            }
            let nothing = UserUsage { user, used_us: 0, lesson_us: 0 };
            self.commit(Record::UsageAt { at_ms: self.now.0, users: vec![nothing] });
        }
    }
}
