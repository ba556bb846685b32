//! Nodes that are connected: by which keys, and what each may ask for and report.
//!
//! Knowing a digest gives a node nothing. It is sent what its leases read now, and is heard only
//! about tasks that it was given.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bramble_protocol::agent::{FromAgent, ToAgent};
use bramble_protocol::{AttemptOutcome, Digest, NodeId, ProblemKind, TaskId};
use bramble_tls::Fingerprint;
use tokio_util::sync::CancellationToken;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::state::{Head, Shared};
use crate::stored::no_such_object;

/// So many tasks are remembered of each connection: some seconds' worth of the shortest ones.
const GRANTED_MAX: usize = 4_096;

/// Those that are connected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connected(Arc<Mutex<Seats>>);

#[derive(Debug, Default)]
struct Seats {
    last: u64,
    by_number: BTreeMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    name: String,
    key: Fingerprint,
    /// Its number, once the scheduler has let it in.
    node: Option<NodeId>,
    dismissed: CancellationToken,
}

/// The place of one connection, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Seat {
    connected: Connected,
    number: u64,
    /// Cancelled when the node is removed.
    pub(crate) dismissed: CancellationToken,
}

impl Connected {
    /// Takes a place before it is known whether the node may stay: one that is removed meanwhile
    /// must not slip through.
    pub(crate) fn enter(&self, name: &str, key: Fingerprint) -> Seat {
        let dismissed = CancellationToken::new();
        let taken = Taken { name: name.to_owned(), key, node: None, dismissed: dismissed.clone() };
        let mut seats = self.seats();
        seats.last += 1;
        let number = seats.last;
        seats.by_number.insert(number, taken);
        Seat { connected: self.clone(), number, dismissed }
    }

    /// Cuts off all connections of a node. What it asks for from now on is not its own any more.
    pub(crate) fn dismiss(&self, name: &str) {
        self.seats().by_number.retain(|_, taken| {
            let stays = taken.name != name;
            if !stays {
                taken.dismissed.cancel();
            }
            stays
        });
    }

    /// The node that is connected by a key.
    fn node(&self, key: Fingerprint) -> Option<NodeId> {
        let seats = self.seats();
        seats.by_number.values().rev().filter(|taken| taken.key == key).find_map(|it| it.node)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The scheduler has let the node in under this number.
    pub(crate) fn welcomed(&self, node: NodeId) {
        if let Some(taken) = self.connected.seats().by_number.get_mut(&self.number) {
            taken.node = Some(node);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connected.seats().by_number.remove(&self.number);
    }
}

/// The tasks that a connection was given lately: of others it has nothing to say.
#[derive(Debug, Default)]
pub(crate) struct Granted(Mutex<(HashSet<TaskId>, VecDeque<TaskId>)>);

impl Granted {
    /// Remembers the tasks in a message to the agent.
    pub(crate) fn note(&self, message: &ToAgent) {
        if let ToAgent::Leases { leases } = message {
            leases.iter().for_each(|lease| self.add(lease.attempt.task));
        }
    }

    /// Remembers a task.
    pub(crate) fn add(&self, task: TaskId) {
        let mut granted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, order) = &mut *granted;
        if known.insert(task) {
            order.push_back(task);
        }
        if order.len() > GRANTED_MAX
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }

    /// Whether a task is among them.
    pub(crate) fn has(&self, task: &TaskId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.contains(task)
    }

    /// Takes out of a message the previews of tasks that this node was never given.
    pub(crate) fn sift(&self, message: &mut FromAgent) {
        if let FromAgent::Heartbeat { previews, .. } = message
            && !previews.is_empty()
        {
            let granted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            previews.retain(|preview| granted.0.contains(&preview.task));
        }
    }
}

/// The objects that a node says are damaged, and has a reason to have read: with the task of each.
pub(crate) async fn damaged(
    head: &Head,
    node: NodeId,
    message: &FromAgent,
) -> Vec<(Digest, TaskId)> {
    let FromAgent::Reports { reports } = message else { return Vec::new() };
    let told = reports.iter().filter_map(|report| match report.outcome {
        AttemptOutcome::ChunkCorrupt { expected, .. } => Some((expected, report.attempt.task)),
        _ => None,
    });
    let mut told: Vec<(Digest, TaskId)> = told.collect();
    if told.is_empty() {
        return told;
    }
    let sifted = head.handle.look(move |core| {
        let own: HashSet<TaskId> = core.node_tasks(node).into_iter().collect();
        told.retain(|(digest, task)| own.contains(task) && core.node_reads(node, digest));
        told
    });
    // A scheduler that has stopped gives nobody work that could be about it.
    sifted.await.unwrap_or_default()
}

impl Shared {
    /// The node that asks, by its key and its open connection.
    ///
    /// # Errors
    /// When it is not connected: it may be on its way back.
    fn node(&self, asker: &Asker) -> ApiResult<NodeId> {
        asker
            .node_key
            .and_then(|key| self.connected.node(key))
            .ok_or_else(|| ApiError::busy("this node is not connected now"))
    }

    /// Sees that a node has work, to which what it sends may belong.
    ///
    /// # Errors
    /// When it has none.
    pub(crate) async fn is_at_work(&self, asker: &Asker) -> ApiResult<()> {
        let node = self.node(asker)?;
        if self.handle.look(move |core| core.node_holds_leases(node)).await? {
            return Ok(());
        }
        Err(ApiError::new(ProblemKind::NotAllowed, "this node has no work of this head"))
    }

    /// Sees that an object belongs to what a node works on now. Others do not exist for it.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) async fn is_read_by(&self, asker: &Asker, digest: Digest) -> ApiResult<()> {
        let node = self.node(asker)?;
        match self.handle.look(move |core| core.node_reads(node, &digest)).await? {
            true => Ok(()),
            false => Err(no_such_object(&digest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::JobId;
    use bramble_protocol::preview::Preview;

    use super::*;

    const KEY: Fingerprint = Fingerprint::from_bytes([1; 32]);

    #[test]
    fn a_node_that_is_dismissed_is_nobody_at_once_and_others_stay() {
        let connected = Connected::default();
        let (one, other) =
            (connected.enter("p1", KEY), connected.enter("p2", Fingerprint::from_bytes([2; 32])));
        assert_eq!(connected.node(KEY), None, "not welcome yet");
        one.welcomed(NodeId(7));
        other.welcomed(NodeId(8));
        assert_eq!(connected.node(KEY), Some(NodeId(7)));
        connected.dismiss("p1");
        assert!(one.dismissed.is_cancelled() && !other.dismissed.is_cancelled());
        assert_eq!(connected.node(KEY), None);
        one.welcomed(NodeId(7));
        assert_eq!(connected.node(KEY), None, "too late");
        drop((one, other));
        assert!(connected.seats().by_number.is_empty());
    }

    #[test]
    fn of_two_connections_of_one_node_the_later_one_counts_and_the_first_may_go() {
        let connected = Connected::default();
        let first = connected.enter("p1", KEY);
        first.welcomed(NodeId(1));
        let second = connected.enter("p1", KEY);
        assert_eq!(connected.node(KEY), Some(NodeId(1)));
        second.welcomed(NodeId(1));
        drop(first);
        assert_eq!(connected.node(KEY), Some(NodeId(1)));
    }

    #[test]
    fn previews_of_tasks_that_a_node_was_not_given_are_dropped() {
        let task = |index| TaskId { job: JobId(1), index };
        let preview = |index| Preview { task: task(index), media: "a/b".into(), bytes: vec![] };
        let sifted = |granted: &Granted, indices: &[u32]| {
            let previews = indices.iter().map(|index| preview(*index)).collect();
            let mut message =
                FromAgent::Heartbeat { status: Default::default(), leases: vec![], previews };
            granted.sift(&mut message);
            let FromAgent::Heartbeat { previews, .. } = message else { panic!("it stays one") };
            previews.iter().map(|preview| preview.task.index).collect::<Vec<u32>>()
        };
        let granted = Granted::default();
        granted.add(task(3));
        granted.add(task(3));
        assert_eq!(sifted(&granted, &[2, 3, 4]), [3]);
        (10..10 + GRANTED_MAX as u32).for_each(|index| granted.add(task(index)));
        assert_eq!(sifted(&granted, &[3, 10]), [10], "the oldest is forgotten");
    }
}
