//! The pure core: jobs, tasks, leases and nodes as one state machine.
//!
//! Nothing here reads a clock, a file or a socket, and nothing waits: each event brings its time
//! and [`Scheduler::apply`] answers with what is to be done. The same events give the same
//! actions, so a simulation replays any failure from a seed.
//!
//! What must survive a crash is a [`Record`]. The state changes by records and by leases; a
//! lease is not recorded, because a node that holds one brings it back itself when the head was
//! started again.

mod action;
mod artefact;
mod attempt;
mod cache;
mod calibration;
mod cluster;
mod config;
mod counts;
mod energy;
mod enough;
mod event;
mod explain;
mod forget;
mod graph;
mod heat;
mod invariants;
mod job;
mod kept;
mod lease;
mod limits;
mod liveness;
mod mutant;
mod node;
mod order_view;
mod orders;
mod owner;
mod placement;
mod plan;
mod power;
mod quarantine;
mod queue;
mod quorum;
mod reachable;
mod reads;
mod record;
mod redo;
mod replay;
mod report;
mod repro;
mod retry;
mod secrets;
mod shape;
mod share;
mod speculate;
mod submit;
mod summary;
mod task;
mod thrift;
mod trial;
mod trust;
mod view;
mod work;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bramble_protocol::agent::{Lease, ToAgent};
use bramble_protocol::{Digest, JobId, LeaseId, NodeId, TaskId};

pub use action::{Action, Answer, Rejection};
pub use calibration::Calibration;
pub use config::Config;
pub use counts::Counts;
pub use event::{ConnectionId, Event, NewJob, RequestToken, Timestamp};
pub use kept::Kept;
#[cfg(feature = "mutants")]
pub use mutant::Mutant;
pub use plan::FAN_IN;
pub use reachable::Reachable;
pub use record::{Ended, Record, Shape, Submitted, Voice};
pub use replay::ReplayError;
pub use repro::FailedTask;
pub use share::UserUsage;

use artefact::Module;
use cache::Cache;
use cluster::Cluster;
use job::Job;
use lease::LeaseNumbers;
use liveness::Comeback;
use queue::Queue;

/// The state of a head.
#[derive(Debug)]
pub struct Scheduler {
    config: Config,
    now: Timestamp,
    lease_numbers: LeaseNumbers,
    next_job: u64,
    jobs: BTreeMap<JobId, Job>,
    open: BTreeSet<JobId>,
    /// Those with secrets which the head has at hand.
    unlocked: BTreeSet<JobId>,
    /// In the order in which they ended.
    ended: VecDeque<JobId>,
    /// Tasks of open jobs.
    tasks_open: usize,
    queue: Queue,
    cluster: Cluster,
    /// Modules of open jobs, and the one that nodes are measured by.
    modules: BTreeMap<Digest, Module>,
    /// Results of tasks of jobs that are known.
    cache: Cache,
    rack: power::Rack,
    shapes: shape::Shapes,
    graph: graph::Graph,
    comeback: Option<Comeback>,
    /// Whether a free slot was left empty because others do it sooner or with less, or because the
    /// cluster may draw no more just now.
    held_back: bool,
    step: Step,
}

/// What one event has led to so far.
#[derive(Debug, Default)]
struct Step {
    actions: Vec<Action>,
    leases: BTreeMap<ConnectionId, Vec<Lease>>,
    revoked: BTreeMap<ConnectionId, Vec<LeaseId>>,
    changed: BTreeSet<JobId>,
    /// Nodes that may take more work than before.
    hungry: BTreeSet<NodeId>,
    /// Whether idle slots may get what can wait.
    extras: bool,
    /// Whether a task became ready, or could be leased now where it could not before.
    more_ready: bool,
    /// Whether time passed, which is told a few times a second.
    ticked: bool,
    /// Tasks that became ready, whose results may be known.
    ready: Vec<TaskId>,
    /// Jobs all of whose ready tasks are such.
    ready_jobs: Vec<JobId>,
    /// Waiting jobs that may start or fail now.
    unsettled: BTreeSet<JobId>,
}

impl Step {
    /// Whether nothing is left that could be reused or leased because of what happened.
    fn is_settled(&self, queue: &Queue) -> bool {
        let reused = self.ready.is_empty() && self.ready_jobs.is_empty();
        let reused = reused && self.unsettled.is_empty();
        reused && (queue.is_empty() || self.hungry.is_empty() && !self.more_ready)
    }
}

impl Scheduler {
    /// A scheduler without a past. [`Scheduler::start`] must follow.
    pub fn new(config: Config) -> Self {
        let calibration = config.calibration.iter();
        let modules = calibration.map(|it| (it.module, Module::default())).collect();
        let queue = Queue::new(config.user_limits);
        Self {
            config,
            now: Timestamp(0),
            lease_numbers: LeaseNumbers::default(),
            next_job: 1,
            jobs: BTreeMap::new(),
            open: BTreeSet::new(),
            unlocked: BTreeSet::new(),
            ended: VecDeque::new(),
            tasks_open: 0,
            queue,
            cluster: Cluster::default(),
            modules,
            cache: Cache::default(),
            rack: power::Rack::default(),
            shapes: shape::Shapes::new(),
            graph: graph::Graph::default(),
            comeback: None,
            held_back: false,
            step: Step::default(),
        }
    }

    /// Starts a head on what was restored: leases get numbers that no head before has used, and
    /// nodes get time to come back. To be called once, before any event.
    ///
    /// The record must be on disk before the first event is applied. Leases are sent without
    /// waiting for the journal, so a head that died before this record was written would leave
    /// leases behind whose numbers the next head gives again.
    #[must_use]
    pub fn start(&mut self, now: Timestamp) -> Record {
        self.now = self.now.max(now);
        let record = Record::HeadStarted { epoch: self.lease_numbers.next_epoch() };
        self.perform(record.clone()).expect("a head may always start");
        self.expect_comeback();
        // The head before may have died between the end of a job and what follows from it.
        self.step.unsettled.extend(&self.graph.pending);
        record
    }

    /// Takes one event and says what is to be done about it, in order.
    ///
    /// `now` may not go back: an earlier time than before counts as the same.
    pub fn apply(&mut self, now: Timestamp, event: Event) -> Vec<Action> {
        self.now = self.now.max(now);
        self.queue.fade(self.now, self.config.usage_half_life_ms);
        match event {
            Event::Submit { token, job } => self.on_submit(token, *job),
            Event::Cancel { token, job } => self.on_cancel(token, job),
            Event::Unlock { token, job } => self.on_unlock(token, job),
            Event::Order { token, order } => self.on_order(token, *order),
            Event::AgentConnected { connection, hello } => self.on_connected(connection, *hello),
            Event::AgentMessage { connection, message } => self.on_message(connection, message),
            Event::AgentDisconnected { connection } => self.on_disconnected(connection),
            Event::Compiled { module, class, mode, artefact } => {
                self.on_compiled(module, class, mode, artefact);
            }
            Event::CompileFailed { module, class, mode, message, retry } => {
                self.on_compile_failed(module, class, mode, message, retry);
            }
            Event::ObjectsGone { token, digests } => self.on_objects_gone(token, &digests),
            Event::PowerFound { outlets, policy } => self.on_power_found(outlets, *policy),
            Event::PowerRead { node, supply } => self.on_power_read(&node, supply),
            Event::PowerSwitched { node, on, fault } => self.on_power_switched(&node, on, fault),
            Event::Tick => self.on_tick(),
        }
        self.finish_step()
    }

    fn finish_step(&mut self) -> Vec<Action> {
        loop {
            self.reuse();
            self.release();
            self.place();
            if self.step.is_settled(&self.queue) {
                break;
            }
        }
        if self.step.extras {
            self.give_extras();
        }
        let step = std::mem::take(&mut self.step);
        let mut actions = step.actions;
        for (connection, leases) in step.revoked {
            let message = ToAgent::Revoke { leases };
            actions.push(Action::Send { connection, message });
        }
        for (connection, leases) in step.leases {
            let mut leases = leases.into_iter().peekable();
            while leases.peek().is_some() {
                let leases = leases.by_ref().take(config::LEASES_PER_MESSAGE_MAX).collect();
                actions.push(Action::Send { connection, message: ToAgent::Leases { leases } });
            }
        }
        let changed = step
            .changed
            .into_iter()
            .filter(|job| self.jobs.get(job).is_some_and(|job| !job.state().is_final()));
        actions.extend(changed.map(Action::JobChanged));
        actions
    }

    /// Records a decision and carries it out.
    fn commit(&mut self, record: Record) {
        self.step.actions.push(Action::Append(record.clone()));
        self.perform(record).expect("a decision fits the state it was made for");
    }

    fn revoke(&mut self, connection: ConnectionId, lease: LeaseId) {
        self.step.revoked.entry(connection).or_default().push(lease);
    }
}
