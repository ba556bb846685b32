//! Cuts an input as a client does before it submits.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use bramble_protocol::{Manifest, ObjectRef, SplitRule, pack};
use bramble_runtime::split::{Request, plan_chunks, plan_spans};
use bramble_store::cut::{CutError, CutOptions, Cutter, PieceCutter, SpanCutter};

use super::{Bench, Order, Trial, TrialError, Variant, input_bytes};

/// The longest sample for a module that chooses key ranges, in bytes: what clients take.
const SAMPLE_BYTES_MAX: u64 = 256 << 10;
/// Into how many chunks an input is cut, about.
const COUNTS: [u64; 5] = [1, 2, 3, 7, 20];

/// Chunk sizes in bytes for a job without input, as wishes to its cutter.
pub(super) const SIZES_WITHOUT_INPUT: [u64; 3] = [1 << 20, 64 << 10, 4 << 10];

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
    let (module, params) = (&bench.info, &trial.params);
    let rule = trial.split.unwrap_or_else(|| module.declared.split_rule(params));
    if rule == SplitRule::Guest {
        let chunks = cut_by_module(bench, trial, chunk_bytes)?;
        return Ok(Chunks { manifest: Manifest::new(chunks, None), chunk_bytes });
    }
    let Some((_, file)) = open(trial)? else { return Err(CutError::Empty.into()) };
    let by_ranges = module.effective_exports(params).partitioner;
    let sample_bytes_max = if by_ranges { SAMPLE_BYTES_MAX } else { 0 };
    let options = CutOptions { rule, chunk_bytes, sample_bytes_max };
    let mut cutter = Cutter::new(BufReader::new(file), options)?;
    let chunks = stored(bench, &mut cutter)?;
    let sample = cutter.into_sample().map(|sample| bench.store.put(&sample)).transpose()?;
    Ok(Chunks { manifest: Manifest::new(chunks, sample), chunk_bytes })
}

/// Has the module's cutter make the chunks, or its planner say where to cut.
fn cut_by_module(
    bench: &Bench,
    trial: &Trial,
    wanted_bytes: u64,
) -> Result<Vec<ObjectRef>, TrialError> {
    let opened = open(trial)?;
    let request = Request {
        module: &bench.module,
        input: opened.as_ref().map(|(path, _)| *path),
        wanted_bytes,
        params: &trial.params,
        secrets: &trial.secrets,
        limits: &trial.limits,
    };
    if bench.info.exports.cutter {
        let chunks = plan_chunks(&bench.compiler, &request)?;
        let input = match &opened {
            Some((path, file)) => Some((file, input_bytes(path)?)),
            None => None,
        };
        return stored(bench, &mut PieceCutter::new(input, chunks)?);
    }
    let spans = plan_spans(&bench.compiler, &request)?;
    let Some((_, file)) = opened else { return Err(CutError::Empty.into()) };
    stored(bench, &mut SpanCutter::new(BufReader::new(file), spans)?)
}

/// The input, if there is one.
fn open(trial: &Trial) -> Result<Option<(&Path, File)>, TrialError> {
    let Some(path) = trial.input.as_deref() else { return Ok(None) };
    let failed = |source| TrialError::Input { path: path.to_owned(), source };
    Ok(Some((path, File::open(path).map_err(failed)?)))
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
