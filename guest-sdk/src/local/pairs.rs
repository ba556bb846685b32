//! Sorting, combining and reducing pairs in memory, as the host does.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Parts, Run};
use crate::pairs::{PairSink, PairSource};
use crate::{Emitter, Groups, JobResult, Task};

/// Sorted groups over `frames`, a few in each block that is given. Small blocks find mistakes at
/// the borders.
pub fn groups(frames: &[u8], frames_per_block: usize) -> Groups<'_> {
    Groups::new(Blocks { frames: split(frames), frames_per_block: frames_per_block.max(1) })
}

struct Blocks<'a> {
    frames: Vec<&'a [u8]>,
    frames_per_block: usize,
}

impl PairSource for Blocks<'_> {
    fn next(&mut self, _max: u32) -> Vec<u8> {
        let count = self.frames_per_block.min(self.frames.len());
        self.frames.drain(..count).collect::<Vec<_>>().concat()
    }
}

impl Run {
    /// Maps a chunk to pairs: the sorted and combined frames of each partition.
    pub(super) fn map_pairs(&self, task: &Task, chunk: &[u8]) -> JobResult<Vec<Vec<u8>>> {
        let map = self.job.map_pairs.expect("the job maps to no pairs");
        let parts = self.emitted(self.partitions, |emitter| {
            map(task, &mut super::input(chunk, self.block_bytes), emitter)
        })?;
        parts.iter().map(|part| self.combined(task, &[part])).collect()
    }

    /// Merges parts of one partition, and lets the job combine them if it can.
    pub(super) fn combined(&self, task: &Task, parts: &[&[u8]]) -> JobResult<Vec<u8>> {
        let merged = sorted(&parts.concat());
        let Some(combine) = self.job.combine.filter(|_| self.combines) else { return Ok(merged) };
        let combined = self.emitted(1, |emitter| {
            combine(task, &mut groups(&merged, self.frames_per_block()), emitter)
        })?;
        let combined = combined.concat();
        assert!(
            !self.has_saved(),
            "a combine cannot save: what it is called for is not its to know"
        );
        assert!(
            split(&combined).is_sorted_by_key(|frame| key_of(frame)),
            "a combine must emit its keys in the order in which it is given them"
        );
        Ok(combined)
    }

    /// Reduces the parts of one partition.
    pub(super) fn reduced(&self, task: &Task, parts: &[&[u8]]) -> JobResult<Vec<u8>> {
        let reduce = self.job.reduce.expect("the job does not reduce");
        // As the host does when there are many: some are merged first.
        let (first, rest) = parts.split_at(parts.len() / 2);
        let first = self.combined(task, first)?;
        let mut merged = vec![&first[..]];
        merged.extend(rest);
        let merged = sorted(&merged.concat());
        let outputs = self.written(1, |output| {
            reduce(task, &mut groups(&merged, self.frames_per_block()), output)
        })?;
        Ok(outputs.concat())
    }

    fn frames_per_block(&self) -> usize {
        (self.block_bytes / 16).max(1)
    }

    fn emitted(
        &self,
        partitions: u32,
        phase: impl Fn(&mut Emitter<'_>) -> JobResult,
    ) -> JobResult<Vec<Vec<u8>>> {
        self.attempt(partitions, |parts| {
            let mut emitter = Emitter::new(PairParts(Rc::clone(parts)), partitions);
            phase(&mut emitter)?;
            emitter.finish();
            Ok(())
        })
    }
}

struct PairParts(Rc<RefCell<Parts>>);

impl PairSink for PairParts {
    fn emit(&mut self, partition: Option<u32>, frames: &[u8]) {
        let mut parts = self.0.borrow_mut();
        for frame in split(frames) {
            let count = parts.len();
            let partition =
                partition.map_or_else(|| hashed(key_of(frame)) % count, |chosen| chosen as usize);
            parts[partition].extend_from_slice(frame);
        }
    }
}

/// FNV-1a. The host has another digest, so keys fall into other partitions there; what a job may
/// count on is only that equal ones fall into one.
fn hashed(key: &[u8]) -> usize {
    let hash = key
        .iter()
        .fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    hash as usize
}

fn sorted(frames: &[u8]) -> Vec<u8> {
    let mut frames = split(frames);
    frames.sort_by_key(|frame| key_of(frame));
    frames.concat()
}

fn split(mut frames: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while !frames.is_empty() {
        let (frame, rest) = frames.split_at(8 + word(frames) + word(&frames[4..]));
        all.push(frame);
        frames = rest;
    }
    all
}

fn key_of(frame: &[u8]) -> &[u8] {
    &frame[8..8 + word(frame)]
}

fn word(bytes: &[u8]) -> usize {
    u32::from_le_bytes(*bytes.first_chunk().expect("the SDK emits whole frames")) as usize
}
