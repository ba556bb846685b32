//! Leases: their numbers, and how nodes keep, lose and bring them back.

use std::collections::BTreeSet;

use bramble_protocol::agent::HeldLease;
use bramble_protocol::{AttemptId, AttemptOutcome, LeaseId, NodeId, Usage};

use super::Scheduler;
use super::attempt::Ending;
use super::job::Job;
use super::mutant::{Mutant, mutated};
use super::node::Held;
use super::task::TaskState;
use super::trial::Lent;

/// Low bits of a lease's number that count within one epoch.
const COUNTER_BITS: u32 = 40;
/// How far the number of an attempt may be ahead of what the journal knows: attempts that were
/// leased or failed in the last moments of a head before this one.
const NUMBER_LEAD_MAX: u32 = 1_000;

/// Gives leases their numbers, of which none is ever given twice: the high bits count the heads
/// that were started on this journal.
#[derive(Debug, Default)]
pub(crate) struct LeaseNumbers {
    epoch: u32,
    last: u64,
}

impl LeaseNumbers {
    pub(crate) fn next_epoch(&self) -> u32 {
        if mutated(Mutant::LeaseNumbersReused) { 1 } else { self.epoch + 1 }
    }

    pub(crate) fn enter(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.last = 0;
    }

    pub(crate) fn next(&mut self) -> LeaseId {
        self.last += 1;
        assert!(self.last < 1 << COUNTER_BITS, "a head gives fewer leases than that");
        LeaseId(u64::from(self.epoch) << COUNTER_BITS | self.last)
    }

    /// Which head this is.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether a head before this one gave the lease, but none before `first`.
    pub(crate) fn is_earlier(&self, lease: LeaseId, first: u32) -> bool {
        let epoch = lease.0 >> COUNTER_BITS;
        (u64::from(first)..u64::from(self.epoch)).contains(&epoch)
    }
}

impl Scheduler {
    /// Compares the leases that a node says it holds with those it should hold.
    pub(super) fn reconcile(&mut self, node: NodeId, claimed: &[HeldLease]) {
        let mut named = BTreeSet::new();
        for claim in claimed {
            named.insert(claim.lease);
            if self.held(node, claim.lease, claim.attempt).is_some() {
                self.renew(node, &[claim.lease]);
            } else if self.adopt(node, claim.lease, claim.attempt).is_none() {
                self.revoke_from(node, claim.lease);
            }
        }
        // The others did not reach the node, or their reports are on the way: they get the time
        // that a report may take.
        let soon = self.now.plus_ms(self.config.suspect_ms);
        self.cluster.update(node, |node| {
            for (lease, held) in &mut node.leases {
                if !named.contains(lease) {
                    held.expires_at = held.expires_at.min(soon);
                    node.next_expiry = node.next_expiry.min(held.expires_at);
                }
            }
        });
    }

    /// The lease, if the node holds it for this attempt.
    pub(super) fn held(&self, node: NodeId, lease: LeaseId, attempt: AttemptId) -> Option<Held> {
        let holds = |node: &super::node::Node| node.leases.get(&lease).copied();
        let held = holds(self.cluster.get(node));
        let held = match held {
            None if mutated(Mutant::ForeignLeaseCounts) => {
                self.cluster.all().iter().find_map(holds)
            }
            held => held,
        }?;
        (held.attempt == attempt || mutated(Mutant::AnyAttemptCounts)).then_some(held)
    }

    /// Makes a lease from a head before this one valid again, so that its work is not lost: when
    /// the task is open and free, and the attempt is not one that has ended.
    ///
    /// A lease from before the job was accepted is for another job of the same number, which was
    /// never journalled and so never was.
    pub(super) fn adopt(
        &mut self,
        node: NodeId,
        lease: LeaseId,
        attempt: AttemptId,
    ) -> Option<Held> {
        let open = self.jobs.get(&attempt.task.job).and_then(Job::open)?;
        if !self.lease_numbers.is_earlier(lease, open.epoch) && !mutated(Mutant::AdoptsAnything) {
            return None;
        }
        let task = open.tasks.get(attempt.task.index as usize)?;
        let numbers = task.number + 1..=task.number + NUMBER_LEAD_MAX;
        let is_free = matches!(task.state, TaskState::Ready | TaskState::Delayed { .. });
        let is_barred = open.trial(attempt.task.index).is_some_and(|trial| trial.bars(node));
        let fits = is_free && !is_barred && numbers.contains(&attempt.number);
        if !fits || !open.admits(node, &self.cluster.get(node).name) {
            return None;
        }
        Some(self.grant(node, lease, attempt))
    }

    /// Writes down that a node has a lease from now on.
    pub(super) fn grant(&mut self, node: NodeId, lease: LeaseId, attempt: AttemptId) -> Held {
        let expires_at = self.now.plus_ms(self.config.lease_ms);
        let placement = Some(self.placement(node, lease, attempt));
        let held = Held { attempt, leased_at: self.now, expires_at, placement };
        let open = self.jobs.get_mut(&attempt.task.job).and_then(Job::open_mut);
        let open = open.expect("only tasks of open jobs are leased");
        open.lease(attempt.task.index, Lent { lease, node, number: attempt.number }, self.now);
        self.cluster.update(node, |node| node.hold(lease, held));
        self.changed(attempt.task.job);
        held
    }

    /// Lets leases last for another full time; tells the node to drop those it must not hold.
    pub(super) fn renew(&mut self, node: NodeId, leases: &[LeaseId]) {
        let expires_at = self.now.plus_ms(self.config.lease_ms);
        let foreign: Vec<LeaseId> = self.cluster.update(node, |node| {
            if mutated(Mutant::RenewsUnnamed) {
                node.leases.values_mut().for_each(|held| held.expires_at = expires_at);
            }
            let unknown = leases.iter().filter(|lease| match node.leases.get_mut(lease) {
                Some(held) => {
                    held.expires_at = held.expires_at.max(expires_at);
                    false
                }
                None => true,
            });
            unknown.copied().collect()
        });
        for lease in foreign {
            self.revoke_from(node, lease);
        }
    }

    /// Takes leases that were not renewed in time.
    pub(super) fn expire(&mut self, node: NodeId) {
        let now = self.now;
        let leases = &self.cluster.get(node).leases;
        if mutated(Mutant::NeverExpires) {
            return;
        }
        let due: Vec<LeaseId> =
            leases.iter().filter(|(_, held)| held.expires_at <= now).map(|(id, _)| *id).collect();
        let alone = leases.len() == 1;
        for lease in due {
            self.take(node, lease, AttemptOutcome::LeaseExpired, alone);
            self.revoke_from(node, lease);
        }
        self.cluster.update(node, |node| {
            let earliest = node.leases.values().map(|held| held.expires_at).min();
            node.next_expiry = earliest.unwrap_or(super::Timestamp(u64::MAX));
        });
    }

    /// Ends the attempt of a lease without a report of its node, which held nothing else if it was
    /// `alone`.
    pub(super) fn take(
        &mut self,
        node: NodeId,
        lease: LeaseId,
        outcome: AttemptOutcome,
        alone: bool,
    ) {
        // The end of a job may have taken it just before.
        if let Some(held) = self.cluster.get(node).leases.get(&lease).copied() {
            let ending = Ending {
                outcome,
                usage: Usage::default(),
                log: String::new(),
                enough: false,
                alone,
            };
            self.conclude(node, held, ending);
        }
    }

    /// Takes all leases of a node back as if they had not been given.
    pub(super) fn give_back(&mut self, node: NodeId) {
        let leases: Vec<LeaseId> = self.cluster.get(node).leases.keys().copied().collect();
        for lease in leases {
            let held = self.cluster.update(node, |node| node.release(lease));
            let Some(held) = held else { continue };
            let task = held.attempt.task;
            if let Some(open) = self.jobs.get_mut(&task.job).and_then(Job::open_mut) {
                open.drop_lease(task.index, lease);
                open.settle(task.index);
                self.step.more_ready = true;
                self.changed(task.job);
            }
        }
    }

    pub(super) fn revoke_from(&mut self, node: NodeId, lease: LeaseId) {
        if let Some(connection) = self.cluster.get(node).connection() {
            self.revoke(connection, lease);
        }
    }
}
