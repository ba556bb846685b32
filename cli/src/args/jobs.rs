//! Commands about jobs and nodes that exist, as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::secrets::SecretArgs;
use super::values::{self, JobSelector};

const JOBS_EXAMPLES: &str = "\
Examples:
  bramble jobs                 the newest 20, newest first
  bramble jobs 17              one in detail; also: last, 15-17
  bramble jobs --json | jq '.[0].state'";

/// `bramble jobs`
#[derive(Args, Debug)]
#[command(after_long_help = JOBS_EXAMPLES)]
pub(crate) struct JobsArgs {
    /// Show these in detail: a number, a range 15-17, or last
    #[arg(value_name = "JOB")]
    pub(crate) jobs: Vec<JobSelector>,
    /// List all, not only the newest 20
    #[arg(long)]
    pub(crate) all: bool,
    /// List only those in this state: waiting, running, done, failed, canceled
    #[arg(long, value_name = "STATE", value_parser = ["waiting", "running", "done", "failed", "canceled"])]
    pub(crate) state: Option<String>,
}

const WATCH_EXAMPLES: &str = "\
Examples:
  bramble watch last
  bramble watch 17 --timeout 10m && bramble get 17
  bramble watch last --preview shown     with what its tasks show, as files in shown/

The exit code is the job's fate: 0 done, 1 failed or cancelled. Ctrl-C stops the watching only.";

/// `bramble watch`
#[derive(Args, Debug)]
#[command(after_long_help = WATCH_EXAMPLES)]
pub(crate) struct WatchArgs {
    /// The job: a number, or last
    #[arg(value_name = "JOB", default_value = "last")]
    pub(crate) job: JobSelector,
    /// Stop waiting after this time; the job goes on (exit code 7)
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) timeout: Option<Duration>,
    /// Keep the last preview of each task as a file in this directory, once a second
    ///
    /// The files are named task-00007.png and so on; others in the directory are left alone.
    /// Many jobs show nothing.
    #[arg(long, value_name = "DIR")]
    pub(crate) preview: Option<PathBuf>,
}

const LOGS_EXAMPLES: &str = "\
Examples:
  bramble logs 20                      all that its tasks logged
  bramble logs last --chunk 3 -f       one chunk, as it comes in
  bramble logs 20 --node node-2 --tail 50";

/// `bramble logs`
#[derive(Args, Debug)]
#[command(after_long_help = LOGS_EXAMPLES)]
pub(crate) struct LogsArgs {
    /// The job: a number, or last
    #[arg(value_name = "JOB", default_value = "last")]
    pub(crate) job: JobSelector,
    /// Go on until the job ends
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only this chunk, counted from 0
    #[arg(long, value_name = "N")]
    pub(crate) chunk: Option<u32>,
    /// Only this node
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// Only the last lines
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<usize>,
}

const GET_EXAMPLES: &str = "\
Examples:
  bramble get 17                       into this directory, under the result's own name
  bramble get last -o sorted.txt
  bramble get 17 -o - | head
  bramble get 17 --list                what it consists of";

/// `bramble get`
#[derive(Args, Debug)]
#[command(after_long_help = GET_EXAMPLES)]
pub(crate) struct GetArgs {
    /// The job: a number, or last
    #[arg(value_name = "JOB", default_value = "last")]
    pub(crate) job: JobSelector,
    /// Where to put it; `-` writes it to standard output
    ///
    /// A file named here is replaced. A file in a directory, or in the current one when there is
    /// no -o, is replaced only with --force.
    #[arg(short, long, value_name = "FILE|DIR|-")]
    pub(crate) output: Option<PathBuf>,
    /// Only list the result's pieces with their digests
    #[arg(long, conflicts_with_all = ["output", "force"])]
    pub(crate) list: bool,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

const BUNDLE_EXAMPLES: &str = "\
Examples:
  bramble bundle 17/3                  writes job-17-task-3.tar
  bramble bundle 17/3 -o - | tar -x

The file holds the module, what the task reads, its log, and how to run it on this computer.";

/// `bramble bundle`
#[derive(Args, Debug)]
#[command(after_long_help = BUNDLE_EXAMPLES)]
pub(crate) struct BundleArgs {
    /// The task that failed: the job's number and its own
    #[arg(value_name = "JOB/TASK")]
    pub(crate) task: values::FailedTask,
    /// Where to put it; `-` writes it to standard output [default: job-JOB-task-TASK.tar]
    #[arg(short, long, value_name = "FILE|DIR|-")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

const CANCEL_EXAMPLES: &str = "\
Examples:
  bramble cancel 17
  bramble cancel 15-17 20
  bramble cancel last";

/// `bramble cancel`
#[derive(Args, Debug)]
#[command(after_long_help = CANCEL_EXAMPLES)]
pub(crate) struct CancelArgs {
    /// The jobs: numbers, ranges 15-17, or last
    #[arg(value_name = "JOB", required = true)]
    pub(crate) jobs: Vec<JobSelector>,
}

const RETRY_EXAMPLES: &str = "\
Examples:
  bramble retry 17                     run again what did not succeed in job 17, and wait
  bramble retry last -d
  bramble retry 17 --secret key=@key.bin

It is a new job with the same module, input and flags. What succeeded in the old one is not run
again. The exit code is the new job's fate.";

/// `bramble retry`
#[derive(Args, Debug)]
#[command(after_long_help = RETRY_EXAMPLES)]
pub(crate) struct RetryArgs {
    /// The job that failed or was cancelled: a number, or last
    #[arg(value_name = "JOB")]
    pub(crate) job: JobSelector,
    /// Its secrets again, which nobody keeps.
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// Do not wait: print the new job's number and end
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Stop waiting after this time; the job goes on (exit code 7)
    #[arg(long, value_name = "TIME", value_parser = values::duration, conflicts_with = "detach")]
    pub(crate) timeout: Option<Duration>,
}
