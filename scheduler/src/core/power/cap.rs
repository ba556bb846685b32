//! The most that the cluster may draw while it works: work waits for it.

use super::super::Scheduler;
use super::super::energy::power;
use super::super::node::{Link, Node};

/// What one more slot at work adds where nothing is known of the board, in thousandths of a watt.
const SLOT_MILLIWATTS: u64 = 1_000;

impl Scheduler {
    /// The most that the node on an outlet draws, in thousandths of a watt.
    pub(in super::super) fn outlet_milliwatts(&self, node: &str) -> Option<u32> {
        self.rack.outlets.get(node).map(|it| it.outlet.milliwatts)
    }

    /// What all draw, with what they will draw for the work that they were just given, in
    /// thousandths of a watt.
    ///
    /// Of a node that is connected: what it told last, and what each attempt adds that began
    /// since. Of one that has power and is not connected, as when it boots: the most it can draw.
    pub(super) fn drawn_now(&self) -> u64 {
        let connected = self.cluster.index().present.iter().map(|id| self.cluster.get(*id));
        let connected = connected.filter(|node| matches!(node.link, Link::Up(_)));
        let known: u64 = connected.map(|node| self.drawn_by(node)).sum();
        let is_away = |name: &str| {
            self.cluster.find(name).is_none_or(|node| !matches!(node.link, Link::Up(_)))
        };
        let outlets = self.rack.outlets.iter();
        let away = outlets.filter(|(name, it)| it.stage.draws() && is_away(name));
        known + away.map(|(_, it)| u64::from(it.outlet.milliwatts)).sum::<u64>()
    }

    fn drawn_by(&self, node: &Node) -> u64 {
        let Some(power) = power(&node.status) else {
            return self.outlet_milliwatts(&node.name).map_or(0, u64::from);
        };
        let begun = node.leased().min(node.slots).saturating_sub(node.meter.steady());
        u64::from(power.milliwatts) + u64::from(begun) * self.slot_milliwatts(node)
    }

    /// What one more slot at work adds.
    fn slot_milliwatts(&self, node: &Node) -> u64 {
        let model = node.status.board.as_ref().and_then(|board| board.identity.power_model);
        let of_model = model.map(|it| it.busy_milliwatts.saturating_sub(it.idle_milliwatts));
        let all = of_model.or_else(|| self.outlet_milliwatts(&node.name));
        all.filter(|all| *all > 0)
            .map_or(SLOT_MILLIWATTS, |all| u64::from(all).div_ceil(u64::from(node.slots.max(1))))
    }

    /// Whether the cluster may draw what one more attempt on a node adds. One that says nothing of
    /// what it draws, and is on no outlet, is not counted.
    pub(in super::super) fn is_within_cap(&self, node: &Node) -> bool {
        let Some(cap) = self.rack.policy.cap_milliwatts else { return true };
        let is_counted =
            power(&node.status).is_some() || self.outlet_milliwatts(&node.name).is_some();
        // One that waits there for a slot draws nothing.
        !is_counted
            || node.leased() >= node.slots
            || self.drawn_now() + self.slot_milliwatts(node) <= cap
    }

    /// Why nodes with free slots are given nothing, where the cap is why.
    pub(in super::super) fn cap_text(&self) -> String {
        let cap = self.rack.policy.cap_milliwatts.unwrap_or(0);
        let watts = |milliwatts: u64| format!("{:.1}", milliwatts as f64 / 1000.0);
        format!("the cluster draws {} of the {} W that it may", watts(self.drawn_now()), watts(cap))
    }
}
