//! Where a guest's pairs go: through a sort for those of a map, straight on for those that a
//! combiner gives back.

use std::collections::VecDeque;

use bramble_protocol::{AttemptOutcome, TrapKind};

use super::buffer::SortBuffer;
use super::frame::{malformed, segment_heading};
use super::run::{Parts, RunWriter, write_sorted};
use crate::sandbox::host::Shared;
use crate::sandbox::output::Outputs;
use crate::sandbox::source::Source;

/// Runs that wait for the combiner, in bytes. What is more is written without it: a combiner may
/// be left out at any time.
const WAITING_BYTES_MAX: usize = 24 << 20;

/// A guest's handle to where its pairs go.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Emitter<P: Parts = Outputs> {
    outputs: Shared<P>,
    partitions: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A map's: pairs in any order.
    Map { buffer: SortBuffer, waiting: Option<Waiting> },
    /// A combiner's: pairs of one partition in the order of their keys.
    Combined(RunWriter),
}

/// Sorted runs in memory that the combiner will get when the map is done.
#[derive(Debug, Default)]
struct Waiting {
    runs: VecDeque<Run>,
    bytes: usize,
}

/// One run's frames for each partition that has any.
type Run = Vec<(u32, Vec<u8>)>;

impl<P: Parts> Emitter<P> {
    /// For a map. With `combines`, as much as memory allows is kept for
    /// [`into_waiting`](Self::into_waiting).
    pub(crate) fn of_map(outputs: Shared<P>, partitions: u32, combines: bool) -> Self {
        let kind =
            Kind::Map { buffer: SortBuffer::default(), waiting: combines.then(Waiting::default) };
        Self { outputs, partitions: partitions.max(1), kind }
    }

    /// For a combiner of the pairs of one partition.
    pub(crate) fn of_combiner(outputs: Shared<P>, partition: u32) -> Self {
        let kind = Kind::Combined(RunWriter::new(partition));
        Self { outputs, partitions: partition + 1, kind }
    }

    /// Takes a block of frames, for a partition that the guest chose or that their keys say.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(super) fn emit(
        &mut self,
        frames: &[u8],
        partition: Option<u32>,
    ) -> Result<(), AttemptOutcome> {
        let count = self.partitions;
        match &mut self.kind {
            // A combiner has no choice: its pairs stay in the partition they are from.
            Kind::Combined(run) => run.add_checked(frames, &mut *self.outputs.lock()),
            Kind::Map { .. } if partition.is_some_and(|partition| partition >= count) => {
                let partition = partition.unwrap_or_default();
                Err(malformed(&format!(
                    "emitted to partition {partition}, but there are only {count}"
                )))
            }
            Kind::Map { .. } => self.gather(frames, partition),
        }
    }

    fn gather(&mut self, mut frames: &[u8], partition: Option<u32>) -> Result<(), AttemptOutcome> {
        while !frames.is_empty() {
            let Kind::Map { buffer, .. } = &mut self.kind else { return Ok(()) };
            let taken = buffer.take(frames, partition)?;
            frames = &frames[taken..];
            if buffer.is_full() {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// Makes a run of what the buffer holds.
    fn spill(&mut self) -> Result<(), AttemptOutcome> {
        let Kind::Map { buffer, waiting } = &mut self.kind else { return Ok(()) };
        if buffer.is_empty() {
            return Ok(());
        }
        let Some(waiting) = waiting else {
            return write_sorted(buffer, self.partitions, &mut *self.outputs.lock());
        };
        let sorted = buffer.sort(self.partitions);
        let mut run = Run::new();
        for partition in 0..self.partitions {
            let len: usize = sorted.frames(partition).map(<[u8]>::len).sum();
            if len > 0 {
                let mut frames = Vec::with_capacity(len);
                sorted.frames(partition).for_each(|frame| frames.extend_from_slice(frame));
                run.push((partition, frames));
                waiting.bytes += len;
            }
        }
        buffer.clear();
        waiting.runs.push_back(run);
        while waiting.bytes > WAITING_BYTES_MAX {
            waiting.write_oldest(&self.outputs)?;
        }
        Ok(())
    }

    /// Writes all that was emitted to the outputs, because a state that says so will be saved.
    ///
    /// # Errors
    /// With the outcome that the task ends with. A combiner has no state to save: when its task is
    /// run again, the map comes first.
    pub(super) fn settle(&mut self) -> Result<(), AttemptOutcome> {
        self.spill()?;
        match &mut self.kind {
            Kind::Combined(_) => Err(AttemptOutcome::Trapped {
                trap: TrapKind::Other,
                message: "a combiner cannot save".into(),
            }),
            Kind::Map { waiting: Some(waiting), .. } => {
                while !waiting.runs.is_empty() {
                    waiting.write_oldest(&self.outputs)?;
                }
                Ok(())
            }
            Kind::Map { waiting: None, .. } => Ok(()),
        }
    }

    /// Ends it: all is written, but for what waits for the combiner. That is returned as a part
    /// for each partition that has any.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn into_waiting(mut self) -> Result<Vec<(u32, Source)>, AttemptOutcome> {
        self.spill()?;
        match self.kind {
            Kind::Map { waiting, .. } => {
                Ok(waiting.map(|waiting| waiting.into_parts(self.partitions)).unwrap_or_default())
            }
            Kind::Combined(mut run) => run.flush(&mut *self.outputs.lock()).map(|()| Vec::new()),
        }
    }
}

impl Waiting {
    fn write_oldest(&mut self, outputs: &Shared<impl Parts>) -> Result<(), AttemptOutcome> {
        let mut outputs = outputs.lock();
        for (partition, frames) in self.runs.pop_front().unwrap_or_default() {
            self.bytes -= frames.len();
            outputs.write(partition, &segment_heading(true, frames.len()))?;
            outputs.write(partition, &frames)?;
        }
        Ok(())
    }

    fn into_parts(self, partitions: u32) -> Vec<(u32, Source)> {
        let mut parts = vec![Vec::new(); partitions as usize];
        for (partition, frames) in self.runs.into_iter().flatten() {
            let part: &mut Vec<u8> = &mut parts[partition as usize];
            part.extend_from_slice(&segment_heading(true, frames.len()));
            part.extend(frames);
        }
        let parts = (0..partitions).zip(parts).filter(|(_, part)| !part.is_empty());
        parts.map(|(partition, part)| (partition, Source::memory(part))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::frame;
    use super::super::merge::Merge;
    use super::*;

    fn outputs(partitions: usize) -> Shared<Vec<Vec<u8>>> {
        Shared::new(vec![Vec::new(); partitions])
    }

    fn parts(outputs: &Shared<Vec<Vec<u8>>>) -> Vec<Source> {
        outputs.lock().iter().map(|part| Source::memory(part.clone())).collect()
    }

    fn all(parts: Vec<Source>) -> Vec<u8> {
        let mut merge = Merge::new(parts).unwrap();
        let mut all = Vec::new();
        loop {
            let block = merge.next(1 << 20).unwrap();
            if block.is_empty() {
                return all;
            }
            all.extend(block);
        }
    }

    #[test]
    fn more_than_memory_holds_becomes_several_runs_that_merge_into_one() {
        for combines in [false, true] {
            let outputs = outputs(1);
            let mut emitter = Emitter::of_map(outputs.clone(), 1, combines);
            let mut expected = Vec::new();
            let mut block = Vec::new();
            for number in 0..40_000u32 {
                let key = (number.wrapping_mul(2_654_435_761) % 5000).to_be_bytes();
                let frame = frame(&key, &[number as u8; 1000]);
                block.extend_from_slice(&frame);
                expected.push((key, frame));
                if number % 64 == 0 {
                    emitter.emit(&block, None).unwrap();
                    block.clear();
                }
            }
            emitter.emit(&block, None).unwrap();
            let waiting = emitter.into_waiting().unwrap();
            assert_eq!(waiting.is_empty(), !combines);
            assert!(waiting.iter().all(|(_, part)| part.size() < 25 << 20));
            let mut parts = parts(&outputs);
            assert!(parts[0].size() > 10 << 20, "the oldest runs were written");
            parts.extend(waiting.into_iter().map(|(_, part)| part));
            expected.sort_by_key(|(key, _)| *key);
            let expected: Vec<u8> = expected.into_iter().flat_map(|(_, frame)| frame).collect();
            assert!(all(parts) == expected);
        }
    }

    #[test]
    fn what_was_emitted_before_settling_is_in_the_outputs() {
        for combines in [false, true] {
            let outputs = outputs(2);
            let mut emitter = Emitter::of_map(outputs.clone(), 2, combines);
            emitter.emit(&frame(b"b", b"1"), Some(1)).unwrap();
            emitter.emit(&frame(b"a", b"2"), Some(1)).unwrap();
            emitter.settle().unwrap();
            let mut parts = parts(&outputs);
            assert_eq!(parts[0].size(), 0);
            let expected = [frame(b"a", b"2"), frame(b"b", b"1")].concat();
            assert_eq!(all(vec![parts.pop().unwrap()]), expected);
        }
    }

    #[test]
    fn a_combiner_keeps_the_order_and_its_partition() {
        let outputs = outputs(3);
        let mut emitter = Emitter::of_combiner(outputs.clone(), 2);
        let run = [frame(b"a", b"1"), frame(b"a", b"2"), frame(b"b", b"3")].concat();
        emitter.emit(&run, Some(0)).unwrap();
        let error = emitter.emit(&frame(b"a", b"4"), None).unwrap_err();
        assert!(error.message().contains("in the order"), "{error:?}");
        assert!(emitter.settle().unwrap_err().message().contains("cannot save"));
        assert!(emitter.into_waiting().unwrap().is_empty());
        let mut parts = parts(&outputs);
        assert_eq!(all(vec![parts.pop().unwrap()]), run);
    }

    #[test]
    fn a_partition_that_is_not_there_is_refused() {
        let outputs = outputs(2);
        let mut emitter = Emitter::of_map(outputs, 2, false);
        let error = emitter.emit(&frame(b"a", b""), Some(2)).unwrap_err();
        assert!(error.message().contains("there are only 2"), "{error:?}");
    }
}
