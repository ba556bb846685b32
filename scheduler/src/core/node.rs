//! What the head knows of one node.

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::explain::Placement;
use bramble_protocol::{AttemptId, JobId, LeaseId, NodeId, NodeState, NodeStatus, TargetClass};

use super::energy::Meter;
use super::event::{ConnectionId, Timestamp};
use super::heat::{Care, warmth};
use super::quarantine::Quarantine;
use super::trust::Trust;

/// A machine that runs, or once ran, an agent.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) name: String,
    pub(crate) class: TargetClass,
    pub(crate) version: String,
    pub(crate) slots: u32,
    /// Which agent process it is, or was.
    pub(crate) instance: u64,
    pub(crate) link: Link,
    /// Connected, but silent for longer than a few heartbeats.
    pub(crate) suspect: bool,
    /// Why it is given no work though it is there, if somebody said so.
    pub(crate) draining: Option<String>,
    /// Whether it is being switched off.
    pub(crate) is_going: bool,
    /// Why it gets no work though it is there, if it failed too often.
    pub(crate) quarantine: Option<Quarantine>,
    /// Jobs of which tasks failed by its fault since it last succeeded.
    pub(crate) faults: Vec<JobId>,
    pub(crate) trust: Trust,
    /// How it is spared while its board is not well.
    pub(crate) care: Care,
    /// What it has drawn.
    pub(crate) meter: Meter,
    pub(crate) seen_at: Timestamp,
    pub(crate) leases: BTreeMap<LeaseId, Held>,
    /// Those for tasks that another node has too: the first to go when work is ready.
    pub(crate) extras: BTreeSet<LeaseId>,
    /// No lease expires before.
    pub(crate) next_expiry: Timestamp,
    /// Leases by job.
    pub(crate) jobs: BTreeMap<JobId, u32>,
    /// Tasks done since the head started.
    pub(crate) succeeded: u64,
    /// Attempts failed since the head started.
    pub(crate) failed: u64,
    pub(crate) status: NodeStatus,
    /// How fast one core is, in thousandths of the reference core.
    pub(crate) speed: Option<u32>,
    /// Whether it was asked how fast it is.
    pub(crate) calibrating: bool,
}

/// How a node can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// By this connection.
    Up(ConnectionId),
    /// Not, but it may come back and keeps its leases until then.
    Down {
        /// When it is given up.
        until: Timestamp,
    },
    /// Not, and it has no leases.
    Lost,
}

/// A lease that a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) attempt: AttemptId,
    pub(crate) leased_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Why the node has it, where that is known.
    pub(crate) placement: Option<Placement>,
}

/// Part of the slots taken in thousandths, how warm it is, slowness, and the node.
pub(crate) type IdleRank = (u32, u8, u32, NodeId);

impl Node {
    pub(crate) fn new(id: NodeId, name: String, class: TargetClass) -> Self {
        Self {
            id,
            name,
            class,
            version: String::new(),
            slots: 0,
            instance: 0,
            link: Link::Lost,
            suspect: false,
            draining: None,
            is_going: false,
            quarantine: None,
            faults: Vec::new(),
            trust: Trust::default(),
            care: Care::default(),
            meter: Meter::default(),
            seen_at: Timestamp(0),
            leases: BTreeMap::new(),
            extras: BTreeSet::new(),
            next_expiry: Timestamp(u64::MAX),
            jobs: BTreeMap::new(),
            succeeded: 0,
            failed: 0,
            status: NodeStatus::default(),
            speed: None,
            calibrating: false,
        }
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match self.link {
            Link::Up(connection) => Some(connection),
            Link::Down { .. } | Link::Lost => None,
        }
    }

    /// Whether it may be given work.
    pub(crate) fn is_available(&self) -> bool {
        matches!(self.link, Link::Up(_))
            && !self.suspect
            && self.draining.is_none()
            && !self.is_going
            && !self.is_quarantined()
            && !self.care.rests()
    }

    /// Slots that are used while it is as well as it is.
    pub(crate) fn usable_slots(&self) -> u32 {
        self.care.slots(self.slots)
    }

    pub(crate) fn leased(&self) -> u32 {
        self.leases.len() as u32
    }

    /// Slots without a lease, if it may be given work.
    pub(crate) fn free_slots(&self) -> u32 {
        let slots = self.usable_slots();
        let slots = if self.is_on_trial() { slots.min(1) } else { slots };
        if self.is_available() { slots.saturating_sub(self.leased()) } else { 0 }
    }

    /// Where it stands in the order in which idle nodes are given work, if it is one: those with
    /// the smallest part of their slots taken come first, of those the coolest, then the fastest.
    pub(crate) fn idle_rank(&self) -> Option<IdleRank> {
        let load = || (u64::from(self.leased()) * 1000 / u64::from(self.slots)) as u32;
        let slowness = || u32::MAX - self.speed.unwrap_or(0);
        (self.free_slots() > 0)
            .then(|| (load(), warmth(&self.status, &self.care), slowness(), self.id))
    }

    pub(crate) fn state(&self) -> NodeState {
        match self.link {
            Link::Down { .. } | Link::Lost => NodeState::Lost,
            Link::Up(_) if self.suspect => NodeState::Suspect,
            Link::Up(_) if self.leases.is_empty() => NodeState::Idle,
            Link::Up(_) => NodeState::Busy,
        }
    }

    pub(crate) fn hold(&mut self, lease: LeaseId, held: Held) {
        self.next_expiry = self.next_expiry.min(held.expires_at);
        *self.jobs.entry(held.attempt.task.job).or_default() += 1;
        self.leases.insert(lease, held);
    }

    pub(crate) fn release(&mut self, lease: LeaseId) -> Option<Held> {
        let held = self.leases.remove(&lease)?;
        self.extras.remove(&lease);
        let job = held.attempt.task.job;
        if let Some(count) = self.jobs.get_mut(&job) {
            *count -= 1;
            if *count == 0 {
                self.jobs.remove(&job);
            }
        }
        Some(held)
    }
}
