//! The host's half of `bramble:job`: what a guest can call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bramble_protocol::{AttemptOutcome, Params};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::bindings::bramble::job;
use super::deadline::Deadline;
use super::fault::Fault;
use super::limits::MemoryLimit;
use super::log::Log;
use super::output::{Outputs, Sink};
use super::source::Source;

/// Longest log message taken from one call, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 << 10;

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
    pub(crate) ranges: Vec<u8>,
    pub(crate) progress: Progress,
}

/// The outputs, also in the hands of a command's standard output.
pub(crate) type SharedOutputs = Shared<Outputs>;
/// A command's standard input.
pub(crate) type SharedSource = Shared<Source>;
/// How much is done, out of how much; the last that the guest said.
pub(crate) type Progress = Shared<Option<(u64, u64)>>;

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

    fn stopped<T>(&self, result: Result<T, AttemptOutcome>) -> wasmtime::Result<T> {
        result.map_err(|outcome| self.fault.stop(outcome))
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
        *self.progress.lock() = Some((done, total));
        Ok(())
    }

    fn param(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        Ok(self.params.get(&name).cloned())
    }

    fn params(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.params.clone().into_iter().collect())
    }

    fn ranges(&mut self) -> wasmtime::Result<Vec<u8>> {
        Ok(self.ranges.clone())
    }

    fn save(&mut self, _state: Vec<u8>) -> wasmtime::Result<()> {
        self.settle_pairs()?;
        Err(wasmtime::format_err!("not built yet"))
    }

    fn load(&mut self) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn should_save(&mut self) -> wasmtime::Result<bool> {
        Ok(false)
    }

    fn stopping(&mut self) -> wasmtime::Result<bool> {
        Ok(false)
    }
}

impl job::io::Host for Host {}

impl job::io::HostSource for Host {
    fn size(&mut self, source: Resource<Source>) -> wasmtime::Result<u64> {
        Ok(self.table().get(&source)?.size())
    }

    fn read(&mut self, source: Resource<Source>, max: u32) -> wasmtime::Result<Vec<u8>> {
        let block = self.table().get_mut(&source)?.read(max as usize);
        self.stopped(block)
    }

    fn read_at(
        &mut self,
        source: Resource<Source>,
        offset: u64,
        len: u32,
    ) -> wasmtime::Result<Vec<u8>> {
        let block = self.table().get_mut(&source)?.read_at(offset, len as usize);
        self.stopped(block)
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
