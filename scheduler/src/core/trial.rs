//! What is known of a task while it is tried: its leases, where it failed, and results to compare.
//!
//! Most tasks of a job only wait and have none of this, so it stands beside them: a trial exists
//! for a task that is leased, has failed, or has results that are not settled.

use bramble_protocol::{AttemptId, AttemptOutcome, LeaseId, NodeId, ObjectRef, Usage};

use super::event::Timestamp;
use super::job::{OpenJob, Success};
use super::mutant::{Mutant, mutated};
use super::record::Voice;
use super::task::TaskState;

/// Everything about one task that is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trial {
    /// Attempts that run or wait at nodes. More than one for a task that is slow, or verified.
    pub(crate) leases: Vec<Lent>,
    /// Nodes on which attempts failed, one entry for each failure.
    pub(crate) failed_on: Vec<NodeId>,
    /// Nodes that broke down under it, each once.
    pub(crate) brought_down: Vec<NodeId>,
    /// Results that must be compared before one counts.
    pub(crate) votes: Vec<Vote>,
}

/// A lease of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lent {
    pub(crate) lease: LeaseId,
    pub(crate) node: NodeId,
    /// Number of the attempt.
    pub(crate) number: u32,
}

/// What one node says that a task's result is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    /// Number of the attempt.
    pub(crate) number: u32,
    pub(crate) node: NodeId,
    pub(crate) leased_at: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) outputs: Box<[ObjectRef]>,
    pub(crate) usage: Usage,
    /// Whether it says that no task of a later chunk is needed.
    pub(crate) enough: bool,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) node: NodeId,
    pub(crate) leased_at: Timestamp,
    /// Whether the node broke down under it.
    pub(crate) brought_down: bool,
    /// Whether the task is given up because too many nodes did.
    pub(crate) poison: bool,
    pub(crate) next: Next,
}

/// What follows for a task from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is ready again, or goes on in another attempt.
    Again,
    /// It is ready again at this time.
    Later(Timestamp),
    /// It has failed for good.
    Never,
}

impl Vote {
    /// What an attempt that succeeded says.
    pub(crate) fn of(number: u32, success: &Success) -> Self {
        Self {
            number,
            node: success.node,
            leased_at: success.leased_at,
            at: success.at,
            outputs: success.outputs.as_slice().into(),
            usage: success.usage,
            enough: success.enough,
        }
    }

    fn by(voice: Voice, outputs: Box<[ObjectRef]>) -> Self {
        let Voice { number, node, enough } = voice;
        let (leased_at, at) = Default::default();
        Self { number, node, leased_at, at, outputs, usage: Usage::default(), enough }
    }

    /// Whether it gives this result.
    pub(crate) fn says(&self, outputs: &[ObjectRef], enough: bool) -> bool {
        *self.outputs == *outputs && self.enough == enough
    }
}

impl Trial {
    /// Whether there is nothing worth keeping.
    fn is_blank(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a node may not run the task: it does so already, or has.
    pub(crate) fn bars(&self, node: NodeId) -> bool {
        self.leases.iter().any(|lent| lent.node == node) || self.has_voted(node)
    }

    pub(crate) fn has_voted(&self, node: NodeId) -> bool {
        self.votes.iter().any(|vote| vote.node == node)
    }

    pub(crate) fn has_failed_on(&self, node: NodeId) -> bool {
        self.failed_on.contains(&node)
    }
}

/// Whether an outcome means that the node broke down under the task, or at least the process that
/// ran it. Of a node that went away that can be said only if it ran nothing else.
pub(crate) const fn breaks_node(outcome: &AttemptOutcome, alone: bool) -> bool {
    match outcome {
        AttemptOutcome::NodeFault { .. } => true,
        AttemptOutcome::NodeLost | AttemptOutcome::LeaseExpired => alone,
        _ => false,
    }
}

impl OpenJob {
    pub(crate) fn trial(&self, index: u32) -> Option<&Trial> {
        self.trials.get(&index)
    }

    /// The lease of an attempt, if it is out.
    pub(crate) fn lent(&self, index: u32, number: u32, node: NodeId) -> Option<Lent> {
        let mut leases = self.trial(index)?.leases.iter();
        leases.find(|lent| lent.number == number && lent.node == node).copied()
    }

    /// Remembers the number of an attempt, so that no other gets it.
    pub(crate) fn note_number(&mut self, attempt: AttemptId) {
        let task = &mut self.tasks[attempt.task.index as usize];
        task.number = task.number.max(attempt.number);
    }

    /// All leases of the job's tasks.
    pub(crate) fn leases(&self) -> impl Iterator<Item = (u32, Lent)> {
        self.trials
            .iter()
            .flat_map(|(index, trial)| trial.leases.iter().map(|lent| (*index, *lent)))
    }

    /// Notes a lease, and that its task is leased if it was free.
    pub(crate) fn lease(&mut self, index: u32, lent: Lent, at: Timestamp) {
        if matches!(self.tasks[index as usize].state, TaskState::Ready | TaskState::Delayed { .. })
        {
            self.set_state(index, TaskState::Leased);
        }
        let task = &mut self.tasks[index as usize];
        task.number = task.number.max(lent.number);
        self.trials.entry(index).or_default().leases.push(lent);
        self.shares.entry(lent.node).or_default().leased += 1;
        self.started(index, at);
        self.join(lent.node);
    }

    /// Forgets a lease. The task's state stays as it is: see [`OpenJob::settle`].
    pub(crate) fn drop_lease(&mut self, index: u32, lease: LeaseId) {
        let Some(trial) = self.trials.get_mut(&index) else { return };
        let Some(at) = trial.leases.iter().position(|lent| lent.lease == lease) else { return };
        let lent = trial.leases.remove(at);
        let share = self.shares.get_mut(&lent.node).expect("a node with a lease has a share");
        share.leased -= 1;
        self.forget_blank(index);
    }

    /// Makes a task ready again that no node runs any more.
    pub(crate) fn settle(&mut self, index: u32) {
        let is_out = self.trial(index).is_some_and(|trial| !trial.leases.is_empty());
        if self.tasks[index as usize].state == TaskState::Leased && !is_out {
            self.set_state(index, TaskState::Ready);
        }
    }

    /// Notes that an attempt failed whose lease is dropped.
    pub(crate) fn note_failure(&mut self, index: u32, failure: Failure) {
        let Failure { node, leased_at, brought_down, next, .. } = failure;
        self.started(index, leased_at);
        let trial = self.trials.entry(index).or_default();
        trial.failed_on.push(node);
        if brought_down && !trial.brought_down.contains(&node) {
            trial.brought_down.push(node);
        }
        let is_out = !trial.leases.is_empty();
        match next {
            Next::Never => {
                self.set_state(index, TaskState::Failed);
                return;
            }
            Next::Again | Next::Later(_) if is_out => {}
            Next::Later(until) => self.set_state(index, TaskState::Delayed { until }),
            // It may be ready already, and now stands with those that failed before.
            Next::Again => self.set_state(index, TaskState::Ready),
        }
        self.counts.retried += 1;
    }

    /// Keeps a result that does not count yet; the lease of its attempt is dropped.
    pub(crate) fn note_vote(&mut self, index: u32, vote: Vote) {
        self.started(index, vote.leased_at);
        self.join(vote.node);
        self.usage.add(&vote.usage);
        self.shares.entry(vote.node).or_default().used(&vote.usage);
        let trial = self.trials.entry(index).or_default();
        trial.votes.push(vote);
        if trial.leases.is_empty() {
            self.set_state(index, TaskState::Ready);
        }
    }

    /// Keeps the result of a task that is done, to compare another with it.
    pub(crate) fn watch(&mut self, index: u32, vote: Vote) {
        self.trials.entry(index).or_default().votes = vec![vote];
    }

    /// Keeps two results of a task that is done, of which one counts.
    pub(crate) fn dispute(
        &mut self,
        index: u32,
        accepted: Voice,
        other: Voice,
        outputs: Vec<ObjectRef>,
    ) {
        let first = Vote::by(accepted, self.outputs(index).into());
        let second = Vote::by(other, outputs.into());
        self.trials.entry(index).or_default().votes = vec![first, second];
        self.disputed.insert(index);
    }

    /// Makes tasks ready whose time has come, and returns how many.
    pub(crate) fn wake(&mut self, now: Timestamp) -> u32 {
        let mut woken = 0;
        if mutated(Mutant::RetryForgotten) {
            return woken;
        }
        while let Some(&(until, index)) = self.delayed.first()
            && until <= now
        {
            self.set_state(index, TaskState::Ready);
            woken += 1;
        }
        woken
    }

    /// Forgets all of a task that has failed, and returns it.
    pub(crate) fn take_trial(&mut self, index: u32) -> Trial {
        self.trials.remove(&index).unwrap_or_default()
    }

    /// Forgets of a task that is done all but the leases that are still out.
    pub(crate) fn forget_trial(&mut self, index: u32) {
        if let Some(trial) = self.trials.get_mut(&index) {
            *trial = Trial { leases: std::mem::take(&mut trial.leases), ..Trial::default() };
            self.forget_blank(index);
        }
    }

    fn forget_blank(&mut self, index: u32) {
        if self.trials.get(&index).is_some_and(Trial::is_blank) {
            self.trials.remove(&index);
        }
    }
}
