//! Merging the runs of any number of parts into one sorted stream.

use bramble_protocol::AttemptOutcome;

use super::cursor::{Cursor, runs};
use super::frame::malformed;
use crate::sandbox::source::Source;

/// Memory for the blocks of all runs together, in bytes.
const BLOCKS_BYTES: usize = 8 << 20;
/// The smallest and the largest block that is read of a run, in bytes.
const BLOCK_BYTES: (usize, usize) = (4 << 10, 64 << 10);
/// The most runs that are merged at once: their smallest blocks need 64 MiB.
const RUNS_MAX: usize = 16 << 10;

/// Sorted pairs from the parts of one partition: by key, equal keys in the order of their parts
/// and, within a part, of their runs.
#[derive(Debug)]
pub(super) struct Merge {
    sources: Vec<Source>,
    cursors: Vec<Cursor>,
    /// A knock-out tournament: each place remembers who lost there, and the first is the winner
    /// of all. The children of place `n` are `2n` and `2n + 1`, and cursor `c` is the leaf at
    /// `cursors.len() + c`.
    losers: Vec<usize>,
    block_bytes: usize,
}

impl Merge {
    /// Stands at the first pair of all.
    ///
    /// # Errors
    /// With the outcome of a task whose parts are malformed, cannot be read or are too many.
    pub(super) fn new(mut sources: Vec<Source>) -> Result<Self, AttemptOutcome> {
        let mut cursors = Vec::new();
        for (index, source) in sources.iter_mut().enumerate() {
            cursors.extend(runs(source)?.into_iter().map(|at| Cursor::new(index, at)));
        }
        let count = cursors.len();
        if count > RUNS_MAX {
            return Err(malformed(&format!("{count} sorted runs, allowed are {RUNS_MAX}")));
        }
        let block_bytes = (BLOCKS_BYTES / count.max(1)).clamp(BLOCK_BYTES.0, BLOCK_BYTES.1);
        for cursor in &mut cursors {
            cursor.begin(&mut sources[cursor.source], block_bytes)?;
        }
        let mut merge = Self { sources, cursors, losers: vec![0; count], block_bytes };
        merge.play_all();
        Ok(merge)
    }

    fn play_all(&mut self) {
        let count = self.cursors.len();
        let mut winners = vec![0; 2 * count];
        for cursor in 0..count {
            winners[count + cursor] = cursor;
        }
        for place in (1..count).rev() {
            let (left, right) = (winners[2 * place], winners[2 * place + 1]);
            let (winner, loser) =
                if self.wins(left, right) { (left, right) } else { (right, left) };
            winners[place] = winner;
            self.losers[place] = loser;
        }
        if count > 1 {
            self.losers[0] = winners[1];
        }
    }

    /// Whether cursor `a` comes before cursor `b`. Of equal keys the earlier cursor does.
    #[inline]
    fn wins(&self, a: usize, b: usize) -> bool {
        let (left, right) = (&self.cursors[a], &self.cursors[b]);
        if left.at_end() || right.at_end() {
            return right.at_end() && !left.at_end();
        }
        if a < b { left.is_not_after(right) } else { !right.is_not_after(left) }
    }

    /// The next frames: as many as `bytes_max` holds, but at least one. None only at the end.
    ///
    /// # Errors
    /// With the outcome of a task whose parts are malformed or cannot be read.
    pub(super) fn next(&mut self, bytes_max: usize) -> Result<Vec<u8>, AttemptOutcome> {
        let mut block = Vec::new();
        while let Some(&winner) = self.losers.first() {
            let cursor = &mut self.cursors[winner];
            if cursor.at_end() {
                break;
            }
            let len = cursor.frame_len();
            if block.is_empty() {
                block.reserve_exact(bytes_max.max(len));
            } else if block.len() + len > bytes_max {
                break;
            }
            let source = &mut self.sources[cursor.source];
            cursor.copy_frame(source, &mut block)?;
            cursor.advance(source, self.block_bytes)?;
            self.play_again(winner);
        }
        Ok(block)
    }

    /// Plays the matches of a cursor that has moved on.
    #[inline]
    fn play_again(&mut self, cursor: usize) {
        let mut winner = cursor;
        let mut place = (self.cursors.len() + cursor) / 2;
        while place > 0 {
            if self.wins(self.losers[place], winner) {
                std::mem::swap(&mut self.losers[place], &mut winner);
            }
            place /= 2;
        }
        self.losers[0] = winner;
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{frame, segment_heading};
    use super::*;

    /// A part of runs, each of them cut into segments of a few frames.
    fn part(runs: &[&[(&[u8], &[u8])]], frames_per_segment: usize) -> Source {
        let mut bytes = Vec::new();
        for run in runs {
            for (index, pairs) in run.chunks(frames_per_segment).enumerate() {
                let frames: Vec<u8> =
                    pairs.iter().flat_map(|(key, value)| frame(key, value)).collect();
                bytes.extend_from_slice(&segment_heading(index == 0, frames.len()));
                bytes.extend(frames);
            }
        }
        Source::memory(bytes)
    }

    fn all(merge: &mut Merge, bytes_max: usize) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| {
            let block = merge.next(bytes_max).unwrap();
            (!block.is_empty()).then_some(block)
        })
        .collect()
    }

    #[test]
    fn equal_keys_come_in_the_order_of_parts_and_runs() {
        for frames_per_segment in 1..4 {
            let parts = vec![
                part(&[&[(b"a", b"1"), (b"c", b"1")], &[(b"a", b"2")]], frames_per_segment),
                part(&[], 1),
                part(&[&[(b"", b"3"), (b"a", b"3"), (b"b", b"3")]], frames_per_segment),
            ];
            let mut merge = Merge::new(parts).unwrap();
            let expected: Vec<u8> = [
                (&b""[..], &b"3"[..]),
                (b"a", b"1"),
                (b"a", b"2"),
                (b"a", b"3"),
                (b"b", b"3"),
                (b"c", b"1"),
            ]
            .iter()
            .flat_map(|(key, value)| frame(key, value))
            .collect();
            assert_eq!(all(&mut merge, 1).concat(), expected, "frame by frame");
            assert_eq!(merge.next(100).unwrap(), b"");
        }
        assert_eq!(Merge::new(Vec::new()).unwrap().next(10).unwrap(), b"");
    }

    #[test]
    fn any_number_of_runs_gives_what_a_stable_sort_gives() {
        for count in 1..40u32 {
            let runs: Vec<Vec<(Vec<u8>, Vec<u8>)>> = (0..count)
                .map(|run| {
                    let pair = |n: u32| {
                        let key = ((n * 7 + run) % 11).to_be_bytes().to_vec();
                        (key, [run.to_le_bytes(), n.to_le_bytes()].concat())
                    };
                    let mut pairs: Vec<_> = (0..run * 5 % 9).map(pair).collect();
                    pairs.sort_by(|a, b| a.0.cmp(&b.0));
                    pairs
                })
                .collect();
            let sources = runs.iter().map(|run| {
                let run: Vec<(&[u8], &[u8])> = run.iter().map(|(k, v)| (&k[..], &v[..])).collect();
                part(&[&run], 2)
            });
            let mut merge = Merge::new(sources.collect()).unwrap();
            let mut expected: Vec<_> = runs.concat();
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            let expected: Vec<u8> = expected.iter().flat_map(|(k, v)| frame(k, v)).collect();
            assert_eq!(all(&mut merge, 50).concat(), expected, "{count} runs");
        }
    }

    #[test]
    fn long_keys_and_values_cross_blocks() {
        let (key, value) = (vec![b'k'; 50_000], vec![b'v'; 3_000_000]);
        let long: (&[u8], &[u8]) = (&key, &value);
        let parts = vec![part(&[&[(b"a", b"1"), long, long, (b"z", b"2")]], 9)];
        let mut merge = Merge::new(parts).unwrap();
        let blocks = all(&mut merge, 64 << 10);
        let expected =
            [frame(b"a", b"1"), frame(&key, &value), frame(&key, &value), frame(b"z", b"2")];
        assert!(blocks == expected, "{:?}", blocks.iter().map(Vec::len).collect::<Vec<_>>());
    }

    #[test]
    fn a_part_that_is_none_is_an_error_and_nothing_worse() {
        let good = part(&[&[(b"key", b"value"), (b"other", b"")], &[(b"x", b"y")]], 1);
        let mut good = good;
        let bytes = good.read_to_end().unwrap();
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                let Ok(mut merge) = Merge::new(vec![Source::memory(changed)]) else { continue };
                while merge.next(100).is_ok_and(|block| !block.is_empty()) {}
            }
            let cut = Source::memory(bytes[..at].to_vec());
            let Ok(mut merge) = Merge::new(vec![cut]) else { continue };
            while merge.next(100).is_ok_and(|block| !block.is_empty()) {}
        }
    }
}
