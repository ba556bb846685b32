//! Boards that can be switched: what is wanted of each, and the steps from off to on and back.
//!
//! The state of an outlet is what was read from the hardware, never what it should be: a head that
//! is started finds its boards as they are and switches none for that.

mod cap;
mod orders;
mod policy;
mod steps;
mod view;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::power::{Outlet, PowerAct, PowerPolicy, PowerStage, Supply};

use super::event::Timestamp;

/// All outlets, and what is remembered of nodes by name: they may be on an outlet later.
#[derive(Debug, Default)]
pub(crate) struct Rack {
    outlets: BTreeMap<String, Supplied>,
    policy: PowerPolicy,
    /// What people asked for last, where that is not [`PowerAct::Auto`].
    wishes: BTreeMap<String, PowerAct>,
    /// How long nodes took from power to their connection, in milliseconds.
    boots: BTreeMap<String, u64>,
    /// When the last one was switched on.
    last_on: Option<Timestamp>,
    /// Since when work has waited though slots are free.
    stuck_since: Option<Timestamp>,
}

/// A node on an outlet.
#[derive(Clone, Debug)]
struct Supplied {
    outlet: Outlet,
    stage: PowerStage,
    since: Timestamp,
    /// How often in a row it did not come up, or could not be switched.
    tries: u32,
    /// Nothing is tried before.
    not_before: Timestamp,
    /// Whether it is to be switched on again once it is off.
    again: bool,
    /// Since when it has had power and been connected, as far as this head has seen.
    on_since: Option<Timestamp>,
    /// Since when it has had nothing to do.
    idle_since: Option<Timestamp>,
    /// Why it is as it is.
    note: Option<String>,
}

impl Supplied {
    fn new(outlet: Outlet, now: Timestamp) -> Self {
        let stage = match outlet.supply {
            Supply::On => PowerStage::On,
            Supply::Off => PowerStage::Off,
            Supply::Unknown => PowerStage::Unknown,
        };
        Self {
            outlet,
            stage,
            since: now,
            tries: 0,
            not_before: Timestamp(0),
            again: false,
            on_since: None,
            idle_since: None,
            note: None,
        }
    }

    fn enter(&mut self, stage: PowerStage, now: Timestamp) {
        if stage != self.stage {
            (self.stage, self.since) = (stage, now);
        }
    }
}

impl Rack {
    /// Takes what the configuration says and the hardware shows. Outlets that were known keep what
    /// is remembered of them, as far as the hardware agrees.
    fn found(&mut self, outlets: Vec<Outlet>, policy: PowerPolicy, now: Timestamp) {
        let mut before = std::mem::take(&mut self.outlets);
        self.policy = policy;
        for outlet in outlets {
            let name = outlet.node.clone();
            let supplied = match before.remove(&name) {
                Some(known) if known.outlet == outlet => known,
                _ => Supplied::new(outlet, now),
            };
            self.outlets.insert(name, supplied);
        }
    }

    fn wish(&self, node: &str) -> PowerAct {
        self.wishes.get(node).copied().unwrap_or(PowerAct::Auto)
    }

    pub(crate) fn set_wish(&mut self, node: String, wish: PowerAct) {
        if wish == PowerAct::Auto {
            self.wishes.remove(&node);
        } else {
            self.wishes.insert(node, wish);
        }
    }

    pub(crate) fn set_boot(&mut self, node: String, ms: u64) {
        self.boots.insert(node, ms);
    }

    /// Whether a node gets no more work because it is being switched off.
    fn is_going(&self, node: &str) -> bool {
        self.outlets.get(node).is_some_and(|it| {
            matches!(
                it.stage,
                PowerStage::Draining | PowerStage::ShuttingDown | PowerStage::SwitchingOff
            )
        })
    }

    /// The most that those draw together that have power, in thousandths of a watt.
    fn drawn(&self) -> u64 {
        let powered = self.outlets.values().filter(|it| it.stage.draws());
        powered.map(|it| u64::from(it.outlet.milliwatts)).sum()
    }

    fn has_policy(&self) -> bool {
        self.policy.idle_off_ms.is_some()
    }

    fn names(&self) -> BTreeSet<String> {
        self.outlets.keys().cloned().collect()
    }
}
