//! Cutting an input into chunks, in bounded memory: one chunk, and what was read of the next one.

mod cutter;
mod error;
mod pieces;
mod sample;
mod span;

use bramble_protocol::{Manifest, ObjectRef, SplitRule, pack};
use rayon::prelude::*;

pub use cutter::Cutter;
pub use error::CutError;
pub use pieces::PieceCutter;
pub use span::SpanCutter;

/// The smallest chunk that is chosen when none is asked for, in bytes.
const DEFAULT_BYTES_MIN: u64 = 64 << 10;
/// The largest one, unless the input would have too many chunks, in bytes.
const DEFAULT_BYTES_MAX: u64 = 8 << 20;
/// The one for an input of unknown length, in bytes.
const DEFAULT_BYTES_UNKNOWN: u64 = 1 << 20;
/// How many chunks an input of middling length gets: enough to keep a small cluster busy to the
/// end, few enough that tasks are not mostly overhead.
const DEFAULT_CHUNKS: u64 = 16;

/// How to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOptions {
    /// Where a cut may be. [`SplitRule::Guest`] is for [`SpanCutter`] and [`PieceCutter`].
    pub rule: SplitRule,
    /// The longest a chunk may be, from 1 to [`pack::OBJECT_BYTES_MAX`] bytes.
    pub chunk_bytes: u64,
    /// The longest the sample may be, in bytes; 0 for none.
    pub sample_bytes_max: u64,
}

/// Where an input is cut smaller: towards its end, for slow nodes to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// From this byte on.
    pub from: u64,
    /// The longest a chunk may be there, in bytes.
    pub chunk_bytes: u64,
}

/// The most by which chunks of the tail are smaller, as a power of two.
const TAIL_SHIFT_MAX: u32 = 4;
/// The most chunks that the tail may add.
const TAIL_CHUNKS_MAX: u64 = 10_000;

/// How the second half of an input of `total` bytes is cut for a cluster whose fastest core is
/// `ratio` times as fast as its slowest: into chunks that are smaller by the power of two below
/// that. `None` where nothing would be gained. Depends on nothing else, so that the same input is
/// cut the same way as long as the cluster is one of the same kind.
pub fn tail_for(total: u64, chunk_bytes: u64, ratio: u32) -> Option<Tail> {
    let shift = ratio.max(1).ilog2().min(TAIL_SHIFT_MAX);
    let smaller = (chunk_bytes >> shift).max(DEFAULT_BYTES_MIN);
    let from = total / 2 / chunk_bytes.max(1) * chunk_bytes;
    let is_useful = shift > 0 && smaller * 2 <= chunk_bytes && from > 0;
    (is_useful && (total - from) / smaller <= TAIL_CHUNKS_MAX)
        .then_some(Tail { from, chunk_bytes: smaller })
}

/// The longest sample that is taken for a module that chooses key ranges, in bytes.
pub const SAMPLE_BYTES_MAX: u64 = 256 << 10;

/// A good chunk size in bytes for an input of `total` bytes, `None` when that is not known. It
/// depends on nothing else, so that the same input is always cut into the same chunks.
pub fn default_chunk_bytes(total: Option<u64>) -> u64 {
    let Some(total) = total else { return DEFAULT_BYTES_UNKNOWN };
    let wanted = (total / DEFAULT_CHUNKS).clamp(DEFAULT_BYTES_MIN, DEFAULT_BYTES_MAX);
    // Chunks of lines and records are a little shorter than asked for, hence the eighth.
    let chunks_max = Manifest::CHUNKS_MAX as u64 / 8 * 7;
    let needed = total.div_ceil(chunks_max);
    wanted.max(needed).min(pack::OBJECT_BYTES_MAX).next_power_of_two()
}

/// Names chunks, on all processors, in their order.
pub fn hash_all(chunks: Vec<Vec<u8>>) -> Vec<(ObjectRef, Vec<u8>)> {
    if chunks.len() > 1 {
        return chunks.into_par_iter().map(|chunk| (ObjectRef::of(&chunk), chunk)).collect();
    }
    let name = |chunk: Vec<u8>| {
        let hash = blake3::Hasher::new().update_rayon(&chunk).finalize();
        (ObjectRef { digest: hash.into(), size: chunk.len() as u64 }, chunk)
    };
    chunks.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_chunks_grow_with_the_input_within_bounds() {
        let cases = [
            (None, 1 << 20),
            (Some(0), 64 << 10),
            (Some(1), 64 << 10),
            (Some(3_444_540), 256 << 10),
            (Some(16 << 20), 1 << 20),
            (Some(2_000_000_000), 8 << 20),
            (Some(800 << 30), 16 << 20),
            (Some(u64::MAX), 64 << 20),
        ];
        for (total, chunk) in cases {
            assert_eq!(default_chunk_bytes(total), chunk, "{total:?}");
        }
    }

    #[test]
    fn the_second_half_is_cut_for_the_slowest_node_in_steps_of_two() {
        let mib = 1 << 20;
        assert_eq!(tail_for(16 * mib, mib, 1), None);
        let quarter = Some(Tail { from: 8 * mib, chunk_bytes: 256 << 10 });
        assert_eq!((tail_for(16 * mib, mib, 4), tail_for(16 * mib, mib, 7)), (quarter, quarter));
        let most = Some(Tail { from: 8 * mib, chunk_bytes: 64 << 10 });
        assert_eq!(tail_for(16 * mib, mib, 10_000), most);
        assert_eq!(tail_for(mib, mib, 16), None, "one chunk stays one");
        assert_eq!(tail_for(mib, 64 << 10, 16), None, "chunks are small already");
    }

    #[test]
    fn hashing_on_all_processors_keeps_the_order() {
        for count in [0, 1, 2, 50] {
            let chunks: Vec<Vec<u8>> = (0..count).map(|i| vec![i; 200_000]).collect();
            let named = hash_all(chunks.clone());
            assert_eq!(named.len(), chunks.len());
            for ((object, bytes), chunk) in named.iter().zip(&chunks) {
                assert_eq!((object, bytes), (&ObjectRef::of(chunk), chunk));
            }
        }
    }
}
