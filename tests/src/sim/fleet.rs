//! Fake nodes: they hold leases, run them for a while, and report until they are acknowledged.

use std::collections::{BTreeMap, VecDeque};

use bramble_protocol::agent::{AttemptReport, HeldLease, Hello, Lease};
use bramble_protocol::{LeaseId, TargetClass};
use bramble_scheduler::core::ConnectionId;
use bramble_scheduler::testing::hello;

use super::network::Place;

/// A machine.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) index: usize,
    pub(super) slots: u32,
    pub(super) class: TargetClass,
    pub(super) powered: bool,
    /// Counts its agent processes; part of the instance number.
    pub(super) life: u64,
    /// While frozen it sends nothing and does nothing, but its connection stays.
    pub(super) frozen_until: u64,
    pub(super) connection: Option<ConnectionId>,
    pub(super) welcome: bool,
    pub(super) waiting: VecDeque<Lease>,
    pub(super) running: BTreeMap<LeaseId, Lease>,
    /// Reports that the head has not acknowledged.
    pub(super) reports: BTreeMap<LeaseId, AttemptReport>,
}

impl Node {
    pub(super) fn new(index: usize, slots: u32, class: TargetClass) -> Self {
        Self {
            index,
            slots,
            class,
            powered: true,
            life: 1,
            frozen_until: 0,
            connection: None,
            welcome: false,
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            reports: BTreeMap::new(),
        }
    }

    pub(super) fn place(&self) -> Place {
        Place { node: self.index, life: self.life }
    }

    /// Whether the process of this life is there and not frozen.
    pub(super) fn acts(&self, place: Place, now: u64) -> bool {
        self.powered && self.life == place.life && self.frozen_until <= now
    }

    /// The process ends and with it all it held.
    pub(super) fn die(&mut self) {
        self.life += 1;
        self.connection = None;
        self.welcome = false;
        self.waiting.clear();
        self.running.clear();
        self.reports.clear();
        self.frozen_until = 0;
    }

    /// What it says first. Reports that wait are named as held leases, or not: both are allowed.
    pub(super) fn hello(&self, with_reports: bool) -> Hello {
        let mut hello = hello(&format!("n{}", self.index), self.life, self.slots);
        hello.class = self.class;
        let held = |lease: &Lease| HeldLease { lease: lease.id, attempt: lease.attempt };
        hello.leases = self.waiting.iter().chain(self.running.values()).map(held).collect();
        if with_reports {
            let held = |it: &AttemptReport| HeldLease { lease: it.lease, attempt: it.attempt };
            hello.leases.extend(self.reports.values().map(held));
        }
        hello
    }

    /// Whether nothing of any job is left on it.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty() && self.reports.is_empty()
    }

    pub(super) fn held(&self) -> Vec<LeaseId> {
        self.waiting.iter().map(|lease| lease.id).chain(self.running.keys().copied()).collect()
    }

    /// Starts what fits into its slots and says which leases these are.
    pub(super) fn start(&mut self) -> Vec<LeaseId> {
        let mut started = Vec::new();
        while self.running.len() < self.slots as usize {
            let Some(lease) = self.waiting.pop_front() else { break };
            started.push(lease.id);
            self.running.insert(lease.id, lease);
        }
        started
    }

    pub(super) fn drop_leases(&mut self, leases: &[LeaseId]) {
        self.waiting.retain(|lease| !leases.contains(&lease.id));
        for lease in leases {
            self.running.remove(lease);
            self.reports.remove(lease);
        }
    }

    pub(super) fn acknowledged(&mut self, leases: &[LeaseId]) {
        for lease in leases {
            self.reports.remove(lease);
        }
    }
}
