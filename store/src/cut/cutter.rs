//! Cutting by rule: after any byte, after lines, after records of a fixed length.

use std::io::Read;

use bramble_protocol::{Manifest, SplitRule, pack};

use super::sample::Sampler;
use super::{CutError, CutOptions, Tail};

/// Cuts a stream into chunks, which it yields in order, and takes a sample on the way.
///
/// * `bytes`: each chunk but the last has exactly `chunk_bytes`.
/// * `lines`: a chunk ends after the last line feed that fits. Only the last chunk may lack one
///   at its end. A carriage return is a byte like any other.
/// * `records`: like `bytes`, with `chunk_bytes` rounded down to whole records, but at least one.
///
/// Where the cuts are depends only on the bytes, never on how the reader hands them out. After an
/// error nothing more is yielded.
#[derive(Debug)]
pub struct Cutter<R> {
    reader: R,
    rule: SplitRule,
    chunk_bytes: usize,
    /// From which byte on chunks are smaller, and how long they are then.
    tail: Option<(u64, usize)>,
    /// What was read beyond the last chunk.
    carry: Vec<u8>,
    /// Bytes yielded until now, and in how many chunks.
    offset: u64,
    chunks: usize,
    chunks_max: usize,
    is_done: bool,
    sampler: Sampler,
}

impl<R: Read> Cutter<R> {
    /// Checks the options; nothing is read yet.
    ///
    /// # Errors
    /// [`CutError::ChunkBytes`], [`CutError::RecordBytes`], [`CutError::NeedsPlanner`].
    pub fn new(reader: R, options: CutOptions) -> Result<Self, CutError> {
        let CutOptions { rule, chunk_bytes, sample_bytes_max } = options;
        if !(1..=pack::OBJECT_BYTES_MAX).contains(&chunk_bytes) {
            return Err(CutError::ChunkBytes { chunk_bytes });
        }
        let chunk_bytes = match rule {
            SplitRule::Bytes | SplitRule::Lines => chunk_bytes,
            SplitRule::Records { bytes } => {
                let record_bytes = u64::from(bytes);
                if !(1..=pack::OBJECT_BYTES_MAX).contains(&record_bytes) {
                    return Err(CutError::RecordBytes { record_bytes });
                }
                (chunk_bytes / record_bytes).max(1) * record_bytes
            }
            SplitRule::Guest => return Err(CutError::NeedsPlanner),
        };
        Ok(Self {
            reader,
            rule,
            chunk_bytes: usize::try_from(chunk_bytes).expect("64 MiB fit into any address space"),
            tail: None,
            carry: Vec::new(),
            offset: 0,
            chunks: 0,
            chunks_max: Manifest::CHUNKS_MAX,
            is_done: false,
            sampler: Sampler::new(rule, usize::try_from(sample_bytes_max).unwrap_or(usize::MAX)),
        })
    }

    /// Cuts smaller from some byte on. A line that does not fit into a small chunk gets one as long
    /// as it needs, up to the usual length.
    #[must_use]
    pub fn with_tail(mut self, tail: Option<Tail>) -> Self {
        let record_bytes = match self.rule {
            SplitRule::Records { bytes } => u64::from(bytes),
            _ => 1,
        };
        self.tail = tail.and_then(|tail| {
            let whole = (tail.chunk_bytes / record_bytes).max(1) * record_bytes;
            let bytes = usize::try_from(whole).ok()?;
            (bytes < self.chunk_bytes).then_some((tail.from, bytes))
        });
        self
    }

    /// The longest that the next chunk should be.
    fn limit(&self) -> usize {
        match self.tail {
            Some((from, bytes)) if self.offset >= from => bytes,
            _ => self.chunk_bytes,
        }
    }

    /// Whole records taken evenly from what was read until now, in their order, each line with a
    /// line feed at its end. `None` when there are none: the rule is `bytes`, or no record is
    /// short enough.
    pub fn into_sample(self) -> Option<Vec<u8>> {
        self.sampler.finish()
    }

    fn cut(&mut self) -> Result<Option<Vec<u8>>, CutError> {
        let mut limit = self.limit();
        let mut chunk = self.fill(limit)?;
        if chunk.is_empty() {
            return if self.offset == 0 { Err(CutError::Empty) } else { Ok(None) };
        }
        if self.chunks == self.chunks_max {
            return Err(CutError::TooManyChunks { chunk_bytes: self.chunk_bytes as u64 });
        }
        if limit < self.chunk_bytes && chunk.len() > limit && self.place(&chunk, limit).is_none() {
            limit = self.chunk_bytes;
            self.carry = chunk;
            chunk = self.fill(limit)?;
        }
        if chunk.len() > limit {
            let too_long = CutError::LineTooLong { offset: self.offset, chunk_bytes: limit as u64 };
            let end = self.place(&chunk, limit).ok_or(too_long)?;
            self.carry.extend_from_slice(&chunk[end..]);
            chunk.truncate(end);
        } else {
            self.check_end(&chunk)?;
        }
        self.sampler.add(&chunk);
        self.chunks += 1;
        self.offset += chunk.len() as u64;
        Ok(Some(chunk))
    }

    /// One byte more than `limit`, or all that is left. More where more was read already.
    fn fill(&mut self, limit: usize) -> Result<Vec<u8>, CutError> {
        let wanted = limit + 1;
        let mut bytes = Vec::with_capacity(wanted);
        bytes.append(&mut self.carry);
        let left = wanted.saturating_sub(bytes.len()) as u64;
        if let Err(source) = self.reader.by_ref().take(left).read_to_end(&mut bytes) {
            return Err(CutError::Read { offset: self.offset + bytes.len() as u64, source });
        }
        Ok(bytes)
    }

    /// How much of `bytes`, which are more than `limit`, is the next chunk; `None` when no line
    /// ends there.
    fn place(&self, bytes: &[u8], limit: usize) -> Option<usize> {
        if self.rule != SplitRule::Lines {
            return Some(limit);
        }
        bytes[..limit].iter().rposition(|byte| *byte == b'\n').map(|place| place + 1)
    }

    fn check_end(&self, last: &[u8]) -> Result<(), CutError> {
        let SplitRule::Records { bytes } = self.rule else { return Ok(()) };
        let total = self.offset + last.len() as u64;
        let record_bytes = u64::from(bytes);
        if total.is_multiple_of(record_bytes) {
            return Ok(());
        }
        Err(CutError::PartialRecord { total, record_bytes })
    }
}

impl<R: Read> Iterator for Cutter<R> {
    type Item = Result<Vec<u8>, CutError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let chunk = self.cut().transpose();
        self.is_done = !matches!(chunk, Some(Ok(_)));
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(rule: SplitRule, chunk_bytes: u64) -> CutOptions {
        CutOptions { rule, chunk_bytes, sample_bytes_max: 0 }
    }

    #[test]
    fn an_input_with_too_many_chunks_is_refused_with_a_size_that_would_do() {
        let mut cutter = Cutter::new(&b"abcdef"[..], options(SplitRule::Bytes, 1)).unwrap();
        cutter.chunks_max = 5;
        assert_eq!(cutter.by_ref().take(5).filter(Result::is_ok).count(), 5);
        let refused = cutter.next().unwrap().unwrap_err();
        assert!(matches!(refused, CutError::TooManyChunks { chunk_bytes: 1 }));
        assert!(refused.to_string().ends_with("choose a larger chunk size, such as 16"));
        assert!(cutter.next().is_none());
    }

    fn chunks(rule: SplitRule, input: &[u8], tail: Tail) -> Vec<String> {
        let cutter = Cutter::new(input, options(rule, 8)).unwrap().with_tail(Some(tail));
        let text = |chunk: Result<Vec<u8>, CutError>| String::from_utf8(chunk.unwrap()).unwrap();
        cutter.map(text).collect()
    }

    #[test]
    fn the_tail_is_cut_smaller_and_long_lines_still_fit() {
        let tail = Tail { from: 8, chunk_bytes: 3 };
        let bytes = chunks(SplitRule::Bytes, b"0123456789abcdefg", tail);
        assert_eq!(bytes, ["01234567", "89a", "bcd", "efg"]);
        let records = chunks(SplitRule::Records { bytes: 2 }, b"0123456789abcd", tail);
        assert_eq!(records, ["01234567", "89", "ab", "cd"]);
        let lines = chunks(SplitRule::Lines, b"one\ntwo\n1\n2\nseven77\n3\n4\n", tail);
        assert_eq!(lines, ["one\ntwo\n", "1\n", "2\n", "seven77\n", "3\n", "4\n"]);
    }

    #[test]
    fn as_many_chunks_as_allowed_are_fine() {
        let mut cutter = Cutter::new(&b"abcde"[..], options(SplitRule::Bytes, 1)).unwrap();
        cutter.chunks_max = 5;
        assert!(cutter.all(|chunk| chunk.is_ok()));
    }
}
