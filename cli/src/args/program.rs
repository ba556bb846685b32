//! Flags for WASI commands, which `submit` and `test` share.

use bramble_protocol::job::CommandOptions;
use clap::Args;

/// What may be said of a program that was not written for bramble.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProgramArgs {
    /// Exit statuses of a WASI command that mean success, beside 0, such as 1 or 1,3
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Programs",
        value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) ok_status: Vec<i32>,
    /// Merge the outputs of the tasks by the same program, which gets them on its standard input
    ///
    /// Its arguments are those after `--`, unless --merge-arg gives others.
    #[arg(long, help_heading = "Programs")]
    pub(crate) merge: bool,
    /// An argument of the program when it merges; may be given several times; means --merge
    #[arg(
        long = "merge-arg",
        value_name = "ARG",
        help_heading = "Programs",
        allow_hyphen_values = true
    )]
    pub(crate) merge_args: Vec<String>,
}

impl ProgramArgs {
    /// The same for the head. `args` are those after `--`.
    pub(crate) fn options(&self, args: &[String]) -> CommandOptions {
        let merge_args = match (self.merge, self.merge_args.is_empty()) {
            (_, false) => Some(self.merge_args.clone()),
            (true, true) => Some(args.to_vec()),
            (false, true) => None,
        };
        CommandOptions { ok_statuses: self.ok_status.clone(), merge_args }
    }
}
