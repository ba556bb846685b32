//! Carrying out records: the one way in which the lasting state changes, both when a decision is
//! made and when the journal is read.

use std::sync::Arc;

use bramble_protocol::api::{FailureView, JobView};
use bramble_protocol::{AttemptId, AttemptOutcome, JobId, JobSpec, NodeId, TaskId};

use super::Scheduler;
use super::config::Config;
use super::event::Timestamp;
use super::job::{Body, Fate, Job, OpenJob, Success};
use super::kept::Kept;
use super::node::Node;
use super::quarantine::Quarantine;
use super::record::{Ended, Record, Shape, Submitted};
use super::task::TaskState;
use super::trial::{Failure, Next, Vote};
use super::trust::Trust;

/// Why records do not make a state: the journal is damaged, or was written by a program with a
/// fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A record speaks of a job that no record before it made, or that had ended.
    #[error("a `{record}` record speaks of job {job}, which is not open at that point")]
    NoSuchJob {
        /// The record's kind.
        record: &'static str,
        /// The job.
        job: JobId,
    },
    /// A record speaks of a task that does not exist, or is not due.
    #[error("a record speaks of attempt {attempt}, which cannot have been made at that point")]
    NoSuchAttempt {
        /// The attempt.
        attempt: AttemptId,
    },
    /// A record speaks of a task that does not exist, or is not ready.
    #[error("a record speaks of task {task}, which cannot have been done at that point")]
    NoSuchTask {
        /// The task.
        task: TaskId,
    },
    /// A record speaks of a node that no record before it made.
    #[error("a record speaks of node {node}, which was never connected at that point")]
    NoSuchNode {
        /// The node.
        node: NodeId,
    },
    /// A job is over, but the record of its end is missing.
    #[error("the record of the end of job {job} is missing")]
    NoEnd {
        /// The job.
        job: JobId,
    },
}

impl Scheduler {
    /// The state that records lead to. [`Scheduler::start`] must follow.
    ///
    /// # Errors
    /// When the records cannot have been written in this order.
    pub fn restore(
        config: Config,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, ReplayError> {
        let mut scheduler = Self::new(config);
        for record in records {
            scheduler.replay(record)?;
        }
        scheduler.finish_replay()?;
        Ok(scheduler)
    }

    /// Carries out one record of the journal.
    ///
    /// # Errors
    /// When it does not follow from those before.
    pub fn replay(&mut self, record: Record) -> Result<(), ReplayError> {
        let done = self.perform(record);
        // What follows from it is in the records after it.
        self.step.ready.clear();
        self.step.ready_jobs.clear();
        self.step.unsettled.clear();
        done
    }

    /// Checks that the journal did not end in the midst of a decision.
    ///
    /// # Errors
    /// When it did.
    pub fn finish_replay(&mut self) -> Result<(), ReplayError> {
        self.step = super::Step::default();
        for id in &self.open {
            let Some(open) = self.jobs.get_mut(id).and_then(Job::open_mut) else { continue };
            if open.state().is_final() {
                return Err(ReplayError::NoEnd { job: *id });
            }
            open.restored = true;
        }
        Ok(())
    }

    pub(super) fn perform(&mut self, record: Record) -> Result<(), ReplayError> {
        let kind = record.kind();
        match record {
            Record::HeadStarted { epoch } => self.lease_numbers.enter(epoch),
            Record::NodeKnown { node, name, class } => {
                if node.0 as usize == self.cluster.len() + 1 {
                    self.cluster.push(Node::new(node, name, class));
                } else {
                    self.check_node(node)?;
                    self.cluster.update(node, |node| node.class = class);
                }
            }
            Record::NodeDraining { node, reason } => {
                self.check_node(node)?;
                self.cluster.update(node, |node| node.draining = reason);
            }
            Record::NodeQuarantined { node, reason, until_ms, times } => {
                self.check_node(node)?;
                let until = Timestamp(until_ms);
                let quarantine =
                    reason.map(|reason| Quarantine { reason, until, times, on_trial: false });
                self.cluster.update(node, |node| node.quarantine = quarantine);
            }
            Record::PowerWish { node, wish } => self.rack.set_wish(node, wish),
            Record::NodeBooted { node, ms } => self.rack.set_boot(node, ms),
            Record::NodeDistrusted { node, wrong, reason } => {
                self.check_node(node)?;
                let trust = Trust { valid: 0, wrong, last_wrong: Some(reason) };
                self.cluster.update(node, |node| node.trust = trust);
            }
            Record::TaskVoted { attempt, node, leased_at_ms, at_ms, outputs, usage, enough } => {
                let vote = Vote {
                    number: attempt.number,
                    node,
                    leased_at: Timestamp(leased_at_ms),
                    at: Timestamp(at_ms),
                    outputs: outputs.into(),
                    usage,
                    enough,
                };
                self.perform_vote(attempt, vote)?;
            }
            Record::TaskDisputed { task, at_ms, accepted, other, outputs } => {
                self.now = self.now.max(Timestamp(at_ms));
                self.check_node(accepted.node)?;
                self.check_node(other.node)?;
                self.done_task(kind, task)?.dispute(task.index, accepted, other, outputs);
                self.changed(task.job);
            }
            Record::TaskSettled { task, at_ms } => {
                self.now = self.now.max(Timestamp(at_ms));
                let open = self.done_task(kind, task)?;
                open.disputed.remove(&task.index);
                open.forget_trial(task.index);
                self.changed(task.job);
            }
            Record::JobSubmitted(submitted) => self.perform_submitted(*submitted),
            Record::TaskSucceeded {
                attempt,
                node,
                leased_at_ms,
                at_ms,
                outputs,
                usage,
                enough,
            } => {
                let success = Success {
                    node,
                    leased_at: Timestamp(leased_at_ms),
                    at: Timestamp(at_ms),
                    outputs,
                    usage,
                    enough,
                };
                self.perform_success(attempt, success)?;
            }
            Record::JobReleased { job, at_ms, chunks, partitions } => {
                self.perform_released(job, at_ms, chunks, partitions)?;
            }
            Record::TaskReused { task, key, at_ms, outputs, cpu_us, enough, takes_over } => {
                let kept = Kept { key, outputs, cpu_us, agreed: 0, enough };
                self.perform_reuse(task, Timestamp(at_ms), kept, takes_over)?;
                if enough {
                    self.cut_after(task, Timestamp(at_ms));
                }
            }
            Record::TaskUndone { task } => self.perform_undone(task)?,
            Record::ResultsDropped { keys } => self.drop_results(&keys),
            Record::AttemptFailed {
                attempt,
                node,
                leased_at_ms,
                at_ms,
                outcome,
                fatal,
                usage,
                retry_at_ms,
                brought_down,
                poison,
            } => {
                self.now = self.now.max(Timestamp(at_ms));
                self.charge(attempt.task.job, &usage.unwrap_or_default());
                let next = match retry_at_ms {
                    _ if fatal => Next::Never,
                    Some(until) => Next::Later(Timestamp(until)),
                    None => Next::Again,
                };
                let leased_at = Timestamp(leased_at_ms);
                let failure = Failure { node, leased_at, brought_down, poison, next };
                self.perform_failure(attempt, failure, outcome)?;
            }
            Record::JobFailed { job, at_ms, reason } => {
                self.perform_fate(kind, job, at_ms, Fate::Unrunnable(reason))?;
            }
            Record::JobCanceled { job, at_ms } => {
                self.perform_fate(kind, job, at_ms, Fate::Canceled)?;
            }
            Record::JobEnded(ended) => self.perform_ended(ended)?,
            record @ (Record::UserLimits { .. }
            | Record::LessonBegan { .. }
            | Record::QueuePaused { .. }
            | Record::JobPrioritised { .. }
            | Record::UsageAt { .. }) => self.perform_turn(record)?,
            Record::JobForgotten { job, next } => {
                // The job's own records are gone already when the journal is read again.
                self.next_job = self.next_job.max(job.0 + 1).max(next.map_or(0, |next| next.0));
                self.ended.retain(|id| *id != job);
                self.forget_shape(job);
                self.jobs.remove(&job);
                self.forget_results(job);
            }
        }
        Ok(())
    }

    fn perform_submitted(&mut self, submitted: Submitted) {
        let id = submitted.job;
        let submitted_at = Timestamp(submitted.at_ms);
        self.now = self.now.max(submitted_at);
        self.next_job = self.next_job.max(id.0 + 1);
        let spec = Arc::new(submitted.spec.clone());
        let (input, partitions) = (spec.input, submitted.partitions);
        let input_bytes = submitted.chunks.iter().map(|chunk| chunk.size).sum();
        let is_downstream = super::graph::is_downstream(&spec);
        let body = if is_downstream {
            self.await_upstream(submitted)
        } else {
            self.open_body(submitted, Arc::clone(&spec))
        };
        if !is_downstream {
            self.note_shape(id, &spec, input);
        }
        self.jobs.insert(id, Job { id, spec, submitted_at, input_bytes, input, partitions, body });
        self.step.changed.insert(id);
    }

    /// Gives a job its tasks.
    pub(super) fn open_body(&mut self, submitted: Submitted, spec: Arc<JobSpec>) -> Body {
        let id = submitted.job;
        self.modules.entry(spec.module).or_default().jobs.insert(id);
        let mut open = OpenJob::new(submitted, spec);
        open.locked = self.lacks_secrets(id, open.spec.secrets.as_ref());
        self.tasks_open += open.tasks.len();
        self.queue.sync(&open);
        self.open.insert(id);
        self.step.more_ready = true;
        self.step.ready_jobs.push(id);
        Body::Open(Box::new(open))
    }

    fn perform_success(&mut self, attempt: AttemptId, success: Success) -> Result<(), ReplayError> {
        self.now = self.now.max(success.at);
        self.detach(attempt, success.node)?;
        let index = attempt.task.index;
        let trial = self.open(attempt.task.job).trial(index);
        let voted = trial.is_some_and(|trial| trial.has_voted(success.node));
        let has_twin = trial.is_some_and(|trial| !trial.leases.is_empty());
        if !voted {
            self.charge(attempt.task.job, &success.usage);
            self.cluster.update(success.node, |node| node.succeeded += 1);
        }
        let is_watched = has_twin || (!voted && self.is_spot_checked(attempt.task));
        let vote = is_watched.then(|| Vote::of(attempt.number, &success));
        let open = self.open_job("task-succeeded", attempt.task.job)?;
        open.note_number(attempt);
        let (cpu_us, enough, at) = (success.usage.cpu_us, success.enough, success.at);
        let ready = open.succeed(index, success, voted);
        if let Some(vote) = vote {
            open.watch(index, vote);
        }
        if enough {
            self.cut_after(attempt.task, at);
        }
        self.keep_result(attempt.task, cpu_us);
        self.became_ready(attempt.task.job, ready);
        Ok(())
    }

    fn perform_vote(&mut self, attempt: AttemptId, vote: Vote) -> Result<(), ReplayError> {
        self.now = self.now.max(vote.at);
        self.detach(attempt, vote.node)?;
        self.charge(attempt.task.job, &vote.usage);
        self.cluster.update(vote.node, |node| node.succeeded += 1);
        let open = self.open_job("task-voted", attempt.task.job)?;
        open.note_number(attempt);
        open.note_vote(attempt.task.index, vote);
        self.step.more_ready = true;
        self.changed(attempt.task.job);
        Ok(())
    }

    /// The job of a task that is done.
    fn done_task(
        &mut self,
        record: &'static str,
        task: TaskId,
    ) -> Result<&mut OpenJob, ReplayError> {
        let open = self.open_job(record, task.job)?;
        match open.tasks.get(task.index as usize).map(|task| &task.state) {
            Some(TaskState::Succeeded { .. }) => Ok(open),
            _ => Err(ReplayError::NoSuchAttempt { attempt: AttemptId { task, number: 0 } }),
        }
    }

    fn perform_reuse(
        &mut self,
        task: TaskId,
        at: Timestamp,
        kept: Kept,
        takes_over: bool,
    ) -> Result<(), ReplayError> {
        self.now = self.now.max(at);
        let open = self.open_job("task-reused", task.job)?;
        let state = open.tasks.get(task.index as usize).map(|task| &task.state);
        // Of the end of a pause before another attempt there is no record.
        if !matches!(state, Some(TaskState::Ready | TaskState::Delayed { .. })) {
            return Err(ReplayError::NoSuchTask { task });
        }
        let ready = open.reuse(task.index, kept.outputs.clone(), kept.cpu_us, at);
        self.note_reuse(task.job, kept, takes_over);
        self.became_ready(task.job, ready);
        Ok(())
    }

    fn became_ready(&mut self, job: JobId, ready: Vec<u32>) {
        self.step.more_ready |= !ready.is_empty();
        self.step.ready.extend(ready.into_iter().map(|index| TaskId { job, index }));
        self.changed(job);
    }

    fn perform_failure(
        &mut self,
        attempt: AttemptId,
        failure: Failure,
        outcome: AttemptOutcome,
    ) -> Result<(), ReplayError> {
        let Failure { node, next, poison, .. } = failure;
        self.detach(attempt, node)?;
        self.cluster.update(node, |node| node.failed += 1);
        let name = self.cluster.get(node).name.clone();
        let index = attempt.task.index;
        let brought_down = if poison { self.brought_down(attempt.task, node) } else { Vec::new() };
        let open = self.open_job("attempt-failed", attempt.task.job)?;
        open.note_number(attempt);
        open.note_failure(index, failure);
        if next == Next::Never {
            let trial = open.take_trial(index);
            let failure = FailureView {
                task: attempt.task,
                phase: open.plan.phase(index).kind(),
                index: open.plan.place(index).0,
                node: name,
                attempts: trial.failed_on.len() as u32,
                outcome,
                brought_down,
            };
            if open.failures.len() < JobView::FAILURES_MAX {
                open.failures.push(failure.clone());
            }
            if open.counts.ended > open.spec.policy.max_fails {
                open.fate = Some(Fate::Failed(failure));
            }
        } else {
            self.step.more_ready = true;
        }
        self.changed(attempt.task.job);
        Ok(())
    }

    fn perform_fate(
        &mut self,
        record: &'static str,
        job: JobId,
        at_ms: u64,
        fate: Fate,
    ) -> Result<(), ReplayError> {
        self.now = self.now.max(Timestamp(at_ms));
        match self.jobs.get_mut(&job).and_then(Job::pending_mut) {
            Some(pending) => pending.fate = Some(fate),
            None => self.open_job(record, job)?.fate = Some(fate),
        }
        self.changed(job);
        Ok(())
    }

    fn perform_ended(&mut self, mut ended: Box<Ended>) -> Result<(), ReplayError> {
        let id = ended.job;
        self.now = self.now.max(Timestamp(ended.ended_at_ms));
        let missing = ReplayError::NoSuchJob { record: "job-ended", job: id };
        self.take_pending(id);
        let (state, shape, has_tasks) = (ended.state, ended.shape, ended.tasks.total > 0);
        let job = self.jobs.get_mut(&id).ok_or(missing)?;
        if let Some(Shape { input, input_bytes, partitions }) = shape {
            // When the journal is read, the job came without its chunks.
            (job.input, job.input_bytes, job.partitions) = (input, input_bytes, partitions);
        }
        if let Body::Open(open) = &job.body {
            self.tasks_open -= open.tasks.len();
            self.step.more_ready |= self.queue.remove(id);
        }
        let digest = job.spec.module;
        if let Some(module) = self.modules.get_mut(&digest) {
            module.jobs.remove(&id);
        }
        let results = std::mem::take(&mut ended.results);
        job.body = Body::Ended(ended);
        self.keep_results(id, digest, results);
        let is_unused = |module: &super::Module| module.jobs.is_empty();
        if self.modules.get(&digest).is_some_and(is_unused) && !self.is_calibration(&digest) {
            self.modules.remove(&digest);
        }
        if let (Some(shape), Some(job)) = (shape, self.jobs.get(&id))
            && super::graph::is_downstream(&job.spec)
            && has_tasks
        {
            let spec = Arc::clone(&job.spec);
            self.note_shape(id, &spec, shape.input);
        }
        self.open.remove(&id);
        self.unlocked.remove(&id);
        self.ended.push_back(id);
        self.settle_waiters(id, state);
        Ok(())
    }

    /// Names of the nodes that broke down under a task, of which `last` is the last.
    fn brought_down(&self, task: TaskId, last: NodeId) -> Vec<String> {
        let trial = self.open(task.job).trial(task.index);
        let mut nodes = trial.map(|trial| trial.brought_down.clone()).unwrap_or_default();
        if !nodes.contains(&last) {
            nodes.push(last);
        }
        nodes.into_iter().map(|node| self.cluster.get(node).name.clone()).collect()
    }

    /// Takes an attempt that ended from the node that holds its lease, if one does.
    fn detach(&mut self, attempt: AttemptId, node: NodeId) -> Result<(), ReplayError> {
        self.check_node(node)?;
        let index = attempt.task.index;
        let open = self.open_job("attempt", attempt.task.job)?;
        match open.tasks.get(index as usize).map(|task| &task.state) {
            Some(TaskState::Ready | TaskState::Delayed { .. } | TaskState::Leased) => {}
            _ => return Err(ReplayError::NoSuchAttempt { attempt }),
        }
        if let Some(lent) = open.lent(index, attempt.number, node) {
            open.drop_lease(index, lent.lease);
            self.cluster.update(node, |node| node.release(lent.lease));
            self.step.hungry.insert(node);
        }
        Ok(())
    }

    fn check_node(&self, node: NodeId) -> Result<(), ReplayError> {
        let known = (1..=self.cluster.len()).contains(&(node.0 as usize));
        if known { Ok(()) } else { Err(ReplayError::NoSuchNode { node }) }
    }

    fn open_job(&mut self, record: &'static str, job: JobId) -> Result<&mut OpenJob, ReplayError> {
        self.jobs
            .get_mut(&job)
            .and_then(Job::open_mut)
            .ok_or(ReplayError::NoSuchJob { record, job })
    }

    /// Notes that an open job changed.
    pub(super) fn changed(&mut self, job: JobId) {
        if let Some(open) = self.jobs.get(&job).and_then(Job::open) {
            self.step.more_ready |= self.queue.sync(open);
        }
        self.step.changed.insert(job);
    }
}
