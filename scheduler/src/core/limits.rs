//! What a user may have at a time: refused where it would be too much, made to wait where it has
//! become too much.

use bramble_protocol::{JobId, JobPolicy, UserLimits};

use super::Scheduler;
use super::action::{Answer, Rejection};
use super::explain::count;
use super::job::Body;
use super::record::Record;

/// How many users may have limits of their own.
const OWN_LIMITS_MAX: usize = 10_000;
/// How many users are known at a time.
const USERS_MAX: usize = 10_000;

/// Why none of a user's tasks is leased at the moment, though some are ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// As many run as may.
    Running {
        /// How many.
        max: u64,
    },
    /// The processor time of the lesson is used up.
    Cpu {
        /// How much there was, in microseconds of the reference core.
        max_us: u64,
    },
}

impl Scheduler {
    /// Refuses a job that would give its user more than he may have.
    pub(super) fn check_limits(
        &self,
        policy: &JobPolicy,
        input_bytes: u64,
    ) -> Result<(), Rejection> {
        let user = policy.user.as_str();
        let limits = self.queue.limits(user);
        let (open, queued_bytes) = self.queue.held_by(user);
        let of_user = |id: &&JobId| self.jobs.get(id).is_some_and(|it| it.spec.policy.user == user);
        let jobs = open + self.graph.pending.iter().filter(of_user).count() as u64;
        let refuse = |what: String, flag: &str| {
            let who = shown(user);
            let to_whom = if user.is_empty() { "--default" } else { user };
            Err(Rejection::Limit {
                reason: format!("{who} {what}"),
                help: Some(format!(
                    "wait for jobs to end, or cancel some: bramble cancel; the teacher can raise \
                     the limit: bramble users limit {to_whom} {flag}"
                )),
            })
        };
        if !self.queue.knows(user) && self.queue.users() >= USERS_MAX {
            return Err(Rejection::Busy { reason: format!("{USERS_MAX} users are known") });
        }
        if let Some(max) = limits.jobs.filter(|max| jobs >= *max) {
            return refuse(
                format!("has {} not ended yet; at most {max}", count(jobs, "job")),
                "--jobs N",
            );
        }
        let sum = queued_bytes.saturating_add(input_bytes);
        if let Some(max) = limits.queued_bytes.filter(|max| sum > *max) {
            let what = format!("would have {sum} bytes of input in the queue; at most {max}");
            return refuse(what, "--queued SIZE");
        }
        if let Some(max) = limits.stored_bytes.filter(|max| *max < UserLimits::NONE) {
            let sum = self.stored_bytes(user).saturating_add(input_bytes);
            if sum > max {
                let what = format!("would have {sum} bytes of inputs and results; at most {max}");
                return refuse(what, "--stored SIZE");
            }
        }
        Ok(())
    }

    /// Input and results of all jobs of a user that are known.
    pub(super) fn stored_bytes(&self, user: &str) -> u64 {
        let of_user = self.jobs.values().filter(|job| job.spec.policy.user == user);
        let bytes = of_user.map(|job| {
            let result = match &job.body {
                Body::Ended(ended) => ended.result.iter().flatten().map(|part| part.size).sum(),
                Body::Pending(_) | Body::Open(_) => 0,
            };
            job.input_bytes + result
        });
        bytes.sum()
    }

    pub(super) fn set_limits(
        &mut self,
        user: Option<String>,
        limits: UserLimits,
        reset: bool,
    ) -> Result<Answer, Rejection> {
        let before = match &user {
            Some(user) => {
                let policy = JobPolicy { user: user.clone(), ..JobPolicy::default() };
                if let Some(fault) = policy.fault() {
                    return Err(Rejection::Unsound { reason: fault, help: None });
                }
                self.queue.own_limits(user)
            }
            None => Some(self.queue.default_limits()),
        };
        if before.is_none() && self.queue.users_with_limits() >= OWN_LIMITS_MAX {
            let reason = format!("{OWN_LIMITS_MAX} users have limits of their own");
            return Err(Rejection::Busy { reason });
        }
        let base = match (reset, &user) {
            (false, _) => before.unwrap_or_default(),
            (true, Some(_)) => UserLimits::default(),
            (true, None) => self.config.user_limits,
        };
        self.commit(Record::UserLimits { user, limits: limits.or(base) });
        Ok(Answer::Done)
    }

    pub(super) fn begin_lesson(&mut self) -> Result<Answer, Rejection> {
        self.commit(Record::LessonBegan { at_ms: self.now.0 });
        Ok(Answer::Done)
    }
}

/// A user as people read it: jobs of nobody have none.
pub(super) fn shown(user: &str) -> &str {
    if user.is_empty() { "(nobody)" } else { user }
}
