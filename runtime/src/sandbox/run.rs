//! One task from its inputs to its outputs.

use std::time::Instant;

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, Limits, ModuleKind, ObjectRef, Params, Usage};
use bramble_store::{Staged, Store};
use wasmtime::{Engine, UpdateDeadline};

use super::artefact::{Artefacts, Loaded};
use super::deadline::{Deadline, Ticker, thread_cpu_time};
use super::fault::Fault;
use super::host::{Host, Progress, Shared};
use super::limits::MemoryLimit;
use super::log::Log;
use super::output::Outputs;
use super::phases;
use super::source::{Source, outcome_of};
use super::wasi::{self, Stdio, VirtualClock};

/// The longest answer of a ranges phase, in bytes.
const RANGES_BYTES_MAX: u64 = 16 << 20;
/// Most bytes a guest may pass in one call, outside of `mapper-bytes`.
const CALL_BYTES_MAX: usize = 16 << 20;

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Wasmtime does not run here.
    #[error("cannot set up the sandbox: {0}")]
    Engine(String),
    /// A thread of the sandbox could not be started.
    #[error("cannot start the sandbox's timer")]
    Timer(#[source] std::io::Error),
}

/// A task that ended.
#[derive(Debug)]
pub struct TaskEnd {
    /// How.
    pub outcome: AttemptOutcome,
    /// Its outputs in order, if it succeeded. Dropping them removes them.
    pub staged: Vec<Staged>,
    /// What a planner answered: offset and length in bytes.
    pub spans: Vec<(u64, u64)>,
    /// What it used.
    pub usage: Usage,
    /// The last lines that the guest logged.
    pub log: String,
}

/// Runs tasks one after the other, each in a fresh instance, on the thread that calls.
pub struct Sandbox {
    engine: Engine,
    store: Store,
    artefacts: Artefacts,
    ticker: Ticker,
    progress: Progress,
    /// WASI's streams want a runtime of tokio to be there; none of ours ever waits in it.
    tokio: tokio::runtime::Runtime,
}

/// Why a task ended before its guest had run, boxed because it is rare and large.
pub(super) struct Broken(pub(super) Box<AttemptOutcome>);

impl From<AttemptOutcome> for Broken {
    fn from(outcome: AttemptOutcome) -> Self {
        Self(Box::new(outcome))
    }
}

impl Sandbox {
    /// A sandbox whose tasks read from and write to `store`.
    ///
    /// # Errors
    /// When this machine cannot run guests at all.
    pub fn new(store: Store) -> Result<Self, SandboxError> {
        let failed = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let engine = super::engine::run_engine().map_err(failed)?;
        let artefacts = Artefacts::new(engine.clone(), store.clone()).map_err(failed)?;
        let ticker = Ticker::start(engine.clone()).map_err(SandboxError::Timer)?;
        let tokio =
            tokio::runtime::Builder::new_current_thread().build().map_err(SandboxError::Timer)?;
        Ok(Self { engine, store, artefacts, ticker, progress: Progress::default(), tokio })
    }

    /// How far the guest that runs says it is: done, and out of how much. To be asked from
    /// another thread.
    pub fn progress(&self) -> impl Fn() -> Option<(u64, u64)> + Send + 'static {
        let progress = self.progress.clone();
        move || *progress.lock()
    }

    /// Runs one task. Whatever happens is its outcome.
    pub fn run(&mut self, work: &Work) -> TaskEnd {
        let mut meter = Meter::start(&work.limits);
        let result = self.attempt(work, &mut meter);
        meter.end(result.map(|staged| (staged, Vec::new())))
    }

    /// Asks a module's planner where to cut a file.
    pub(crate) fn plan(&mut self, work: &crate::runner::wire::PlanWork) -> TaskEnd {
        let mut meter = Meter::start(&work.limits);
        let result = self.attempt_plan(work, &mut meter);
        meter.end(result.map(|spans| (Vec::new(), spans)))
    }

    fn attempt(&mut self, work: &Work, meter: &mut Meter) -> Result<Vec<Staged>, Broken> {
        let loaded = self.artefacts.get(&work.artefact, work.kind)?;
        let begun = Instant::now();
        let ranges = match &work.ranges {
            Some(ranges) => read_small(&self.store, ranges)?,
            None => Vec::new(),
        };
        let mut inputs = Source::open_all(&self.store, &work.inputs)?;
        meter.usage.read_us += micros(begun);
        meter.usage.bytes_in = inputs.iter().map(Source::size).sum();

        let bytes_max = work.limits.output_bytes_max_for(meter.usage.bytes_in);
        let outputs = Shared::new(Outputs::new(self.store.clone(), work.task.outputs(), bytes_max));
        let fault = Fault::default();
        let clock = VirtualClock::new(work.clock_ms);
        let stdin = match work.kind {
            ModuleKind::Command => Some(Shared::new(Source::joined(std::mem::take(&mut inputs)))),
            ModuleKind::Job => None,
        };
        let command = stdin
            .clone()
            .map(|stdin| (work, Stdio { stdin, stdout: outputs.clone(), fault: fault.clone() }));
        *self.progress.lock() = None;
        let host = Host {
            memory: MemoryLimit::new(work.limits.memory_bytes_max),
            deadline: Deadline::start(&work.limits),
            wasi: wasi::context(work.task.seed, &clock, &meter.log, command),
            clock,
            stdin: stdin.clone(),
            outputs: outputs.clone(),
            log: meter.log.clone(),
            fault,
            params: work.params.clone(),
            ranges,
            progress: self.progress.clone(),
        };
        let call_bytes = match loaded {
            Loaded::Job(job) if job.mapper.is_none() => {
                usize::try_from(bytes_max).unwrap_or(usize::MAX).saturating_add(CALL_BYTES_MAX)
            }
            _ => CALL_BYTES_MAX,
        };
        let mut store = new_store(&self.engine, host, call_bytes);
        let called = {
            let _tokio = self.tokio.enter();
            let _ticking = self.ticker.run();
            phases::call(&mut store, loaded, work, inputs)
        };
        let read_time = stdin.map_or(0, |stdin| stdin.lock().read_time.as_micros() as u64);
        meter.usage.read_us += read_time;
        meter.usage.memory_bytes_peak = store.data().memory.bytes_peak();
        drop(store);
        let mut outputs = outputs.lock();
        meter.usage.bytes_out = outputs.bytes();
        let staged = called.and_then(|()| outputs.finish());
        meter.usage.write_us = outputs.write_time.as_micros() as u64;
        Ok(staged?)
    }

    fn attempt_plan(
        &mut self,
        work: &crate::runner::wire::PlanWork,
        meter: &mut Meter,
    ) -> Result<Vec<(u64, u64)>, Broken> {
        let loaded = self.artefacts.get(&work.artefact, ModuleKind::Job)?;
        let input = Source::file(&work.input).map_err(|error| {
            let message = format!("cannot read {}: {error}", work.input.display());
            AttemptOutcome::NodeFault { message }
        })?;
        meter.usage.bytes_in = input.size();
        let clock = VirtualClock::new(0);
        let host = Host {
            memory: MemoryLimit::new(work.limits.memory_bytes_max),
            deadline: Deadline::start(&work.limits),
            wasi: wasi::context(0, &clock, &meter.log, None),
            clock,
            stdin: None,
            outputs: Shared::new(Outputs::new(self.store.clone(), 1, 0)),
            log: meter.log.clone(),
            fault: Fault::default(),
            params: Params::clone(&work.params),
            ranges: Vec::new(),
            progress: self.progress.clone(),
        };
        let mut store = new_store(&self.engine, host, CALL_BYTES_MAX);
        let _tokio = self.tokio.enter();
        let _ticking = self.ticker.run();
        let spans = phases::plan(&mut store, loaded, input, work.wanted_bytes, &work.limits)?;
        meter.usage.memory_bytes_peak = store.data().memory.bytes_peak();
        Ok(spans.iter().map(|span| (span.offset, span.len)).collect())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.ticker.stop();
    }
}

fn new_store(engine: &Engine, host: Host, call_bytes: usize) -> wasmtime::Store<Host> {
    let mut store = wasmtime::Store::new(engine, host);
    store.limiter(|host| &mut host.memory);
    store.set_hostcall_fuel(call_bytes);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| {
        let host = store.data();
        match host.deadline.over() {
            Some(outcome) => Err(host.fault.stop(outcome)),
            None => Ok(UpdateDeadline::Continue(1)),
        }
    });
    store
}

fn read_small(store: &Store, object: &ObjectRef) -> Result<Vec<u8>, AttemptOutcome> {
    if object.size > RANGES_BYTES_MAX {
        let message = format!("{} bytes of ranges are too many", object.size);
        return Err(AttemptOutcome::ChunkMissing { digest: object.digest, message });
    }
    store.get(object).map_err(|error| outcome_of(&error, object))
}

fn micros(begun: Instant) -> u64 {
    begun.elapsed().as_micros() as u64
}

/// What a task gave: its outputs, or a planner's spans.
type Given = (Vec<Staged>, Vec<(u64, u64)>);

/// What a task uses, from its start to its end.
struct Meter {
    begun: Instant,
    cpu_begun: std::time::Duration,
    usage: Usage,
    log: Log,
}

impl Meter {
    fn start(limits: &Limits) -> Self {
        Self {
            begun: Instant::now(),
            cpu_begun: thread_cpu_time(),
            usage: Usage::default(),
            log: Log::new(limits.log_bytes_max),
        }
    }

    fn end(mut self, result: Result<Given, Broken>) -> TaskEnd {
        self.usage.wall_us = micros(self.begun);
        self.usage.cpu_us = (thread_cpu_time().saturating_sub(self.cpu_begun)).as_micros() as u64;
        self.usage.log_bytes_dropped = self.log.bytes_dropped();
        let log = self.log.text();
        let usage = self.usage;
        match result {
            Ok((staged, spans)) => {
                let outputs = staged.iter().map(Staged::object).collect();
                let outcome = AttemptOutcome::Succeeded { outputs };
                TaskEnd { outcome, staged, spans, usage, log }
            }
            Err(Broken(outcome)) => {
                TaskEnd { outcome: *outcome, staged: Vec::new(), spans: Vec::new(), usage, log }
            }
        }
    }
}
