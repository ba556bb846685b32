//! Asks a module's own planner where to cut a file, in the sandbox of whoever submits.

use std::path::{Path, PathBuf};

use bramble_protocol::{AttemptOutcome, Limits, Manifest, Mode, Params, TargetClass, pack};
use bramble_store::{Store, StoreError};

use crate::artefact::{HeadKey, KeyError, Trust};
use crate::compile::{Compiler, ModuleError};
use crate::runner::wire::PlanWork;
use crate::runner::{RunnerError, RunnerProcess};

/// Why a file could not be cut by a module's planner.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// There is no key to sign the compiled planner with.
    #[error("cannot make a key for the compiled planner")]
    Key(#[source] KeyError),
    /// The module could not be compiled.
    #[error("cannot compile the module that cuts the input")]
    Compile(#[source] ModuleError),
    /// No place for what the planner needs.
    #[error("cannot make a directory for the planner")]
    Directory(#[source] std::io::Error),
    /// The compiled planner could not be stored.
    #[error("cannot store the compiled planner")]
    Store(#[source] StoreError),
    /// No process to run it in.
    #[error("cannot start the planner")]
    Runner(#[source] RunnerError),
    /// The input cannot be looked at.
    #[error("cannot read {}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The planner failed.
    #[error("the module's planner failed: {}", outcome.message())]
    Failed {
        /// How.
        outcome: Box<AttemptOutcome>,
        /// What it logged.
        log: String,
    },
    /// Its answer cannot be used.
    #[error("the module's planner answered badly: {reason}")]
    BadSpans {
        /// What is wrong with the spans.
        reason: String,
    },
}

/// Calls the planner of `module` over the file `input` and checks its answer: spans of offset
/// and length in bytes that cover the file in order without a gap, none empty and none longer
/// than an object may be.
///
/// `program` is the `bramble` binary, in which both the compiler and the planner run as children.
///
/// # Errors
/// When the module cannot be compiled, the planner fails, or its answer is no cut of the file.
pub fn plan_spans(
    compiler: &Compiler,
    module: &[u8],
    input: &Path,
    wanted_bytes: u64,
    params: &Params,
    limits: &Limits,
) -> Result<Vec<(u64, u64)>, SplitError> {
    let unreadable = |source| SplitError::Input { path: input.to_owned(), source };
    let file = std::fs::File::open(input).map_err(unreadable)?;
    let total = file.metadata().map_err(unreadable)?.len();
    // A key for this one run: what runs is what was just compiled here, and nothing else.
    let key = HeadKey::ephemeral().map_err(SplitError::Key)?;
    let trust = Trust { class: TargetClass::native(), key: key.public() };
    let artefact =
        compiler.compile(module, trust.class, Mode::Fast, &key).map_err(SplitError::Compile)?;
    let dir = tempfile::Builder::new()
        .prefix("bramble-plan-")
        .tempdir()
        .map_err(SplitError::Directory)?;
    let store = Store::open(dir.path()).map_err(SplitError::Store)?;
    let artefact = store.put(&artefact).map_err(SplitError::Store)?;
    let mut runner = RunnerProcess::start(compiler.program(), store, None, &trust)
        .map_err(SplitError::Runner)?;
    let plan = PlanWork { artefact, wanted_bytes, params: params.clone(), limits: *limits };
    let answer = runner.plan(plan, &file);
    match answer.finished.outcome {
        AttemptOutcome::Succeeded { .. } => {}
        outcome => {
            let log = answer.finished.log;
            return Err(SplitError::Failed { outcome: Box::new(outcome), log });
        }
    }
    match fault_in(&answer.spans, total) {
        None => Ok(answer.spans),
        Some(reason) => Err(SplitError::BadSpans { reason }),
    }
}

/// What is wrong with `spans` as a cut of `total` bytes.
fn fault_in(spans: &[(u64, u64)], total: u64) -> Option<String> {
    if spans.len() > Manifest::CHUNKS_MAX {
        return Some(format!("{} spans, allowed are {}", spans.len(), Manifest::CHUNKS_MAX));
    }
    let mut end = 0u64;
    for (index, (offset, len)) in spans.iter().enumerate() {
        let number = index + 1;
        if *offset != end {
            return Some(format!("span {number} starts at byte {offset}, expected {end}"));
        }
        if *len == 0 {
            return Some(format!("span {number} is empty"));
        }
        if *len > pack::OBJECT_BYTES_MAX {
            let allowed = pack::OBJECT_BYTES_MAX;
            return Some(format!("span {number} is {len} bytes long, allowed are {allowed}"));
        }
        end += len;
        if end > total {
            return Some(format!("span {number} ends at byte {end} of an input of {total}"));
        }
    }
    (end != total).then(|| format!("the spans end at byte {end} of an input of {total}"))
}

#[cfg(test)]
mod tests {
    use super::fault_in;

    #[test]
    fn only_spans_that_cover_the_input_in_order_are_accepted() {
        assert_eq!(fault_in(&[], 0), None);
        assert_eq!(fault_in(&[(0, 4), (4, 6)], 10), None);
        for bad in [
            &[(0, 4), (5, 5)][..],
            &[(0, 4), (3, 7)],
            &[(4, 6), (0, 4)],
            &[(0, 10), (10, 0)],
            &[(0, 4)],
            &[(0, 4), (4, 7)],
            &[(0, u64::MAX), (u64::MAX, 1)],
        ] {
            assert!(fault_in(bad, 10).is_some(), "{bad:?}");
        }
        assert!(fault_in(&[(0, 65 << 20)], 65 << 20).is_some());
    }
}
