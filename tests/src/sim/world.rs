//! The simulated world: what happens when, and what follows from it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use bramble_protocol::agent::{FromAgent, Hello, ToAgent};
use bramble_protocol::{Digest, LeaseId, Mode, ObjectRef, TargetClass};
use bramble_scheduler::core::{Action, Calibration, Config, ConnectionId, Event};

use super::dice::Dice;
use super::fleet::Node;
use super::head::Head;
use super::network::{Direction, Network, Place};
use super::oracle::Contents;
use super::users::Users;

/// How a run is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// Nodes, at least 1.
    pub nodes: usize,
    /// Jobs that users submit.
    pub jobs: usize,
    /// The most chunks of a job.
    pub chunks_max: u32,
    /// How long a task may take, in milliseconds.
    pub task_ms_max: u64,
    /// How long there is trouble, in milliseconds of simulated time.
    pub trouble_ms: u64,
    /// Trouble comes at most so often, in milliseconds.
    pub trouble_every_ms: u64,
    /// All invariants are checked after every so many steps of the core.
    pub check_every: u64,
}

/// What happened in a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Events that the core was given.
    pub steps: u64,
    /// Simulated time, in milliseconds.
    pub duration_ms: u64,
    /// Jobs that were done with the right result.
    pub done: u64,
    /// Jobs that failed as they had to.
    pub failed: u64,
    /// Jobs that were cancelled.
    pub canceled: u64,
    /// Attempts that failed and were followed by another.
    pub retried: u64,
    /// Starts of the head after the first.
    pub restarts: u64,
    /// Leases that were given.
    pub leases: u64,
    /// Reports that were sent again, or under a lease that was taken back.
    pub needless_reports: u64,
}

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
    Submits { order: usize },
    Cancels { order: usize },
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
    leases_given: BTreeSet<LeaseId>,
    pub(super) outcome: Outcome,
}

/// Simulated time after which a run that has not ended is stuck.
const STUCK_MS: u64 = 2 * 3_600_000;

/// Runs a cluster to the end of all its jobs.
///
/// # Panics
/// When something is not as it must be; the message names the seed.
pub fn run(options: Options) -> Outcome {
    let mut world = World::new(options);
    world.run();
    world.check_end();
    world.outcome
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
            leases_given: BTreeSet::new(),
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
        self.users.trouble_until = self.now + self.options.trouble_ms;
    }

    pub(super) fn after(&mut self, ms: u64, happening: Happening) {
        self.entries += 1;
        let entry = Entry { at: self.now + ms, number: self.entries, happening };
        self.calendar.push(Reverse(entry));
    }

    fn run(&mut self) {
        let start = self.now;
        while !self.is_over() {
            let Reverse(entry) = self.calendar.pop().expect("there is always another tick");
            self.now = entry.at;
            if self.now > start + STUCK_MS {
                self.fail(&format!("jobs do not end: {}", self.users.open_orders()));
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
    }

    /// Ends the run with a message that lets it be repeated.
    pub(super) fn fail(&self, what: &str) -> ! {
        panic!(
            "seed {} with {:?} after {} steps: {what}\nrepeat with BRAMBLE_SIM_SEED={}",
            self.options.seed, self.options, self.outcome.steps, self.options.seed
        )
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick => {
                self.tell(Event::Tick);
                self.after(250, Happening::Tick);
            }
            Happening::HeadStarts => {
                self.outcome.restarts += u64::from(self.head.life > 0);
                self.head.start(self.now);
                self.users.check_restored(&self.head).unwrap_or_else(|what| self.fail(&what));
            }
            Happening::Written { life } if life == self.head.life => {
                let released = self.head.written();
                self.perform(released);
            }
            Happening::Compiled { life, module, class, mode } if life == self.head.life => {
                self.compiled(module, class, mode);
            }
            Happening::Written { .. } | Happening::Compiled { .. } => {}
            Happening::HelloArrives { connection, hello } => {
                if self.network.whole(connection).is_some() {
                    self.tell(Event::AgentConnected { connection, hello });
                }
            }
            Happening::ReachesHead { connection, message } => {
                if self.network.whole(connection).is_some() {
                    self.tell(Event::AgentMessage { connection, message: *message });
                }
            }
            Happening::ReachesNode { connection, message } => {
                self.reaches_node(connection, message);
            }
            Happening::HeadNotices { connection } => {
                self.tell(Event::AgentDisconnected { connection });
            }
            Happening::NodeNotices { place, connection } => self.node_notices(place, connection),
            Happening::Dials(place) => self.dials(place),
            Happening::Beats(place) => self.beats(place),
            Happening::Finishes { place, lease } => self.finishes(place, lease),
            Happening::Boots { node } => self.boots(node),
            Happening::Submits { order } => self.submits(order),
            Happening::Cancels { order } => self.cancels(order),
            Happening::Trouble => self.trouble(),
        }
    }

    /// Gives the head's core an event, if there is a head.
    pub(super) fn tell(&mut self, event: Event) {
        let actions = self.head.apply(self.now, event);
        self.outcome.steps += 1;
        if self.outcome.steps.is_multiple_of(self.options.check_every)
            && let Some(core) = self.head.core()
        {
            core.check().unwrap_or_else(|what| self.fail(&what));
        }
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.perform_one(action);
        }
        if self.head.start_write() {
            let slow = self.dice.permille(20);
            let ms = if slow { self.dice.between(100, 2_000) } else { self.dice.between(1, 15) };
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
                    for lease in leases {
                        self.outcome.leases += 1;
                        if !self.leases_given.insert(lease.id) {
                            self.fail(&format!("lease {} was given twice", lease.id));
                        }
                    }
                }
                self.send(connection, message);
            }
            Action::Disconnect { connection, .. } => self.hang_up(connection),
            Action::Compile { module, class, mode } => {
                let life = self.head.life;
                let ms = self.dice.between(5, 500);
                self.after(ms, Happening::Compiled { life, module, class, mode });
            }
            Action::Reply { token, answer } => {
                self.users.answered(token, answer).unwrap_or_else(|what| self.fail(&what));
            }
            Action::JobEnded(view) => {
                self.job_ended(&view);
            }
            Action::JobChanged(_) | Action::SaveLog { .. } | Action::Append(_) => {}
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
