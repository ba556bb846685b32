//! What the fake nodes do, and what befalls them.

use bramble_protocol::agent::{AttemptReport, FromAgent, Lease, ToAgent, Work};
use bramble_protocol::{AttemptOutcome, Digest, GuestErrorKind, LeaseId, Phase, Usage};
use bramble_scheduler::core::ConnectionId;

use super::network::{Direction, Place};
use super::oracle::says_enough;
use super::world::{Happening, World};

/// Processor time that every successful attempt reports, so that sums show what was counted.
pub(super) const CPU_US: u64 = 1_000;

impl World {
    /// Whether a node acts now. While it is frozen, what it would do is put off.
    fn acts(&mut self, place: Place, later: impl FnOnce() -> Happening) -> bool {
        let node = &self.nodes[place.node];
        if node.acts(place, self.now) {
            return true;
        }
        if node.powered && node.life == place.life {
            let wait = node.frozen_until - self.now;
            self.after(wait, later());
        }
        false
    }

    pub(super) fn dials(&mut self, place: Place) {
        if !self.acts(place, || Happening::Dials(place))
            || self.nodes[place.node].connection.is_some()
        {
            return;
        }
        if self.head.core().is_none() {
            let delay = self.dice.between(200, 3_000);
            self.after(delay, Happening::Dials(place));
            return;
        }
        let connection = self.network.open(place);
        let with_reports = self.dice.permille(500);
        let node = &mut self.nodes[place.node];
        node.connection = Some(connection);
        node.welcome = false;
        let hello = Box::new(node.hello(with_reports));
        let at = self.network.arrival(connection, Direction::ToHead, self.now, &mut self.dice);
        self.after(at - self.now, Happening::HelloArrives { connection, hello });
    }

    pub(super) fn say(&mut self, connection: ConnectionId, message: FromAgent) {
        let at = self.network.arrival(connection, Direction::ToHead, self.now, &mut self.dice);
        self.after(
            at - self.now,
            Happening::ReachesHead { connection, message: Box::new(message) },
        );
    }

    pub(super) fn reaches_node(&mut self, connection: ConnectionId, message: ToAgent) {
        let Some(place) = self.network.carries(connection, Direction::ToNode) else {
            return;
        };
        let kept = message.clone();
        if !self.acts(place, || Happening::ReachesNode { connection, message: kept }) {
            return;
        }
        match message {
            ToAgent::Welcome { .. } => {
                self.nodes[place.node].welcome = true;
                self.send_reports(place);
            }
            ToAgent::Refused { .. } => self.hang_up(connection),
            ToAgent::Leases { leases } => {
                self.nodes[place.node].waiting.extend(leases);
                self.start_work(place);
            }
            ToAgent::Calibrate { .. } => {
                // Boards between fast and very slow, and one in ten that never answers.
                let cpu_us = [5_000, 10_000, 150_000, 5_000_000][place.node % 4];
                if self.dice.permille(900) {
                    self.say(connection, FromAgent::Calibrated { cpu_us });
                }
            }
            ToAgent::ShutDown => self.shuts_down(place.node),
            ToAgent::Revoke { leases } => {
                // Sometimes the attempt has just ended, and the report goes out all the same.
                if self.dice.permille(800) {
                    self.nodes[place.node].drop_leases(&leases);
                    self.start_work(place);
                }
            }
            ToAgent::Acknowledge { leases } => {
                let true_ones = leases.iter().filter(|lease| !self.lied.contains(lease));
                self.acknowledged.extend(true_ones);
                self.nodes[place.node].acknowledged(&leases);
            }
        }
    }

    fn start_work(&mut self, place: Place) {
        for lease in self.nodes[place.node].start() {
            let most = self.options.task_ms_max;
            let slow = self.dice.permille(10);
            let ms = if slow { most * 10 } else { self.dice.between(1, most) };
            self.after(ms, Happening::Finishes { place, lease });
        }
    }

    pub(super) fn finishes(&mut self, place: Place, id: LeaseId) {
        if !self.acts(place, || Happening::Finishes { place, lease: id }) {
            return;
        }
        let Some(lease) = self.nodes[place.node].running.remove(&id) else { return };
        if lease.work.inputs.iter().any(|input| self.users.kills(&input.digest)) {
            self.kill(place.node, false);
            return;
        }
        let fault = self.dice.permille(if self.is_calm() { 5 } else { 40 });
        let poisoned = lease.work.inputs.iter().any(|input| self.users.is_poisoned(&input.digest));
        let outcome = if fault {
            self.fault()
        } else if poisoned {
            let message = "not a number".to_owned();
            AttemptOutcome::GuestFailed { error: GuestErrorKind::BadInput, message }
        } else {
            AttemptOutcome::Succeeded { outputs: self.contents.run(&lease.work) }
        };
        let wall_us = self.dice.between(1, self.options.task_ms_max) * 1_000;
        let usage = Usage { wall_us, cpu_us: CPU_US, ..Usage::default() };
        let (attempt, log) = (lease.attempt, String::new());
        let enough = self.says_enough(&lease);
        let report = AttemptReport { lease: id, attempt, outcome, usage, log, enough };
        self.nodes[place.node].reports.insert(id, report);
        self.send_reports(place);
        self.start_work(place);
    }

    pub(super) fn says_enough(&self, lease: &Lease) -> bool {
        let Work { task, inputs, params, .. } = &lease.work;
        let is_map = matches!(task.phase, Phase::Map { .. });
        is_map && inputs.iter().any(|chunk| says_enough(params, &chunk.digest))
    }

    fn fault(&mut self) -> AttemptOutcome {
        let digest = Digest::of(b"chunk");
        let faults = [
            AttemptOutcome::NodeFault { message: "the runner broke down".into() },
            AttemptOutcome::ChunkCorrupt { expected: digest, found: Digest::of(b"other") },
            AttemptOutcome::ChunkMissing { digest, message: "no such file".into() },
            AttemptOutcome::TimedOut { limit_ms: 1_000 },
            AttemptOutcome::Canceled,
        ];
        self.dice.pick(&faults).clone()
    }

    /// Sends all reports that wait, and now and then twice.
    fn send_reports(&mut self, place: Place) {
        let node = &self.nodes[place.node];
        let Some(connection) = node.connection.filter(|_| node.welcome) else { return };
        let reports: Vec<AttemptReport> = node.reports.values().cloned().collect();
        if reports.is_empty() {
            return;
        }
        if self.dice.permille(50) {
            self.outcome.needless_reports += reports.len() as u64;
            self.say(connection, FromAgent::Reports { reports: reports.clone() });
        }
        self.say(connection, FromAgent::Reports { reports });
    }

    pub(super) fn beats(&mut self, place: Place) {
        if !self.acts(place, || Happening::Beats(place)) {
            return;
        }
        let status = self.board_status(place.node);
        let node = &self.nodes[place.node];
        if let Some(connection) = node.connection.filter(|_| node.welcome) {
            let message =
                FromAgent::Heartbeat { status, leases: node.held(), previews: Vec::new() };
            self.say(connection, message);
            if self.dice.permille(300) {
                self.send_reports(place);
            }
        }
        self.after(1_000, Happening::Beats(place));
    }

    pub(super) fn node_notices(&mut self, place: Place, connection: ConnectionId) {
        if !self.acts(place, || Happening::NodeNotices { place, connection }) {
            return;
        }
        let node = &mut self.nodes[place.node];
        if node.connection == Some(connection) {
            node.connection = None;
            node.welcome = false;
            let delay = self.dice.between(50, 2_000);
            self.after(delay, Happening::Dials(place));
        }
    }

    pub(super) fn boots(&mut self, index: usize) {
        if !self.rack.has_power(index) {
            return;
        }
        self.nodes[index].powered = true;
        let place = self.nodes[index].place();
        self.after(0, Happening::Dials(place));
        self.after(1_000, Happening::Beats(place));
    }
}
