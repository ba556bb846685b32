//! Nodes that fail whatever they are given: they get no work, and after a while one task to try.

use bramble_protocol::{AttemptOutcome, JobId, NodeId};

use super::Scheduler;
use super::event::Timestamp;
use super::node::Node;
use super::record::Record;

/// A node at which tasks of so many different jobs failed in a row is quarantined.
const FAULTY_JOBS: usize = 3;
/// How long a node is quarantined at first, in milliseconds; twice as long after each trial that
/// fails.
const QUARANTINE_MS: u64 = 10 * 60_000;
/// The longest quarantine, in milliseconds: a day.
const QUARANTINE_MS_MAX: u64 = 24 * 3_600_000;

/// Why a node gets no work, by the head's own judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quarantine {
    pub(crate) reason: String,
    /// When it gets one task to try.
    pub(crate) until: Timestamp,
    /// How often in a row, with this one.
    pub(crate) times: u32,
    /// Whether its time is over, and one task will tell.
    pub(crate) on_trial: bool,
}

impl Node {
    /// Whether it gets nothing for what the head thinks of it.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.quarantine.as_ref().is_some_and(|quarantine| !quarantine.on_trial)
    }

    /// Whether it gets a single task at a time, which decides about it.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.quarantine.as_ref().is_some_and(|quarantine| quarantine.on_trial)
    }
}

/// Whether a failure speaks against the node rather than the task or the network.
const fn is_fault_of_node(outcome: &AttemptOutcome) -> bool {
    matches!(
        outcome,
        AttemptOutcome::NodeFault { .. }
            | AttemptOutcome::ChunkCorrupt { .. }
            | AttemptOutcome::ChunkMissing { .. }
    )
}

impl Scheduler {
    /// A task of a node succeeded: whatever was held against it is forgotten.
    pub(super) fn clear_of_faults(&mut self, id: NodeId) {
        let node = self.cluster.get(id);
        if node.is_on_trial() {
            self.lift_quarantine(id);
        } else if !node.faults.is_empty() && !node.is_quarantined() {
            self.cluster.update(id, |node| node.faults.clear());
        }
    }

    /// An attempt failed at a node: perhaps once too often.
    pub(super) fn hold_against(&mut self, id: NodeId, job: JobId, outcome: &AttemptOutcome) {
        if !is_fault_of_node(outcome) {
            return;
        }
        self.cluster.update(id, |node| {
            if !node.faults.contains(&job) && node.faults.len() < FAULTY_JOBS {
                node.faults.push(job);
            }
        });
        let node = self.cluster.get(id);
        if node.is_quarantined() || (node.faults.len() < FAULTY_JOBS && !node.is_on_trial()) {
            return;
        }
        let reason = match node.is_on_trial() {
            true => format!("failed again when it was tried, at last: {}", outcome.message()),
            false => format!(
                "tasks of {FAULTY_JOBS} different jobs failed there in a row, at last: {}",
                outcome.message()
            ),
        };
        self.quarantine(id, reason);
    }

    /// Gives a node no more work for a while.
    pub(super) fn quarantine(&mut self, id: NodeId, reason: String) {
        let times = self.cluster.get(id).quarantine.as_ref().map_or(0, |it| it.times) + 1;
        let length_ms = (QUARANTINE_MS << (times - 1).min(16)).min(QUARANTINE_MS_MAX);
        let reason = super::attempt::truncated(reason, bramble_protocol::Order::REASON_BYTES_MAX);
        self.commit(Record::NodeQuarantined {
            node: id,
            reason: Some(reason),
            until_ms: self.now.plus_ms(length_ms).0,
            times,
        });
    }

    /// Gives a node work again.
    pub(super) fn lift_quarantine(&mut self, id: NodeId) {
        self.cluster.update(id, |node| node.faults.clear());
        if self.cluster.get(id).quarantine.is_some() {
            let record = Record::NodeQuarantined { node: id, reason: None, until_ms: 0, times: 0 };
            self.commit(record);
            self.step.hungry.insert(id);
            self.step.more_ready = true;
        }
    }

    /// A task failed on several nodes for a reason of its own: it is not held against them.
    pub(super) fn exonerate(&mut self, job: JobId, nodes: &[NodeId]) {
        for id in nodes {
            let node = self.cluster.get(*id);
            if !node.faults.contains(&job) {
                continue;
            }
            let is_by_faults = node.faults.len() >= FAULTY_JOBS && node.is_quarantined();
            self.cluster.update(*id, |node| node.faults.retain(|other| *other != job));
            if is_by_faults {
                self.lift_quarantine(*id);
            }
        }
    }

    /// Lets a node try a task when its quarantine is over.
    pub(super) fn end_quarantine(&mut self, id: NodeId) {
        let now = self.now;
        let is_over = |quarantine: &Quarantine| !quarantine.on_trial && quarantine.until <= now;
        if self.cluster.get(id).quarantine.as_ref().is_some_and(is_over) {
            self.cluster.update(id, |node| {
                if let Some(quarantine) = &mut node.quarantine {
                    quarantine.on_trial = true;
                }
            });
            self.step.hungry.insert(id);
            self.step.more_ready = true;
        }
    }
}
