//! Which nodes draw little for what they do: jobs that prefer to take little energy are left to
//! them.

use bramble_protocol::{NodeSelector, Prefer, TargetClass};

use super::Scheduler;
use super::cluster::class_index;
use super::job::OpenJob;
use super::node::Node;

/// A node takes part whose cost is at most so much of the least, in thousandths: what boards of one
/// kind differ by is not worth waiting for.
const COST_PERMILLE_MAX: u64 = 1_250;

impl Scheduler {
    /// What a node draws for the work of one reference core, with all its slots at work, in
    /// thousandths of a watt; `None` where that is not known.
    ///
    /// What it draws then, by the number of its slots times their speed: its readings at full
    /// work, else what its type of board usually draws, else what the outlet is laid out for.
    pub(super) fn cost(&self, node: &Node) -> Option<u64> {
        let model = || {
            let board = node.status.board.as_ref()?;
            Some(board.identity.power_model?.busy_milliwatts)
        };
        let outlet = || self.outlet_milliwatts(&node.name).filter(|milliwatts| *milliwatts > 0);
        let milliwatts = node.meter.full_milliwatts().or_else(model).or_else(outlet)?;
        let strength = u64::from(node.slots) * u64::from(node.speed?);
        (u64::from(milliwatts) * 1000).checked_div(strength)
    }

    /// Whether a job that prefers to take little energy is left to other nodes, which draw less for
    /// the same work. Not where a task failed or is compared: then others must be able to take it.
    pub(super) fn is_too_costly(&self, open: &OpenJob, node: &Node) -> bool {
        if open.spec.policy.prefer != Prefer::Energy || !open.retry.is_empty() {
            return false;
        }
        let Some(least) = self.least_cost(open) else { return false };
        // Of one that says nothing it cannot be said that it draws little.
        self.cost(node).is_none_or(|cost| cost * 1000 > least * COST_PERMILLE_MAX)
    }

    fn least_cost(&self, open: &OpenJob) -> Option<u64> {
        let present = self.cluster.index().present.iter().map(|id| self.cluster.get(*id));
        let runs: Vec<bool> =
            (0..TargetClass::ALL.len()).map(|class| self.is_compiled(open, class)).collect();
        let could = present.filter(|node| {
            node.is_available()
                && node.usable_slots() > 0
                && runs[class_index(node.class)]
                && (matches!(open.spec.nodes, NodeSelector::Any)
                    || open.admits(node.id, &node.name))
        });
        could.filter_map(|node| self.cost(node)).min()
    }
}
