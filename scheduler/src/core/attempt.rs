//! How attempts end, and what follows for their tasks and jobs.

use bramble_protocol::agent::{AttemptReport, ToAgent};
use bramble_protocol::api::{JobState, LogEntry};
use bramble_protocol::node::reference_us;
use bramble_protocol::{AttemptId, AttemptOutcome, JobId, NodeId, TaskId, Usage};

use super::Scheduler;
use super::action::Action;
use super::config::{JOB_LOG_BYTES_MAX, MESSAGE_BYTES_MAX};
use super::energy::reckon;
use super::event::ConnectionId;
use super::job::{Job, OpenJob};
use super::mutant::{Mutant, mutated};
use super::node::Held;
use super::record::{Ended, Record};
use super::retry;
use super::task::TaskState;
use super::trial::{Lent, Next, breaks_node};

/// How an attempt ended.
pub(super) struct Ending {
    pub(super) outcome: AttemptOutcome,
    pub(super) usage: Usage,
    pub(super) log: String,
    /// Whether the guest said that no task of a later chunk is needed.
    pub(super) enough: bool,
    /// Whether its node ran nothing else when it was lost.
    pub(super) alone: bool,
}

impl Scheduler {
    /// Takes reports. All are acknowledged, also those that come too late to count, so that the
    /// agent forgets them.
    pub(super) fn on_reports(
        &mut self,
        connection: ConnectionId,
        node: NodeId,
        reports: Vec<AttemptReport>,
    ) {
        let speed = self.cluster.get(node).speed;
        let mut late = Vec::new();
        let mut leases: Vec<_> = reports.iter().map(|report| report.lease).collect();
        for report in reports {
            let AttemptReport { lease, attempt, outcome, usage, log, enough } = report;
            let mut usage = usage.bounded();
            usage.reference_us = speed.map_or(0, |speed| reference_us(usage.cpu_us, speed));
            reckon(self.cluster.get(node), &mut usage);
            let held = self.held(node, lease, attempt).or_else(|| self.adopt(node, lease, attempt));
            let Some(held) = held else {
                late.push(lease);
                continue;
            };
            self.conclude(node, held, Ending { outcome, usage, log, enough, alone: false });
            self.end_if_spent(attempt.task.job);
        }
        if mutated(Mutant::LateNotAcknowledged) {
            leases.retain(|lease| !late.contains(lease));
        }
        if !leases.is_empty() {
            let message = ToAgent::Acknowledge { leases };
            self.step.actions.push(Action::Send { connection, message });
        }
        self.step.hungry.insert(node);
    }

    /// Ends an attempt whose lease a node holds.
    pub(super) fn conclude(&mut self, node: NodeId, held: Held, ending: Ending) {
        let Held { attempt, leased_at, .. } = held;
        let Ending { outcome, usage, log, enough, alone } = ending;
        let outcome = sound(self.open(attempt.task.job), attempt, outcome);
        let (enough, log) = self.heed_enough(attempt.task, enough, log);
        self.save_log(node, attempt, &outcome, log, usage);
        if self.is_done(attempt.task) {
            self.conclude_echo(node, attempt, &outcome, enough);
            if self.open.contains(&attempt.task.job) {
                self.end_if_over(attempt.task.job);
            }
            return;
        }
        let (leased_at_ms, at_ms) = (leased_at.0, self.now.0);
        if let AttemptOutcome::Succeeded { outputs } = outcome {
            if self.open(attempt.task.job).spec.policy.quorum > 1 {
                self.conclude_vote(node, held, (outputs, enough), usage);
                self.end_if_over(attempt.task.job);
                return;
            }
            self.commit(Record::TaskSucceeded {
                attempt,
                node,
                leased_at_ms,
                at_ms,
                outputs,
                usage,
                enough,
            });
            self.spare_twins(attempt.task);
            self.clear_of_faults(node);
        } else {
            let open = self.open(attempt.task.job);
            let trial = open.trial(attempt.task.index).expect("a task that is leased has a trial");
            let brought_down = breaks_node(&outcome, alone);
            let poison = retry::is_poison(trial, node, brought_down);
            let next = match poison {
                true => Next::Never,
                false => retry::next(&open.spec, trial, &outcome, self.now),
            };
            let fatal = next == Next::Never;
            let exonerated = if fatal { trial.failed_on.clone() } else { Vec::new() };
            if fatal {
                self.recall_others(node, attempt);
            }
            let fault = outcome.clone();
            self.commit(Record::AttemptFailed {
                attempt,
                node,
                leased_at_ms,
                at_ms,
                outcome,
                fatal,
                usage: (usage != Usage::default()).then(|| Box::new(usage)),
                retry_at_ms: if let Next::Later(until) = next { Some(until.0) } else { None },
                brought_down,
                poison,
            });
            self.redo_unreadable(attempt.task, &fault);
            if exonerated.iter().any(|other| *other != node) {
                self.exonerate(attempt.task.job, &exonerated);
            } else {
                self.hold_against(node, attempt.task.job, &fault);
            }
        }
        self.end_if_over(attempt.task.job);
    }

    /// Whether a task needs no more attempts: what still comes is a twin of the one that counted.
    fn is_done(&self, task: TaskId) -> bool {
        matches!(self.open(task.job).tasks[task.index as usize].state, TaskState::Succeeded { .. })
    }

    /// Takes back all leases of a task but that of one attempt.
    fn recall_others(&mut self, node: NodeId, attempt: AttemptId) {
        let others = |lent: &Lent| (lent.node, lent.number) != (node, attempt.number);
        for lent in self.recall(attempt.task, others) {
            self.revoke_from(lent.node, lent.lease);
        }
    }

    /// Takes back all leases of a task, which is ready again if it was leased.
    pub(super) fn recall_all(&mut self, task: TaskId) {
        for lent in self.recall(task, |_| true) {
            self.revoke_from(lent.node, lent.lease);
        }
        if let Some(open) = self.jobs.get_mut(&task.job).and_then(Job::open_mut) {
            open.settle(task.index);
        }
    }

    /// Forgets those leases of a task that `which` names.
    pub(super) fn recall(&mut self, task: TaskId, which: impl Fn(&Lent) -> bool) -> Vec<Lent> {
        let leases = self.open(task.job).trial(task.index).map(|trial| trial.leases.clone());
        let mut recalled = leases.unwrap_or_default();
        recalled.retain(which);
        for lent in &recalled {
            self.cluster.update(lent.node, |node| node.release(lent.lease));
            self.step.hungry.insert(lent.node);
            if let Some(open) = self.jobs.get_mut(&task.job).and_then(Job::open_mut) {
                open.drop_lease(task.index, lent.lease);
            }
        }
        recalled
    }

    /// Writes down the end of a job that is over, and takes all that it still holds.
    pub(super) fn end_if_over(&mut self, id: JobId) {
        if let Some(ended) = self.end_pending(id) {
            return self.end(ended);
        }
        let Some(open) = self.jobs.get(&id).and_then(Job::open) else { return };
        if !open.state().is_final() {
            return;
        }
        let leased: Vec<Lent> = open.leases().map(|(_, lent)| lent).collect();
        let mut ended = open.summary(self.now, |node| self.cluster.get(node).name.clone());
        ended.results = self.kept_results(id);
        for Lent { node, lease, .. } in leased {
            if !mutated(Mutant::EndKeepsLeases) {
                self.cluster.update(node, |node| node.release(lease));
            }
            self.step.hungry.insert(node);
            self.revoke_from(node, lease);
        }
        self.end(ended);
    }

    /// Writes down the end of a job, and forgets the oldest if there are too many.
    fn end(&mut self, mut ended: Ended) {
        let id = ended.job;
        ended.shape = self.jobs.get(&id).map(Job::shape);
        self.commit(Record::JobEnded(Box::new(ended)));
        self.save_usage(id);
        if let Some(view) = self.job(id) {
            self.step.actions.push(Action::JobEnded(Box::new(view)));
        }
        while self.ended.len() > self.config.jobs_ended_max.max(1) {
            let oldest = self.ended.iter().find(|id| !self.graph.needs(**id));
            let Some(oldest) = oldest.copied() else { return };
            let next = Some(JobId(self.next_job));
            self.commit(Record::JobForgotten { job: oldest, next });
        }
    }

    /// Keeps what an attempt logged, and that it failed. A success without a log leaves nothing.
    fn save_log(
        &mut self,
        node: NodeId,
        attempt: AttemptId,
        outcome: &AttemptOutcome,
        log: String,
        usage: Usage,
    ) {
        let succeeded = matches!(outcome, AttemptOutcome::Succeeded { .. });
        let job = attempt.task.job;
        let Some(open) = self.jobs.get_mut(&job).and_then(Job::open_mut) else { return };
        let room = JOB_LOG_BYTES_MAX.saturating_sub(open.log_bytes);
        let text = truncated(log, room.min(open.spec.limits.log_bytes_max as usize));
        if succeeded && text.is_empty() {
            return;
        }
        open.log_bytes += text.len();
        let entry = LogEntry {
            task: attempt.task,
            attempt: attempt.number,
            phase: open.plan.phase(attempt.task.index).kind(),
            index: open.plan.place(attempt.task.index).0,
            node: self.cluster.get(node).name.clone(),
            at_ms: self.now.0,
            outcome: outcome.slug().to_owned(),
            error: (!succeeded).then(|| outcome.message()),
            text,
            usage,
        };
        self.step.actions.push(Action::SaveLog { job, entry: Box::new(entry) });
    }

    /// A job that must be open: leases are held only for tasks of such jobs.
    pub(super) fn open(&self, id: JobId) -> &OpenJob {
        self.jobs.get(&id).and_then(Job::open).expect("the job is open")
    }

    /// The state of a job, if it is known.
    pub fn job_state(&self, id: JobId) -> Option<JobState> {
        self.jobs.get(&id).map(Job::state)
    }
}

/// What an agent said, made fit to be kept: within limits, and nothing that only the head may
/// say.
fn sound(open: &OpenJob, attempt: AttemptId, outcome: AttemptOutcome) -> AttemptOutcome {
    // Unlike a log, a message says the most at its beginning.
    let cut = |mut text: String| {
        text.truncate(text.floor_char_boundary(MESSAGE_BYTES_MAX));
        text
    };
    match outcome {
        AttemptOutcome::Succeeded { outputs } => {
            let expected = open.plan.outputs(open.plan.phase(attempt.task.index));
            if outputs.len() == expected as usize || mutated(Mutant::AnyOutputs) {
                AttemptOutcome::Succeeded { outputs }
            } else {
                let found = outputs.len();
                let message = format!("it reported {found} outputs instead of {expected}");
                AttemptOutcome::NodeFault { message }
            }
        }
        AttemptOutcome::GuestFailed { error, message } => {
            AttemptOutcome::GuestFailed { error, message: cut(message) }
        }
        AttemptOutcome::Trapped { trap, message } => {
            AttemptOutcome::Trapped { trap, message: cut(message) }
        }
        AttemptOutcome::ChunkMissing { digest, message } => {
            AttemptOutcome::ChunkMissing { digest, message: cut(message) }
        }
        AttemptOutcome::NodeFault { message } => {
            AttemptOutcome::NodeFault { message: cut(message) }
        }
        AttemptOutcome::Disagreed { .. } | AttemptOutcome::Canceled => {
            AttemptOutcome::NodeFault { message: "it dropped the attempt by itself".into() }
        }
        outcome => outcome,
    }
}

/// The end of a text, at most `bytes_max` long: the last lines tell most.
pub(super) fn truncated(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let mut from = text.len() - bytes_max;
        while !text.is_char_boundary(from) {
            from += 1;
        }
        text.drain(..from);
    }
    text
}
