//! A cluster of one node inside this process: the scheduler's core decides, as on a head, and a
//! runner process does what it is told, as on a node. Only the journal and the network are missing.

use bramble_protocol::agent::{AttemptReport, FromAgent, Hello, Lease, ToAgent};
use bramble_protocol::api::{JobView, PhaseView};
use bramble_protocol::policy::JobPolicy;
use bramble_protocol::version::AGENT_PROTOCOL;
use bramble_protocol::{
    AttemptOutcome, Digest, JobSpec, Limits, NodeSelector, NodeStatus, SecretNames, Secrets,
    TargetClass,
};
use bramble_runtime::runner::RunnerProcess;
use bramble_scheduler::core::{
    Action, Answer, Config, ConnectionId, Event, NewJob, Rejection, RequestToken, Scheduler,
    Timestamp,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::cut::Chunks;
use super::{Bench, Failure, Order, Trial, TrialError, Variant};

/// The date of every trial, so that what a guest reads from its clock is always the same.
const NOW: Timestamp = Timestamp(1_700_000_000_000);
/// Slots of the node: so many tasks can be chosen from at a time.
const SLOTS: u32 = 16;
const CONNECTION: ConnectionId = ConnectionId(1);
/// What is kept of the tasks' logs, in bytes.
const LOG_BYTES_MAX: usize = 64 << 10;

/// A job that ended.
pub(super) struct Ended {
    pub(super) result: Vec<u8>,
    pub(super) phases: Vec<PhaseView>,
    pub(super) failure: Option<Failure>,
    pub(super) log: String,
}

/// Runs a job to its end.
pub(super) fn run(
    bench: &Bench,
    trial: &Trial,
    input: &Chunks,
    variant: Variant,
) -> Result<Ended, TrialError> {
    let mut node = Node::start(bench, trial, variant.order)?;
    let hello = Box::new(hello());
    node.tell(Event::AgentConnected { connection: CONNECTION, hello })?;
    let job = Box::new(job(bench, trial, input, variant));
    node.tell(Event::Submit { token: RequestToken(1), job })?;
    while node.ended.is_none() {
        let Some(lease) = node.next_lease() else {
            // The core waits for something that never comes on a cluster like this.
            let reason = "no task of it can be run on this machine".into();
            return Err(TrialError::Refused { reason, help: None });
        };
        let report = node.attempt(&lease)?;
        node.tell(Event::AgentMessage {
            connection: CONNECTION,
            message: FromAgent::Reports { reports: vec![report] },
        })?;
    }
    node.finish()
}

struct Node<'a> {
    bench: &'a Bench,
    scheduler: Scheduler,
    runner: RunnerProcess,
    leases: Vec<Lease>,
    order: Order,
    dice: ChaCha8Rng,
    ended: Option<Box<JobView>>,
    log: String,
    secrets: Secrets,
}

impl<'a> Node<'a> {
    fn start(bench: &'a Bench, trial: &Trial, order: Order) -> Result<Self, TrialError> {
        let mut scheduler = Scheduler::new(Config::default());
        // There is no journal: nothing is left when this is over.
        let _record = scheduler.start(NOW);
        Ok(Self {
            bench,
            scheduler,
            runner: RunnerProcess::spawn(bench.program(), bench.dir.path(), &bench.trust)?,
            leases: Vec::new(),
            order,
            dice: ChaCha8Rng::seed_from_u64(trial.seed),
            ended: None,
            log: String::new(),
            secrets: trial.secrets.clone(),
        })
    }

    /// Tells the core something, and does what it wants done.
    fn tell(&mut self, event: Event) -> Result<(), TrialError> {
        for action in self.scheduler.apply(NOW, event) {
            match action {
                Action::Send { message: ToAgent::Leases { leases }, .. } => {
                    self.leases.extend(leases);
                }
                Action::Compile { module, class, mode } => {
                    let artefact = self.bench.artefact;
                    self.tell(Event::Compiled { module, class, mode, artefact })?;
                }
                Action::Reply { answer: Answer::Rejected(rejection), .. } => {
                    return Err(refused(rejection));
                }
                Action::Refuse { reason, .. } => {
                    return Err(TrialError::Refused { reason, help: None });
                }
                Action::JobEnded(view) => self.ended = Some(view),
                _ => {}
            }
        }
        Ok(())
    }

    fn next_lease(&mut self) -> Option<Lease> {
        let last = self.leases.len().checked_sub(1)?;
        Some(self.leases.remove(match self.order {
            Order::Forward => 0,
            Order::Backward => last,
            Order::Shuffled => self.dice.next_u32() as usize % (last + 1),
        }))
    }

    /// Runs one attempt, and keeps what it wrote.
    fn attempt(&mut self, lease: &Lease) -> Result<AttemptReport, TrialError> {
        let mut work = lease.work.clone();
        work.secrets = self.secrets.clone();
        let finished = self.runner.run(&work);
        if matches!(finished.outcome, AttemptOutcome::Succeeded { .. }) {
            self.bench.store.commit(finished.staged)?;
        }
        if self.log.len() < LOG_BYTES_MAX {
            self.log.push_str(&finished.log);
        }
        Ok(AttemptReport {
            lease: lease.id,
            attempt: lease.attempt,
            outcome: finished.outcome,
            usage: finished.usage,
            log: finished.log,
            enough: false,
        })
    }

    fn finish(self) -> Result<Ended, TrialError> {
        let view = self.ended.expect("asked only after the end");
        let log = self.log;
        if let Some(failure) = view.failure {
            let failure = Failure {
                phase: failure.phase,
                index: failure.index,
                outcome: failure.outcome,
                log: log.clone(),
            };
            let (result, phases) = (Vec::new(), view.phases);
            return Ok(Ended { result, phases, failure: Some(failure), log });
        }
        let mut result = Vec::new();
        if let Ok(found) = self.scheduler.result(view.id) {
            for object in &found.manifest.chunks {
                result.extend(self.bench.store.get(object)?);
            }
        }
        Ok(Ended { result, phases: view.phases, failure: None, log })
    }
}

fn hello() -> Hello {
    Hello {
        protocol: AGENT_PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
        name: "here".into(),
        instance: 1,
        class: TargetClass::native(),
        slots: SLOTS,
        speed: None,
        store_id: None,
        leases: Vec::new(),
        join: None,
        machine: None,
        status: NodeStatus::default(),
    }
}

fn job(bench: &Bench, trial: &Trial, input: &Chunks, variant: Variant) -> NewJob {
    let module = bench.info.clone();
    let name = module.declared.name.clone().unwrap_or_else(|| "job".into());
    NewJob {
        spec: JobSpec {
            name,
            module: module.digest,
            input: Digest::of(&input.manifest.encode()),
            params: trial.params.clone(),
            args: trial.args.clone(),
            command: trial.command.clone(),
            nodes: NodeSelector::Any,
            // What fails here would fail again.
            limits: Limits { attempts_max: 1, ..trial.limits },
            mode: bench.mode,
            partitions: variant.partitions,
            result_name: String::new(),
            secrets: (!trial.secrets.is_empty())
                .then(|| SecretNames { tag: Digest::ZERO, given: trial.secrets.names() }),
            clock_ms: None,
            // Each trial is to run all of it.
            policy: JobPolicy { cache: false, ..JobPolicy::default() },
        },
        module,
        manifest: input.manifest.clone(),
        owns_input: true,
    }
}

fn refused(rejection: Rejection) -> TrialError {
    match rejection {
        Rejection::Unsound { reason, help } => TrialError::Refused { reason, help },
        Rejection::Busy { reason } => TrialError::Refused { reason, help: None },
        other => TrialError::Refused { reason: format!("{other:?}"), help: None },
    }
}
