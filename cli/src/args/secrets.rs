//! Secrets as typed. Their values are never typed: whoever lists processes sees command lines,
//! and shells keep them.

use clap::Args;

use super::values::JobSelector;

/// Secrets of a job.
#[derive(Args, Debug, Default)]
pub(crate) struct SecretArgs {
    /// A secret for the job, from a file, standard input or the environment; may be given several
    /// times
    ///
    /// It is never stored or shown. Of a file that holds one line of text, the line's end is left
    /// out; any other is taken as it is.
    // Parsed later: what clap refuses, it shows.
    #[arg(long = "secret", value_name = "NAME=@FILE|@-|env:VAR")]
    pub(crate) readable: Vec<String>,
    /// The same for a secret that the job must not read either, only have the node encrypt and
    /// decrypt with
    #[arg(long = "sealed", value_name = "NAME=@FILE|@-|env:VAR")]
    pub(crate) sealed: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  bramble secret 17 key=@key.bin
  bramble secret last word=@- < word.txt
  bramble secret 17 key=env:KEY

A head holds secrets in memory only. When it is restarted, jobs that have some wait until they are
given again: the same ones, or what is done before and after does not fit together. `bramble jobs`
says which jobs wait for that.";

/// `bramble secret`
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SecretCommandArgs {
    /// The job: a number, or last
    #[arg(value_name = "JOB")]
    pub(crate) job: JobSelector,
    /// All secrets that it was submitted with
    #[arg(value_name = "NAME=@FILE|@-|env:VAR", required = true)]
    pub(crate) secrets: Vec<String>,
}
