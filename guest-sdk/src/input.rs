//! What a task reads: a chunk, a sample or a sorted part, as a stream of bytes.

use std::io::{self, BufRead, Read};

use crate::{JobError, JobResult};

/// How much is asked of the host at a time, unless the whole input is wanted.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;
/// The most the host gives at a time.
const BLOCK_BYTES_MAX: usize = 1 << 20;

/// Where the bytes come from: the host, or a slice in a native test.
pub(crate) trait Source {
    fn size(&self) -> u64;
    fn read(&mut self, max: u32) -> Vec<u8>;
    fn read_at(&self, offset: u64, len: u32) -> Vec<u8>;
}

/// A stream of bytes to read. Only one block of it is in memory at a time.
///
/// It is a [`BufRead`], so everything that reads from one can be used; lines and records of a
/// fixed size have faster ways of their own.
pub struct Input<'a> {
    source: Box<dyn Source + 'a>,
    block: Vec<u8>,
    at: usize,
    line: Line,
    line_carried: Vec<u8>,
}

/// Where the line that was read last lies.
#[derive(Clone, Copy)]
enum Line {
    /// In the block.
    Block { start: usize, end: usize },
    /// In a buffer of its own, because it crossed from one block to the next.
    Carried,
}

impl<'a> Input<'a> {
    pub(crate) fn new(source: impl Source + 'a) -> Self {
        Self {
            source: Box::new(source),
            block: Vec::new(),
            at: 0,
            line: Line::Carried,
            line_carried: Vec::new(),
        }
    }

    /// An input over bytes that are in memory already.
    pub fn from_bytes(bytes: Vec<u8>) -> Input<'static> {
        Input::new(Owned { bytes, at: 0 })
    }

    /// Length of the whole input in bytes, whatever has been read of it.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// All that has not been read yet.
    pub fn read_all(&mut self) -> Vec<u8> {
        let mut all = Vec::with_capacity(usize::try_from(self.size()).unwrap_or(0));
        all.extend_from_slice(&self.block[self.at..]);
        self.block.clear();
        self.at = 0;
        loop {
            let block = self.source.read(BLOCK_BYTES_MAX as u32);
            if block.is_empty() {
                return all;
            }
            all.extend_from_slice(&block);
        }
    }

    /// Bytes from any place, without moving the place where reading goes on. Fewer than `len`
    /// only at the end.
    pub fn read_at(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut found = Vec::new();
        while found.len() < len {
            let want = (len - found.len()).min(BLOCK_BYTES_MAX) as u32;
            let block = self.source.read_at(offset + found.len() as u64, want);
            if block.is_empty() {
                break;
            }
            found.extend_from_slice(&block);
        }
        found
    }

    /// The next line without its line feed; the last one need not have one. None at the end.
    ///
    /// A carriage return before the line feed is part of the line.
    pub fn next_line(&mut self) -> Option<&[u8]> {
        if self.advance_line() { Some(self.line()) } else { None }
    }

    /// The line that [`next_line`](Self::next_line) gave last.
    #[inline]
    pub fn line(&self) -> &[u8] {
        match self.line {
            Line::Block { start, end } => &self.block[start..end],
            Line::Carried => &self.line_carried,
        }
    }

    /// Lines as text. A line that is not UTF-8 is bad input.
    pub fn text_lines(&mut self) -> impl Iterator<Item = JobResult<String>> {
        std::iter::from_fn(move || {
            let line = self.next_line()?.to_vec();
            Some(String::from_utf8(line).map_err(|error| {
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                JobError::BadInput(format!("this line is not UTF-8 text: {}", crate::quote(&text)))
            }))
        })
    }

    /// The next `N` bytes. None at the end; a last record that is too short is bad input.
    #[inline]
    pub fn next_record<const N: usize>(&mut self) -> JobResult<Option<[u8; N]>> {
        if let Some(record) = self.block.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            self.at += N;
            return Ok(Some(*record));
        }
        self.next_record_across_blocks()
    }

    /// Records of `N` bytes each.
    pub fn records<const N: usize>(&mut self) -> impl Iterator<Item = JobResult<[u8; N]>> {
        std::iter::from_fn(move || self.next_record().transpose())
    }

    #[cold]
    fn next_record_across_blocks<const N: usize>(&mut self) -> JobResult<Option<[u8; N]>> {
        let mut record = [0; N];
        let mut filled = 0;
        while filled < N {
            if self.at == self.block.len() && !self.next_block() {
                break;
            }
            let take = (N - filled).min(self.block.len() - self.at);
            record[filled..filled + take].copy_from_slice(&self.block[self.at..self.at + take]);
            filled += take;
            self.at += take;
        }
        match filled {
            0 if N > 0 => Ok(None),
            _ if filled == N => Ok(Some(record)),
            _ => Err(JobError::BadInput(format!(
                "the last record has {filled} bytes, and a record has {N}"
            ))),
        }
    }

    fn advance_line(&mut self) -> bool {
        if let Some(length) = position_of_line_feed(&self.block[self.at..]) {
            self.line = Line::Block { start: self.at, end: self.at + length };
            self.at += length + 1;
            return true;
        }
        self.advance_line_across_blocks()
    }

    #[cold]
    fn advance_line_across_blocks(&mut self) -> bool {
        self.line = Line::Carried;
        self.line_carried.clear();
        self.line_carried.extend_from_slice(&self.block[self.at..]);
        let mut found_any = !self.line_carried.is_empty();
        while self.next_block() {
            found_any = true;
            if let Some(length) = position_of_line_feed(&self.block) {
                self.line_carried.extend_from_slice(&self.block[..length]);
                self.at = length + 1;
                return true;
            }
            self.line_carried.extend_from_slice(&self.block);
        }
        found_any
    }

    /// Replaces the block by the next one. False at the end, where the block is empty.
    fn next_block(&mut self) -> bool {
        self.at = 0;
        self.block = self.source.read(BLOCK_BYTES as u32);
        !self.block.is_empty()
    }
}

/// The lines of a text without their line feeds; the last one need not have one.
pub fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = match position_of_line_feed(rest) {
            Some(length) => (&rest[..length], &rest[length + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        Some(line)
    })
}

/// Eight bytes are looked at in one step: lines are short, so what counts is the start-up cost,
/// which is why this is not left to a library.
#[inline]
fn position_of_line_feed(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);
    const LINE_FEEDS: u64 = u64::from_le_bytes([b'\n'; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        // A byte of `zeros` is 0 where the word has a line feed; the subtraction borrows into the
        // high bit there first, and what it does to bytes further up does not matter.
        let zeros = u64::from_le_bytes(*word) ^ LINE_FEEDS;
        let found = zeros.wrapping_sub(ONES) & !zeros & HIGH_BITS;
        if found != 0 {
            return Some(number * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let tail = rest.iter().position(|byte| *byte == b'\n')?;
    Some(words.len() * 8 + tail)
}

struct Owned {
    bytes: Vec<u8>,
    at: usize,
}

impl Source for Owned {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&mut self, max: u32) -> Vec<u8> {
        let block = self.read_at(self.at as u64, max);
        self.at += block.len();
        block
    }

    fn read_at(&self, offset: u64, len: u32) -> Vec<u8> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = start.saturating_add(len as usize).min(self.bytes.len());
        self.bytes[start..end].to_vec()
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.block.len() {
            self.next_block();
        }
        Ok(&self.block[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.block.len());
    }
}

impl Read for Input<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let block = self.fill_buf()?;
        let take = block.len().min(into.len());
        into[..take].copy_from_slice(&block[..take]);
        self.consume(take);
        Ok(take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local;

    fn lines_by(text: &[u8], block_bytes: usize) -> Vec<Vec<u8>> {
        let mut input = local::input(text, block_bytes);
        let mut lines = Vec::new();
        while let Some(line) = input.next_line() {
            lines.push(line.to_vec());
        }
        lines
    }

    #[test]
    fn lines_are_the_same_however_the_host_cuts_its_blocks() {
        let texts: [&[u8]; 8] = [
            b"",
            b"\n",
            b"\n\n",
            b"a",
            b"a\nb",
            b"a\r\n\nbb\n",
            b"0123456789abcdef\n0123456\n\n01234567\n0",
            b"\x0b\n\x0a\xff\x8a\n\x09\x0a",
        ];
        for text in texts {
            let mut expected: Vec<Vec<u8>> =
                text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            assert!(lines_of(text).eq(expected.iter().map(Vec::as_slice)), "{text:?}");
            for block_bytes in 1..=20 {
                assert_eq!(lines_by(text, block_bytes), expected, "{text:?} by {block_bytes}");
            }
        }
    }

    #[test]
    fn records_cross_blocks_and_a_short_one_is_bad_input() {
        for block_bytes in 1..=9 {
            let mut input = local::input(b"abcdefgh", block_bytes);
            let records: JobResult<Vec<[u8; 4]>> = input.records().collect();
            assert_eq!(records, Ok(vec![*b"abcd", *b"efgh"]));
            let mut input = local::input(b"abcdefg", block_bytes);
            let last = input.records::<4>().last().unwrap();
            assert_eq!(
                last,
                Err(JobError::bad_input("the last record has 3 bytes, and a record has 4"))
            );
        }
    }

    #[test]
    fn reading_all_goes_on_where_lines_stopped() {
        let mut input = local::input(b"first\nsecond\nthird", 9);
        assert_eq!(input.next_line(), Some(&b"first"[..]));
        assert_eq!(input.read_all(), b"second\nthird");
        assert_eq!(input.next_line(), None);
    }

    #[test]
    fn reading_at_a_place_leaves_the_stream_where_it_was() {
        let mut input = local::input(b"0123456789", 4);
        assert_eq!(input.next_record(), Ok(Some(*b"01")));
        assert_eq!(input.read_at(7, 100), b"789");
        assert_eq!(input.read_at(10, 1), b"");
        assert_eq!(input.next_record(), Ok(Some(*b"23")));
    }

    #[test]
    fn text_that_is_not_utf8_is_bad_input_and_is_quoted() {
        let mut input = local::input(b"fine\nb\xffd\n", 64);
        let lines: Vec<_> = input.text_lines().collect();
        assert_eq!(lines[0], Ok("fine".to_owned()));
        assert!(matches!(&lines[1], Err(JobError::BadInput(text)) if text.contains("b\u{fffd}d")));
    }

    #[test]
    fn it_is_a_reader_like_any_other() {
        let mut text = String::new();
        local::input(b"some text", 2).read_to_string(&mut text).unwrap();
        assert_eq!(text, "some text");
    }
}
