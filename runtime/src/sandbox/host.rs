//! The host's half of `bramble:job`: what a guest can call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bramble_protocol::{AttemptOutcome, Countable, Params, Secret, SecretAccess, Secrets, preview};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::bindings::bramble::job;
use super::checkpoint::Checkpoint;
use super::deadline::Deadline;
use super::fault::Fault;
use super::limits::MemoryLimit;
use super::log::Log;
use super::output::{Outputs, Sink};
use super::outside::Outside;
use super::source::Source;

/// Longest log message taken from one call, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 << 10;
/// How often progress is told to the outside, at most.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// How often a preview is given to the outside, at most.
const PREVIEW_EVERY: Duration = Duration::from_secs(1);

/// Everything a guest can reach, made anew for each task.
pub(crate) struct Host {
    pub(crate) memory: MemoryLimit,
    pub(crate) deadline: Deadline,
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) clock: super::wasi::VirtualClock,
    pub(crate) stdin: Option<SharedSource>,
    pub(crate) outputs: SharedOutputs,
    pub(crate) log: Log,
    pub(crate) fault: Fault,
    pub(crate) params: Params,
    pub(crate) secrets: Secrets,
    pub(crate) ranges: Vec<u8>,
    pub(crate) outside: SharedOutside,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) volume: Volume,
    /// When progress was last told to the outside.
    pub(crate) told: Option<Instant>,
    /// When a preview was last given to the outside.
    pub(crate) shown: Option<Instant>,
    /// The last preview, when it came too soon after another. It is given when the task ends.
    pub(crate) unshown: Option<(String, Vec<u8>)>,
    /// Whether the guest said that no task of a later chunk is needed.
    pub(crate) enough: bool,
}

/// Whoever set up the sandbox.
pub(crate) type SharedOutside = Shared<Box<dyn Outside>>;

/// How much goes to and fro between guest and host. What goes through the outputs, the log and
/// a command's input is counted there.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) calls: u64,
    pub(crate) calls_max: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_max: u64,
}

/// The outputs, also in the hands of a command's standard output.
pub(crate) type SharedOutputs = Shared<Outputs>;
/// A command's standard input.
pub(crate) type SharedSource = Shared<Source>;

/// One value in several hands of one task.
#[derive(Debug, Default)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Host {
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        self.wasi.ctx().table
    }

    /// Counts a call of the host in which `bytes` are exchanged.
    pub(super) fn called(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.volume.calls += 1;
        self.volume.bytes = self.volume.bytes.saturating_add(bytes as u64);
        match self.volume.exceeded(self.volume.calls, self.volume.bytes) {
            None => Ok(()),
            Some(outcome) => Err(self.fault.stop(outcome)),
        }
    }

    /// How often the guest has called the host, as far as that is counted.
    pub(crate) fn calls(&self) -> u64 {
        let input = self.stdin.as_ref().map_or(0, |stdin| stdin.lock().calls);
        self.volume.calls + self.outputs.lock().calls + self.log.pieces() + input
    }

    /// The outcome of a guest that calls the host too often. Asked from time to time while it
    /// runs, and at its end.
    pub(crate) fn over_volume(&self) -> Option<AttemptOutcome> {
        let input = self.stdin.as_ref().map_or(0, |stdin| stdin.lock().bytes_given);
        let bytes = self.volume.bytes.saturating_add(self.outputs.lock().bytes()) + input;
        self.volume.exceeded(self.calls(), bytes)
    }

    fn stopped<T>(&self, result: Result<T, AttemptOutcome>) -> wasmtime::Result<T> {
        result.map_err(|outcome| self.fault.stop(outcome))
    }
}

impl Volume {
    fn exceeded(&self, calls: u64, bytes: u64) -> Option<AttemptOutcome> {
        if calls > self.calls_max {
            let limit = self.calls_max;
            return Some(AttemptOutcome::TooMuch { of: Countable::HostCalls, limit });
        }
        let limit = self.bytes_max;
        (bytes > limit).then_some(AttemptOutcome::TooMuch { of: Countable::HostBytes, limit })
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

impl job::types::Host for Host {}

impl job::host::Host for Host {
    fn log(&mut self, level: job::host::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            job::host::Level::Debug => "debug",
            job::host::Level::Info => "info",
            job::host::Level::Warn => "warn",
            job::host::Level::Error => "error",
        };
        self.log.line(level, &super::log::shorten(&message, MESSAGE_BYTES_MAX));
        Ok(())
    }

    fn progress(&mut self, done: u64, total: u64) -> wasmtime::Result<()> {
        self.called(0)?;
        if self.told.is_none_or(|told| told.elapsed() >= PROGRESS_EVERY) {
            self.outside.lock().progress(done, total);
            self.told = Some(Instant::now());
        }
        Ok(())
    }

    fn param(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let value = self.params.get(&name).cloned();
        self.called(name.len() + value.as_ref().map_or(0, String::len))?;
        Ok(value)
    }

    fn params(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.called(self.params.iter().map(|(name, value)| name.len() + value.len()).sum())?;
        Ok(self.params.clone().into_iter().collect())
    }

    fn ranges(&mut self) -> wasmtime::Result<Vec<u8>> {
        self.called(self.ranges.len())?;
        Ok(self.ranges.clone())
    }

    fn save(&mut self, state: Vec<u8>) -> wasmtime::Result<()> {
        self.called(state.len())?;
        if self.enough {
            // Whoever went on from here would not say it again, which the result depends on.
            return Ok(());
        }
        self.settle_pairs()?;
        let saved = self.checkpoint.save(&state, &self.outputs, &self.outside);
        self.stopped(saved)
    }

    fn load(&mut self) -> wasmtime::Result<Option<Vec<u8>>> {
        self.called(self.checkpoint.state.as_ref().map_or(0, Vec::len))?;
        Ok(self.checkpoint.state.clone())
    }

    fn should_save(&mut self) -> wasmtime::Result<bool> {
        self.called(0)?;
        Ok(self.checkpoint.is_due(&self.outside))
    }

    fn stopping(&mut self) -> wasmtime::Result<bool> {
        self.called(0)?;
        Ok(self.checkpoint.signals(&self.outside).stopping)
    }

    fn secret(&mut self, name: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let readable = |secret: &&Secret| secret.access() == SecretAccess::Read;
        let secret = self.secrets.get(&name).filter(readable);
        let bytes = secret.map(|secret| secret.expose().to_vec());
        self.called(name.len() + bytes.as_ref().map_or(0, Vec::len))?;
        Ok(bytes)
    }

    fn enough(&mut self) -> wasmtime::Result<()> {
        self.called(0)?;
        self.enough = true;
        Ok(())
    }

    fn preview(&mut self, media: String, bytes: Vec<u8>) -> wasmtime::Result<()> {
        self.called(media.len() + bytes.len())?;
        if !preview::is_sound(&media, bytes.len()) {
            let (bytes, max) = (bytes.len(), preview::BYTES_MAX);
            let said = format!(
                "a preview was not shown: it has {bytes} bytes, of 1 to {max}, and its media type \
                 must be one such as image/png"
            );
            self.log.line("warn", &said);
        } else if self.shown.is_none_or(|shown| shown.elapsed() >= PREVIEW_EVERY) {
            self.outside.lock().preview(media, &bytes);
            self.shown = Some(Instant::now());
            self.unshown = None;
        } else {
            self.unshown = Some((media, bytes));
        }
        Ok(())
    }
}

impl job::io::Host for Host {}

impl job::io::HostSource for Host {
    fn size(&mut self, source: Resource<Source>) -> wasmtime::Result<u64> {
        self.called(0)?;
        Ok(self.table().get(&source)?.size())
    }

    fn read(&mut self, source: Resource<Source>, max: u32) -> wasmtime::Result<Vec<u8>> {
        let block = self.table().get_mut(&source)?.read(max as usize);
        let block = self.stopped(block)?;
        self.called(block.len())?;
        Ok(block)
    }

    fn read_at(
        &mut self,
        source: Resource<Source>,
        offset: u64,
        len: u32,
    ) -> wasmtime::Result<Vec<u8>> {
        let block = self.table().get_mut(&source)?.read_at(offset, len as usize);
        let block = self.stopped(block)?;
        self.called(block.len())?;
        Ok(block)
    }

    fn drop(&mut self, source: Resource<Source>) -> wasmtime::Result<()> {
        self.table().delete(source)?;
        Ok(())
    }
}

impl job::io::HostSink for Host {
    fn write(&mut self, sink: Resource<Sink>, bytes: Vec<u8>) -> wasmtime::Result<()> {
        self.write_to(sink, 0, bytes)
    }

    fn write_to(
        &mut self,
        _sink: Resource<Sink>,
        partition: u32,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<()> {
        let written = self.outputs.lock().write(partition, &bytes);
        self.stopped(written)
    }

    fn drop(&mut self, sink: Resource<Sink>) -> wasmtime::Result<()> {
        self.table().delete(sink)?;
        Ok(())
    }
}
