//! The simulated world: what happens when, and what follows from it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use bramble_protocol::agent::{FromAgent, Hello, Lease, ToAgent};
use bramble_protocol::{Digest, LeaseId, Mode, ObjectRef, TargetClass};
use bramble_scheduler::core::{Action, Calibration, Config, ConnectionId, Event};

use super::dice::Dice;
use super::fleet::Node;
use super::head::{Due, Head, Promise};
use super::network::{Direction, Network, Place};
use super::options::{Options, Outcome};
use super::oracle::Contents;
use super::rack::Rack;
use super::trouble::Weather;
use super::users::Users;

/// Something that is going to happen.
#[derive(Debug)]
pub(super) enum Happening {
    Tick,
    HeadStarts,
    Written { life: u64 },
    Compiled { life: u64, module: Digest, class: TargetClass, mode: Mode },
    HelloArrives { connection: ConnectionId, hello: Box<Hello> },
    ReachesHead { connection: ConnectionId, message: Box<FromAgent> },
    ReachesNode { connection: ConnectionId, message: ToAgent },
    HeadNotices { connection: ConnectionId },
    NodeNotices { place: Place, connection: ConnectionId },
    Dials(Place),
    Beats(Place),
    Finishes { place: Place, lease: LeaseId },
    Boots { node: usize },
    Switched { life: u64, node: usize, on: bool, fault: bool },
    Halts(Place),
    Submits { order: usize },
    Cancels { order: usize },
    Drains { node: usize },
    Undrains { node: usize },
    Mischief { node: usize },
    HeadDies,
    Trouble,
}

/// Entries of the calendar in the order of their time, and of their making within one time.
#[derive(Debug)]
struct Entry {
    at: u64,
    number: u64,
    happening: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Everything there is.
pub(super) struct World {
    pub(super) options: Options,
    pub(super) dice: Dice,
    pub(super) now: u64,
    calendar: BinaryHeap<Reverse<Entry>>,
    entries: u64,
    pub(super) head: Head,
    pub(super) network: Network,
    pub(super) nodes: Vec<Node>,
    pub(super) users: Users,
    pub(super) contents: Contents,
    /// With the node that each went to.
    pub(super) leases_given: BTreeMap<LeaseId, (Lease, usize)>,
    /// Leases of which a node was told that its report is of no more use.
    pub(super) acknowledged: BTreeSet<LeaseId>,
    /// Leases that somebody lied about.
    pub(super) lied: BTreeSet<LeaseId>,
    pub(super) weather: Weather,
    /// Without boards where the head can switch none.
    pub(super) rack: Rack,
    pub(super) disk_full_until: u64,
    /// No write ends before.
    pub(super) disk_stalls_until: u64,
    /// Whether what is done was ordered again.
    pub(super) encored: bool,
    pub(super) outcome: Outcome,
}

/// Simulated time after which a run that has not ended is stuck.
const STUCK_MS: u64 = 2 * 3_600_000;

/// Runs a cluster to the end of all its jobs.
///
/// # Panics
/// When something is not as it must be; the message names the seed.
pub fn run(options: &Options) -> Outcome {
    let _seed = Seed(options);
    let mut world = World::new(options.clone());
    world.run();
    world.check_end();
    world.outcome
}

/// Tells how to repeat a run that panics, wherever that was.
struct Seed<'a>(&'a Options);

impl Drop for Seed<'_> {
    fn drop(&mut self) {
        // Where faults are built in, every run is meant to fail.
        if std::thread::panicking() && !cfg!(feature = "mutants") {
            let Options { seed, repeat, .. } = self.0;
            eprintln!("seed {seed}; repeat with: BRAMBLE_SIM_SEED={seed} {repeat}");
        }
    }
}

impl World {
    fn new(options: Options) -> Self {
        let mut dice = Dice::new(options.seed);
        let config = Config {
            compile_attempts_max: 1_000,
            calibration: Some(calibration()),
            ..Config::default()
        };
        let classes = [TargetClass::X86_64, TargetClass::Aarch64];
        let nodes = (0..options.nodes)
            .map(|index| {
                let slots = dice.between(1, 4) as u32;
                Node::new(index, slots, *dice.pick(&classes))
            })
            .collect();
        let weather = Weather::roll(&mut dice);
        let rack = match options.rack {
            true => Rack::new(options.nodes, &mut dice),
            false => Rack::default(),
        };
        let users = Users::new(&options, &mut dice);
        let mut world = Self {
            dice,
            now: 1_700_000_000_000,
            calendar: BinaryHeap::new(),
            entries: 0,
            head: Head::new(config),
            network: Network::default(),
            nodes,
            users,
            contents: Contents::default(),
            leases_given: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            lied: BTreeSet::new(),
            weather,
            rack,
            disk_full_until: 0,
            disk_stalls_until: 0,
            encored: false,
            outcome: Outcome::default(),
            options,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.after(0, Happening::HeadStarts);
        self.after(250, Happening::Tick);
        for node in 0..self.nodes.len() {
            if !self.rack.has_power(node) {
                self.nodes[node].powered = false;
                continue;
            }
            let place = self.nodes[node].place();
            let delay = self.dice.between(0, 2_000);
            self.after(delay, Happening::Dials(place));
            self.after(delay + 1_000, Happening::Beats(place));
        }
        for order in 0..self.users.orders.len() {
            let delay = self.dice.between(0, self.options.trouble_ms.max(1));
            self.after(delay, Happening::Submits { order });
        }
        self.after(500, Happening::Trouble);
        let liars = self.dice.between(0, 3).saturating_sub(1) as usize;
        for node in 0..liars.min(self.nodes.len()) {
            self.after(1_000, Happening::Mischief { node });
        }
        for _ in 0..self.dice.between(0, 3) {
            let node = self.dice.between(0, self.nodes.len() as u64 - 1) as usize;
            let delay = self.dice.between(0, self.options.trouble_ms);
            self.after(delay, Happening::Drains { node });
        }
        self.users.trouble_until = self.now + self.options.trouble_ms;
    }

    pub(super) fn after(&mut self, ms: u64, happening: Happening) {
        self.entries += 1;
        let entry = Entry { at: self.now + ms, number: self.entries, happening };
        self.calendar.push(Reverse(entry));
    }

    fn run(&mut self) {
        let start = self.now;
        while !self.is_over() || self.encore() {
            let Reverse(entry) = self.calendar.pop().expect("there is always another tick");
            self.now = entry.at;
            if self.now > start + STUCK_MS {
                let open = self.users.open_orders();
                let power = self.head.core().filter(|_| self.options.rack);
                let power = power.map(|core| core.power().nodes).unwrap_or_default();
                self.fail(&format!("jobs do not end, or nodes keep reports: {open} {power:?}"));
            }
            self.happen(entry.happening);
        }
        self.outcome.duration_ms = self.now - start;
    }

    fn is_over(&self) -> bool {
        let Some(core) = self.head.core() else { return false };
        self.now >= self.users.trouble_until
            && self.users.orders.iter().all(|order| order.accepted.is_some())
            && core.open_jobs() == 0
            && self.head.is_clean()
            && self.nodes.iter().all(Node::is_done)
    }

    /// Ends the run with a message that lets it be repeated.
    pub(super) fn fail(&self, what: &str) -> ! {
        panic!("after {} steps: {what}", self.outcome.steps)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick => {
                self.tell(Event::Tick);
                self.after(250, Happening::Tick);
            }
            Happening::HeadStarts => self.head_starts(),
            Happening::Written { life } if life == self.head.life => self.group_ends(),
            Happening::Compiled { life, module, class, mode } if life == self.head.life => {
                self.compiled(module, class, mode);
            }
            Happening::Written { .. } | Happening::Compiled { .. } => {}
            Happening::HelloArrives { connection, hello } => {
                if self.network.carries(connection, Direction::ToHead).is_some() {
                    self.tell(Event::AgentConnected { connection, hello });
                }
            }
            Happening::ReachesHead { connection, message } => {
                if self.network.carries(connection, Direction::ToHead).is_some() {
                    self.tell(Event::AgentMessage { connection, message: *message });
                }
            }
            Happening::ReachesNode { connection, message } => {
                self.reaches_node(connection, message);
            }
            Happening::HeadNotices { connection } => {
                self.network.cut_one(connection, Direction::ToHead);
                self.tell(Event::AgentDisconnected { connection });
            }
            Happening::NodeNotices { place, connection } => self.node_notices(place, connection),
            Happening::Dials(place) => self.dials(place),
            Happening::Beats(place) => self.beats(place),
            Happening::Finishes { place, lease } => self.finishes(place, lease),
            Happening::Boots { node } => self.boots(node),
            Happening::Switched { life, node, on, fault } => self.switched(life, node, on, fault),
            Happening::Halts(place) => {
                if self.nodes[place.node].life == place.life {
                    self.end_agent(place.node, true);
                }
            }
            Happening::Submits { order } => self.submits(order),
            Happening::Cancels { order } => self.cancels(order),
            Happening::Drains { node } => self.drains(node),
            Happening::Undrains { node } => self.undrains(node),
            Happening::Mischief { node } => self.mischief(node),
            Happening::HeadDies => self.kill_head(),
            Happening::Trouble => self.trouble(),
        }
    }

    /// Gives the head's core an event, if there is a head.
    pub(super) fn tell(&mut self, event: Event) {
        // Times that go back must count as the same.
        let back = if self.dice.permille(10) { self.dice.between(1, 3_600_000) } else { 0 };
        let actions = self.head.apply(self.now, back, event);
        self.outcome.steps += 1;
        if self.outcome.steps.is_multiple_of(self.options.check_every)
            && let Some(core) = self.head.core()
        {
            core.check().unwrap_or_else(|what| self.fail(&what));
        }
        self.perform(actions);
    }

    pub(super) fn perform(&mut self, due: Vec<Due>) {
        for (action, promise) in due {
            match promise {
                Some(Promise::Done(attempts)) => self.users.done.extend(attempts),
                Some(Promise::Shown(job, succeeded)) => {
                    self.users.shown.insert(job, succeeded);
                }
                None => {}
            }
            self.perform_one(action);
        }
        if self.head.start_write() {
            let ms = self.write_ms();
            let life = self.head.life;
            self.after(ms, Happening::Written { life });
        }
    }

    fn perform_one(&mut self, action: Action) {
        match action {
            Action::Admit { connection, node, heartbeat_ms } => {
                self.send(connection, ToAgent::Welcome { node, heartbeat_ms, artefact_key: None });
            }
            Action::Refuse { connection, reason, retry } => {
                if !retry {
                    self.fail(&format!("a node was refused for good: {reason}"));
                }
                self.send(connection, ToAgent::Refused { reason, retry });
            }
            Action::Send { connection, message } => {
                if let ToAgent::Leases { leases } = &message {
                    self.note_leases(connection, leases);
                }
                self.send(connection, message);
            }
            Action::Disconnect { connection, .. } => self.hang_up(connection),
            Action::Compile { module, class, mode } => {
                let life = self.head.life;
                let ms = self.dice.between(5, 500);
                self.after(ms, Happening::Compiled { life, module, class, mode });
            }
            Action::Switch { node, on } => self.switch(&node, on),
            Action::Reply { token, answer } => {
                self.users.answered(token, answer).unwrap_or_else(|what| self.fail(&what));
            }
            Action::JobEnded(view) => {
                self.job_ended(&view);
            }
            Action::JobChanged(_) | Action::SaveLog { .. } | Action::Append(_) => {}
        }
    }

    fn note_leases(&mut self, connection: ConnectionId, leases: &[Lease]) {
        let node = self.network.node(connection);
        for lease in leases {
            self.outcome.leases += 1;
            if self.leases_given.insert(lease.id, (lease.clone(), node)).is_some() {
                self.fail(&format!("lease {} was given twice", lease.id));
            }
        }
    }

    fn send(&mut self, connection: ConnectionId, message: ToAgent) {
        let at = self.network.arrival(connection, Direction::ToNode, self.now, &mut self.dice);
        self.after(at - self.now, Happening::ReachesNode { connection, message });
    }

    fn compiled(&mut self, module: Digest, class: TargetClass, mode: Mode) {
        let fail = |message: &str, retry| {
            let message = message.to_owned();
            Event::CompileFailed { module, class, mode, message, retry }
        };
        let event = if self.users.is_bad(&module) {
            fail("nested too deeply", false)
        } else if self.dice.permille(150) {
            fail("the disk is full", true)
        } else {
            let artefact = ObjectRef::of(format!("{module} {class} {mode:?}").as_bytes());
            Event::Compiled { module, class, mode, artefact }
        };
        self.tell(event);
    }
}

fn calibration() -> Calibration {
    Calibration { module: Digest::of(b"calibration"), input: ObjectRef::of(b"") }
}
