//! Writing runs into a task's outputs.

use bramble_protocol::AttemptOutcome;

use super::buffer::SortBuffer;
use super::frame::{self, SEGMENT_BYTES, segment_heading};
use crate::sandbox::output::Outputs;

/// Where parts are written to: a task's outputs.
pub(crate) trait Parts {
    /// Adds to the part of one partition.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    fn write(&mut self, partition: u32, bytes: &[u8]) -> Result<(), AttemptOutcome>;
}

impl Parts for Outputs {
    fn write(&mut self, partition: u32, bytes: &[u8]) -> Result<(), AttemptOutcome> {
        self.write(partition, bytes)
    }
}

/// In memory, for tests.
#[cfg(test)]
impl Parts for Vec<Vec<u8>> {
    fn write(&mut self, partition: u32, bytes: &[u8]) -> Result<(), AttemptOutcome> {
        self[partition as usize].extend_from_slice(bytes);
        Ok(())
    }
}

/// Copying goes through a block of this many bytes, so that outputs are not called for each pair.
const BLOCK_BYTES: usize = 64 << 10;

/// Writes what a buffer holds, one run for each partition that has any, and empties it.
///
/// # Errors
/// With the outcome that the task ends with.
pub(super) fn write_sorted(
    buffer: &mut SortBuffer,
    partitions: u32,
    outputs: &mut impl Parts,
) -> Result<(), AttemptOutcome> {
    let sorted = buffer.sort(partitions);
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    for partition in 0..partitions {
        let len: usize = sorted.frames(partition).map(<[u8]>::len).sum();
        if len == 0 {
            continue;
        }
        block.extend_from_slice(&segment_heading(true, len));
        for frame in sorted.frames(partition) {
            if block.len() + frame.len() > BLOCK_BYTES {
                outputs.write(partition, &block)?;
                block.clear();
            }
            block.extend_from_slice(frame);
        }
        outputs.write(partition, &block)?;
        block.clear();
    }
    buffer.clear();
    Ok(())
}

/// Writes one run into one partition from frames that come in order.
#[derive(Debug)]
pub(super) struct RunWriter {
    partition: u32,
    started: bool,
    /// Frames of a segment that is not written yet.
    segment: Vec<u8>,
    last_key: Vec<u8>,
}

impl RunWriter {
    pub(super) fn new(partition: u32) -> Self {
        Self { partition, started: false, segment: Vec::new(), last_key: Vec::new() }
    }

    /// Adds frames that a guest emitted. They must come in the order of their keys.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(super) fn add_checked(
        &mut self,
        mut block: &[u8],
        outputs: &mut impl Parts,
    ) -> Result<(), AttemptOutcome> {
        while let Some((key, len)) = frame::first(block)? {
            if key < self.last_key.as_slice() {
                return Err(frame::malformed(
                    "a combiner must emit its keys in the order in which it is given them",
                ));
            }
            if key != self.last_key {
                self.last_key.clear();
                self.last_key.extend_from_slice(key);
            }
            self.add(&block[..len], outputs)?;
            block = &block[len..];
        }
        Ok(())
    }

    /// Adds whole frames that are known to be in order.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(super) fn add(
        &mut self,
        frames: &[u8],
        outputs: &mut impl Parts,
    ) -> Result<(), AttemptOutcome> {
        if self.segment.len() + frames.len() > SEGMENT_BYTES {
            self.flush(outputs)?;
        }
        self.segment.extend_from_slice(frames);
        Ok(())
    }

    /// Writes what has been gathered as a segment.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(super) fn flush(&mut self, outputs: &mut impl Parts) -> Result<(), AttemptOutcome> {
        if self.segment.is_empty() {
            return Ok(());
        }
        outputs.write(self.partition, &segment_heading(!self.started, self.segment.len()))?;
        outputs.write(self.partition, &self.segment)?;
        self.started = true;
        self.segment.clear();
        Ok(())
    }
}
