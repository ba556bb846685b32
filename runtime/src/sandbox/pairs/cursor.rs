//! Reading one sorted run of a part, a block at a time.

use bramble_protocol::AttemptOutcome;

use super::frame::{self, FRAME_HEADING_BYTES, SEGMENT_HEADING_BYTES};
use crate::sandbox::source::{BLOCK_BYTES_MAX, Source};

/// A place in a run. It does not own its source, because several runs may lie in one.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Which source, for whoever keeps them.
    pub(super) source: usize,
    /// Where in the source the bytes after those of `block` are.
    at: u64,
    /// How many of them belong to the segment.
    segment_left: u64,
    block: Vec<u8>,
    /// Where in `block` the frame starts.
    start: usize,
    /// Lengths of its key and value.
    lengths: (usize, usize),
    prefix: u64,
    at_end: bool,
}

/// Where the runs of a part start.
///
/// # Errors
/// With the outcome of a task whose part is malformed or cannot be read.
pub(super) fn runs(source: &mut Source) -> Result<Vec<u64>, AttemptOutcome> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < source.size() {
        let (starts_run, len) = heading(source, at)?;
        if starts_run {
            starts.push(at);
        } else if starts.is_empty() {
            return Err(broken("it goes on with a run that never started"));
        }
        at += SEGMENT_HEADING_BYTES as u64 + len;
    }
    if at > source.size() {
        return Err(broken("its last segment is cut off"));
    }
    Ok(starts)
}

fn heading(source: &mut Source, at: u64) -> Result<(bool, u64), AttemptOutcome> {
    let heading = source.read_at(at, SEGMENT_HEADING_BYTES)?;
    frame::read_segment_heading(&heading).ok_or_else(|| broken("a segment has no heading"))
}

/// Parts are written by hosts alone and checked against their digests, so this is no guest's fault.
fn broken(why: &str) -> AttemptOutcome {
    AttemptOutcome::NodeFault { message: format!("a part of pairs is malformed: {why}") }
}

impl Cursor {
    /// Before the first frame of the run that starts at `at`.
    pub(super) fn new(source: usize, at: u64) -> Self {
        Self {
            source,
            at,
            segment_left: 0,
            block: Vec::new(),
            start: 0,
            lengths: (0, 0),
            prefix: 0,
            at_end: false,
        }
    }

    /// Goes to the first frame. To be called once.
    ///
    /// # Errors
    /// As for [`Cursor::advance`].
    pub(super) fn begin(
        &mut self,
        source: &mut Source,
        block_bytes: usize,
    ) -> Result<(), AttemptOutcome> {
        let (_, len) = heading(source, self.at)?;
        self.at += SEGMENT_HEADING_BYTES as u64;
        self.segment_left = len;
        self.settle(source, block_bytes)
    }

    /// Goes to the next frame, or to the end. Reads about `block_bytes` at a time.
    ///
    /// # Errors
    /// With the outcome of a task whose part is malformed or cannot be read.
    #[inline]
    pub(super) fn advance(
        &mut self,
        source: &mut Source,
        block_bytes: usize,
    ) -> Result<(), AttemptOutcome> {
        let next = self.start + self.frame_len();
        match next.checked_sub(self.block.len()) {
            None | Some(0) => self.start = next,
            Some(beyond) => {
                // The end of a long value was never read into the block.
                self.at += beyond as u64;
                self.segment_left = (self.segment_left.checked_sub(beyond as u64))
                    .ok_or_else(|| broken("a value is cut off"))?;
                self.start = self.block.len();
            }
        }
        self.settle(source, block_bytes)
    }

    /// Makes sure of the frame at `start`: its lengths and its key are in the block.
    #[inline]
    fn settle(&mut self, source: &mut Source, block_bytes: usize) -> Result<(), AttemptOutcome> {
        if self.block.len() - self.start < FRAME_HEADING_BYTES
            && !self.fill(source, FRAME_HEADING_BYTES, block_bytes)?
        {
            self.at_end = true;
            return Ok(());
        }
        let (key, value) = frame::lengths(&self.block[self.start..])
            .ok_or_else(|| broken("a frame is cut off"))?;
        self.lengths = (key, value);
        let needed = FRAME_HEADING_BYTES + key;
        if key > frame::KEY_BYTES_MAX || value > frame::VALUE_BYTES_MAX {
            return Err(broken("a frame is too long"));
        }
        if self.block.len() - self.start < needed {
            self.fill(source, needed, block_bytes)?;
            if self.block.len() - self.start < needed {
                return Err(broken("a key is cut off"));
            }
        }
        self.prefix = frame::prefix(self.key());
        Ok(())
    }

    /// Reads on, so that at least `needed` bytes are in the block if there are as many. False at
    /// the end of the run.
    #[cold]
    fn fill(
        &mut self,
        source: &mut Source,
        needed: usize,
        block_bytes: usize,
    ) -> Result<bool, AttemptOutcome> {
        self.block.drain(..self.start);
        self.start = 0;
        if self.segment_left == 0 && self.block.is_empty() {
            if self.at >= source.size() {
                return Ok(false);
            }
            let (starts_run, len) = heading(source, self.at)?;
            if starts_run {
                return Ok(false);
            }
            self.at += SEGMENT_HEADING_BYTES as u64;
            self.segment_left = len;
        }
        let want = needed.max(block_bytes).saturating_sub(self.block.len()) as u64;
        let want = want.min(self.segment_left).min(BLOCK_BYTES_MAX as u64);
        let read = source.read_at(self.at, want as usize)?;
        self.at += read.len() as u64;
        self.segment_left -= read.len() as u64;
        if self.block.is_empty() {
            self.block = read;
        } else {
            self.block.extend_from_slice(&read);
        }
        Ok(true)
    }

    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// The key it stands at.
    #[inline]
    pub(super) fn key(&self) -> &[u8] {
        let start = self.start + FRAME_HEADING_BYTES;
        &self.block[start..start + self.lengths.0]
    }

    /// Whether the key it stands at comes before that of `other`, or is the same.
    #[inline]
    pub(super) fn is_not_after(&self, other: &Self) -> bool {
        if self.prefix != other.prefix {
            return self.prefix < other.prefix;
        }
        self.key() <= other.key()
    }

    /// Length of the frame it stands at, in bytes.
    #[inline]
    pub(super) fn frame_len(&self) -> usize {
        FRAME_HEADING_BYTES + self.lengths.0 + self.lengths.1
    }

    /// Copies the frame it stands at.
    ///
    /// # Errors
    /// With the outcome of a task whose part is malformed or cannot be read.
    #[inline]
    pub(super) fn copy_frame(
        &self,
        source: &mut Source,
        into: &mut Vec<u8>,
    ) -> Result<(), AttemptOutcome> {
        let end = self.start + self.frame_len();
        if let Some(frame) = self.block.get(self.start..end) {
            into.extend_from_slice(frame);
            return Ok(());
        }
        into.extend_from_slice(&self.block[self.start..]);
        let mut at = self.at;
        let mut missing = end - self.block.len();
        while missing > 0 {
            let read = source.read_at(at, missing.min(BLOCK_BYTES_MAX))?;
            if read.is_empty() {
                return Err(broken("a value is cut off"));
            }
            at += read.len() as u64;
            missing -= read.len();
            into.extend_from_slice(&read);
        }
        Ok(())
    }
}
