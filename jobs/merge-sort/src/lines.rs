//! Sorting lines of text, as numbers or as they are.

use std::cmp::Ordering;

use bramble_guest::prelude::*;
use bramble_guest::{Run, quote};

use crate::number;
use crate::sort::merge_sort;

/// How many lines are sorted at a time. Each takes 32 bytes while it is sorted, so that a chunk of
/// very short lines still fits into the memory of a task.
const BATCH_LINES_MAX: usize = 1 << 19;

/// What decides the order of lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineOrder {
    pub(crate) by: By,
    pub(crate) is_descending: bool,
}

/// What lines are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Decimal numbers.
    Number,
    /// Bytes.
    Text,
}

/// The start of a line's place in the order, small enough to be compared in one step.
#[derive(Clone, Copy, Debug)]
struct Key {
    prefix: u64,
    /// Whether a line of the same prefix may still come before or after this one.
    is_open: bool,
}

impl LineOrder {
    /// The key of a line. None when it is not a number but should be.
    #[inline]
    fn key(self, line: &[u8]) -> Option<Key> {
        let key = match self.by {
            By::Number => {
                let whole = number::whole(line)?;
                // Moves negative values below the others.
                let prefix = whole.value.cast_unsigned() ^ (1 << 63);
                Key { prefix, is_open: !whole.is_exact }
            }
            By::Text => {
                let mut start = [0; 8];
                let length = line.len().min(8);
                start[..length].copy_from_slice(&line[..length]);
                // A short line is filled up with zeros, which must not pass for its own.
                let is_open = line.len() > 8 || line.ends_with(&[0]);
                Key { prefix: u64::from_be_bytes(start), is_open }
            }
        };
        Some(if self.is_descending { Key { prefix: !key.prefix, ..key } } else { key })
    }

    fn compare(self, (key_a, a): (Key, &[u8]), (key_b, b): (Key, &[u8])) -> Ordering {
        let by_prefix = key_a.prefix.cmp(&key_b.prefix);
        if by_prefix.is_ne() || !(key_a.is_open || key_b.is_open) {
            return by_prefix;
        }
        let ascending = match self.by {
            By::Number => number::compare(a, b),
            By::Text => a.cmp(b),
        };
        if self.is_descending { ascending.reverse() } else { ascending }
    }
}

/// A line of a chunk while it is sorted.
#[derive(Clone, Copy)]
struct Line {
    prefix: u64,
    start: u32,
    /// Its length, and in the highest bit whether its key is open.
    length_and_open: u32,
}

const OPEN: u32 = 1 << 31;

impl Line {
    fn is_open(self) -> bool {
        self.length_and_open & OPEN != 0
    }

    fn text(self, chunk: &[u8]) -> &[u8] {
        let start = self.start as usize;
        &chunk[start..start + (self.length_and_open & !OPEN) as usize]
    }

    fn key(self) -> Key {
        Key { prefix: self.prefix, is_open: self.is_open() }
    }
}

/// Sorts a chunk and writes each line to the partition of its range.
pub(crate) fn map(
    order: LineOrder,
    task: &Task,
    input: &mut Input<'_>,
    output: &mut Output<'_>,
) -> JobResult {
    let mut chunk = input.read_all();
    if !chunk.is_empty() && !chunk.ends_with(b"\n") {
        chunk.push(b'\n');
    }
    if chunk.len() >= OPEN as usize {
        return Err(JobError::bad_input("a chunk of 2 GiB is too large to be sorted at once"));
    }
    let mut ranges = Ranges::new(order, output)?;
    let mut runs = Vec::new();
    let mut lines = Vec::new();
    let mut start = 0;
    for (number, text) in lines_of(&chunk).enumerate() {
        let Some(key) = order.key(text) else {
            return Err(not_a_number(task, number, start, text));
        };
        let open = if key.is_open { OPEN } else { 0 };
        lines.push(Line {
            prefix: key.prefix,
            start: start as u32,
            length_and_open: text.len() as u32 | open,
        });
        start += text.len() + 1;
        if lines.len() == BATCH_LINES_MAX && start < chunk.len() {
            sort(order, &mut lines, &chunk);
            runs.push(text_of(&lines, &chunk));
            lines.clear();
        }
    }
    sort(order, &mut lines, &chunk);
    if runs.is_empty() {
        for line in &lines {
            ranges.put(line.key(), line.text(&chunk));
        }
        return Ok(());
    }
    runs.push(text_of(&lines, &chunk));
    drop((lines, chunk));
    merge_into(order, runs.into_iter().map(Input::from_bytes).collect(), &mut ranges)
}

fn sort(order: LineOrder, lines: &mut [Line], chunk: &[u8]) {
    merge_sort(lines, |a, b| {
        a.prefix < b.prefix
            || (a.prefix == b.prefix
                && (a.is_open() || b.is_open())
                && order.compare((a.key(), a.text(chunk)), (b.key(), b.text(chunk))).is_lt())
    });
}

fn text_of(lines: &[Line], chunk: &[u8]) -> Vec<u8> {
    let length = lines.iter().map(|line| line.text(chunk).len() + 1).sum();
    let mut text = Vec::with_capacity(length);
    for line in lines {
        text.extend_from_slice(line.text(chunk));
        text.push(b'\n');
    }
    text
}

fn not_a_number(task: &Task, number: usize, start: usize, line: &[u8]) -> JobError {
    JobError::bad_input(format!(
        "{} is not a number: line {} of chunk {}, at byte {} of the input",
        quote(&String::from_utf8_lossy(line)),
        number + 1,
        task.index,
        task.offset + start as u64,
    ))
}

/// Chooses splitters from a sample. They are lines, as the input is.
pub(crate) fn ranges(order: LineOrder, task: &Task, sample: &mut Input<'_>) -> JobResult<Vec<u8>> {
    let sample = sample.read_all();
    let mut lines = Vec::new();
    let mut start = 0;
    for (number, text) in lines_of(&sample).enumerate() {
        let key = order.key(text).ok_or_else(|| not_a_number(task, number, start, text))?;
        lines.push(Splitter { order, key, text: text.to_vec() });
        start += text.len() + 1;
    }
    let splitters = choose_splitters(&mut lines, task.partitions);
    Ok(splitters
        .into_iter()
        .flat_map(|splitter| [splitter.text, b"\n".to_vec()].concat())
        .collect())
}

/// The lowest line of a range.
#[derive(Clone)]
struct Splitter {
    order: LineOrder,
    key: Key,
    text: Vec<u8>,
}

impl Splitter {
    fn compare(&self, key: Key, text: &[u8]) -> Ordering {
        self.order.compare((self.key, &self.text), (key, text))
    }
}

impl Ord for Splitter {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other.key, &other.text)
    }
}

impl PartialOrd for Splitter {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Splitter {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Splitter {}

/// Writes lines that come in their order to the partitions of their ranges.
struct Ranges<'o, 'a> {
    output: &'o mut Output<'a>,
    splitters: Vec<Splitter>,
    current: usize,
}

impl<'o, 'a> Ranges<'o, 'a> {
    fn new(order: LineOrder, output: &'o mut Output<'a>) -> JobResult<Self> {
        let mut splitters = Vec::new();
        for text in lines_of(&host::ranges()).take(output.partitions() - 1) {
            let key =
                order.key(text).ok_or_else(|| JobError::failed("a splitter is not a number"))?;
            splitters.push(Splitter { order, key, text: text.to_vec() });
        }
        Ok(Self { output, splitters, current: 0 })
    }

    fn unsplit(output: &'o mut Output<'a>) -> Self {
        Self { output, splitters: Vec::new(), current: 0 }
    }

    #[inline]
    fn put(&mut self, key: Key, line: &[u8]) {
        while let Some(next) = self.splitters.get(self.current)
            && next.compare(key, line).is_le()
        {
            self.current += 1;
        }
        self.output.to(self.current).put_line(line);
    }
}

/// Merges sorted parts of one range.
pub(crate) fn merge(
    order: LineOrder,
    inputs: Vec<Input<'_>>,
    output: &mut Output<'_>,
) -> JobResult {
    merge_into(order, inputs, &mut Ranges::unsplit(output))
}

fn merge_into(order: LineOrder, inputs: Vec<Input<'_>>, ranges: &mut Ranges<'_, '_>) -> JobResult {
    let start = Key { prefix: 0, is_open: false };
    let runs = inputs.into_iter().map(|input| SortedLines { order, input, key: start }).collect();
    merge_sorted(runs, |run: &SortedLines| {
        ranges.put(run.key, run.input.line());
        Ok(())
    })
}

struct SortedLines<'a> {
    order: LineOrder,
    input: Input<'a>,
    key: Key,
}

impl Run for SortedLines<'_> {
    #[inline]
    fn advance(&mut self) -> JobResult<bool> {
        let Some(line) = self.input.next_line() else { return Ok(false) };
        self.key = self.order.key(line).ok_or_else(|| {
            JobError::failed(format!("{} is not a number", quote(&String::from_utf8_lossy(line))))
        })?;
        Ok(true)
    }

    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        self.key.prefix < other.key.prefix
            || (self.key.prefix == other.key.prefix
                && (self.key.is_open || other.key.is_open)
                && self
                    .order
                    .compare((self.key, self.input.line()), (other.key, other.input.line()))
                    .is_lt())
    }
}
