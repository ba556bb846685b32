//! Asks a module's own planner where to cut a file, or its cutter what to make of it, in the
//! sandbox of whoever submits.

use std::fs::File;
use std::path::{Path, PathBuf};

use bramble_protocol::{
    AttemptOutcome, Limits, Manifest, Mode, Params, Piece, Secrets, TargetClass, pack, piece,
};
use bramble_store::{Staged, Store, StoreError};

use crate::artefact::{HeadKey, KeyError, Trust};
use crate::compile::{Compiler, ModuleError};
use crate::runner::wire::PlanWork;
use crate::runner::{Answer, RunnerError, RunnerProcess};

/// Why a file could not be cut by a module.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// There is no key to sign the compiled module with.
    #[error("cannot make a key for the compiled module")]
    Key(#[source] KeyError),
    /// The module could not be compiled.
    #[error("cannot compile the module that cuts the input")]
    Compile(#[source] ModuleError),
    /// No place for what the module needs.
    #[error("cannot make a directory for the module that cuts the input")]
    Directory(#[source] std::io::Error),
    /// The compiled module or its answer could not be stored or read.
    #[error("cannot store the module that cuts the input, or its answer")]
    Store(#[source] StoreError),
    /// No process to run it in.
    #[error("cannot start the module that cuts the input")]
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
    /// The planner or the cutter failed.
    #[error("the module failed to cut its input: {}", outcome.message())]
    Failed {
        /// How.
        outcome: Box<AttemptOutcome>,
        /// What it logged.
        log: String,
    },
    /// The planner's answer cannot be used.
    #[error("the module's planner answered badly: {reason}")]
    BadSpans {
        /// What is wrong with the spans.
        reason: String,
    },
    /// The cutter's answer cannot be used.
    #[error("the module's cutter answered badly: {reason}")]
    BadChunks {
        /// What is wrong with the chunks.
        reason: String,
    },
}

/// What a module cuts: its file, if there is one, and how it was asked to.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The module as it was uploaded.
    pub module: &'a [u8],
    /// The file; `None` for a job that works on no input.
    pub input: Option<&'a Path>,
    /// How long a chunk should be, in bytes.
    pub wanted_bytes: u64,
    /// Parameters of the job.
    pub params: &'a Params,
    /// Its secrets, of which the module sees those that it may read.
    pub secrets: &'a Secrets,
    /// What the module may use.
    pub limits: &'a Limits,
}

/// Calls the planner of a module over a file and checks its answer: spans of offset and length in
/// bytes that cover the file in order without a gap, none empty and none longer than an object
/// may be.
///
/// The program of `compiler` is the `bramble` binary, in which both the compiler and the planner
/// run as children.
///
/// # Errors
/// When the module cannot be compiled, the planner fails, or its answer is no cut of the file.
pub fn plan_spans(
    compiler: &Compiler,
    request: &Request<'_>,
) -> Result<Vec<(u64, u64)>, SplitError> {
    let Asked { answer, total, .. } = ask(compiler, request, false)?;
    match fault_in(&answer.spans, total) {
        None => Ok(answer.spans),
        Some(reason) => Err(SplitError::BadSpans { reason }),
    }
}

/// Calls the cutter of a module and checks its answer: the pieces of each chunk, all within the
/// file and within the bounds of [`bramble_protocol::piece`].
///
/// # Errors
/// When the module cannot be compiled, the cutter fails, or its answer makes no chunks.
pub fn plan_chunks(
    compiler: &Compiler,
    request: &Request<'_>,
) -> Result<Vec<Vec<Piece>>, SplitError> {
    // The directory must stay until its store has been read.
    let Asked { answer, store, total, _dir } = ask(compiler, request, true)?;
    let staged = answer.finished.staged;
    let [object] = staged.iter().map(Staged::object).collect::<Vec<_>>()[..] else {
        return Err(SplitError::BadChunks { reason: "there is no answer".into() });
    };
    store.commit(staged).map_err(SplitError::Store)?;
    let encoded = store.get(&object).map_err(SplitError::Store)?;
    let unreadable = || SplitError::BadChunks { reason: "the pieces cannot be read".into() };
    let chunks = piece::decode(&encoded).ok_or_else(unreadable)?;
    match piece::fault_in(&chunks, total) {
        None => Ok(chunks),
        Some(reason) => Err(SplitError::BadChunks { reason }),
    }
}

/// What a module answered.
struct Asked {
    answer: Answer,
    /// Where its output is staged.
    store: Store,
    /// Removes the store with all that is in it.
    _dir: tempfile::TempDir,
    /// Length of the input in bytes.
    total: u64,
}

/// Compiles the module, and runs its planner or its cutter in a process of its own.
fn ask(
    compiler: &Compiler,
    request: &Request<'_>,
    makes_chunks: bool,
) -> Result<Asked, SplitError> {
    let (file, total) = match request.input {
        Some(path) => {
            let unreadable = |source| SplitError::Input { path: path.to_owned(), source };
            let file = File::open(path).map_err(unreadable)?;
            let total = file.metadata().map_err(unreadable)?.len();
            (file, total)
        }
        None => (tempfile::tempfile().map_err(SplitError::Directory)?, 0),
    };
    // A key for this one run: what runs is what was just compiled here, and nothing else.
    let key = HeadKey::ephemeral().map_err(SplitError::Key)?;
    let trust = Trust { class: TargetClass::native(), key: key.public() };
    let artefact = compiler
        .compile(request.module, trust.class, Mode::Fast, &key)
        .map_err(SplitError::Compile)?;
    let dir = tempfile::Builder::new()
        .prefix("bramble-plan-")
        .tempdir()
        .map_err(SplitError::Directory)?;
    let store = Store::open(dir.path()).map_err(SplitError::Store)?;
    let artefact = store.put(&artefact).map_err(SplitError::Store)?;
    let mut runner = RunnerProcess::start(compiler.program(), store.clone(), None, &trust)
        .map_err(SplitError::Runner)?;
    let plan = PlanWork {
        artefact,
        makes_chunks,
        wanted_bytes: request.wanted_bytes,
        params: request.params.clone(),
        secrets: request.secrets.clone(),
        limits: *request.limits,
    };
    let answer = runner.plan(plan, &file);
    match answer.finished.outcome {
        AttemptOutcome::Succeeded { .. } => Ok(Asked { answer, store, _dir: dir, total }),
        outcome => {
            let log = answer.finished.log;
            Err(SplitError::Failed { outcome: Box::new(outcome), log })
        }
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
