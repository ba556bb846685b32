//! Runs a job on one input without a cluster, in several ways, and compares what comes out: the
//! input is cut into few and into many chunks, and the tasks are run in several orders.

mod compare;
mod cut;
mod node;

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use bramble_protocol::api::PhaseView;
use bramble_protocol::job::CommandOptions;
use bramble_protocol::{
    AttemptOutcome, Limits, Mode, ModuleInfo, ObjectRef, Params, PhaseKind, Secrets, SplitRule,
    TargetClass, Usage,
};
use bramble_runtime::artefact::{HeadKey, KeyError, Trust};
use bramble_runtime::compile::{Compiler, ModuleError};
use bramble_runtime::runner::RunnerError;
use bramble_runtime::split::SplitError;
use bramble_store::cut::CutError;
use bramble_store::{Store, StoreError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub use compare::{Difference, Place, Suspect};

/// A module that is ready to be tried out.
pub struct Bench {
    /// Holds the objects of all runs; removed with the bench.
    dir: tempfile::TempDir,
    store: Store,
    compiler: Compiler,
    module: Vec<u8>,
    info: ModuleInfo,
    mode: Mode,
    artefact: ObjectRef,
    /// By whom it is signed, for as long as this lives.
    trust: Trust,
}

/// What is tried out.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The input; `None` for a job that works on none.
    pub input: Option<PathBuf>,
    /// What should come out.
    pub expected: Option<Vec<u8>>,
    /// Parameters.
    pub params: Params,
    /// Secrets.
    pub secrets: Secrets,
    /// Command-line arguments of a WASI command.
    pub args: Vec<String>,
    /// What is said of a WASI command.
    pub command: CommandOptions,
    /// What each task may use.
    pub limits: Limits,
    /// Where the input is cut, when not as the module says.
    pub split: Option<SplitRule>,
    /// The longest a chunk may be, in bytes, one run for each; several are chosen when empty.
    pub chunk_sizes: Vec<u64>,
    /// Decides the orders that chance decides.
    pub seed: u64,
}

/// One way of running a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The longest a chunk may be, in bytes.
    pub chunk_bytes: u64,
    /// How many chunks that gives.
    pub chunks: usize,
    /// In which order the tasks are run, as far as they do not wait for one another.
    pub order: Order,
    /// Into how many key ranges the job is cut, when that is fixed.
    pub partitions: Option<u32>,
}

/// The order of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they become ready.
    Forward,
    /// The last that became ready first.
    Backward,
    /// By chance.
    Shuffled,
}

/// How one run went.
#[derive(Clone, Debug)]
pub struct Run {
    /// How it was run.
    pub variant: Variant,
    /// What each phase used.
    pub phases: Vec<PhaseUse>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// What one phase of a run used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseUse {
    /// Which.
    pub phase: PhaseKind,
    /// Its tasks.
    pub tasks: u32,
    /// All of them together; of memory the most that one used.
    pub usage: Usage,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In which phase.
    pub phase: PhaseKind,
    /// The task's place in it.
    pub index: u32,
    /// How its attempt ended.
    pub outcome: AttemptOutcome,
    /// What it logged.
    pub log: String,
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct TrialReport {
    /// The runs, in order. The last failed if any did.
    pub runs: Vec<Run>,
    /// What came out of the first run; later ones gave the same, or are in `differences`.
    pub result: Vec<u8>,
    /// Where results differ, one of each kind.
    pub differences: Vec<Difference>,
    /// What was logged in the first run.
    pub log: String,
}

/// Why a trial could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The module cannot be used.
    #[error("the module cannot be used")]
    Module(#[source] ModuleError),
    /// No place for objects.
    #[error("cannot make a directory for the trial")]
    Directory(#[source] std::io::Error),
    /// An object cannot be stored or read.
    #[error("cannot keep the objects of the trial")]
    Store(#[from] StoreError),
    /// No process to run tasks in.
    #[error("cannot start a runner")]
    Runner(#[from] RunnerError),
    /// The input cannot be read.
    #[error("cannot read {}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// There is no key to sign what is compiled here.
    #[error("cannot make a key")]
    Key(#[from] KeyError),
    /// The input cannot be cut.
    #[error("cannot cut the input into chunks")]
    Cut(#[from] CutError),
    /// The module's planner or cutter did not cut it.
    #[error("the module did not cut the input")]
    Split(#[from] SplitError),
    /// The scheduler refuses the job.
    #[error("the job is refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
        /// What to do.
        help: Option<String>,
    },
}

impl TrialReport {
    /// Whether all runs gave the same, which is what was expected.
    pub fn passed(&self) -> bool {
        self.differences.is_empty() && self.failure().is_none()
    }

    /// The failure that ended the trial.
    pub fn failure(&self) -> Option<&Failure> {
        self.runs.last().and_then(|run| run.failure.as_ref())
    }
}

impl Bench {
    /// Checks and compiles a module for this machine, in the compiler's child process, to be run
    /// in `mode`.
    ///
    /// # Errors
    /// When it cannot be used, or there is no place for it.
    pub fn new(compiler: &Compiler, module: &[u8], mode: Mode) -> Result<Self, TrialError> {
        let info = compiler.inspect(module).map_err(TrialError::Module)?;
        let key = HeadKey::ephemeral()?;
        let trust = Trust { class: TargetClass::native(), key: key.public() };
        let artefact =
            compiler.compile(module, trust.class, mode, &key).map_err(TrialError::Module)?;
        let dir = tempfile::Builder::new()
            .prefix("bramble-test-")
            .tempdir()
            .map_err(TrialError::Directory)?;
        let store = Store::open(dir.path())?;
        let artefact = store.put(&artefact)?;
        let (compiler, module) = (compiler.clone(), module.to_vec());
        Ok(Self { dir, store, compiler, module, info, mode, artefact, trust })
    }

    /// What the module is.
    pub fn info(&self) -> &ModuleInfo {
        &self.info
    }

    /// Runs the job in all ways. Stops at the first run that fails.
    ///
    /// # Errors
    /// When there is no way to run it: the input, this machine.
    pub fn try_out(&self, trial: &Trial) -> Result<TrialReport, TrialError> {
        let trial = &self.with_random_params(trial);
        let exports = self.info.effective_exports(&trial.params);
        let mut report = TrialReport {
            runs: Vec::new(),
            result: Vec::new(),
            differences: Vec::new(),
            log: String::new(),
        };
        let inputs = self.cut_in_several_ways(trial)?;
        let finest = inputs.len() - 1;
        for (index, input) in inputs.iter().enumerate() {
            let mut ways = vec![(Order::Forward, self.usual_partitions())];
            if index == finest && input.chunks() > 1 {
                ways.push((Order::Backward, self.usual_partitions()));
                ways.push((Order::Shuffled, self.usual_partitions()));
                if exports.partitioner {
                    ways.push((Order::Forward, Some(1)));
                }
            }
            for (order, partitions) in ways {
                let variant = input.variant(order, partitions);
                let ended = node::run(self, trial, input, variant)?;
                let phases = ended.phases.iter().map(phase_use).collect();
                let failed = ended.failure.is_some();
                report.runs.push(Run { variant, phases, failure: ended.failure });
                if failed {
                    return Ok(report);
                }
                if report.runs.len() == 1 {
                    report.result = ended.result;
                    report.log = ended.log;
                } else {
                    report.compare(&self.info, trial, &ended.result);
                }
            }
        }
        report.compare_with_expected(trial);
        Ok(report)
    }

    /// What a user would have drawn at random follows from the trial's seed.
    fn with_random_params(&self, trial: &Trial) -> Trial {
        let mut trial = trial.clone();
        let mut dice = ChaCha8Rng::seed_from_u64(trial.seed);
        let drawn: Result<(), Infallible> =
            self.info.declared.draw_missing(&mut trial.params, |bytes| {
                dice.fill_bytes(bytes);
                Ok(())
            });
        let Ok(()) = drawn;
        trial
    }

    /// Partitions by digest are joined in the order of the digests, so their number shows in the
    /// result of a job that reduces without key ranges; a trial keeps to one.
    fn usual_partitions(&self) -> Option<u32> {
        let exports = &self.info.exports;
        (exports.reducer && !exports.partitioner).then_some(1)
    }

    /// Cuts the input into one chunk, two, and more, as far as that makes a difference.
    fn cut_in_several_ways(&self, trial: &Trial) -> Result<Vec<cut::Chunks>, TrialError> {
        let chosen = match &trial.input {
            Some(path) => cut::sizes(input_bytes(path)?),
            None => cut::SIZES_WITHOUT_INPUT.into(),
        };
        let sizes = if trial.chunk_sizes.is_empty() { &chosen } else { &trial.chunk_sizes };
        let mut cuts: Vec<cut::Chunks> = Vec::new();
        for (index, bytes) in sizes.iter().enumerate() {
            let cut = match cut::cut(self, trial, *bytes) {
                // A small chunk that was not asked for may be too small for a line of the input.
                Err(TrialError::Cut(CutError::LineTooLong { .. }))
                    if index > 0 && trial.chunk_sizes.is_empty() =>
                {
                    continue;
                }
                cut => cut?,
            };
            if cuts.iter().all(|known| known.chunks() != cut.chunks()) {
                cuts.push(cut);
            }
        }
        Ok(cuts)
    }

    fn program(&self) -> &Path {
        self.compiler.program()
    }
}

impl PhaseUse {
    /// The fuel that its tasks used together, where it was counted.
    pub fn fuel(&self) -> Option<u64> {
        // Counted only under some modes; a report without it is the rule.
        let usage = serde_json::to_value(self.usage).ok()?;
        usage.get("fuel_used")?.as_u64().filter(|fuel| *fuel > 0)
    }
}

fn input_bytes(path: &Path) -> Result<u64, TrialError> {
    let input = |source| TrialError::Input { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(input)?;
    if !metadata.is_file() {
        return Err(input(std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(metadata.len())
}

fn phase_use(view: &PhaseView) -> PhaseUse {
    PhaseUse { phase: view.phase, tasks: view.total, usage: view.usage }
}
