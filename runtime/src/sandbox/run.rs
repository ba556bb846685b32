//! One task from its inputs to its outputs.

use std::fs::File;
use std::time::Instant;

use bramble_protocol::agent::Work;
use bramble_protocol::{
    AttemptOutcome, Limits, Mode, ModuleKind, ObjectRef, Params, Phase, Piece, Usage, piece,
};
use wasmtime::{Engine, UpdateDeadline};

use super::artefact::{Artefacts, Loaded};
use super::bindings::bramble::job::types;
use super::checkpoint::Checkpoint;
use super::deadline::{Deadline, Ticker, thread_cpu_time};
use super::fault::Fault;
use super::host::{Host, Shared, SharedOutside, Volume};
use super::limits::MemoryLimit;
use super::log::Log;
use super::output::{Outputs, Written};
use super::outside::{Outside, TaskFiles};
use super::phases;
use super::source::{Source, read_verified};
use super::wasi::{self, Stdio, VirtualClock};
use crate::artefact::Trust;
use crate::runner::wire::PlanWork;

/// The longest answer of a ranges phase, in bytes.
const RANGES_BYTES_MAX: u64 = 16 << 20;
/// Most bytes a guest may pass in one call, outside of `mapper-bytes`.
const CALL_BYTES_MAX: usize = 16 << 20;
/// The same for the pieces of all chunks, which are passed in one call: what is literal in them,
/// and up to 48 bytes for each piece.
const PIECES_BYTES_MAX: usize = piece::LITERAL_BYTES_MAX as usize + 48 * piece::PIECES_MAX;

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    /// Wasmtime does not run here.
    #[error("cannot set up the sandbox: {0}")]
    Engine(String),
    /// A thread of the sandbox could not be started.
    #[error("cannot start the sandbox's timer")]
    Timer(#[source] std::io::Error),
}

/// A task that ended.
#[derive(Debug)]
pub(crate) struct TaskEnd {
    /// How. `Succeeded` names no outputs: those are beside it.
    pub(crate) outcome: AttemptOutcome,
    /// Its outputs in order, if it succeeded.
    pub(crate) outputs: Vec<Written>,
    /// What a planner answered: offset and length in bytes.
    pub(crate) spans: Vec<(u64, u64)>,
    /// What it used.
    pub(crate) usage: Usage,
    /// The last lines that the guest logged.
    pub(crate) log: String,
    /// Whether it said that no task of a later chunk is needed.
    pub(crate) enough: bool,
}

impl TaskEnd {
    /// A task that says it failed, without a guest.
    pub(crate) fn failed(message: String) -> Self {
        let error = bramble_protocol::GuestErrorKind::Failed;
        Self {
            outcome: AttemptOutcome::GuestFailed { error, message },
            outputs: Vec::new(),
            spans: Vec::new(),
            usage: Usage::default(),
            log: String::new(),
            enough: false,
        }
    }
}

/// Runs tasks one after the other, each in a fresh instance, on the thread that calls.
pub(crate) struct Sandbox {
    artefacts: Artefacts,
    outside: SharedOutside,
    ticker: Ticker,
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
    /// A sandbox whose tasks ask `outside` for what they lack, and which loads what `trust` says.
    /// Starts a thread.
    ///
    /// # Errors
    /// When this machine cannot run guests at all.
    pub(crate) fn new(outside: Box<dyn Outside>, trust: Trust) -> Result<Self, SandboxError> {
        // Asked once, so that what a first reading needs (the kernel's list of what it offers,
        // which is a file on older ones) is there when no file can be opened any more.
        thread_cpu_time();
        let failed = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let artefacts = Artefacts::new(trust).map_err(failed)?;
        let engines = Mode::ALL.map(|mode| artefacts.engine(mode).clone());
        let ticker = Ticker::start(engines).map_err(SandboxError::Timer)?;
        let tokio =
            tokio::runtime::Builder::new_current_thread().build().map_err(SandboxError::Timer)?;
        Ok(Self { artefacts, outside: Shared::new(outside), ticker, tokio })
    }

    /// Runs one task. Whatever happens is its outcome.
    pub(crate) fn run(&mut self, work: &Work, files: TaskFiles) -> TaskEnd {
        let mut meter = Meter::start(&work.limits);
        self.outside.lock().begin();
        let result = self.attempt(work, files, &mut meter);
        meter.end(result.map(|outputs| (outputs, Vec::new())))
    }

    /// Asks a module's planner or its cutter how to cut a file.
    pub(crate) fn plan(&mut self, work: &PlanWork, file: File) -> TaskEnd {
        let mut meter = Meter::start(&work.limits);
        self.outside.lock().begin();
        let result = self.attempt_plan(work, file, &mut meter);
        meter.end(result)
    }

    fn attempt(
        &mut self,
        work: &Work,
        files: TaskFiles,
        meter: &mut Meter,
    ) -> Result<Vec<Written>, Broken> {
        let outside = self.outside.clone();
        // First of all, so that nothing is read for a module that cannot be loaded.
        self.artefacts.get(&work.artefact, work.kind, work.mode, &outside)?;
        let begun = Instant::now();
        let TaskFiles { ranges, inputs, resume } = files;
        let ranges = match (&work.ranges, ranges) {
            (Some(object), Some(file)) => read_small(&file, object)?,
            _ => Vec::new(),
        };
        let mut inputs = Source::open_all(inputs, &work.inputs)?;
        meter.usage.read_us += micros(begun);
        meter.usage.bytes_in = inputs.iter().map(Source::size).sum();

        let bytes_max = work.limits.output_bytes_max_for(meter.usage.bytes_in);
        let outputs = Shared::new(Outputs::new(outside.clone(), work.task.outputs(), bytes_max));
        let state = match resume {
            None => None,
            Some(resume) => {
                outputs.lock().resume(resume.outputs)?;
                Some(resume.state)
            }
        };
        let fault = Fault::default();
        let clock = VirtualClock::new(work.clock_ms);
        let stdin = match work.kind {
            ModuleKind::Command => Some(Shared::new(Source::joined(std::mem::take(&mut inputs)))),
            ModuleKind::Job => None,
        };
        let command = stdin
            .clone()
            .map(|stdin| (work, Stdio { stdin, stdout: outputs.clone(), fault: fault.clone() }));
        let can_save = !matches!(work.task.phase, Phase::Ranges);
        let host = Host {
            memory: MemoryLimit::new(work.limits.memory_bytes_max),
            deadline: Deadline::start(&work.limits),
            wasi: wasi::context(work.task.seed, &clock, &meter.log, command),
            clock,
            stdin,
            outputs: outputs.clone(),
            log: meter.log.clone(),
            fault,
            params: work.params.clone(),
            secrets: work.secrets.clone(),
            ranges,
            outside: outside.clone(),
            checkpoint: Checkpoint::new(can_save, state),
            volume: volume(&work.limits, meter.usage.bytes_in),
            told: None,
            shown: None,
            unshown: None,
            enough: false,
        };
        let called = self.call(work, host, inputs, bytes_max, meter);
        let mut outputs = outputs.lock();
        meter.usage.bytes_out = outputs.bytes();
        let written = called.and_then(|()| Ok(outputs.finish()?));
        meter.usage.write_us = outputs.write_time.as_micros() as u64;
        written
    }

    /// Runs the guest itself.
    fn call(
        &mut self,
        work: &Work,
        host: Host,
        inputs: Vec<Source>,
        bytes_max: u64,
        meter: &mut Meter,
    ) -> Result<(), Broken> {
        let engine = self.artefacts.engine(work.mode).clone();
        let loaded = self.artefacts.get(&work.artefact, work.kind, work.mode, &self.outside)?;
        let call_bytes = match loaded {
            Loaded::Job(job) if job.mapper_bytes.is_some() => {
                usize::try_from(bytes_max).unwrap_or(usize::MAX).saturating_add(CALL_BYTES_MAX)
            }
            _ => CALL_BYTES_MAX,
        };
        let mut store = new_store(&engine, host, call_bytes);
        let fuel = refuel(&mut store, work);
        let called = {
            let _tokio = self.tokio.enter();
            let _ticking = self.ticker.run();
            phases::call(&mut store, loaded, work, inputs)
        };
        meter.note(&store, fuel);
        if let Some((media, bytes)) = store.data_mut().unshown.take() {
            self.outside.lock().preview(media, &bytes);
        }
        // A guest that has gone too far at its end has gone too far.
        match called {
            Ok(()) => store.data().over_volume().map_or(Ok(()), |outcome| Err(outcome.into())),
            Err(outcome) => Err(outcome.into()),
        }
    }

    fn attempt_plan(
        &mut self,
        work: &PlanWork,
        file: File,
        meter: &mut Meter,
    ) -> Result<Given, Broken> {
        let outside = self.outside.clone();
        let input = Source::file(file).map_err(|error| {
            let message = format!("cannot read the file to be cut: {error}");
            AttemptOutcome::NodeFault { message }
        })?;
        let engine = self.artefacts.engine(Mode::Fast).clone();
        let loaded = self.artefacts.get(&work.artefact, ModuleKind::Job, Mode::Fast, &outside)?;
        meter.usage.bytes_in = input.size();
        let clock = VirtualClock::new(0);
        let outputs = Outputs::new(outside.clone(), 1, piece::ENCODED_BYTES_MAX);
        let outputs = Shared::new(outputs);
        let host = Host {
            memory: MemoryLimit::new(work.limits.memory_bytes_max),
            deadline: Deadline::start(&work.limits),
            wasi: wasi::context(0, &clock, &meter.log, None),
            clock,
            stdin: None,
            // For what the host writes: the guest is given no sink.
            outputs: outputs.clone(),
            log: meter.log.clone(),
            fault: Fault::default(),
            params: Params::clone(&work.params),
            secrets: work.secrets.clone(),
            ranges: Vec::new(),
            outside: outside.clone(),
            checkpoint: Checkpoint::new(false, None),
            volume: volume(&work.limits, meter.usage.bytes_in),
            told: None,
            shown: None,
            unshown: None,
            enough: false,
        };
        let call_bytes = if work.makes_chunks { PIECES_BYTES_MAX } else { CALL_BYTES_MAX };
        let mut store = new_store(&engine, host, call_bytes);
        let _tokio = self.tokio.enter();
        let _ticking = self.ticker.run();
        let (wanted_bytes, limits) = (work.wanted_bytes, &work.limits);
        if !work.makes_chunks {
            let spans = phases::plan(&mut store, loaded, input, wanted_bytes, limits);
            meter.note(&store, None);
            return Ok((Vec::new(), spans?.iter().map(|span| (span.offset, span.len)).collect()));
        }
        let chunks = phases::make_chunks(&mut store, loaded, input, wanted_bytes, limits);
        meter.note(&store, None);
        let mut outputs = outputs.lock();
        for pieces in chunks? {
            let pieces: Vec<Piece> = pieces.into_iter().map(piece_of).collect();
            outputs.write(0, &piece::encode(&pieces))?;
        }
        Ok((outputs.finish()?, Vec::new()))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.ticker.stop();
    }
}

fn piece_of(answered: types::Piece) -> Piece {
    match answered {
        types::Piece::Bytes(bytes) => Piece::Bytes(bytes),
        types::Piece::Input(types::Span { offset, len }) => Piece::Input { offset, len },
        types::Piece::Rows(types::Rows { offset, len, stride, count }) => {
            Piece::Rows { offset, len, stride, count }
        }
    }
}

fn new_store(engine: &Engine, host: Host, call_bytes: usize) -> wasmtime::Store<Host> {
    let mut store = wasmtime::Store::new(engine, host);
    store.limiter(|host| &mut host.memory);
    store.set_hostcall_fuel(call_bytes);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| {
        let host = store.data();
        match host.deadline.over().or_else(|| host.over_volume()) {
            Some(outcome) => Err(host.fault.stop(outcome)),
            None => Ok(UpdateDeadline::Continue(1)),
        }
    });
    store
}

/// Gives the task its fuel, if it runs by fuel, and says how much.
fn refuel(store: &mut wasmtime::Store<Host>, work: &Work) -> Option<u64> {
    let wanted = work.limits.fuel_max_for(work.mode);
    // An engine that does not count refuses to be given any; one that counts starts with none.
    store.set_fuel(wanted.unwrap_or(u64::MAX)).ok()?;
    wanted
}

fn volume(limits: &Limits, bytes_in: u64) -> Volume {
    Volume {
        calls: 0,
        calls_max: limits.host_calls_max(),
        bytes: 0,
        bytes_max: limits.host_bytes_max(bytes_in),
    }
}

fn read_small(file: &File, object: &ObjectRef) -> Result<Vec<u8>, AttemptOutcome> {
    if object.size > RANGES_BYTES_MAX {
        let message = format!("{} bytes of ranges are too many", object.size);
        return Err(AttemptOutcome::ChunkMissing { digest: object.digest, message });
    }
    read_verified(file, object)
}

fn micros(begun: Instant) -> u64 {
    begun.elapsed().as_micros() as u64
}

/// What a task gave: its outputs, or a planner's spans.
type Given = (Vec<Written>, Vec<(u64, u64)>);

/// What a task uses, from its start to its end.
struct Meter {
    begun: Instant,
    cpu_begun: std::time::Duration,
    usage: Usage,
    log: Log,
    enough: bool,
}

impl Meter {
    fn start(limits: &Limits) -> Self {
        Self {
            begun: Instant::now(),
            cpu_begun: thread_cpu_time(),
            usage: Usage::default(),
            log: Log::new(limits.log_bytes_max),
            enough: false,
        }
    }

    /// Takes down what only the guest's store knows.
    fn note(&mut self, store: &wasmtime::Store<Host>, fuel: Option<u64>) {
        let host = store.data();
        self.usage.memory_bytes_peak = host.memory.bytes_peak();
        self.usage.memory_refusals = host.memory.refusals().into();
        self.usage.host_calls = host.calls();
        self.enough = host.enough;
        if let Some(stdin) = &host.stdin {
            self.usage.read_us += stdin.lock().read_time.as_micros() as u64;
        }
        if let (Some(given), Ok(left)) = (fuel, store.get_fuel()) {
            self.usage.fuel_used = given.saturating_sub(left);
        }
    }

    fn end(mut self, result: Result<Given, Broken>) -> TaskEnd {
        self.usage.wall_us = micros(self.begun);
        self.usage.cpu_us = (thread_cpu_time().saturating_sub(self.cpu_begun)).as_micros() as u64;
        self.usage.log_bytes_dropped = self.log.bytes_dropped();
        self.usage.log_lines_dropped = self.log.pieces_dropped();
        let (log, usage) = (self.log.text(), self.usage);
        let (outcome, outputs, spans) = match result {
            Ok((outputs, spans)) => {
                (AttemptOutcome::Succeeded { outputs: Vec::new() }, outputs, spans)
            }
            Err(Broken(outcome)) => (*outcome, Vec::new(), Vec::new()),
        };
        TaskEnd { outcome, outputs, spans, usage, log, enough: self.enough }
    }
}
