//! All nodes, and what is derived from them.

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::{NodeId, TargetClass};

use super::event::ConnectionId;
use super::node::{IdleRank, Link, Node};

/// The nodes with their indices. Nodes change only through [`Cluster::update`], which keeps the
/// indices true.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// By number, which counts from 1.
    nodes: Vec<Node>,
    by_name: BTreeMap<String, NodeId>,
    by_connection: BTreeMap<ConnectionId, NodeId>,
    index: Indices,
}

/// What follows from the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Indices {
    /// Nodes that are connected or may come back.
    pub(crate) present: BTreeSet<NodeId>,
    /// Available nodes with a free slot, least loaded and fastest first.
    pub(crate) idle: BTreeSet<IdleRank>,
    /// Nodes with leases that are the first to go.
    pub(crate) extras: BTreeSet<NodeId>,
    /// By class, in the order of [`TargetClass::ALL`].
    pub(crate) capacity: [Capacity; TargetClass::ALL.len()],
    /// How many available nodes have each speed.
    speeds: BTreeMap<u32, u32>,
}

/// What available nodes can take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) nodes: u32,
    pub(crate) slots: u32,
    pub(crate) free: u32,
}

impl Capacity {
    pub(crate) fn add(&mut self, node: &Node) {
        if node.is_available() {
            self.nodes += 1;
            self.slots += node.usable_slots();
            self.free += node.free_slots();
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.slots += other.slots;
        self.free += other.free;
    }
}

pub(crate) fn class_index(class: TargetClass) -> usize {
    match class {
        TargetClass::X86_64 => 0,
        TargetClass::Aarch64 => 1,
        TargetClass::Aarch64Narrow => 2,
        TargetClass::Pulley32 => 3,
        TargetClass::Pulley64 => 4,
    }
}

impl Indices {
    /// The speed of the fastest available node, if one is known.
    pub(crate) fn fastest(&self) -> Option<u32> {
        self.speeds.last_key_value().map(|(speed, _)| *speed)
    }

    fn count_speed(&mut self, speed: Option<u32>) {
        if let Some(speed) = speed {
            *self.speeds.entry(speed).or_default() += 1;
        }
    }

    fn discount_speed(&mut self, speed: Option<u32>) {
        if let Some(speed) = speed
            && let Some(count) = self.speeds.get_mut(&speed)
        {
            *count -= 1;
            if *count == 0 {
                self.speeds.remove(&speed);
            }
        }
    }

    fn insert(&mut self, node: &Node) {
        if node.link != Link::Lost {
            self.present.insert(node.id);
        }
        self.idle.extend(node.idle_rank());
        if !node.extras.is_empty() {
            self.extras.insert(node.id);
        }
        self.capacity[class_index(node.class)].add(node);
    }

    fn remove(&mut self, node: &Node) {
        self.present.remove(&node.id);
        self.extras.remove(&node.id);
        if let Some(rank) = node.idle_rank() {
            self.idle.remove(&rank);
        }
        if node.is_available() {
            let capacity = &mut self.capacity[class_index(node.class)];
            capacity.nodes -= 1;
            capacity.slots -= node.usable_slots();
            capacity.free -= node.free_slots();
        }
    }
}

/// How fast a node is, if it may be given work.
fn speed_offered(node: &Node) -> Option<u32> {
    node.speed.filter(|_| node.is_available())
}

impl Cluster {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a node, which must be the next in number and have a new name.
    pub(crate) fn push(&mut self, node: Node) {
        assert_eq!(node.id.0 as usize, self.nodes.len() + 1, "nodes are numbered in turn");
        self.index.insert(&node);
        self.index.count_speed(speed_offered(&node));
        let earlier = self.by_name.insert(node.name.clone(), node.id);
        assert_eq!(earlier, None, "a name is one node");
        self.nodes.push(node);
    }

    pub(crate) fn get(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize - 1]
    }

    /// A node of which it is not sure that there is one.
    pub(crate) fn known(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get((id.0 as usize).checked_sub(1)?)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Node> {
        self.by_name.get(name).map(|id| self.get(*id))
    }

    pub(crate) fn by_connection(&self, connection: ConnectionId) -> Option<NodeId> {
        self.by_connection.get(&connection).copied()
    }

    /// In the order of their names.
    pub(crate) fn by_name(&self) -> impl Iterator<Item = &Node> {
        self.by_name.values().map(|id| self.get(*id))
    }

    pub(crate) fn all(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn index(&self) -> &Indices {
        &self.index
    }

    /// Connections that are open.
    pub(crate) fn connected(&self) -> usize {
        self.by_connection.len()
    }

    /// Changes a node and all that follows from it.
    pub(crate) fn update<R>(&mut self, id: NodeId, change: impl FnOnce(&mut Node) -> R) -> R {
        let node = &mut self.nodes[id.0 as usize - 1];
        self.index.remove(node);
        let (before, speed_before) = (node.connection(), speed_offered(node));
        let result = change(node);
        let (after, speed_after) = (node.connection(), speed_offered(node));
        // Of most changes neither is part.
        if speed_before != speed_after {
            self.index.discount_speed(speed_before);
            self.index.count_speed(speed_after);
        }
        if before != after {
            if let Some(connection) = before {
                self.by_connection.remove(&connection);
            }
            if let Some(connection) = after {
                self.by_connection.insert(connection, id);
            }
        }
        self.index.insert(node);
        result
    }

    /// What should be the same as [`Cluster::index`], worked out anew.
    pub(crate) fn derive(&self) -> (Indices, BTreeMap<ConnectionId, NodeId>) {
        let mut index = Indices::default();
        let mut connections = BTreeMap::new();
        for node in &self.nodes {
            index.insert(node);
            index.count_speed(speed_offered(node));
            connections.extend(node.connection().map(|connection| (connection, node.id)));
        }
        (index, connections)
    }

    /// Whether the indices are what they should be.
    pub(crate) fn is_sound(&self) -> bool {
        let (index, connections) = self.derive();
        index == self.index
            && connections == self.by_connection
            && self.by_name.len() == self.nodes.len()
            && self.by_name.iter().all(|(name, id)| self.get(*id).name == *name)
    }
}
