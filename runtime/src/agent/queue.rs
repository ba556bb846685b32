//! Leases between the driver and the slots: which wait, which run, which have ended but are
//! not acknowledged yet.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bramble_protocol::agent::{HeldLease, Lease};
use bramble_protocol::preview::Preview;
use bramble_protocol::{AttemptId, LeaseId};

use crate::runner::Killer;

/// The most leases an agent holds; the head grants far fewer.
const HELD_MAX: usize = 65_536;
/// The most previews in one heartbeat.
const PREVIEWS_MAX: usize = 48;
/// Their bytes together, which are twice as many in the message: 16 of the largest, and an eighth of
/// what a message may have.
const PREVIEW_BYTES_MAX: usize = 1 << 20;

/// Shared by the driver and all slots.
#[derive(Clone)]
pub(super) struct Queue {
    inner: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Lease>,
    /// The ids of those, so that no lease is looked for among all others.
    waiting_ids: HashSet<LeaseId>,
    running: HashMap<LeaseId, Running>,
    ended: HashMap<LeaseId, AttemptId>,
    /// What tasks have shown that have ended since the last heartbeat, by the latest.
    previews: VecDeque<Preview>,
    closed: bool,
}

/// What there is to do within some time.
pub(super) enum Taken {
    Lease(Box<Lease>),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Closed,
}

struct Running {
    attempt: AttemptId,
    /// Known once the slot has a runner process.
    killer: Option<Killer>,
    revoked: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { inner: Arc::new((Mutex::new(State::default()), Condvar::new())) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after each statement, so a panic elsewhere does not spoil it.
        self.inner.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds leases that the head granted. A lease that is held already is not added twice.
    pub(super) fn grant(&self, leases: Vec<Lease>) {
        let mut state = self.state();
        for lease in leases {
            if state.holds(lease.id) || state.waiting.len() >= HELD_MAX {
                continue;
            }
            state.waiting_ids.insert(lease.id);
            state.waiting.push_back(lease);
        }
        self.inner.1.notify_all();
    }

    /// The next lease to run; waits for one. `None` when the queue is closed.
    #[cfg(test)]
    pub(super) fn take(&self) -> Option<Lease> {
        self.take_or(Duration::MAX, || {})
    }

    /// The same; does something else, once, when none has come for `idle`.
    pub(super) fn take_or(&self, idle: Duration, mut when_idle: impl FnMut()) -> Option<Lease> {
        let idle_from = Instant::now().checked_add(idle);
        let mut was_idle = false;
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(lease) = state.begin_next() {
                return Some(lease);
            }
            let left = idle_from.filter(|_| !was_idle).map(|at| at - Instant::now());
            state = match left {
                None => self.inner.1.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    // Not with the lock held: it may take a while.
                    drop(state);
                    was_idle = true;
                    when_idle();
                    self.state()
                }
                Some(left) => {
                    let woken = self.inner.1.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The next lease to run; waits for one, but not for long.
    pub(super) fn take_soon(&self, time: Duration) -> Taken {
        let is_empty = |state: &mut State| !state.closed && state.waiting.is_empty();
        let waited = self.inner.1.wait_timeout_while(self.state(), time, is_empty);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.closed {
            return Taken::Closed;
        }
        state.begin_next().map_or(Taken::Nothing, |lease| Taken::Lease(Box::new(lease)))
    }

    /// Holds leases whose attempts ended under a process before this one.
    pub(super) fn inherit(&self, leases: impl Iterator<Item = HeldLease>) {
        self.state().ended.extend(leases.map(|held| (held.lease, held.attempt)));
    }

    /// Whether nothing is given out any more.
    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Whether there is a lease that no slot works on.
    pub(super) fn has_waiting(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Gives out nothing more, and asks all running tasks to save and to end.
    pub(super) fn wind_up(&self) {
        let mut state = self.state();
        state.closed = true;
        state.drop_waiting();
        for killer in state.running.values().filter_map(|running| running.killer.as_ref()) {
            killer.ask_to_save();
            killer.ask_to_stop();
        }
        self.inner.1.notify_all();
    }

    /// Whether a task runs.
    pub(super) fn is_at_work(&self) -> bool {
        !self.state().running.is_empty()
    }

    /// How many tasks run.
    pub(super) fn at_work(&self) -> usize {
        self.state().running.len()
    }

    /// Whether somebody waits for a lease that runs, and the agent is not about to end.
    pub(super) fn is_wanted(&self, lease: LeaseId) -> bool {
        let state = self.state();
        !state.closed && state.running.get(&lease).is_some_and(|running| !running.revoked)
    }

    /// Whether tasks run, and at least `each` more wait for each of them.
    pub(super) fn has_plenty(&self, each: usize) -> bool {
        let state = self.state();
        !state.running.is_empty() && state.waiting.len() >= each * state.running.len()
    }

    /// Keeps what a task has shown that has ended, for the next heartbeat.
    pub(super) fn shown(&self, preview: Preview) {
        let mut state = self.state();
        state.previews.push_back(preview);
        keep_latest(&mut state.previews);
    }

    /// What tasks have shown since this was asked last.
    pub(super) fn take_previews(&self) -> Vec<Preview> {
        let mut state = self.state();
        let mut previews = std::mem::take(&mut state.previews);
        for running in state.running.values() {
            let Some((media, bytes)) = running.killer.as_ref().and_then(Killer::take_preview)
            else {
                continue;
            };
            previews.push_back(Preview { task: running.attempt.task, media, bytes });
        }
        keep_latest(&mut previews);
        previews.into()
    }

    /// Tells which process runs a lease. `false` when the lease was revoked meanwhile.
    pub(super) fn started(&self, lease: LeaseId, killer: Killer) -> bool {
        let mut state = self.state();
        // Whoever winds up has asked all that ran; this one comes too late to begin.
        let is_winding_up = state.closed;
        match state.running.get_mut(&lease) {
            Some(running) if !running.revoked && !is_winding_up => {
                running.killer = Some(killer);
                true
            }
            _ => false,
        }
    }

    /// A slot is done with a lease. `true` when a report is still wanted.
    pub(super) fn ended(&self, lease: LeaseId) -> bool {
        let mut state = self.state();
        match state.running.remove(&lease) {
            Some(running) if !running.revoked => {
                state.ended.insert(lease, running.attempt);
                true
            }
            _ => false,
        }
    }

    /// The head has taken note of a report.
    pub(super) fn acknowledged(&self, lease: LeaseId) {
        self.state().ended.remove(&lease);
    }

    /// Drops leases that wait and kills those that run.
    pub(super) fn revoke(&self, leases: &[LeaseId]) {
        let mut state = self.state();
        let waiting = leases.iter().filter(|lease| state.waiting_ids.remove(lease)).count();
        if waiting > 0 {
            let State { waiting, waiting_ids, .. } = &mut *state;
            waiting.retain(|lease| waiting_ids.contains(&lease.id));
        }
        for lease in leases {
            state.ended.remove(lease);
            if let Some(running) = state.running.get_mut(lease) {
                running.revoke();
            }
        }
    }

    /// Drops everything and lets the slots end.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.drop_waiting();
        state.running.values_mut().for_each(Running::revoke);
        self.inner.1.notify_all();
    }

    /// Every lease that is not acknowledged, in the order of their ids.
    pub(super) fn held(&self) -> Vec<HeldLease> {
        let state = self.state();
        let waiting = state.waiting.iter().map(|lease| (lease.id, lease.attempt));
        let running = state
            .running
            .iter()
            .filter(|(_, running)| !running.revoked)
            .map(|(lease, running)| (*lease, running.attempt));
        let ended = state.ended.iter().map(|(lease, attempt)| (*lease, *attempt));
        let mut held: Vec<_> = waiting
            .chain(running)
            .chain(ended)
            .map(|(lease, attempt)| HeldLease { lease, attempt })
            .collect();
        held.sort_unstable_by_key(|held| held.lease);
        held
    }
}

impl State {
    fn begin_next(&mut self) -> Option<Lease> {
        let lease = self.waiting.pop_front()?;
        self.waiting_ids.remove(&lease.id);
        let running = Running { attempt: lease.attempt, killer: None, revoked: false };
        self.running.insert(lease.id, running);
        Some(lease)
    }

    fn holds(&self, lease: LeaseId) -> bool {
        self.running.contains_key(&lease)
            || self.ended.contains_key(&lease)
            || self.waiting_ids.contains(&lease)
    }

    fn drop_waiting(&mut self) {
        self.waiting.clear();
        self.waiting_ids.clear();
    }
}

impl Running {
    fn revoke(&mut self) {
        self.revoked = true;
        if let Some(killer) = &self.killer {
            killer.kill();
        }
    }
}

/// Drops the oldest ones that are too many for one message.
fn keep_latest(previews: &mut VecDeque<Preview>) {
    let mut bytes: usize = previews.iter().map(|preview| preview.bytes.len()).sum();
    while previews.len() > PREVIEWS_MAX || bytes > PREVIEW_BYTES_MAX {
        bytes -= previews.pop_front().map_or(bytes, |preview| preview.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::agent::Work;
    use bramble_protocol::{JobId, ModuleKind, ObjectRef, TaskId};

    use super::*;

    fn lease(number: u64) -> Lease {
        let task = TaskId { job: JobId(1), index: number as u32 };
        Lease {
            id: LeaseId(number),
            attempt: AttemptId { task, number: 1 },
            work: Work::alone(ObjectRef::of(b"artefact"), ModuleKind::Command, "test", vec![]),
        }
    }

    fn held(queue: &Queue) -> Vec<u64> {
        queue.held().iter().map(|held| held.lease.0).collect()
    }

    #[test]
    fn a_lease_is_held_until_its_report_is_acknowledged() {
        let queue = Queue::new();
        queue.grant(vec![lease(1), lease(2)]);
        assert_eq!(queue.take().unwrap().id, LeaseId(1));
        assert_eq!(held(&queue), [1, 2]);
        assert!(queue.ended(LeaseId(1)));
        assert_eq!(held(&queue), [1, 2]);
        queue.acknowledged(LeaseId(1));
        assert_eq!(held(&queue), [2]);
    }

    #[test]
    fn an_inherited_lease_is_held_until_its_report_is_acknowledged() {
        let queue = Queue::new();
        let held_lease = HeldLease { lease: LeaseId(1), attempt: lease(1).attempt };
        queue.inherit([held_lease].into_iter());
        queue.grant(vec![lease(1)]);
        assert!(!queue.has_waiting(), "it has run");
        assert_eq!(queue.held(), [held_lease]);
        queue.acknowledged(LeaseId(1));
        assert_eq!(queue.held(), []);
    }

    #[test]
    fn a_lease_that_is_granted_twice_runs_once() {
        let queue = Queue::new();
        queue.grant(vec![lease(1)]);
        queue.take().unwrap();
        queue.grant(vec![lease(1), lease(2), lease(2)]);
        assert_eq!(queue.take().unwrap().id, LeaseId(2));
        assert_eq!(held(&queue), [1, 2]);
    }

    #[test]
    fn a_revoked_lease_is_not_reported() {
        let queue = Queue::new();
        queue.grant(vec![lease(1), lease(2)]);
        queue.take().unwrap();
        queue.revoke(&[LeaseId(1), LeaseId(2)]);
        assert!(held(&queue).is_empty());
        assert!(!queue.ended(LeaseId(1)));
        assert!(held(&queue).is_empty());
    }

    #[test]
    fn a_slot_that_waits_in_vain_is_told_once() {
        let queue = Queue::new();
        let mut idle = 0;
        let (told, is_told) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                queue.take_or(Duration::from_millis(1), || {
                    idle += 1;
                    told.send(()).unwrap();
                })
            });
            is_told.recv().unwrap();
            queue.grant(vec![lease(1)]);
            assert_eq!(waiting.join().unwrap().unwrap().id, LeaseId(1));
        });
        assert_eq!(idle, 1);
    }

    #[test]
    fn a_slot_that_waits_a_moment_gets_what_there_is() {
        let queue = Queue::new();
        let moment = Duration::from_millis(1);
        assert!(matches!(queue.take_soon(moment), Taken::Nothing));
        queue.grant(vec![lease(1)]);
        assert!(queue.has_waiting());
        assert!(matches!(queue.take_soon(moment), Taken::Lease(found) if found.id == LeaseId(1)));
        assert!(!queue.has_waiting());
        queue.close();
        assert!(matches!(queue.take_soon(Duration::MAX), Taken::Closed));
    }

    #[test]
    fn there_is_plenty_while_enough_waits_for_each_that_runs() {
        let queue = Queue::new();
        queue.grant((1..=5).map(lease).collect());
        assert!(!queue.has_plenty(2), "nothing runs");
        queue.take().unwrap();
        assert!(queue.has_plenty(4));
        assert!(!queue.has_plenty(5));
        queue.take().unwrap();
        assert!(!queue.has_plenty(2));
        queue.close();
        assert!(!queue.has_plenty(1), "nothing waits");
    }

    #[test]
    fn a_closed_queue_lets_its_slots_go() {
        let queue = Queue::new();
        queue.grant(vec![lease(1)]);
        let waiting = std::thread::spawn({
            let queue = queue.clone();
            move || {
                while let Some(lease) = queue.take() {
                    queue.ended(lease.id);
                }
            }
        });
        queue.close();
        waiting.join().unwrap();
    }
}
