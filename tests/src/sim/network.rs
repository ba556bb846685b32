//! Connections between nodes and the head: late, in order, and apt to break.
//!
//! A connection may break at one end first. What was under way then still arrives at the other,
//! which knows of nothing: so messages of an old connection come in after the first of a new one.

use std::collections::BTreeMap;

use bramble_scheduler::core::ConnectionId;

use super::dice::Dice;

/// Which node, and which life of it: a message for an earlier life reaches nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) life: u64,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) place: Place,
    /// Whether messages still arrive at the head.
    up: bool,
    /// Whether messages still arrive at the node.
    down: bool,
    last_up: u64,
    last_down: u64,
}

/// Direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToHead,
    ToNode,
}

/// All connections there ever were.
#[derive(Debug, Default)]
pub(super) struct Network {
    connections: BTreeMap<ConnectionId, Connection>,
    last: u64,
}

impl Network {
    pub(super) fn open(&mut self, place: Place) -> ConnectionId {
        self.last += 1;
        let id = ConnectionId(self.last);
        let connection = Connection { place, up: true, down: true, last_up: 0, last_down: 0 };
        self.connections.insert(id, connection);
        id
    }

    /// The node at the other end, if messages still arrive in this direction.
    pub(super) fn carries(&self, id: ConnectionId, direction: Direction) -> Option<Place> {
        let connection = self.connections.get(&id)?;
        let carries = match direction {
            Direction::ToHead => connection.up,
            Direction::ToNode => connection.down,
        };
        carries.then_some(connection.place)
    }

    /// The node at the other end of a connection, also of one that broke just now.
    pub(super) fn node(&self, id: ConnectionId) -> usize {
        self.connections.get(&id).map_or(usize::MAX, |connection| connection.place.node)
    }

    /// When a message sent now arrives: after those sent before in the same direction.
    pub(super) fn arrival(
        &mut self,
        id: ConnectionId,
        direction: Direction,
        now: u64,
        dice: &mut Dice,
    ) -> u64 {
        let delay = if dice.permille(20) { dice.between(100, 3_000) } else { dice.between(0, 8) };
        let Some(connection) = self.connections.get_mut(&id) else { return now + delay };
        let last = match direction {
            Direction::ToHead => &mut connection.last_up,
            Direction::ToNode => &mut connection.last_down,
        };
        *last = (now + delay).max(*last);
        *last
    }

    /// Breaks a connection: what is under way in it is lost.
    pub(super) fn cut(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            (connection.up, connection.down) = (false, false);
        }
    }

    /// Breaks a connection in one direction only.
    pub(super) fn cut_one(&mut self, id: ConnectionId, direction: Direction) {
        if let Some(connection) = self.connections.get_mut(&id) {
            match direction {
                Direction::ToHead => connection.up = false,
                Direction::ToNode => connection.down = false,
            }
        }
    }

    /// All connections that are whole.
    pub(super) fn all_whole(&self) -> Vec<ConnectionId> {
        let whole = self.connections.iter().filter(|(_, it)| it.up && it.down);
        whole.map(|(id, _)| *id).collect()
    }

    /// Forgets connections that are broken, which nothing can come out of any more.
    pub(super) fn sweep(&mut self) {
        self.connections.retain(|_, connection| connection.up || connection.down);
    }
}
