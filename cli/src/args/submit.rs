//! `bramble submit` as typed.

use std::path::PathBuf;
use std::time::Duration;

use bramble_protocol::{NodeSelector, SplitRule};
use clap::{Args, ValueEnum};

use super::program::ProgramArgs;
use super::queue;
use super::secrets::SecretArgs;
use super::values::{self, Param};

/// Shown under `bramble submit --help`.
const EXAMPLES: &str = "\
Examples:
  bramble submit sort.wasm --input numbers.txt -o sorted.txt
  bramble submit --example words --input book.txt -o -
  bramble submit filter.wat --input data.bin --split records:16 --arg level=3
  cat numbers.txt | bramble submit sort.wasm --input - -o - | head
  bramble submit sort.wasm --input big.txt -d --name nightly
  bramble submit report.wasm --input job:17 -o report.txt      on the result of job 17
  bramble submit count.wasm --input book.txt --merge-arg --sum -o - -- --words
  bramble submit pi.wasm --input seeds.txt --verify 2 -o pi.txt
  bramble submit grep.wasm --input log.txt --ok-status 1 -o - -- -i error
  bramble submit cipher.wasm --input map.png --secret key=@key.bin -o map.sealed

The command waits for the end of the job and ends with its fate: 0 done, 1 failed or cancelled.
Ctrl-C stops the waiting, never the job.";

/// How the work of a job that merges is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanName {
    /// Key ranges from a sample, each merged by itself.
    Ranges,
    /// A chunk for each slot, and one merge.
    Textbook,
}

/// `bramble submit`
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SubmitArgs {
    /// The WebAssembly module: a .wasm or .wat file
    #[arg(value_name = "MODULE", required_unless_present = "example")]
    pub(crate) module: Option<PathBuf>,
    /// The file to work on; `-` reads standard input; job:17 works on the result of job 17
    ///
    /// That job need not be done yet: this one waits for it. Jobs that work on no input are
    /// submitted without.
    #[arg(short, long, value_name = "FILE|-|job:N")]
    pub(crate) input: Option<PathBuf>,
    /// Where to put the result; `-` writes it to standard output
    ///
    /// A file of that name is replaced, whole and only when the job is done.
    #[arg(short, long, value_name = "FILE|DIR|-", conflicts_with = "detach")]
    pub(crate) output: Option<PathBuf>,
    /// Run a module of the gallery: sort, words, caesar
    ///
    /// Without --input it gets a small sample.
    #[arg(long, value_name = "NAME", conflicts_with = "module")]
    pub(crate) example: Option<String>,
    /// A parameter for the module; may be given several times
    #[arg(short, long = "arg", value_name = "NAME=VALUE")]
    pub(crate) params: Vec<Param>,
    /// For a job that needs a key or a passphrase.
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// What people will call the job [default: what the module calls itself]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// About how large the pieces of the input are, such as 256k [default: by its length]
    #[arg(long, value_name = "SIZE", value_parser = values::positive_size,
        help_heading = "Cutting")]
    pub(crate) chunk_size: Option<u64>,
    /// Where the input may be cut: lines, bytes, records:SIZE, guest [default: as the module says]
    #[arg(long, value_name = "RULE", help_heading = "Cutting")]
    pub(crate) split: Option<SplitRule>,
    /// How the work is shared: by key ranges that are merged side by side, or as in a textbook, a
    /// chunk for each slot and one merge at the end [default: ranges]
    ///
    /// The textbook's plan is for comparing: its merge is work for one node only.
    #[arg(long, value_enum, value_name = "PLAN", help_heading = "Cutting",
        conflicts_with_all = ["chunk_size", "partitions"], hide_possible_values = true)]
    pub(crate) plan: Option<PlanName>,
    /// How many parts a job that merges or reduces ends in [default: chosen by the head]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024),
        help_heading = "Cutting")]
    pub(crate) partitions: Option<u32>,

    /// Which nodes: how many at most, or their names, such as 2 or p1,p3
    #[arg(
        long,
        value_name = "N|NAMES",
        help_heading = "Limits",
        default_value = "any",
        hide_default_value = true
    )]
    pub(crate) nodes: NodeSelector,
    /// Memory of each task [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = values::positive_size,
        help_heading = "Limits")]
    pub(crate) memory: Option<u64>,
    /// Processor time of each task [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Limits")]
    pub(crate) cpu_time: Option<Duration>,
    /// Time on the wall of each task [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Limits")]
    pub(crate) time_limit: Option<Duration>,
    /// Output of each task [default: 8 times its input, at least 16M]
    #[arg(long, value_name = "SIZE", value_parser = values::positive_size,
        help_heading = "Limits")]
    pub(crate) output_limit: Option<u64>,
    /// Give the same bytes on every kind of processor; with 2 or 3, run each task on so many
    /// nodes and compare
    ///
    /// Loops over floating-point numbers get slower. Where two nodes differ, a third decides.
    #[arg(long, value_name = "NODES", help_heading = "Limits", num_args = 0..=1,
        require_equals = true, default_missing_value = "1",
        value_parser = clap::value_parser!(u32).range(1..=3))]
    pub(crate) verify: Option<u32>,
    /// What the guest's clock says when a task starts: a time such as 2026-03-01T12:00:00Z, or now
    /// [default: 2026-01-01T00:00:00Z]
    ///
    /// With `now`, no task is the same as an earlier one, so that all of them run.
    #[arg(long, value_name = "TIME|now", help_heading = "Limits")]
    pub(crate) clock: Option<values::Clock>,
    /// How often a task is tried before the job fails [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100),
        help_heading = "Limits")]
    pub(crate) attempts: Option<u32>,
    /// How many tasks may fail for good while the others still run; the job then fails at its end
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Limits"
    )]
    pub(crate) max_fails: u32,
    /// Try again after failures of the module itself too, such as a trap or used-up memory
    #[arg(long, help_heading = "Limits")]
    pub(crate) retry_guest: bool,

    /// Whose job it is, if not yours; for admins [env: BRAMBLE_USER] [default: who has signed in]
    #[arg(long, value_name = "NAME", value_parser = queue::user, help_heading = "Turn")]
    pub(crate) user: Option<String>,
    /// The class or course that it belongs to, which a teacher may pause as a whole
    #[arg(long, value_name = "NAME", value_parser = queue::class, help_heading = "Turn")]
    pub(crate) class: Option<String>,
    /// Higher ones go first, from -100 to 100
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true,
        allow_negative_numbers = true, value_parser = queue::priority(), help_heading = "Turn")]
    pub(crate) priority: i32,

    /// What its nodes are chosen by: time, or energy, so that only those take part which draw little
    /// for what they do
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value_t,
        hide_default_value = true,
        help_heading = "Turn"
    )]
    pub(crate) prefer: Preferred,

    /// Start only when this job is done; may be given several times
    ///
    /// If that job fails or is cancelled, this one fails.
    #[arg(long, value_name = "JOB", help_heading = "Waiting")]
    pub(crate) after: Vec<values::JobNumber>,
    /// Run all tasks: use no results of earlier ones, and keep none for later ones
    #[arg(long, help_heading = "Limits")]
    pub(crate) no_cache: bool,
    /// Do not wait: print the job's number and end
    #[arg(short, long, help_heading = "Waiting")]
    pub(crate) detach: bool,
    /// Stop waiting after this time; the job goes on (exit code 7)
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Waiting",
        conflicts_with = "detach")]
    pub(crate) timeout: Option<Duration>,
    /// Only check and count: the module is sent to be inspected, no job is queued
    #[arg(long, help_heading = "Waiting", conflicts_with_all = ["detach", "output", "timeout"])]
    pub(crate) dry_run: bool,

    /// For programs that were not written for bramble.
    #[command(flatten)]
    pub(crate) program: ProgramArgs,

    /// Command-line arguments for a module that is a WASI command
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// What a job's nodes are chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preferred {
    /// It is to be done soon.
    #[default]
    Time,
    /// It is to take little energy.
    Energy,
}
