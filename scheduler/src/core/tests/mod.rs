//! Behaviours of the core, each step followed by a check of all invariants.

mod cache;
mod calibration;
mod class_limits;
mod energy;
mod enough;
mod explain;
mod forget;
mod graph;
mod leases;
mod lifecycle;
mod limits;
mod nodes;
mod order;
mod placement;
mod power;
mod quarantine;
mod quorum;
mod reachable;
mod reads;
mod restart;
mod retries;
mod secrets;
mod speculation;
mod unequal;

use std::collections::BTreeMap;

use bramble_protocol::agent::{AttemptReport, FromAgent, Hello, Lease, ToAgent};
use bramble_protocol::api::{JobView, LogEntry};
use bramble_protocol::{
    AttemptOutcome, Digest, GuestErrorKind, JobId, LeaseId, Mode, NodeStatus, ObjectRef, Order,
    TargetClass, Usage,
};

use super::{
    Action, Answer, Config, ConnectionId, Event, NewJob, Record, Rejection, RequestToken,
    Scheduler, Timestamp,
};
use crate::testing::hello;

/// A head in a test: delivers what the core sends, keeps what it journals.
struct Head {
    core: Scheduler,
    now: Timestamp,
    records: Vec<Record>,
    logs: Vec<LogEntry>,
    /// Messages that were sent and not looked at yet.
    sent: BTreeMap<ConnectionId, Vec<ToAgent>>,
    answers: Vec<Answer>,
    refused: Vec<(String, bool)>,
    disconnected: Vec<(ConnectionId, String)>,
    /// Compilations asked for, when they are not answered at once.
    compiling: Vec<(Digest, TargetClass, Mode)>,
    compiles_at_once: bool,
    ended: Vec<JobView>,
    /// Connections that send heartbeats while time passes.
    beating: Vec<ConnectionId>,
    connections: u64,
    switched: Vec<(String, bool)>,
}

impl Head {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let mut head = Self {
            core: Scheduler::new(config),
            now: Timestamp(1_000_000),
            records: Vec::new(),
            logs: Vec::new(),
            sent: BTreeMap::new(),
            answers: Vec::new(),
            refused: Vec::new(),
            disconnected: Vec::new(),
            compiling: Vec::new(),
            compiles_at_once: true,
            ended: Vec::new(),
            beating: Vec::new(),
            connections: 0,
            switched: Vec::new(),
        };
        head.records.push(head.core.start(head.now));
        head
    }

    /// Kills the head and starts another one on its journal.
    fn restart(&mut self) {
        self.drop_replaced();
        self.core = Scheduler::restore(Config::default(), self.records.clone()).unwrap();
        self.sent.clear();
        self.beating.clear();
        self.records.push(self.core.start(self.now));
        self.core.check().unwrap();
    }

    /// Drops the records that the journal does not keep, as a later one says all that is needed.
    fn drop_replaced(&mut self) {
        let mut kept: Vec<Record> = Vec::new();
        for record in self.records.drain(..) {
            match &record {
                Record::JobEnded(ended) => {
                    let is_of = |kept: &Record| kept.job() == Some(ended.job);
                    kept.retain(|kept| !is_of(kept) || !kept.ends_with_job());
                }
                Record::JobForgotten { job, .. } => kept.retain(|kept| kept.job() != Some(*job)),
                _ => {}
            }
            let about = |record: &Record| record.subject().map(|about| (record.kind(), about));
            let wanted = about(&record);
            let earlier = kept.iter().position(|kept| wanted.is_some() && about(kept) == wanted);
            match earlier {
                Some(place) if record.stays_in_place() => kept[place] = record,
                Some(place) => {
                    kept.remove(place);
                    kept.push(record);
                }
                None => kept.push(record),
            }
        }
        self.records = kept;
    }

    fn apply(&mut self, event: Event) {
        let actions = self.core.apply(self.now, event);
        self.core.check().unwrap();
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Append(record) => self.records.push(record),
                Action::SaveLog { entry, .. } => self.logs.push(*entry),
                Action::Admit { connection, .. } => self.beating.push(connection),
                Action::Refuse { reason, retry, .. } => self.refused.push((reason, retry)),
                Action::Send { connection, message } => {
                    self.sent.entry(connection).or_default().push(message);
                }
                Action::Disconnect { connection, reason } => {
                    self.beating.retain(|beating| *beating != connection);
                    self.disconnected.push((connection, reason));
                }
                Action::Compile { module, class, mode } if self.compiles_at_once => {
                    let artefact = ObjectRef::of(b"artefact");
                    self.apply(Event::Compiled { module, class, mode, artefact });
                }
                Action::Compile { module, class, mode } => {
                    self.compiling.push((module, class, mode));
                }
                Action::Switch { node, on } => self.switched.push((node, on)),
                Action::Reply { answer, .. } => self.answers.push(answer),
                Action::JobChanged(_) => {}
                Action::JobEnded(view) => self.ended.push(*view),
            }
        }
    }

    fn connect(&mut self, hello: Hello) -> ConnectionId {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.apply(Event::AgentConnected { connection, hello: Box::new(hello) });
        connection
    }

    fn node(&mut self, name: &str, slots: u32) -> ConnectionId {
        self.connect(hello(name, 1, slots))
    }

    fn disconnect(&mut self, connection: ConnectionId) {
        self.beating.retain(|beating| *beating != connection);
        self.apply(Event::AgentDisconnected { connection });
    }

    fn silence(&mut self, connection: ConnectionId) {
        self.beating.retain(|beating| *beating != connection);
    }

    fn say(&mut self, connection: ConnectionId, message: FromAgent) {
        self.apply(Event::AgentMessage { connection, message });
    }

    fn submit(&mut self, job: NewJob) -> JobId {
        match self.try_submit(job) {
            Answer::Job(view) => view.id,
            other => panic!("refused: {other:?}"),
        }
    }

    fn try_submit(&mut self, job: NewJob) -> Answer {
        self.apply(Event::Submit { token: RequestToken(0), job: Box::new(job) });
        self.answers.pop().unwrap()
    }

    fn cancel(&mut self, job: JobId) -> Answer {
        self.apply(Event::Cancel { token: RequestToken(0), job });
        self.answers.pop().unwrap()
    }

    fn order(&mut self, order: Order) -> Answer {
        self.apply(Event::Order { token: RequestToken(0), order: Box::new(order) });
        self.answers.pop().unwrap()
    }

    fn view(&self, job: JobId) -> JobView {
        self.core.job(job).unwrap()
    }

    /// New leases sent on a connection.
    fn leases(&mut self, connection: ConnectionId) -> Vec<Lease> {
        let mut leases = Vec::new();
        self.sent.entry(connection).or_default().retain(|message| match message {
            ToAgent::Leases { leases: new } => {
                leases.extend(new.iter().cloned());
                false
            }
            _ => true,
        });
        leases
    }

    /// The only new lease on a connection.
    fn lease(&mut self, connection: ConnectionId) -> Lease {
        let mut leases = self.leases(connection);
        assert_eq!(leases.len(), 1, "{leases:?}");
        leases.remove(0)
    }

    fn revoked(&mut self, connection: ConnectionId) -> Vec<LeaseId> {
        let mut revoked = Vec::new();
        self.sent.entry(connection).or_default().retain(|message| match message {
            ToAgent::Revoke { leases } => {
                revoked.extend(leases);
                false
            }
            _ => true,
        });
        revoked
    }

    fn acknowledged(&mut self, connection: ConnectionId) -> Vec<LeaseId> {
        let mut acknowledged = Vec::new();
        self.sent.entry(connection).or_default().retain(|message| match message {
            ToAgent::Acknowledge { leases } => {
                acknowledged.extend(leases);
                false
            }
            _ => true,
        });
        acknowledged
    }

    fn report(&mut self, connection: ConnectionId, lease: &Lease, outcome: AttemptOutcome) {
        let usage = Usage { wall_us: 1_000_000, cpu_us: 900_000, ..Usage::default() };
        let report = AttemptReport {
            lease: lease.id,
            attempt: lease.attempt,
            outcome,
            usage,
            log: String::new(),
            enough: false,
        };
        self.say(connection, FromAgent::Reports { reports: vec![report] });
    }

    fn succeed(&mut self, connection: ConnectionId, lease: &Lease) {
        let outcome = AttemptOutcome::Succeeded { outputs: outputs(lease) };
        self.report(connection, lease, outcome);
    }

    /// Lets every node do all it is given until nothing is left to do.
    fn work(&mut self, connections: &[ConnectionId]) {
        loop {
            let mut idle = true;
            for connection in connections {
                for lease in self.leases(*connection) {
                    idle = false;
                    self.succeed(*connection, &lease);
                }
            }
            if idle {
                return;
            }
        }
    }

    /// Lets time pass, with heartbeats that renew everything.
    fn wait(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        while self.now < end {
            self.now = self.now.plus_ms(250).min(end);
            for connection in self.beating.clone() {
                let leases = self.core.held_leases(connection);
                let status = NodeStatus::default();
                self.say(connection, FromAgent::Heartbeat { status, leases, previews: Vec::new() });
            }
            self.apply(Event::Tick);
        }
    }
}

/// What a task writes: a function of what it reads and where it stands.
fn outputs(lease: &Lease) -> Vec<ObjectRef> {
    let outputs = match lease.work.task.phase {
        bramble_protocol::Phase::Map { .. } => lease.work.task.partitions,
        _ => 1,
    };
    let text = format!("{:?} {:?}", lease.work.task.phase, lease.work.inputs);
    (0..outputs).map(|output| ObjectRef::of(format!("{text} {output}").as_bytes())).collect()
}

fn fault() -> AttemptOutcome {
    AttemptOutcome::NodeFault { message: "no space left".into() }
}

fn bad_input() -> AttemptOutcome {
    AttemptOutcome::GuestFailed { error: GuestErrorKind::BadInput, message: "line 3".into() }
}

impl Scheduler {
    fn held_leases(&self, connection: ConnectionId) -> Vec<LeaseId> {
        let node = self.cluster.by_connection(connection);
        node.map(|node| self.cluster.get(node).leases.keys().copied().collect()).unwrap_or_default()
    }
}
