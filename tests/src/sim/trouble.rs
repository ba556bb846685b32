//! What befalls the cluster: broken connections, crashes, power cuts, frozen machines, clocks
//! that leap, full and slow disks.

use bramble_scheduler::core::ConnectionId;

use super::network::Direction;
use super::world::{Happening, World};

/// What goes wrong in a run beside the usual, chosen by its seed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// The head's disk takes long for most writes.
    pub(super) slow_disk: bool,
    /// The head's disk is full now and then.
    pub(super) full_disk: bool,
    /// The head's clock leaps.
    pub(super) clocks: bool,
    /// Everything loses power now and then.
    pub(super) blackouts: bool,
}

impl Weather {
    pub(super) fn roll(dice: &mut super::dice::Dice) -> Self {
        Self {
            slow_disk: dice.permille(200),
            full_disk: dice.permille(300),
            clocks: dice.permille(300),
            blackouts: dice.permille(300),
        }
    }
}

impl World {
    /// One misfortune, and the date of the next.
    pub(super) fn trouble(&mut self) {
        if self.is_calm() {
            return;
        }
        match self.dice.between(0, 99) {
            0..=34 => {
                let whole = self.network.all_whole();
                if !whole.is_empty() {
                    let connection = *self.dice.pick(&whole);
                    self.hang_up(connection);
                }
            }
            35..=54 => self.strike(|world, node| world.kill(node, false)),
            55..=63 => self.strike(|world, node| world.kill(node, true)),
            64..=77 => self.strike(|world, node| {
                let ms = world.dice.between(500, 20_000);
                world.nodes[node].frozen_until = world.now + ms;
            }),
            78..=81 => self.strike(Self::says_goodbye),
            82..=84 if self.weather.blackouts => self.blackout(),
            85..=87 if self.weather.full_disk => {
                self.disk_full_until = self.now + self.dice.between(1_000, 10_000);
            }
            88..=90 if self.weather.clocks => {
                let ms = self.dice.between(500, 12 * 3_600_000);
                self.head.leap(ms);
            }
            _ => self.kill_head(),
        }
        self.network.sweep();
        let delay = self.dice.between(50, self.options.trouble_every_ms);
        self.after(delay, Happening::Trouble);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.now >= self.users.trouble_until
    }

    fn strike(&mut self, blow: impl FnOnce(&mut Self, usize)) {
        let index = self.dice.between(0, self.nodes.len() as u64 - 1) as usize;
        if self.nodes[index].powered {
            blow(self, index);
        }
    }

    /// A connection breaks, and after a while both ends see it: now and then one long before the
    /// other.
    pub(super) fn hang_up(&mut self, connection: ConnectionId) {
        let Some(place) = self.network.carries(connection, Direction::ToNode) else { return };
        let (soon, later) = (self.dice.between(0, 500), self.dice.between(0, 3_000));
        match self.dice.between(0, 9) {
            // The node dials anew while what it sent before is still on its way.
            0..=2 => {
                self.network.cut_one(connection, Direction::ToNode);
                self.after(soon, Happening::NodeNotices { place, connection });
                let late = self.dice.between(0, 15_000);
                self.after(late, Happening::HeadNotices { connection });
            }
            // What the head sent before still arrives, though the head has given up.
            3 | 4 => {
                self.network.cut_one(connection, Direction::ToHead);
                self.after(soon, Happening::HeadNotices { connection });
                let late = self.dice.between(0, 5_000);
                self.after(late, Happening::NodeNotices { place, connection });
            }
            _ => {
                self.network.cut(connection);
                self.after(soon, Happening::HeadNotices { connection });
                self.after(later, Happening::NodeNotices { place, connection });
            }
        }
    }

    /// The agent's process ends. Its machine closes the connection, unless it lost power.
    pub(super) fn kill(&mut self, index: usize, power: bool) {
        self.end_agent(index, power);
        let for_ever = power && self.nodes.len() > 2 && index == self.nodes.len() - 1;
        if !(for_ever && self.dice.permille(500)) {
            let delay = self.dice.between(200, if power { 40_000 } else { 5_000 });
            self.after(delay, Happening::Boots { node: index });
        }
    }

    pub(super) fn end_agent(&mut self, index: usize, power: bool) {
        let node = &mut self.nodes[index];
        let connection = node.connection;
        node.die();
        node.powered = !power;
        if let Some(connection) = connection {
            // What it had sent before may still arrive.
            let direction = Direction::ToNode;
            self.network.cut_one(connection, direction);
            if !power {
                let delay = self.dice.between(0, 300);
                self.after(delay, Happening::HeadNotices { connection });
            }
        }
    }

    /// An agent is stopped on purpose, and started again.
    fn says_goodbye(&mut self, index: usize) {
        let node = &self.nodes[index];
        if let Some(connection) = node.connection.filter(|_| node.welcome) {
            self.say(connection, bramble_protocol::agent::FromAgent::Goodbye);
        }
        self.end_agent(index, false);
        let delay = self.dice.between(200, 20_000);
        self.after(delay, Happening::Boots { node: index });
    }

    fn blackout(&mut self) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].powered {
                self.end_agent(index, true);
                let delay = self.dice.between(200, 20_000);
                self.after(delay, Happening::Boots { node: index });
            }
        }
        self.kill_head();
    }

    pub(super) fn kill_head(&mut self) {
        if self.head.core().is_none() {
            return;
        }
        self.head.crash(&mut self.dice);
        self.users.head_died();
        for connection in self.network.all_whole() {
            self.hang_up(connection);
        }
        let delay = self.dice.between(100, 8_000);
        self.after(delay, Happening::HeadStarts);
    }

    /// A process of the head begins, unless the disk has no room for its first record.
    pub(super) fn head_starts(&mut self) {
        if self.head.core().is_some() {
            return;
        }
        if self.now < self.disk_full_until {
            self.after(2_000, Happening::HeadStarts);
            return;
        }
        self.outcome.restarts += u64::from(self.head.life > 0);
        let wall = self.wall();
        self.head.start(self.now, wall).unwrap_or_else(|what| self.fail(&what));
        self.users.check_restored(&self.head).unwrap_or_else(|what| self.fail(&what));
        if self.options.rack {
            self.tell(self.rack.found());
        }
        // Somebody has waited for it: so jobs get the numbers of others that were never
        // journalled, while nodes still hold those's leases.
        if self.dice.permille(500) && !self.is_calm() {
            let order = self.dice.between(0, self.users.orders.len() as u64 - 1) as usize;
            self.after(0, Happening::Submits { order });
        }
    }

    /// What the clock on the wall of the head's machine says: a board without a battery starts
    /// in the past.
    fn wall(&mut self) -> u64 {
        let hours = 3_600_000 * self.dice.between(0, 100);
        match self.dice.between(0, 9) {
            0 if self.weather.clocks => self.now - hours,
            1 if self.weather.clocks => self.now + hours,
            _ => self.now,
        }
    }

    /// How long one write to the journal takes, in milliseconds.
    pub(super) fn write_ms(&mut self) -> u64 {
        let slow = if self.weather.slow_disk { 600 } else { 20 };
        let stalled = self.disk_stalls_until.saturating_sub(self.now);
        if stalled > 0 {
            stalled
        } else if self.dice.permille(slow) {
            self.dice.between(100, 2_000)
        } else {
            self.dice.between(1, 15)
        }
    }

    /// The group is on disk, or the disk is full and the head stops.
    pub(super) fn group_ends(&mut self) {
        if self.now < self.disk_full_until {
            self.kill_head();
        } else {
            let released = self.head.written();
            self.perform(released);
            // Reading all of a large journal again takes long.
            let small = self.options.check_every == 1;
            if small && self.head.is_clean() && self.dice.permille(20) {
                self.head.check_replay().unwrap_or_else(|what| self.fail(&what));
            }
        }
    }
}
