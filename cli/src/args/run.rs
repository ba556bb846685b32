//! `bramble run` as typed.

use std::path::PathBuf;

use clap::Args;

/// Shown under `bramble run --help`.
const EXAMPLES: &str = "\
Examples:
  bramble run words.toml --dry-run     check the file and show the order
  bramble run words.toml -o results    run its jobs, fetch what the last ones give
  bramble run words.toml -d

A job file:
  [[job]]
  name = \"count\"
  example = \"words\"                    or: module = \"count.wasm\"
  input = \"book.txt\"

  [[job]]
  name = \"sort\"
  module = \"sort.wasm\"
  input = \"@count\"                     the result of the job above
  params = { order = \"descending\" }

Paths start at the file's directory. Further keys are the flags of `bramble submit`, such as
`memory = \"128M\"`. Run again, only what changed since is done again.";

/// `bramble run`
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// The job file
    #[arg(value_name = "FILE.toml")]
    pub(crate) file: PathBuf,
    /// Put the results into this directory that no job of the file works on; it is made if it is
    /// not there, and files in it are replaced
    #[arg(short, long, value_name = "DIR", conflicts_with = "detach")]
    pub(crate) output: Option<PathBuf>,
    /// Do not wait: print the jobs' numbers and end
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Only check the file and all that it names, and show the order; nothing is sent
    #[arg(long, conflicts_with_all = ["detach", "output"])]
    pub(crate) dry_run: bool,
}
