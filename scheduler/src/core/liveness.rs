//! Which nodes are there: connecting, heartbeats, silence, and coming back.

use std::collections::BTreeSet;

use bramble_protocol::agent::{FromAgent, Hello};
use bramble_protocol::node::is_node_name;
use bramble_protocol::version::AGENT_PROTOCOL;
use bramble_protocol::{AttemptOutcome, LeaseId, NodeId, NodeStatus};

use super::Scheduler;
use super::action::Action;
use super::attempt::truncated;
use super::config::{NAME_BYTES_MAX, SLOTS_MAX};
use super::event::{ConnectionId, Timestamp};
use super::job::Job;
use super::mutant::{Mutant, mutated};
use super::node::Link;
use super::record::Record;

/// After a head was started again: its nodes still run what the head before gave them. Until
/// they are back, or the time is over, restored jobs are not given to others.
#[derive(Debug)]
pub(crate) struct Comeback {
    until: Timestamp,
    missing: BTreeSet<NodeId>,
}

/// Why an agent is not let in.
struct Turned {
    reason: String,
    retry: bool,
}

impl Turned {
    fn away(reason: String) -> Self {
        Self { reason, retry: false }
    }

    fn for_now(reason: String) -> Self {
        Self { reason, retry: true }
    }
}

impl Scheduler {
    pub(super) fn expect_comeback(&mut self) {
        if !self.open.is_empty() && !self.cluster.all().is_empty() {
            let until = self.now.plus_ms(self.config.reconnect_grace_ms);
            let missing = self.cluster.all().iter().map(|node| node.id).collect();
            self.comeback = Some(Comeback { until, missing });
        }
    }

    pub(super) fn on_connected(&mut self, connection: ConnectionId, hello: Hello) {
        if let Err(Turned { reason, retry }) = self.check_hello(&hello) {
            self.step.actions.push(Action::Refuse { connection, reason, retry });
            return;
        }
        let node = self.known_node(&hello);
        self.take_over(node, &hello);
        let now = self.now;
        self.cluster.update(node, |node| {
            node.link = Link::Up(connection);
            node.instance = hello.instance;
            node.version = truncated(hello.version, NAME_BYTES_MAX);
            node.slots = hello.slots;
            node.suspect = false;
            node.seen_at = now;
            node.meter.pause();
            node.speed = hello.speed.map(|speed| speed.clamp(1, 1_000_000));
            node.calibrating = false;
        });
        self.on_status(node, bounded(hello.status));
        let heartbeat_ms = self.config.heartbeat_ms;
        self.step.actions.push(Action::Admit { connection, node, heartbeat_ms });
        self.reconcile(node, &hello.leases);
        if let Some(comeback) = &mut self.comeback {
            comeback.missing.remove(&node);
            if comeback.missing.is_empty() {
                self.comeback = None;
                self.step.more_ready = true;
            }
        }
        self.compile_for_node(node);
        self.calibrate(node);
        self.step.hungry.insert(node);
    }

    fn check_hello(&self, hello: &Hello) -> Result<(), Turned> {
        if hello.protocol != AGENT_PROTOCOL {
            let older = if hello.protocol < AGENT_PROTOCOL { "agent" } else { "head" };
            return Err(Turned::away(format!(
                "the agent speaks protocol {}, the head {AGENT_PROTOCOL}: update the {older}",
                hello.protocol
            )));
        }
        if !is_node_name(&hello.name) {
            return Err(Turned::away(format!(
                "`{}` cannot name a node: use up to 63 letters, digits, `-`, `_` or `.`",
                hello.name.chars().take(80).collect::<String>()
            )));
        }
        if !(1..=SLOTS_MAX).contains(&hello.slots) {
            return Err(Turned::away(format!(
                "{} slots are not possible: offer 1 to {SLOTS_MAX}",
                hello.slots
            )));
        }
        match self.cluster.find(&hello.name) {
            Some(node) if node.connection().is_some() => {
                if node.instance != hello.instance {
                    return Err(Turned::for_now(format!(
                        "a node `{}` is connected already: stop it, or give this one another --name",
                        hello.name
                    )));
                }
            }
            known => {
                if self.cluster.connected() >= self.config.agents_max {
                    return Err(Turned::for_now(format!(
                        "{} nodes are connected, which is the most this head takes",
                        self.config.agents_max
                    )));
                }
                if known.is_none() && self.cluster.len() >= self.config.nodes_max {
                    return Err(Turned::away(format!(
                        "this head knows {} nodes by name and takes no more",
                        self.config.nodes_max
                    )));
                }
            }
        }
        Ok(())
    }

    /// The number of a node, which it is given at its first contact.
    fn known_node(&mut self, hello: &Hello) -> NodeId {
        let known = self.cluster.find(&hello.name).map(|node| (node.id, node.class));
        let node = match known {
            Some((node, class)) if class == hello.class => return node,
            Some((node, _)) => node,
            None => NodeId(self.cluster.len() as u32 + 1),
        };
        self.commit(Record::NodeKnown { node, name: hello.name.clone(), class: hello.class });
        node
    }

    /// Ends what an earlier connection of the same node left behind.
    fn take_over(&mut self, id: NodeId, hello: &Hello) {
        let node = self.cluster.get(id);
        if let Link::Up(connection) = node.link {
            let reason = "the node opened another connection".into();
            self.step.actions.push(Action::Disconnect { connection, reason });
        } else if node.instance != hello.instance {
            // The process that held them is gone. Those it names have ended: their reports come.
            let named: BTreeSet<LeaseId> = hello.leases.iter().map(|held| held.lease).collect();
            self.lose_leases(id, &named);
        }
    }

    pub(super) fn on_message(&mut self, connection: ConnectionId, message: FromAgent) {
        let Some(id) = self.cluster.by_connection(connection) else { return };
        let now = self.now;
        let was_suspect = self.cluster.update(id, |node| {
            node.seen_at = now;
            std::mem::take(&mut node.suspect)
        });
        if was_suspect {
            self.step.hungry.insert(id);
        }
        match message {
            FromAgent::Hello(_) => {
                let reason = "it said hello twice".into();
                self.step.actions.push(Action::Disconnect { connection, reason });
                self.on_disconnected(connection);
            }
            FromAgent::Heartbeat { status, leases, .. } => {
                self.on_status(id, bounded(status));
                self.renew(id, &leases);
            }
            FromAgent::Calibrated { cpu_us } => self.on_calibrated(id, cpu_us),
            FromAgent::Reports { reports } => self.on_reports(connection, id, reports),
            FromAgent::Goodbye => {
                self.give_back(id);
                self.give_up(id);
                let reason = "the agent said goodbye".into();
                self.step.actions.push(Action::Disconnect { connection, reason });
            }
        }
    }

    pub(super) fn on_disconnected(&mut self, connection: ConnectionId) {
        if let Some(id) = self.cluster.by_connection(connection) {
            let until = self.now.plus_ms(self.config.reconnect_grace_ms);
            self.cluster.update(id, |node| {
                node.link = Link::Down { until };
                node.suspect = false;
            });
        }
    }

    pub(super) fn on_tick(&mut self) {
        self.step.ticked = true;
        let present: Vec<NodeId> = self.cluster.index().present.iter().copied().collect();
        for id in present {
            self.check_node_time(id);
        }
        let over = self.comeback.as_ref().is_some_and(|comeback| comeback.until <= self.now);
        if over && !mutated(Mutant::ComebackNeverEnds) {
            self.comeback = None;
            self.step.more_ready = true;
        }
        // The nodes that were waited for may have taken other jobs meanwhile.
        self.step.more_ready |= std::mem::take(&mut self.held_back);
        self.wake_delayed();
        self.leave_disputes();
        self.step.extras = true;
        self.retry_compilations();
        self.run_power();
    }

    fn check_node_time(&mut self, id: NodeId) {
        let node = self.cluster.get(id);
        let silence_ms = self.now.ms_since(node.seen_at);
        match node.link {
            Link::Up(connection) if silence_ms >= self.config.lost_ms => {
                let reason = format!("nothing was heard of it for {} s", silence_ms / 1000);
                self.step.actions.push(Action::Disconnect { connection, reason });
                self.lose(id);
            }
            Link::Down { until } if until <= self.now => self.lose(id),
            Link::Up(_) if silence_ms >= self.config.suspect_ms && !node.suspect => {
                self.cluster.update(id, |node| node.suspect = true);
            }
            Link::Up(_) | Link::Down { .. } | Link::Lost => {}
        }
        self.end_quarantine(id);
        if self.cluster.get(id).next_expiry <= self.now {
            self.expire(id);
        }
    }

    /// Gives a node up: its tasks are tried elsewhere.
    fn lose(&mut self, id: NodeId) {
        self.give_up(id);
        if !mutated(Mutant::LostKeepsLeases) {
            self.lose_leases(id, &BTreeSet::new());
        }
    }

    /// Takes all leases of a node that is about to be switched off: their tasks are tried elsewhere.
    pub(super) fn lose_leases_of(&mut self, id: NodeId) {
        self.lose_leases(id, &BTreeSet::new());
    }

    fn lose_leases(&mut self, id: NodeId, but: &BTreeSet<LeaseId>) {
        let leases = self.cluster.get(id).leases.keys();
        let leases: Vec<LeaseId> = leases.filter(|lease| !but.contains(lease)).copied().collect();
        let alone = leases.len() == 1;
        for lease in leases {
            self.take(id, lease, AttemptOutcome::NodeLost, alone);
        }
    }

    /// Marks a node as gone and frees its place in jobs that run on so many nodes only.
    fn give_up(&mut self, id: NodeId) {
        self.cluster.update(id, |node| {
            node.link = Link::Lost;
            node.suspect = false;
        });
        for job in &self.open {
            if let Some(open) = self.jobs.get_mut(job).and_then(Job::open_mut)
                && open.members.remove(&id)
            {
                self.step.more_ready = true;
            }
        }
    }

    /// Whether a job has to wait for nodes that may still hold its leases.
    pub(super) fn awaits_comeback(&self, restored: bool) -> bool {
        restored && self.comeback.is_some()
    }
}

fn bounded(mut status: NodeStatus) -> NodeStatus {
    status.model = status.model.map(|model| truncated(model, NAME_BYTES_MAX));
    status.board = status.board.map(|board| Box::new(board.bounded()));
    status
}
