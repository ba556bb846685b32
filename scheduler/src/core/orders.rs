//! Orders: what people change besides jobs.

use std::sync::Arc;

use bramble_protocol::{JobId, JobPolicy, Order};

use super::Scheduler;
use super::action::{Action, Answer, Rejection};
use super::attempt::truncated;
use super::event::{RequestToken, Timestamp};
use super::job::{Body, Job};
use super::mutant::{Mutant, mutated};
use super::record::Record;
use super::replay::ReplayError;

/// How many classes may be paused at a time.
const PAUSES_MAX: usize = 1_000;

impl Scheduler {
    pub(super) fn on_order(&mut self, token: RequestToken, order: Order) {
        let answer = match order {
            Order::Drain { node, reason } => {
                let reason = truncated(reason, Order::REASON_BYTES_MAX);
                self.set_draining(&node, Some(reason))
            }
            Order::Undrain { node } => self.set_draining(&node, None),
            Order::Prioritise { job, priority } => self.prioritise(job, priority),
            Order::Pause { class, reason } => {
                let reason = truncated(reason, Order::REASON_BYTES_MAX);
                self.set_paused(class, Some(reason))
            }
            Order::Resume { class } => self.set_paused(class, None),
            Order::Limit { user, class, limits, reset } => {
                self.set_limits(user, class, limits, reset)
            }
            Order::Power { node, act, force } => self.order_power(&node, act, force),
            Order::Lesson => self.begin_lesson(),
            Order::Forget { user, class } => self.forget(user.as_deref(), class.as_deref()),
        };
        let answer = answer.unwrap_or_else(Answer::Rejected);
        self.step.actions.push(Action::Reply { token, answer });
    }

    /// Carries out the records that decide whose turn it is.
    pub(super) fn perform_turn(&mut self, record: Record) -> Result<(), ReplayError> {
        match record {
            Record::UserLimits { user, class, limits } => {
                self.queue.set_limits(user.as_deref(), class.as_deref(), *limits);
                self.step.more_ready = true;
            }
            Record::LessonBegan { at_ms } => {
                self.now = self.now.max(Timestamp(at_ms));
                self.queue.begin_lesson(at_ms);
                self.step.more_ready = true;
            }
            Record::QueuePaused { class, reason } => self.perform_pause(class, reason),
            Record::JobPrioritised { job, priority } => self.perform_priority(job, priority)?,
            Record::UsageAt { at_ms, users } => {
                self.now = self.now.max(Timestamp(at_ms));
                self.queue.fade(self.now, self.config.usage_half_life_ms);
                users.iter().for_each(|usage| self.queue.set_usage(usage));
            }
            _ => {}
        }
        Ok(())
    }

    fn set_draining(&mut self, name: &str, reason: Option<String>) -> Result<Answer, Rejection> {
        let Some(node) = self.cluster.find(name) else {
            return Err(Rejection::NoSuchNode(name.chars().take(80).collect()));
        };
        let id = node.id;
        if reason.is_none() {
            self.lift_quarantine(id);
        }
        if self.cluster.get(id).draining != reason {
            self.commit(Record::NodeDraining { node: id, reason });
            if mutated(Mutant::OrderNotJournalled) {
                self.step.actions.pop();
            }
            self.step.hungry.insert(id);
            self.step.more_ready = true;
        }
        Ok(Answer::Done)
    }

    fn prioritise(&mut self, id: JobId, priority: i32) -> Result<Answer, Rejection> {
        let policy = JobPolicy { priority, ..JobPolicy::default() };
        if let Some(reason) = policy.fault() {
            return Err(Rejection::Unsound { reason, help: None });
        }
        let job = self.jobs.get(&id).ok_or(Rejection::NoSuchJob(id))?;
        let state = job.state();
        if state.is_final() {
            return Err(Rejection::WrongState { job: id, state });
        }
        if job.spec.policy.priority != priority {
            self.commit(Record::JobPrioritised { job: id, priority });
        }
        let view = self.job(id).ok_or(Rejection::NoSuchJob(id))?;
        Ok(Answer::Job(Box::new(view)))
    }

    fn perform_priority(&mut self, id: JobId, priority: i32) -> Result<(), ReplayError> {
        let missing = ReplayError::NoSuchJob { record: "job-prioritised", job: id };
        let Some(Job { spec, body, .. }) = self.jobs.get_mut(&id) else { return Err(missing) };
        let mut changed = (**spec).clone();
        changed.policy.priority = priority;
        *spec = Arc::new(changed);
        match body {
            Body::Open(open) => open.spec = Arc::clone(spec),
            Body::Pending(pending) => pending.submitted.spec.policy.priority = priority,
            Body::Ended(_) => {}
        }
        self.changed(id);
        Ok(())
    }

    fn set_paused(
        &mut self,
        class: Option<String>,
        reason: Option<String>,
    ) -> Result<Answer, Rejection> {
        let policy = JobPolicy { class: class.clone(), ..JobPolicy::default() };
        if let Some(reason) = policy.fault() {
            return Err(Rejection::Unsound { reason, help: None });
        }
        let before = self.queue.paused().get(&class);
        if reason.is_some() && before.is_none() && self.queue.paused().len() >= PAUSES_MAX {
            return Err(Rejection::Busy { reason: format!("{PAUSES_MAX} classes are paused") });
        }
        if before != reason.as_ref() {
            self.commit(Record::QueuePaused { class, reason });
        }
        Ok(Answer::Done)
    }

    fn perform_pause(&mut self, class: Option<String>, reason: Option<String>) {
        self.queue.set_paused(class, reason);
        let open: Vec<JobId> = self.open.iter().copied().collect();
        for job in open {
            self.changed(job);
        }
        self.step.more_ready = true;
    }
}
