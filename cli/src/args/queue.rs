//! Commands about whose turn it is, as typed.

use std::str::FromStr;

use bramble_protocol::{JobPolicy, UserLimits};
use clap::{Args, Subcommand};

use super::values::{self, JobSelector};

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  bramble explain 17                   what job 17 waits for, and what each node says to it
  bramble explain 17/3                 the same for its task 3, with its attempts
  bramble explain last";

/// `bramble explain`
#[derive(Args, Debug)]
#[command(after_long_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The job: a number, or last; or one of its tasks: JOB/TASK
    #[arg(value_name = "JOB[/TASK]", default_value = "last")]
    pub(crate) what: JobOrTask,
}

/// A job, or one of its tasks: `17`, `17/3`, `last/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobOrTask {
    /// The job.
    pub(crate) job: JobSelector,
    /// The task.
    pub(crate) task: Option<u32>,
}

impl FromStr for JobOrTask {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((job, task)) = text.split_once('/') else {
            return Ok(Self { job: text.parse()?, task: None });
        };
        let bad = |_| format!("`{task}` names no task: use a number from 0, as in 17/3");
        Ok(Self { job: job.parse()?, task: Some(task.parse().map_err(bad)?) })
    }
}

const QUEUE_EXAMPLES: &str = "\
Examples:
  bramble queue                                the order, with the numbers that make it
  bramble queue pause --reason \"please listen\"
  bramble queue pause --class 7b --reason exam
  bramble queue resume --class 7b";

/// `bramble queue`
#[derive(Args, Debug)]
#[command(after_long_help = QUEUE_EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct QueueArgs {
    /// What to do instead of showing it.
    #[command(subcommand)]
    pub(crate) action: Option<QueueAction>,
}

/// What can be done to the queue.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// Give no more work; what runs goes on
    #[command(after_long_help = QUEUE_EXAMPLES)]
    Pause {
        /// Only jobs of this class
        #[arg(long, value_name = "NAME", value_parser = class)]
        class: Option<String>,
        /// Why, for those who wonder
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Give work again
    #[command(after_long_help = QUEUE_EXAMPLES)]
    Resume {
        /// Only jobs of this class
        #[arg(long, value_name = "NAME", value_parser = class)]
        class: Option<String>,
    },
}

const PRIORITY_EXAMPLES: &str = "\
Examples:
  bramble priority 17 10               before all jobs of a lower priority; 0 is usual
  bramble priority 17 -- -5            after all others";

/// `bramble priority`
#[derive(Args, Debug)]
#[command(after_long_help = PRIORITY_EXAMPLES)]
pub(crate) struct PriorityArgs {
    /// The job: a number, or last
    #[arg(value_name = "JOB")]
    pub(crate) job: JobSelector,
    /// From -100 to 100; higher ones go first
    #[arg(value_name = "N", allow_negative_numbers = true, value_parser = priority())]
    pub(crate) priority: i32,
}

/// The priorities that there are.
pub(crate) fn priority() -> clap::builder::RangedI64ValueParser<i32> {
    let max = i64::from(JobPolicy::PRIORITY_MAX);
    clap::value_parser!(i32).range(-max..=max)
}

const USERS_EXAMPLES: &str = "\
Examples:
  bramble users                                who has used how much, and may have what
  bramble users limit ann --running 4 --cpu 30m
  bramble users limit --default --jobs 20 --stored 2G
  bramble users limit --class 7b --jobs 2 --task-memory 128M --job-cpu 10m
  bramble users limit ann --reset              as everybody again
  bramble users lesson                         a new lesson: nobody has used anything in it";

/// `bramble users`
#[derive(Args, Debug)]
#[command(after_long_help = USERS_EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct UsersArgs {
    /// What to do instead of showing them.
    #[command(subcommand)]
    pub(crate) action: Option<UsersAction>,
}

/// What can be done to users.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersAction {
    /// Limit what a user may have at a time
    #[command(after_long_help = USERS_EXAMPLES)]
    Limit(Box<LimitArgs>),
    /// Begin a new lesson: the processor time of the last one is forgotten
    #[command(after_long_help = USERS_EXAMPLES)]
    Lesson,
}

/// `bramble users limit`
#[derive(Args, Debug)]
pub(crate) struct LimitArgs {
    /// The user
    #[arg(value_name = "NAME", value_parser = user, required_unless_present_any = ["default", "class"])]
    pub(crate) user: Option<String>,
    /// Each student of this class who has no limit of his own
    #[arg(long, value_name = "NAME", value_parser = class, conflicts_with = "user")]
    pub(crate) class: Option<String>,
    /// Everybody who has no limit of his own
    #[arg(long, conflicts_with_all = ["user", "class"])]
    pub(crate) default: bool,
    /// Jobs that have not ended; or none, for no limit
    #[arg(long, value_name = "N", value_parser = number)]
    pub(crate) jobs: Option<u64>,
    /// Tasks at work; or none
    #[arg(long, value_name = "N", value_parser = number)]
    pub(crate) running: Option<u64>,
    /// Input of jobs that have not ended; or none
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) queued: Option<u64>,
    /// Input and results of all jobs that are listed; or none
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) stored: Option<u64>,
    /// Processor time of the reference core in one lesson; or none
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    pub(crate) cpu: Option<u64>,
    /// Input of one job; or none
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) input: Option<u64>,
    /// What is sent in an hour; or none
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) upload: Option<u64>,
    /// Memory of one task; or none
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) task_memory: Option<u64>,
    /// Processor time of one task; or none
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    pub(crate) task_cpu: Option<u64>,
    /// Output of one task; or none
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) task_output: Option<u64>,
    /// Log of one attempt; or none
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) task_log: Option<u64>,
    /// Processor time of all attempts of one job; or none
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    pub(crate) job_cpu: Option<u64>,
    /// Drop the limits from before first
    #[arg(long)]
    pub(crate) reset: bool,
}

impl LimitArgs {
    /// The limits as typed.
    pub(crate) fn limits(&self) -> UserLimits {
        UserLimits {
            jobs: self.jobs,
            running: self.running,
            queued_bytes: self.queued,
            stored_bytes: self.stored,
            cpu_us: self.cpu,
            input_bytes: self.input,
            upload_bytes: self.upload,
            task_memory_bytes: self.task_memory,
            task_cpu_ms: self.task_cpu,
            task_output_bytes: self.task_output,
            task_log_bytes: self.task_log,
            job_cpu_us: self.job_cpu,
        }
    }
}

/// What `none` stands for, else what `read` says.
fn or_none(text: &str, read: impl Fn(&str) -> Result<u64, String>) -> Result<u64, String> {
    if text == "none" { Ok(UserLimits::NONE) } else { read(text) }
}

fn number(text: &str) -> Result<u64, String> {
    or_none(text, |text| text.parse().map_err(|_| "use a number, or none".into()))
}

fn bytes(text: &str) -> Result<u64, String> {
    or_none(text, values::size)
}

fn time_ms(text: &str) -> Result<u64, String> {
    or_none(text, |text| values::duration(text).map(|time| time.as_millis() as u64))
}

fn time_us(text: &str) -> Result<u64, String> {
    or_none(text, |text| values::duration(text).map(|time| time.as_micros() as u64))
}

/// Reads the name of a user.
///
/// # Errors
/// In words for the user of this program.
pub(crate) fn user(text: &str) -> Result<String, String> {
    let policy = JobPolicy { user: text.into(), ..JobPolicy::default() };
    if text.is_empty() {
        return Err("a user needs a name".into());
    }
    policy.fault().map_or(Ok(text.into()), Err)
}

/// Reads the name of a class.
///
/// # Errors
/// In words for the user of this program.
pub(crate) fn class(text: &str) -> Result<String, String> {
    let policy = JobPolicy { class: Some(text.into()), ..JobPolicy::default() };
    policy.fault().map_or(Ok(text.into()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_or_a_task_is_named_by_numbers() {
        let task = |text: &str| text.parse::<JobOrTask>().map(|it| it.task);
        assert_eq!(task("17"), Ok(None));
        assert_eq!(task("last/3"), Ok(Some(3)));
        for bad in ["", "x", "17/", "17/x", "17/-1", "/3"] {
            assert!(task(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_are_numbers_sizes_and_times_or_none() {
        assert_eq!(number("20"), Ok(20));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        assert_eq!(time_us("30m"), Ok(1_800_000_000));
        for read in [number, bytes, time_us] {
            assert_eq!(read("none"), Ok(UserLimits::NONE));
            assert!(read("many").is_err());
        }
    }
}
