//! Cuts an input as a client does before it submits.

use std::fs::File;
use std::io::BufReader;

use bramble_protocol::{Manifest, ObjectRef, SplitRule, pack};
use bramble_runtime::split::plan_spans;
use bramble_store::cut::{CutError, CutOptions, Cutter, SpanCutter};

use super::{Bench, Order, Trial, TrialError, Variant};

/// The longest sample for a module that chooses key ranges, in bytes: what clients take.
const SAMPLE_BYTES_MAX: u64 = 256 << 10;
/// Into how many chunks an input is cut, about.
const COUNTS: [u64; 5] = [1, 2, 3, 7, 20];

/// An input that was cut, and how.
pub(super) struct Chunks {
    pub(super) manifest: Manifest,
    chunk_bytes: u64,
}

impl Chunks {
    pub(super) fn chunks(&self) -> usize {
        self.manifest.chunks.len()
    }

    pub(super) fn variant(&self, order: Order, partitions: Option<u32>) -> Variant {
        let chunks = self.manifest.chunks.len();
        Variant { chunk_bytes: self.chunk_bytes, chunks, order, partitions }
    }
}

/// Chunk sizes in bytes, largest first, that cut `total` bytes into few and into many chunks.
pub(super) fn sizes(total: u64) -> Vec<u64> {
    let mut sizes: Vec<u64> = COUNTS
        .iter()
        .map(|count| total.div_ceil(*count).clamp(1, pack::OBJECT_BYTES_MAX))
        .collect();
    sizes.dedup();
    sizes
}

/// Cuts the input into chunks of `chunk_bytes`, as objects of the bench's store.
pub(super) fn cut(bench: &Bench, trial: &Trial, chunk_bytes: u64) -> Result<Chunks, TrialError> {
    let input = |source| TrialError::Input { path: trial.input.clone(), source };
    let reader = BufReader::new(File::open(&trial.input).map_err(input)?);
    let declared = &bench.info.declared;
    let rule = trial.split.unwrap_or_else(|| declared.split_rule(&trial.params));
    let (chunks, sample) = if rule == SplitRule::Guest {
        let (params, limits) = (&trial.params, &trial.limits);
        let (compiler, module) = (&bench.compiler, &bench.module);
        let spans = plan_spans(compiler, module, &trial.input, chunk_bytes, params, limits)?;
        (stored(bench, &mut SpanCutter::new(reader, spans)?)?, None)
    } else {
        let sample_bytes_max = if bench.info.exports.partitioner { SAMPLE_BYTES_MAX } else { 0 };
        let mut cutter = Cutter::new(reader, CutOptions { rule, chunk_bytes, sample_bytes_max })?;
        let chunks = stored(bench, &mut cutter)?;
        let sample = cutter.into_sample().map(|sample| bench.store.put(&sample)).transpose()?;
        (chunks, sample)
    };
    Ok(Chunks { manifest: Manifest::new(chunks, sample), chunk_bytes })
}

fn stored(
    bench: &Bench,
    chunks: &mut impl Iterator<Item = Result<Vec<u8>, CutError>>,
) -> Result<Vec<ObjectRef>, TrialError> {
    chunks.map(|chunk| Ok(bench.store.put(&chunk?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_size_takes_all_and_none_comes_twice() {
        assert_eq!(sizes(1000), [1000, 500, 334, 143, 50]);
        assert_eq!(sizes(2), [2, 1]);
        assert_eq!(sizes(0), [1]);
        assert_eq!(sizes(1 << 40), [pack::OBJECT_BYTES_MAX]);
    }
}
