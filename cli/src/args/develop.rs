//! The commands for authors of jobs, as typed.

use std::path::PathBuf;
use std::time::Duration;

use bramble_protocol::SplitRule;
use clap::Args;

use super::program::ProgramArgs;
use super::secrets::SecretArgs;
use super::values::{self, Param};

const NEW_EXAMPLES: &str = "\
Examples:
  bramble new --list                   the languages
  bramble new myjob                    in Rust
  bramble new tools/count --lang c     in the directory tools/count
  cd myjob && bramble build && bramble test";

/// `bramble new`
#[derive(Args, Debug)]
#[command(after_long_help = NEW_EXAMPLES)]
pub(crate) struct NewArgs {
    /// What the project is called: the directory that is made, which must not be there yet
    #[arg(value_name = "NAME", required_unless_present = "list")]
    pub(crate) path: Option<PathBuf>,
    /// The language, of those that --list shows
    #[arg(
        short,
        long = "lang",
        value_name = "LANGUAGE",
        default_value = "rust",
        hide_default_value = false
    )]
    pub(crate) language: String,
    /// List the languages and what building needs
    #[arg(long, conflicts_with = "path")]
    pub(crate) list: bool,
}

const BUILD_EXAMPLES: &str = "\
Examples:
  bramble build                        the project in this directory
  bramble build myjob

The module is put into the project's directory, as NAME.wasm. See docs/languages.md for what each
language needs.";

/// `bramble build`
#[derive(Args, Debug)]
#[command(after_long_help = BUILD_EXAMPLES)]
pub(crate) struct BuildArgs {
    /// The project's directory
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
}

const TEST_EXAMPLES: &str = "\
Examples:
  bramble test                         the project here: each file of input/, compared with expect/
  bramble test --update                write what comes out to expect/
  bramble test sort.wasm --input numbers.txt --expect sorted.txt
  bramble test grep.wat --input log.txt --ok-status 1 -- -i error

Each input is cut into one chunk and into several, and its tasks are run in several orders, by the
scheduler and in the sandbox that clusters have. All must give the same.";

/// `bramble test`
#[derive(Args, Debug)]
#[command(after_long_help = TEST_EXAMPLES)]
pub(crate) struct TestArgs {
    /// A project's directory, or a module: a .wasm or .wat file
    #[arg(value_name = "DIR|MODULE", default_value = ".")]
    pub(crate) target: PathBuf,
    /// The file to work on, instead of those in input/; may be given several times
    #[arg(short, long = "input", value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// What should come out of the one input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// Write what comes out to where it is expected, unless runs differ among themselves
    #[arg(short, long)]
    pub(crate) update: bool,
    /// A parameter for the module; may be given several times
    #[arg(short, long = "arg", value_name = "NAME=VALUE")]
    pub(crate) params: Vec<Param>,
    /// For a job that needs a key or a passphrase.
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// Run it as `submit --verify` does: with the same bytes on every kind of processor
    #[arg(long)]
    pub(crate) verify: bool,
    /// Decides the orders that chance decides
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Size of a chunk, instead of several that are chosen; may be given several times
    #[arg(long, value_name = "SIZE", value_parser = values::positive_size,
        help_heading = "Cutting")]
    pub(crate) chunk_size: Vec<u64>,
    /// Where the input may be cut: lines, bytes, records:SIZE, guest [default: as the module says]
    #[arg(long, value_name = "RULE", help_heading = "Cutting")]
    pub(crate) split: Option<SplitRule>,

    /// Memory of each task [default: 64M, or as bramble.toml says]
    #[arg(long, value_name = "SIZE", value_parser = values::positive_size,
        help_heading = "Limits")]
    pub(crate) memory: Option<u64>,
    /// Processor time of each task [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Limits")]
    pub(crate) cpu_time: Option<Duration>,

    /// For programs that were not written for bramble.
    #[command(flatten)]
    pub(crate) program: ProgramArgs,

    /// Command-line arguments for a module that is a WASI command
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  bramble inspect job.wasm
  bramble inspect job.wat --json
  bramble inspect big.wasm --compile   also how large it is for each kind of board, and how long
                                       compiling takes

The exit code is 6 when the module would be refused.";

/// `bramble inspect`
#[derive(Args, Debug)]
#[command(after_long_help = INSPECT_EXAMPLES)]
pub(crate) struct InspectArgs {
    /// The module: a .wasm or .wat file
    #[arg(value_name = "MODULE")]
    pub(crate) module: PathBuf,
    /// Compile it for every kind of board
    #[arg(long)]
    pub(crate) compile: bool,
}
