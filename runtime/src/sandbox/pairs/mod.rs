//! Keys and values: what a map of pairs emits, and what a combiner or reducer is given.
//!
//! What a map emits is gathered in a [`buffer`], sorted, and written as runs, one part for each
//! partition; see [`frame`] for the bytes. Whoever reads the parts of a partition [`merge`]s all
//! their runs. Memory is bounded on both sides, and there are no files but the task's outputs.

mod buffer;
mod cursor;
mod emitter;
mod frame;
mod merge;
mod run;

use bramble_protocol::AttemptOutcome;
use wasmtime::component::Resource;

use super::bindings::bramble::job;
use super::host::{Host, SharedOutputs};
use super::source::{BLOCK_BYTES_MAX, Source};
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub use emitter::Emitter;
use frame::SEGMENT_BYTES;
use merge::Merge;
use run::RunWriter;

/// A guest's handle to sorted pairs.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Groups(Merge);

impl Groups {
    /// The pairs of `parts`, all of one partition.
    ///
    /// # Errors
    /// With the outcome of a task whose parts are malformed or cannot be read.
    pub(super) fn of_parts(parts: Vec<Source>) -> Result<Self, AttemptOutcome> {
        Merge::new(parts).map(Self)
    }

    /// Writes all pairs to the first output as one run.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(super) fn write_run(mut self, outputs: &SharedOutputs) -> Result<(), AttemptOutcome> {
        let mut run = RunWriter::new(0);
        loop {
            let frames = self.0.next(SEGMENT_BYTES)?;
            let mut outputs = outputs.lock();
            if frames.is_empty() {
                return run.flush(&mut *outputs);
            }
            run.add(&frames, &mut *outputs)?;
        }
    }
}

impl Host {
    /// Writes to the outputs what has been emitted so far, before a state that says so is saved.
    pub(super) fn settle_pairs(&mut self) -> wasmtime::Result<()> {
        let entries = self.table().iter_mut();
        let settled = entries
            .filter_map(|entry| entry.downcast_mut::<Emitter>())
            .try_for_each(Emitter::settle);
        settled.map_err(|outcome| self.fault.stop(outcome))
    }

    fn emitted(
        &mut self,
        emitter: &Resource<Emitter>,
        partition: Option<u32>,
        frames: &[u8],
    ) -> wasmtime::Result<()> {
        self.called(frames.len())?;
        let emitted = self.table().get_mut(emitter)?.emit(frames, partition);
        emitted.map_err(|outcome| self.fault.stop(outcome))
    }
}

impl job::io::HostEmitter for Host {
    fn emit(&mut self, emitter: Resource<Emitter>, frames: Vec<u8>) -> wasmtime::Result<()> {
        self.emitted(&emitter, None, &frames)
    }

    fn emit_to(
        &mut self,
        emitter: Resource<Emitter>,
        partition: u32,
        frames: Vec<u8>,
    ) -> wasmtime::Result<()> {
        self.emitted(&emitter, Some(partition), &frames)
    }

    fn drop(&mut self, emitter: Resource<Emitter>) -> wasmtime::Result<()> {
        self.table().delete(emitter)?;
        Ok(())
    }
}

impl job::io::HostGroups for Host {
    fn next(&mut self, groups: Resource<Groups>, max: u32) -> wasmtime::Result<Vec<u8>> {
        let block = self.table().get_mut(&groups)?.0.next((max as usize).min(BLOCK_BYTES_MAX));
        let block = block.map_err(|outcome| self.fault.stop(outcome))?;
        self.called(block.len())?;
        Ok(block)
    }

    fn drop(&mut self, groups: Resource<Groups>) -> wasmtime::Result<()> {
        self.table().delete(groups)?;
        Ok(())
    }
}
