//! Outputs as a guest writes them: counted, one per partition, staged in the store.

use std::io::Write;
use std::time::{Duration, Instant};

use bramble_protocol::AttemptOutcome;
use bramble_store::{Staged, StagedWriter, Store, StoreError};

/// An output this small stays in memory until the task has succeeded, so that a failing task
/// leaves no file; a larger one is written in blocks of this size.
const BLOCK_BYTES: usize = 64 << 10;

/// A guest's handle to its outputs, which live in the host's half of the task.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Sink;

/// All outputs of a task.
#[derive(Debug)]
pub(crate) struct Outputs {
    store: Store,
    parts: Vec<Part>,
    bytes: u64,
    bytes_max: u64,
    /// Time spent on storing, for the usage.
    pub(crate) write_time: Duration,
}

#[derive(Debug, Default)]
struct Part {
    pending: Vec<u8>,
    file: Option<StagedWriter>,
}

impl Outputs {
    pub(crate) fn new(store: Store, partitions: u32, bytes_max: u64) -> Self {
        let parts = (0..partitions.max(1)).map(|_| Part::default()).collect();
        Self { store, parts, bytes: 0, bytes_max, write_time: Duration::ZERO }
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds to one partition.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn write(&mut self, partition: u32, bytes: &[u8]) -> Result<(), AttemptOutcome> {
        let count = self.parts.len();
        let Some(part) = self.parts.get_mut(partition as usize) else {
            return Err(AttemptOutcome::Trapped {
                trap: bramble_protocol::TrapKind::Other,
                message: format!("wrote to partition {partition}, but there are only {count}"),
            });
        };
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.bytes_max {
            return Err(AttemptOutcome::OutputExceeded { limit_bytes: self.bytes_max });
        }
        part.pending.extend_from_slice(bytes);
        if part.pending.len() >= BLOCK_BYTES {
            let begun = Instant::now();
            part.spill(&self.store).map_err(|error| not_stored(&error))?;
            self.write_time += begun.elapsed();
        }
        Ok(())
    }

    /// Stages all outputs, in the order of the partitions.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn finish(&mut self) -> Result<Vec<Staged>, AttemptOutcome> {
        let begun = Instant::now();
        let store = &self.store;
        let staged: Result<Vec<_>, _> =
            self.parts.drain(..).map(|part| part.finish(store)).collect();
        self.write_time += begun.elapsed();
        staged.map_err(|error| not_stored(&error))
    }
}

impl Part {
    fn spill(&mut self, store: &Store) -> Result<(), StoreError> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(store.stage()?),
        };
        file.write_all(&self.pending)
            .map_err(|error| StoreError::from_io("write an output to", store.dir(), error))?;
        self.pending.clear();
        Ok(())
    }

    fn finish(mut self, store: &Store) -> Result<Staged, StoreError> {
        self.spill(store)?;
        self.file.take().expect("spilling opens the file").finish()
    }
}

fn not_stored(error: &StoreError) -> AttemptOutcome {
    AttemptOutcome::NodeFault {
        message: format!("an output could not be stored: {}", bramble_protocol::error_chain(error)),
    }
}
