//! What people and programs are shown of the power.

use bramble_protocol::power::{PowerList, PowerView};

use super::super::Scheduler;
use super::Supplied;

impl Scheduler {
    /// All nodes that can be switched.
    pub fn power(&self) -> PowerList {
        let rack = &self.rack;
        let nodes = rack.outlets.iter().map(|(name, it)| self.power_view(name, it));
        PowerList {
            nodes: nodes.collect(),
            budget_milliwatts: rack.policy.budget_milliwatts,
            milliwatts: rack.drawn(),
            cap_milliwatts: rack.policy.cap_milliwatts,
            drawn_milliwatts: self.drawn_now(),
            has_policy: rack.has_policy(),
        }
    }

    /// The power of one node, if something can switch it.
    pub(in super::super) fn power_of(&self, node: &str) -> Option<PowerView> {
        self.rack.outlets.get(node).map(|it| self.power_view(node, it))
    }

    fn power_view(&self, name: &str, it: &Supplied) -> PowerView {
        PowerView {
            outlet: it.outlet.clone(),
            stage: it.stage,
            since_ms: it.since.0,
            wish: self.rack.wish(name),
            boot_ms: self.rack.boots.get(name).copied(),
            note: it.note.clone(),
        }
    }

    /// Where a node is between off and on, where something can switch it, and why.
    pub(in super::super) fn power_text(&self, name: &str) -> Option<String> {
        let it = self.rack.outlets.get(name)?;
        let why = it.note.as_ref().map_or(String::new(), |note| format!("; it {note}"));
        Some(format!("its power is {}{why}", it.stage.slug()))
    }
}
