//! Jobs with secrets: which of them the head has at hand.
//!
//! Values never come here: the driver holds them, and joins them to leases on their way out. The
//! core knows from a job's description which secrets it has, and that none are left after a
//! restart of the head. Such a job is locked: it gets no leases until they are given again.

use bramble_protocol::{Digest, JobId, SecretNames};

use super::Scheduler;
use super::action::{Action, Answer, Rejection};
use super::event::RequestToken;
use super::job::Job;

impl Scheduler {
    /// The secrets of a job that has not ended, by name.
    pub fn secrets_of(&self, id: JobId) -> Option<&SecretNames> {
        let job = self.jobs.get(&id)?;
        job.spec.secrets.as_ref().filter(|_| !job.state().is_final())
    }

    /// The job that has not ended with the secrets that `tag` stands for.
    pub fn job_of_secrets(&self, tag: &Digest) -> Option<JobId> {
        let mut open = self.open.iter().chain(&self.graph.pending);
        open.find(|id| self.secrets_of(**id).is_some_and(|names| names.tag == *tag)).copied()
    }

    /// Whether a job must wait because its secrets are not at hand.
    pub(super) fn lacks_secrets(&self, id: JobId, secrets: Option<&SecretNames>) -> bool {
        secrets.is_some() && !self.unlocked.contains(&id)
    }

    pub(super) fn on_unlock(&mut self, token: RequestToken, id: JobId) {
        let rejected = match self.jobs.get(&id) {
            None => Some(Rejection::NoSuchJob(id)),
            Some(job) if job.state().is_final() => {
                Some(Rejection::WrongState { job: id, state: job.state() })
            }
            Some(job) if job.spec.secrets.is_none() => Some(Rejection::Unsound {
                reason: format!("job {id} was submitted without secrets"),
                help: None,
            }),
            Some(_) => None,
        };
        let answer = match rejected {
            Some(rejection) => Answer::Rejected(rejection),
            None => {
                self.unlock(id);
                match self.job(id) {
                    Some(view) => Answer::Job(Box::new(view)),
                    None => Answer::Rejected(Rejection::NoSuchJob(id)),
                }
            }
        };
        self.step.actions.push(Action::Reply { token, answer });
    }

    /// Notes that the secrets of a job are at hand.
    pub(super) fn unlock(&mut self, id: JobId) {
        self.unlocked.insert(id);
        if let Some(open) = self.jobs.get_mut(&id).and_then(Job::open_mut) {
            open.locked = false;
        }
        self.step.more_ready = true;
        self.changed(id);
    }

    /// Why a locked job waits, and the command that unlocks it.
    pub(super) fn locked_text(&self, id: JobId) -> Option<(String, String)> {
        let names = self.secrets_of(id)?;
        if !self.lacks_secrets(id, Some(names)) {
            return None;
        }
        let text = "its secrets are needed again, because the head was restarted and keeps none";
        Some((text.into(), format!("bramble secret {id} {}", names.as_typed())))
    }

    /// Which jobs are locked must follow from what is at hand.
    pub(super) fn check_locks(&self) -> Result<(), String> {
        for job in self.jobs.values() {
            let Some(open) = job.open() else { continue };
            if open.locked != self.lacks_secrets(job.id, job.spec.secrets.as_ref()) {
                return Err(format!("job {} is locked or unlocked without a reason", job.id));
            }
        }
        match self.unlocked.iter().find(|id| self.secrets_of(**id).is_none()) {
            Some(id) => Err(format!("secrets of job {id} are held, which needs none any more")),
            None => Ok(()),
        }
    }
}
