//! `bramble help`: commands and topics.

use clap::CommandFactory;

use super::Context;
use crate::args::Cli;
use crate::error::{CliError, CliResult, Exit};
use crate::output::human;
use crate::paths;

/// Explains a command or a topic; everything when there is none.
///
/// # Errors
/// When there is no such topic.
pub(crate) fn run(context: &Context, topic: Option<&str>) -> CliResult<()> {
    let mut cli = Cli::command();
    cli.build();
    match topic {
        None => context.output.text(&cli.render_long_help().ansi().to_string()),
        Some("exit-codes") => context.output.text(&exit_codes()),
        Some("environment") => context.output.text(&environment()),
        Some(name) => match cli.find_subcommand_mut(name) {
            Some(command) => context.output.text(&command.render_long_help().ansi().to_string()),
            None => Err(CliError::usage(format!("no help on `{}`", human::safe_field(name)))
                .help("commands: bramble help · topics: exit-codes, environment")),
        },
    }
}

fn exit_codes() -> String {
    let mut text =
        String::from("Exit codes:\n    0  all went well; a job that was waited for is done\n");
    for exit in Exit::ALL {
        text.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    }
    text.push_str("\nEach error ends with its name in brackets, such as [out-of-time].\n");
    text
}

fn environment() -> String {
    let variables = [
        (paths::CLUSTER_ENV, "the head's address, as --cluster"),
        (paths::DATA_ENV, "the data directory of `up`, `down` and `head`, as --data"),
        (paths::JOBS_ENV, "where --example looks for modules first"),
        (paths::USER_ENV, "whose jobs `submit` sends, as --user; for admins"),
        (paths::LOG_ENV, "what head and agent log: error, warn, info, debug, or by module"),
        ("XDG_DATA_HOME", "the data directory is its `bramble`; else ~/.local/share/bramble"),
        ("NO_COLOR", "no colours, when not empty; also CLICOLOR_FORCE, TERM=dumb"),
    ];
    let mut text = String::from("Environment (flags win; an empty variable counts as not set):\n");
    for (name, meaning) in variables {
        text.push_str(&format!("  {name:<16} {meaning}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_explained() {
        let text = exit_codes();
        for code in ["  0  ", "  1  ", "  2  ", "  3  ", "  5  ", "  6  ", "  7  ", "130  "] {
            assert!(text.contains(code), "{code} in {text}");
        }
    }
}
