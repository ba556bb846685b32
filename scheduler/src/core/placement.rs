//! Which node runs what: leases for free slots, and a few in advance where tasks are short.

use std::collections::BTreeSet;

use bramble_protocol::agent::Lease;
use bramble_protocol::{
    AttemptId, JobId, LeaseId, NodeId, NodeSelector, ObjectRef, Prefer, TaskId,
};

use super::Scheduler;
use super::artefact::Artefact;
use super::cluster::{Capacity, class_index};
use super::job::OpenJob;
use super::node::Node;
use super::trial::Trial;
use super::work::work;

/// Work that a slot should have waiting, so that it need not wait for the head: about the time
/// of a few round trips and journal writes.
const AHEAD_US: u64 = 50_000;
/// The most leases for one slot.
const DEPTH_MAX: u32 = 64;

/// In a job that more nodes have worked for, they are asked how fast they are only near its end,
/// when there are eight of them for each ready task: else each lease would cost a look at all.
const SHARES_MAX: usize = 256;

/// What a node could have of a job.
enum Fit {
    /// This task, by this artefact.
    Now(u32, ObjectRef),
    /// A task, when a slot is free. Nobody who comes later in the order gets one in advance
    /// meanwhile: else short tasks would keep all slots taken for ever.
    Full,
}

impl Scheduler {
    /// Gives out all leases that can be given now.
    pub(super) fn place(&mut self) {
        let hungry = std::mem::take(&mut self.step.hungry);
        if self.queue.is_empty() {
            return;
        }
        let more_ready = std::mem::take(&mut self.step.more_ready);
        if more_ready {
            self.spread();
        }
        for node in hungry {
            while self.give_one(node) {}
        }
        // Not for each report: it asks all nodes with such leases what they could do instead.
        let is_due = more_ready || std::mem::take(&mut self.step.ticked);
        if is_due && !self.queue.is_empty() {
            self.make_room();
        }
    }

    /// Fills free slots everywhere, one per node in turn and idle nodes first, so that few tasks
    /// do not crowd on one node.
    fn spread(&mut self) {
        loop {
            let idle: Vec<NodeId> =
                self.cluster.index().idle.iter().map(|(_, _, _, node)| *node).collect();
            let mut given = false;
            for node in idle {
                if self.queue.is_empty() {
                    return;
                }
                given |= self.give_one(node);
            }
            if !given {
                return;
            }
        }
    }

    /// Gives a node one lease of the next job that has a task for it.
    pub(super) fn give_one(&mut self, node: NodeId) -> bool {
        let asks = self.cluster.get(node);
        // Nothing in advance for those that may not be able to do it.
        let is_weak = asks.is_on_trial() || asks.care.ease.is_some();
        if !asks.is_available() || (is_weak && asks.free_slots() == 0) {
            return false;
        }
        if !self.is_within_cap(asks) {
            self.held_back = true;
            return false;
        }
        let mut held_back = false;
        let found = self.queue.order().find_map(|job| {
            let fit = self.fitting_task(job, node)?;
            let left = self.is_better_left(job, node);
            held_back |= left;
            (!left).then_some((job, fit))
        });
        self.held_back |= held_back;
        let Some((job, Fit::Now(index, artefact))) = found else { return false };
        // Meanwhile another job may have done the same.
        if !self.reuse_one(TaskId { job, index }) {
            self.give(job, node, index, artefact);
        }
        true
    }

    /// The task of a job that a node should get now.
    fn fitting_task(&self, id: JobId, node: NodeId) -> Option<Fit> {
        let open = self.open(id);
        let node = self.cluster.get(node);
        if self.awaits_comeback(open.restored) || !open.admits(node.id, &node.name) {
            return None;
        }
        let spec = &open.spec;
        let Some(Artefact::Ready(artefact)) = self.artefact(&spec.module, node.class, spec.mode)
        else {
            return None;
        };
        if node.free_slots() == 0 && node.leased() >= DEPTH_MAX * node.slots {
            return None;
        }
        let avoid = |trial: &Trial| {
            trial.bars(node.id)
                || trial.has_failed_on(node.id) && self.has_other_node(open, &trial.failed_on)
        };
        let index = open.next_ready(self.is_slow(node), avoid)?;
        if node.free_slots() == 0 {
            let mean_us = open.mean_wall_us(open.plan.phase(index).kind());
            let capacity = self.capacity(open);
            let depth = depth(mean_us, open.counts.ready, capacity);
            if node.leased() >= depth * node.slots {
                return Some(Fit::Full);
            }
        }
        Some(Fit::Now(index, *artefact))
    }

    /// Whether there are nodes that are at least twice as fast.
    fn is_slow(&self, node: &Node) -> bool {
        let fastest = self.cluster.index().fastest();
        node.speed.zip(fastest).is_some_and(|(speed, fastest)| speed.saturating_mul(2) <= fastest)
    }

    /// Whether any job has a task that a node should run now or next.
    pub(super) fn has_work_for(&self, node: NodeId) -> bool {
        let mut jobs = self.queue.order();
        let is_within_cap = self.is_within_cap(self.cluster.get(node));
        is_within_cap
            && jobs.any(|job| {
                self.fitting_task(job, node).is_some() && !self.is_better_left(job, node)
            })
    }

    /// Whether others should have what is ready of a job.
    ///
    /// One that prefers to take little energy is left to those that draw little for their work.
    /// Any other, if it is done sooner when a slow node takes none of its tasks: when the faster
    /// nodes at work for it will have done all that they hold and all that is ready before the slow one
    /// would be done with a single task.
    ///
    /// For a task of work `own` where the mean is `mean`, the slow node needs
    /// `rounds * own / speed`, the others at most `mean * (held + ready) / sum of (slots * speed)`.
    pub(super) fn is_better_left(&self, id: JobId, node: NodeId) -> bool {
        let open = self.open(id);
        if open.spec.policy.prefer == Prefer::Energy {
            return self.is_too_costly(open, self.cluster.get(node));
        }
        let Some(speed) = self.cluster.get(node).speed else { return false };
        let mut held = u64::from(open.counts.ready);
        let asks = self.cluster.get(node);
        // A task that waits there behind others ends later.
        let rounds = u64::from(asks.leased() / asks.slots.max(1)) + 1;
        // What the task is beside those that the others have.
        let next = open.next_fresh(self.is_slow(asks));
        let (own, mean) = next.map_or((1, 1), |index| open.weight(index));
        let is_longer = |together: u64, held: u64| {
            u128::from(together * rounds) * u128::from(own)
                > u128::from(speed) * u128::from(held) * u128::from(mean)
        };
        // All nodes together could not do better: no need to ask each, unless little is ready.
        let fastest = self.cluster.index().fastest().unwrap_or(speed);
        let most = u64::from(self.capacity(open).slots) * u64::from(fastest);
        let is_early = held * 8 >= open.shares.len() as u64 && open.shares.len() > SHARES_MAX;
        if fastest <= speed || !is_longer(most, held) || is_early {
            return false;
        }
        let mut together = 0;
        for (other, share) in open.shares.iter().filter(|(_, share)| share.leased > 0) {
            let other = self.cluster.get(*other);
            if let Some(faster) = other.speed.filter(|other| *other > speed)
                && other.is_available()
            {
                held += u64::from(share.leased);
                together += u64::from(other.slots) * u64::from(faster);
            }
        }
        is_longer(together, held)
    }

    /// Whether a node on which a task did not fail could run it now or soon.
    pub(super) fn has_other_node(&self, open: &OpenJob, failed_on: &[NodeId]) -> bool {
        let usable = |id: NodeId| {
            let node = self.cluster.get(id);
            node.is_available()
                && open.admits(id, &node.name)
                && self.is_compiled(open, class_index(node.class))
        };
        let mut tried: Vec<NodeId> = failed_on.to_vec();
        tried.sort_unstable();
        tried.dedup();
        let tried = tried.into_iter().filter(|id| usable(*id)).count();
        self.capacity(open).nodes as usize > tried
    }

    /// What the nodes that may run a job can take.
    pub(super) fn capacity(&self, open: &OpenJob) -> Capacity {
        let mut sum = Capacity::default();
        let mut add = |id: NodeId| {
            let node = self.cluster.get(id);
            if self.is_compiled(open, class_index(node.class)) {
                sum.add(node);
            }
        };
        match &open.spec.nodes {
            NodeSelector::Named(names) => {
                // A set, because a user may name a node twice.
                let named = names.iter().filter_map(|name| self.cluster.find(name));
                let named: BTreeSet<NodeId> = named.map(|node| node.id).collect();
                named.into_iter().for_each(&mut add);
            }
            NodeSelector::AtMost(max) if open.members.len() >= *max as usize => {
                open.members.iter().copied().for_each(&mut add);
            }
            NodeSelector::Any | NodeSelector::AtMost(_) => {
                for (class, capacity) in self.cluster.index().capacity.iter().enumerate() {
                    if self.is_compiled(open, class) {
                        sum.join(*capacity);
                    }
                }
            }
        }
        sum
    }

    pub(super) fn is_compiled(&self, open: &OpenJob, class: usize) -> bool {
        let class = bramble_protocol::TargetClass::ALL[class];
        let artefact = self.artefact(&open.spec.module, class, open.spec.mode);
        matches!(artefact, Some(Artefact::Ready(_)))
    }

    pub(super) fn give(
        &mut self,
        job: JobId,
        node: NodeId,
        index: u32,
        artefact: ObjectRef,
    ) -> LeaseId {
        let lease = self.lease_numbers.next();
        let open = self.open(job);
        let number = open.tasks[index as usize].number + 1;
        let attempt = AttemptId { task: open.task_id(index), number };
        let work = work(open, index, artefact);
        self.grant(node, lease, attempt);
        if let Some(connection) = self.cluster.get(node).connection() {
            let leases = self.step.leases.entry(connection).or_default();
            leases.push(Lease { id: lease, attempt, work });
        }
        lease
    }

    /// Slots of the nodes that a selector allows: of the largest nodes, when it only says how
    /// many.
    pub(super) fn slots_for(&self, selector: &NodeSelector) -> u32 {
        let available = self.cluster.index().present.iter().map(|id| self.cluster.get(*id));
        let mut slots: Vec<u32> = match selector {
            NodeSelector::Named(names) => {
                available.filter(|node| names.contains(&node.name)).map(|node| node.slots).collect()
            }
            NodeSelector::Any | NodeSelector::AtMost(_) => {
                available.map(|node| node.slots).collect()
            }
        };
        if let NodeSelector::AtMost(max) = selector {
            slots.sort_unstable_by(|a, b| b.cmp(a));
            slots.truncate(*max as usize);
        }
        slots.iter().sum()
    }
}

/// How many leases a node may hold for each of its slots.
///
/// One while nothing is known of the tasks' length. Then enough for [`AHEAD_US`] of work beside
/// the running one, but never so many that the last tasks crowd on few nodes: of what is ready,
/// half may be given out in advance.
fn depth(mean_us: Option<u64>, ready: u32, capacity: Capacity) -> u32 {
    let Some(mean_us) = mean_us else { return 1 };
    let by_time = AHEAD_US.div_ceil(mean_us.max(1)).saturating_add(1).min(DEPTH_MAX.into()) as u32;
    let fair = ready / (2 * capacity.slots.max(1));
    by_time.min(fair).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(slots: u32) -> Capacity {
        Capacity { nodes: 2, slots, free: 0 }
    }

    #[test]
    fn short_tasks_are_leased_ahead_by_time_and_long_ones_by_one() {
        assert_eq!(depth(None, 10_000, capacity(4)), 1);
        assert_eq!(depth(Some(100), 10_000, capacity(4)), DEPTH_MAX);
        assert_eq!(depth(Some(10_000), 10_000, capacity(4)), 6);
        assert_eq!(depth(Some(2_000_000), 10_000, capacity(4)), 2);
    }

    #[test]
    fn the_last_tasks_are_not_leased_ahead() {
        assert_eq!(depth(Some(100), 80, capacity(4)), 10);
        assert_eq!(depth(Some(100), 15, capacity(4)), 1);
        assert_eq!(depth(Some(100), 0, capacity(4)), 1);
    }
}
