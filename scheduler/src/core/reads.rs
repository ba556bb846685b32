//! What a node has a reason to ask for: only what its leases need, and only while it holds them.
//!
//! Knowing an object's digest gives a node nothing. Every question looks at the leases of one node.

use bramble_protocol::{Digest, Mode, NodeId, TaskId};

use super::Scheduler;
use super::artefact::Artefact;
use super::node::Node;
use super::work;

impl Scheduler {
    /// Whether an object belongs to work that a node has now: to a lease that it holds, or to the
    /// job that it is measured by.
    pub fn node_reads(&self, node: NodeId, digest: &Digest) -> bool {
        let Some(node) = self.cluster.known(node) else { return false };
        let mut leased = node.leases.values().map(|held| held.attempt.task);
        leased.any(|task| self.is_read_by(node, task, digest))
            || (node.calibrating && self.is_calibrated_by(node, digest))
    }

    /// The tasks that a node has leases for now.
    pub fn node_tasks(&self, node: NodeId) -> Vec<TaskId> {
        let node = self.cluster.known(node);
        node.into_iter()
            .flat_map(|node| node.leases.values())
            .map(|held| held.attempt.task)
            .collect()
    }

    /// Whether a node has any lease now.
    pub fn node_holds_leases(&self, node: NodeId) -> bool {
        self.cluster.known(node).is_some_and(|node| !node.leases.is_empty())
    }

    fn is_read_by(&self, node: &Node, task: TaskId, digest: &Digest) -> bool {
        let open = self.open(task.job);
        let spec = &open.spec;
        self.is_artefact(node, &spec.module, spec.mode, digest)
            || work::objects(open, task.index).iter().any(|object| object.digest == *digest)
    }

    fn is_calibrated_by(&self, node: &Node, digest: &Digest) -> bool {
        let Some(calibration) = self.config.calibration else { return false };
        calibration.module == *digest
            || calibration.input.digest == *digest
            || self.is_artefact(node, &calibration.module, Mode::Fast, digest)
    }

    fn is_artefact(&self, node: &Node, module: &Digest, mode: Mode, digest: &Digest) -> bool {
        match self.artefact(module, node.class, mode) {
            Some(Artefact::Ready(artefact)) => artefact.digest == *digest,
            _ => false,
        }
    }
}
