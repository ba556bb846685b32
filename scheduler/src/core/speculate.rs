//! Leases for tasks that have one already: slow ones, and results to be compared. They are given
//! only where a slot would be idle, and are the first to go when work is ready.

use bramble_protocol::{NodeId, ObjectRef, PhaseKind, TaskId};

use super::Scheduler;
use super::artefact::Artefact;
use super::job::{Job, OpenJob};
use super::node::Node;
use super::task::TaskState;
use super::trial::{Lent, Trial};

/// A task is not taken for slow before it took so much longer than expected, in microseconds.
const LATE_US_MIN: u64 = 1_000_000;
/// Trials that are looked at in one tick.
const SCAN_MAX: usize = 20_000;
/// Idle nodes that are looked at for one task.
const NODES_MAX: usize = 64;

/// Why a task should have another lease, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Want {
    /// Two results differ, and a third must decide.
    Dispute,
    /// More than one result is wanted.
    Quorum,
    /// It may take too long where it is.
    Slow,
    /// Its result is to be checked.
    Check,
}

impl Scheduler {
    /// Gives idle slots what they can do beside ready work. To be called now and then, after all
    /// ready work was given out.
    pub(super) fn give_extras(&mut self) {
        for (_, task) in self.wanted() {
            if self.cluster.index().idle.is_empty() {
                return;
            }
            if let Some((node, artefact)) = self.node_for(task) {
                self.give_extra(task, node, artefact);
            }
        }
    }

    /// The tasks that should have another lease.
    fn wanted(&self) -> Vec<(Want, TaskId)> {
        let mut wanted = Vec::new();
        let idle = self.cluster.index().idle.iter().take(NODES_MAX);
        let idle = idle.map(|(_, _, _, id)| self.cluster.get(*id));
        let Some(fastest) = idle.max_by_key(|node| node.speed) else { return wanted };
        let jobs = self.open.iter().filter_map(|id| self.jobs.get(id).and_then(Job::open));
        let jobs = jobs.filter(|open| open.fate.is_none() && !open.locked);
        let jobs = jobs.filter(|open| !self.awaits_comeback(open.restored));
        let trials = jobs.flat_map(|open| open.trials.iter().map(move |trial| (open, trial)));
        for (open, (index, trial)) in trials.take(SCAN_MAX) {
            let Some(want) = want(open, *index, trial) else { continue };
            // Nearly all that are leased are not late, and no other node would be faster.
            if want != Want::Slow || self.is_faster(open, *index, trial.leases[0], fastest) {
                wanted.push((want, open.task_id(*index)));
            }
        }
        wanted.sort();
        wanted
    }

    /// The idle node that should run a task beside those that do, or have.
    fn node_for(&self, task: TaskId) -> Option<(NodeId, ObjectRef)> {
        let open = self.open(task.job);
        let trial = open.trial(task.index)?;
        let want = want(open, task.index, trial)?;
        let idle = self.cluster.index().idle.iter().take(NODES_MAX);
        idle.map(|(_, _, _, id)| self.cluster.get(*id)).find_map(|node| {
            let fits = self.is_within_cap(node)
                && self.may_take(open, trial, node)
                && match want {
                    Want::Dispute | Want::Quorum | Want::Check => true,
                    Want::Slow => {
                        !self.is_too_costly(open, node)
                            && self.is_faster(open, task.index, trial.leases[0], node)
                    }
                };
            let spec = &open.spec;
            match self.artefact(&spec.module, node.class, spec.mode) {
                Some(Artefact::Ready(artefact)) if fits => Some((node.id, *artefact)),
                _ => None,
            }
        })
    }

    /// Whether a node may run a task beside others, so that their results can be compared.
    fn may_take(&self, open: &OpenJob, trial: &Trial, node: &Node) -> bool {
        !trial.bars(node.id)
            && !trial.has_failed_on(node.id)
            && !node.is_on_trial()
            && open.admits(node.id, &node.name)
            && trial.votes.iter().all(|vote| self.can_compare(open, vote.node, node.id))
    }

    /// Whether there is a node that could settle a dispute.
    fn has_judge(&self, open: &OpenJob, trial: &Trial) -> bool {
        let mut present = self.cluster.index().present.iter().map(|id| self.cluster.get(*id));
        present.any(|node| node.is_available() && self.may_take(open, trial, node))
    }

    /// Gives up the disputes that nobody can settle.
    pub(super) fn leave_disputes(&mut self) {
        let mut left = Vec::new();
        for id in &self.open {
            let Some(open) = self.jobs.get(id).and_then(Job::open) else { continue };
            for index in &open.disputed {
                let Some(trial) = open.trial(*index) else { continue };
                if trial.leases.is_empty() && !self.has_judge(open, trial) {
                    left.push(open.task_id(*index));
                }
            }
        }
        for task in left {
            if self.job_state(task.job).is_some_and(|state| !state.is_final()) {
                self.leave_dispute(task);
            }
        }
    }

    /// Whether another node would be done with a task sooner than the one that has it.
    ///
    /// Either that one takes more than twice what is expected of it; or it is so slow that the
    /// other could do the task twice in what is left.
    fn is_faster(&self, open: &OpenJob, index: u32, lent: Lent, other: &Node) -> bool {
        let kind = open.plan.phase(index).kind();
        let node = self.cluster.get(lent.node);
        let Some(held) = node.leases.get(&lent.lease) else { return false };
        let Some(here) = expected_us(open, kind, node.speed) else { return false };
        let Some(there) = expected_us(open, kind, other.speed) else { return false };
        // It may have waited there behind others.
        let rounds = u64::from(node.leased().div_ceil(node.slots.max(1)).max(1));
        let here = here.saturating_mul(rounds);
        let elapsed = self.now.ms_since(held.leased_at).saturating_mul(1000);
        let is_late = elapsed > here.saturating_mul(2).saturating_add(LATE_US_MIN);
        let doubled = there.saturating_mul(2).saturating_add(LATE_US_MIN);
        is_late || here > elapsed.saturating_add(doubled)
    }

    fn give_extra(&mut self, task: TaskId, node: NodeId, artefact: ObjectRef) {
        let lease = self.give(task.job, node, task.index, artefact);
        self.cluster.update(node, |node| node.extras.insert(lease));
    }

    /// A task is done: what still runs of it only verifies, and gives way to ready work too.
    pub(super) fn spare_twins(&mut self, task: TaskId) {
        let trial = self.open(task.job).trial(task.index);
        let twins = trial.map(|trial| trial.leases.clone()).unwrap_or_default();
        for Lent { node, lease, .. } in twins {
            self.cluster.update(node, |node| node.extras.insert(lease));
        }
    }

    /// Takes back leases of this kind where ready work could run instead.
    pub(super) fn make_room(&mut self) {
        let nodes: Vec<NodeId> = self.cluster.index().extras.iter().copied().collect();
        for id in nodes {
            while let Some(lease) = self.cluster.get(id).extras.first().copied() {
                let task = self.cluster.get(id).leases[&lease].attempt.task;
                if self.is_only_lease(task) {
                    // The first one failed meanwhile, so that this one has become the task's own.
                    self.cluster.update(id, |node| node.extras.remove(&lease));
                    continue;
                }
                if !self.has_work_for(id) {
                    break;
                }
                self.recall(task, |lent: &Lent| lent.lease == lease);
                self.revoke_from(id, lease);
                self.changed(task.job);
                if !self.give_one(id) {
                    break;
                }
            }
        }
    }

    fn is_only_lease(&self, task: TaskId) -> bool {
        let open = self.open(task.job);
        open.tasks[task.index as usize].state == TaskState::Leased
            && open.trial(task.index).is_some_and(|trial| trial.leases.len() == 1)
    }
}

/// Whether a task should have another lease, as far as that does not depend on the node.
fn want(open: &OpenJob, index: u32, trial: &Trial) -> Option<Want> {
    match (&open.tasks[index as usize].state, trial.leases.len(), trial.votes.len()) {
        (TaskState::Succeeded { .. }, 0, 2) => Some(Want::Dispute),
        (TaskState::Succeeded { .. }, 0, 1) => Some(Want::Check),
        (TaskState::Leased, leases, votes) => {
            let quorum = open.spec.policy.quorum as usize;
            if quorum > 1 {
                return (leases + votes < quorum).then_some(Want::Quorum);
            }
            (leases == 1).then_some(Want::Slow)
        }
        _ => None,
    }
}

/// How long a task of a phase should take on a node of this speed, in microseconds; `None` before
/// the first of the phase is done.
pub(super) fn expected_us(open: &OpenJob, kind: PhaseKind, speed: Option<u32>) -> Option<u64> {
    let mean_us = open.mean_wall_us(kind)?;
    let usage = &open.phases.iter().find(|view| view.phase == kind)?.usage;
    let Some(speed) = speed.filter(|speed| *speed > 0 && usage.reference_us > 0) else {
        return Some(mean_us);
    };
    // The mean is of the nodes that did it, whose mean speed is reference over processor time.
    let reference = u128::from(mean_us) * u128::from(usage.reference_us) * 1000;
    let here = reference / (u128::from(usage.cpu_us.max(1)) * u128::from(speed));
    Some(u64::try_from(here).unwrap_or(u64::MAX))
}
