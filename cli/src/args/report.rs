//! `bramble report`, as typed.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values;

const REPORT_EXAMPLES: &str = "\
Examples:
  bramble report                       what each user's jobs have taken
  bramble report --by node             and where
  bramble report --by class --since 7d
  bramble report --by job --plain > jobs.tsv";

/// `bramble report`
#[derive(Args, Debug)]
#[command(after_long_help = REPORT_EXAMPLES)]
pub(crate) struct ReportArgs {
    /// What to sum up by
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) by: By,
    /// Only jobs that were submitted within this time, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) since: Option<Duration>,
}

/// What a report has a row for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Each user.
    #[default]
    User,
    /// Each class.
    Class,
    /// Each job.
    Job,
    /// Each node.
    Node,
}
