//! What a user may have at a time: refused where it would be too much, made to wait where it has
//! become too much.

use bramble_protocol::{JobId, JobPolicy, JobSpec, Limits, UserLimits};

use super::Scheduler;
use super::action::{Answer, Rejection};
use super::explain::count;
use super::job::{Body, Job};
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
    /// Refuses a job that would give its user more than he may have. What it left to the defaults
    /// becomes what he may have.
    pub(super) fn check_limits(
        &self,
        spec: &mut JobSpec,
        input_bytes: u64,
    ) -> Result<(), Rejection> {
        let JobPolicy { user, class, .. } = &spec.policy;
        let limits = self.queue.limits_in(user, class.as_deref());
        if !self.queue.knows(user) && self.queue.users() >= USERS_MAX {
            return Err(Rejection::Busy { reason: format!("{USERS_MAX} users are known") });
        }
        let refuse = |Excess { what, flag }| {
            let help = format!(
                "wait for jobs to end, or cancel some: bramble cancel; {}",
                who_raises(&spec.policy, flag)
            );
            Rejection::Limit { reason: format!("{} {what}", shown(user)), help: Some(help) }
        };
        self.check_jobs(user, &limits, input_bytes).map_err(refuse)?;
        match fit(spec.limits, &limits, input_bytes) {
            Ok(fitting) => spec.limits = fitting,
            Err(Excess { what, flag }) => {
                let help = format!("ask for less; {}", who_raises(&spec.policy, flag));
                return Err(Rejection::Limit { reason: what, help: Some(help) });
            }
        }
        Ok(())
    }

    fn check_jobs(&self, user: &str, limits: &UserLimits, input_bytes: u64) -> Result<(), Excess> {
        let (open, queued_bytes) = self.queue.held_by(user);
        let of_user = |id: &&JobId| self.jobs.get(id).is_some_and(|it| it.spec.policy.user == user);
        let jobs = open + self.graph.pending.iter().filter(of_user).count() as u64;
        if let Some(max) = limits.jobs.filter(|max| jobs >= *max) {
            let what = format!("has {} not ended yet; at most {max}", count(jobs, "job"));
            return Err(Excess { what, flag: "--jobs N" });
        }
        let sum = queued_bytes.saturating_add(input_bytes);
        if let Some(max) = limits.queued_bytes.filter(|max| sum > *max) {
            let what = format!("would have {sum} bytes of input in the queue; at most {max}");
            return Err(Excess { what, flag: "--queued SIZE" });
        }
        if let Some(max) = limits.stored_bytes.filter(|max| *max < UserLimits::NONE) {
            let sum = self.stored_bytes(user).saturating_add(input_bytes);
            if sum > max {
                let what = format!("would have {sum} bytes of inputs and results; at most {max}");
                return Err(Excess { what, flag: "--stored SIZE" });
            }
        }
        Ok(())
    }

    /// Fails a job whose attempts have used more processor time than one job of its user may.
    pub(super) fn end_if_spent(&mut self, job: JobId) {
        let Some(open) = self.jobs.get(&job).and_then(Job::open) else { return };
        let policy = &open.spec.policy;
        let limits = self.queue.limits_in(&policy.user, policy.class.as_deref());
        let Some(max_us) = limits.job_cpu_us.filter(|max_us| open.spent_us > *max_us) else {
            return;
        };
        let reason = format!(
            "its attempts have used {} s of processor time; a job of {} may use {} s: {}",
            open.spent_us / 1_000_000,
            shown(&policy.user),
            max_us / 1_000_000,
            who_raises(policy, "--job-cpu TIME")
        );
        self.commit(Record::JobFailed { job, at_ms: self.now.0, reason });
        self.end_if_over(job);
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
        class: Option<String>,
        limits: UserLimits,
        reset: bool,
    ) -> Result<Answer, Rejection> {
        if user.is_some() && class.is_some() {
            let reason = "limits are those of one user, or of one class, or of everybody".into();
            return Err(Rejection::Unsound { reason, help: None });
        }
        let policy = JobPolicy {
            user: user.clone().unwrap_or_default(),
            class: class.clone(),
            ..JobPolicy::default()
        };
        if let Some(fault) = policy.fault() {
            return Err(Rejection::Unsound { reason: fault, help: None });
        }
        let before = match (&user, &class) {
            (Some(user), _) => self.queue.own_limits(user),
            (None, Some(class)) => self.queue.class_limits(class),
            (None, None) => Some(self.queue.default_limits()),
        };
        if before.is_none() && self.queue.users_with_limits() >= OWN_LIMITS_MAX {
            let reason = format!("{OWN_LIMITS_MAX} users and classes have limits of their own");
            return Err(Rejection::Busy { reason });
        }
        let is_default = user.is_none() && class.is_none();
        let base = match (reset, is_default) {
            (false, _) => before.unwrap_or_default(),
            (true, false) => UserLimits::default(),
            (true, true) => self.config.user_limits,
        };
        let limits = Box::new(limits.or(base));
        self.commit(Record::UserLimits { user, class, limits });
        Ok(Answer::Done)
    }

    pub(super) fn begin_lesson(&mut self) -> Result<Answer, Rejection> {
        self.commit(Record::LessonBegan { at_ms: self.now.0 });
        Ok(Answer::Done)
    }
}

/// What of something would be too much.
struct Excess {
    what: String,
    /// What raises the limit.
    flag: &'static str,
}

/// Who can raise a limit, and by which command.
fn who_raises(policy: &JobPolicy, flag: &str) -> String {
    let JobPolicy { user, class, .. } = policy;
    let to_whom = if user.is_empty() { "--default" } else { user };
    let command = format!("the teacher can raise the limit: bramble users limit {to_whom} {flag}");
    match class {
        Some(class) => format!("{command}, or for all of the class: --class {class} {flag}"),
        None => command,
    }
}

/// What a job may ask for where it has asked for as much as `asked`: the same, or less where it has
/// only left it to the default.
fn fit(asked: Limits, limits: &UserLimits, input_bytes: u64) -> Result<Limits, Excess> {
    let usual = Limits::default();
    let fit = |what: &str, flag, asked: u64, usual: u64, max: Option<u64>| match max {
        Some(max) if asked > max && asked != usual => {
            Err(Excess { what: format!("the job asks for {asked} {what}; at most {max}"), flag })
        }
        max => Ok(max.map_or(asked, |max| asked.min(max))),
    };
    if let Some(max) = limits.input_bytes.filter(|max| input_bytes > *max) {
        let what = format!("the job has {input_bytes} bytes of input; at most {max}");
        return Err(Excess { what, flag: "--input SIZE" });
    }
    let output_max = limits.task_output_bytes.filter(|max| *max < UserLimits::NONE);
    let output = match asked.output_bytes_max {
        Some(asked) => {
            let what = "bytes of output of a task";
            Some(fit(what, "--task-output SIZE", asked, u64::MAX, output_max)?)
        }
        None => output_max,
    };
    Ok(Limits {
        memory_bytes_max: fit(
            "bytes of memory for a task",
            "--task-memory SIZE",
            asked.memory_bytes_max,
            usual.memory_bytes_max,
            limits.task_memory_bytes,
        )?,
        cpu_ms_max: fit(
            "ms of processor time for a task",
            "--task-cpu TIME",
            asked.cpu_ms_max,
            usual.cpu_ms_max,
            limits.task_cpu_ms,
        )?,
        output_bytes_max: output,
        log_bytes_max: fit(
            "bytes of log for an attempt",
            "--task-log SIZE",
            asked.log_bytes_max.into(),
            usual.log_bytes_max.into(),
            limits.task_log_bytes,
        )?
        .try_into()
        .unwrap_or(u32::MAX),
        ..asked
    })
}

/// A user as people read it: jobs of nobody have none.
pub(super) fn shown(user: &str) -> &str {
    if user.is_empty() { "(nobody)" } else { user }
}
