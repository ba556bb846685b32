//! A sample of an input whose length nobody knows beforehand, in bounded memory.
//!
//! Records of a fixed length: every k-th is taken, k starting at 1. When the sample has grown
//! over its bound, k doubles and the records that are no longer the k-th are dropped.
//!
//! Lines: the input is imagined as marked at every multiple of a stride, and for each mark the
//! first line that begins at it or after it is taken, once. When the sample has grown over its
//! bound the stride doubles, and lines that no mark leads to any more are dropped. Looking only
//! near the marks makes a long input cheap: lines between two marks are never looked at.
//!
//! Both depend on nothing but the bytes, so the same input always gives the same sample.

use bramble_protocol::SplitRule;

/// Longer records than this say little about key ranges for what they cost, in bytes.
const RECORD_BYTES_MAX: usize = 4 << 10;
/// Bounds what is remembered about the lines in the sample.
const LINES_MAX: usize = 1 << 15;

/// Takes a sample from the chunks of an input, which never tear a record.
#[derive(Debug)]
pub(super) enum Sampler {
    None,
    Lines(LineSampler),
    Records(RecordSampler),
}

impl Sampler {
    pub(super) fn new(rule: SplitRule, bytes_max: usize) -> Self {
        match rule {
            SplitRule::Lines if bytes_max > 0 => Self::Lines(LineSampler {
                bytes: Vec::new(),
                lines: Vec::new(),
                bytes_max,
                // The last line may get a line feed more.
                line_bytes_max: RECORD_BYTES_MAX.min(bytes_max - 1),
                stride: 1,
                next_mark: 0,
                offset: 0,
            }),
            SplitRule::Records { bytes } if bytes as usize <= RECORD_BYTES_MAX.min(bytes_max) => {
                Self::Records(RecordSampler {
                    bytes: Vec::new(),
                    record_bytes: bytes as usize,
                    bytes_max,
                    every: 1,
                    count: 0,
                })
            }
            _ => Self::None,
        }
    }

    /// Looks at the next chunk.
    pub(super) fn add(&mut self, chunk: &[u8]) {
        match self {
            Self::None => {}
            Self::Lines(lines) => lines.add(chunk),
            Self::Records(records) => records.add(chunk),
        }
    }

    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let bytes = match self {
            Self::None => Vec::new(),
            Self::Lines(lines) => lines.bytes,
            Self::Records(records) => records.bytes,
        };
        (!bytes.is_empty()).then_some(bytes)
    }
}

#[derive(Debug)]
pub(super) struct RecordSampler {
    bytes: Vec<u8>,
    record_bytes: usize,
    bytes_max: usize,
    every: u64,
    /// Records seen.
    count: u64,
}

impl RecordSampler {
    fn add(&mut self, chunk: &[u8]) {
        let end = self.count + (chunk.len() / self.record_bytes) as u64;
        let mut index = self.count.next_multiple_of(self.every);
        while index < end {
            let place = (index - self.count) as usize * self.record_bytes;
            self.bytes.extend_from_slice(&chunk[place..place + self.record_bytes]);
            if self.bytes.len() > self.bytes_max {
                self.thin_out();
            }
            index = (index + 1).next_multiple_of(self.every);
        }
        self.count = end;
    }

    /// What is held are the records 0, k, 2k, …: dropping every second leaves 0, 2k, 4k, ….
    fn thin_out(&mut self) {
        self.every *= 2;
        let size = self.record_bytes;
        let kept = (self.bytes.len() / size).div_ceil(2);
        for i in 1..kept {
            self.bytes.copy_within(2 * i * size..(2 * i + 1) * size, i * size);
        }
        self.bytes.truncate(kept * size);
    }
}

#[derive(Debug)]
pub(super) struct LineSampler {
    /// The lines taken, one after the other.
    bytes: Vec<u8>,
    lines: Vec<Line>,
    bytes_max: usize,
    /// At most `bytes_max`, so that thinning out always ends with one line that fits.
    line_bytes_max: usize,
    /// Distance of the marks in bytes.
    stride: u64,
    /// The first mark that is still without its line.
    next_mark: u64,
    /// Length of the chunks seen.
    offset: u64,
}

/// A line in the sample: what leads to it is every mark from `mark` up to where it begins.
#[derive(Clone, Copy, Debug)]
struct Line {
    mark: u64,
    start: u64,
    len: u32,
}

impl LineSampler {
    fn add(&mut self, chunk: &[u8]) {
        let end = self.offset + chunk.len() as u64;
        while self.next_mark < end {
            let Some(place) = self.line_at_mark(chunk) else { break };
            let start = self.offset + place as u64;
            let rest = &chunk[place..];
            let reach = &rest[..rest.len().min(self.line_bytes_max)];
            // A line without a line feed is the last one, unless it was only cut off by `reach`.
            let len = match reach.iter().position(|byte| *byte == b'\n') {
                Some(at) => Some(at + 1),
                None => (reach.len() == rest.len()).then_some(reach.len()),
            };
            if let Some(len) = len {
                self.take(&rest[..len], start);
            }
            self.next_mark = (start + 1).next_multiple_of(self.stride);
        }
        self.offset = end;
    }

    /// Where in `chunk` the first line begins at or after the mark.
    fn line_at_mark(&self, chunk: &[u8]) -> Option<usize> {
        let Some(mark) = self.next_mark.checked_sub(self.offset + 1) else { return Some(0) };
        let before = usize::try_from(mark).ok()?;
        let feed = chunk[before..].iter().position(|byte| *byte == b'\n')?;
        Some(before + feed + 1).filter(|place| *place < chunk.len())
    }

    fn take(&mut self, line: &[u8], start: u64) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            self.bytes.push(b'\n');
        }
        let len = (self.bytes.len() - before) as u32;
        self.lines.push(Line { mark: self.next_mark, start, len });
        while self.bytes.len() > self.bytes_max || self.lines.len() > LINES_MAX {
            self.thin_out();
        }
    }

    fn thin_out(&mut self) {
        self.stride = self.stride.saturating_mul(2);
        let (stride, bytes) = (self.stride, &mut self.bytes);
        let (mut from, mut to) = (0, 0);
        self.lines.retain_mut(|line| {
            let len = line.len as usize;
            let range = from..from + len;
            from += len;
            line.mark = line.mark.next_multiple_of(stride);
            let is_kept = line.mark <= line.start;
            if is_kept {
                bytes.copy_within(range, to);
                to += len;
            }
            is_kept
        });
        bytes.truncate(to);
    }
}
