//! Outputs as a guest writes them: counted, one per partition. Short ones stay in memory until
//! the task has succeeded; long ones go to a file from outside, and are hashed on the way.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use bramble_protocol::{AttemptOutcome, Digest, ObjectRef};
use bramble_store::StoreError;

use super::host::SharedOutside;

/// An output this small stays in memory until the task has succeeded, so that it costs no file;
/// a larger one is written in blocks of this size.
const BLOCK_BYTES: usize = 64 << 10;
/// So much do all outputs together keep in memory in the end, at most.
pub(crate) const SMALL_BYTES_MAX: usize = 1 << 20;

/// A guest's handle to its outputs, which live in the host's half of the task.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Sink;

/// An output of a task that succeeded.
#[derive(Debug)]
pub(crate) enum Written {
    /// Its bytes.
    Small(Vec<u8>),
    /// In the file that was given for it.
    File(ObjectRef),
}

/// All outputs of a task.
#[derive(Debug)]
pub(crate) struct Outputs {
    outside: SharedOutside,
    parts: Vec<Part>,
    bytes: u64,
    bytes_max: u64,
    /// How often the guest has written.
    pub(crate) calls: u64,
    /// Time spent on storing, for the usage.
    pub(crate) write_time: Duration,
}

#[derive(Debug, Default)]
struct Part {
    pending: Vec<u8>,
    file: Option<Box<Writer>>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    hasher: blake3::Hasher,
}

impl Outputs {
    pub(crate) fn new(outside: SharedOutside, partitions: u32, bytes_max: u64) -> Self {
        let parts = (0..partitions.max(1)).map(|_| Part::default()).collect();
        Self { outside, parts, bytes: 0, bytes_max, calls: 0, write_time: Duration::ZERO }
    }

    /// Goes on with what an earlier attempt has written.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn resume(&mut self, files: Vec<Option<File>>) -> Result<(), AttemptOutcome> {
        for (part, file) in self.parts.iter_mut().zip(files) {
            if let Some(file) = file {
                let writer = Writer::resume(file).map_err(not_stored)?;
                self.bytes = self.bytes.saturating_add(writer.hasher.count());
                part.file = Some(Box::new(writer));
            }
        }
        Ok(())
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
        self.calls += 1;
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
        if part.pending.len() + bytes.len() < BLOCK_BYTES {
            part.pending.extend_from_slice(bytes);
            return Ok(());
        }
        let begun = Instant::now();
        part.spill(&self.outside, partition)?;
        if bytes.len() < BLOCK_BYTES {
            part.pending.extend_from_slice(bytes);
        } else {
            part.write_through(bytes)?;
        }
        self.write_time += begun.elapsed();
        Ok(())
    }

    /// Sees to it that all that was written is in files, and says how much it is.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn flush(&mut self) -> Result<Vec<ObjectRef>, AttemptOutcome> {
        let begun = Instant::now();
        let mut so_far = Vec::with_capacity(self.parts.len());
        for (part, partition) in self.parts.iter_mut().zip(0..) {
            if !part.pending.is_empty() {
                part.spill(&self.outside, partition)?;
            }
            so_far.push(part.object());
        }
        self.write_time += begun.elapsed();
        Ok(so_far)
    }

    /// Ends all outputs, in the order of the partitions.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn finish(&mut self) -> Result<Vec<Written>, AttemptOutcome> {
        let begun = Instant::now();
        let mut small_bytes = 0;
        let mut written = Vec::with_capacity(self.parts.len());
        for (mut part, partition) in std::mem::take(&mut self.parts).into_iter().zip(0..) {
            small_bytes += part.pending.len();
            if part.file.is_none() && small_bytes <= SMALL_BYTES_MAX {
                written.push(Written::Small(part.pending));
            } else {
                part.spill(&self.outside, partition)?;
                written.push(Written::File(part.object()));
            }
        }
        self.write_time += begun.elapsed();
        Ok(written)
    }
}

impl Part {
    /// Writes what is pending, to a file that is asked for first if there is none.
    fn spill(&mut self, outside: &SharedOutside, partition: u32) -> Result<(), AttemptOutcome> {
        if self.file.is_none() {
            let file = outside.lock().output(partition)?;
            self.file = Some(Box::new(Writer { file, hasher: blake3::Hasher::new() }));
        }
        let pending = std::mem::take(&mut self.pending);
        self.write_through(&pending)?;
        self.pending = pending;
        self.pending.clear();
        Ok(())
    }

    fn write_through(&mut self, bytes: &[u8]) -> Result<(), AttemptOutcome> {
        let writer = self.file.as_mut().expect("a file is asked for before it is written to");
        writer.hasher.update(bytes);
        writer.file.write_all(bytes).map_err(not_stored)
    }

    /// What is in the file.
    fn object(&self) -> ObjectRef {
        self.file.as_ref().map_or_else(|| ObjectRef::of(b""), |writer| writer.object())
    }
}

impl Writer {
    fn resume(mut file: File) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let mut block = vec![0; BLOCK_BYTES];
        // The agent has written it, and has left its cursor at the end.
        rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
        loop {
            match file.read(&mut block)? {
                0 => return Ok(Self { file, hasher }),
                got => {
                    hasher.update(&block[..got]);
                }
            }
        }
    }

    fn object(&self) -> ObjectRef {
        ObjectRef { digest: Digest::from(self.hasher.finalize()), size: self.hasher.count() }
    }
}

fn not_stored(error: io::Error) -> AttemptOutcome {
    // Tells a full disk from the rest.
    let error = StoreError::from_io("write to", Path::new("the output's file"), error);
    AttemptOutcome::NodeFault {
        message: format!(
            "an output could not be stored: {}",
            bramble_protocol::error_chain(&error)
        ),
    }
}
