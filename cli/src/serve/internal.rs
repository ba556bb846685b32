//! `bramble internal`: the children that inspect, compile and run modules.

use std::process::ExitCode;

use bramble_runtime::{compile, runner};

use crate::args::cluster::InternalPart;
use crate::error::CliResult;

/// Becomes such a child. What it says goes to its parent, not to people.
///
/// # Errors
/// None of its own: the exit code says all.
pub(crate) fn run(part: InternalPart) -> CliResult<ExitCode> {
    Ok(match part {
        InternalPart::Module { args } => compile::child_main(&args),
        InternalPart::Runner { args } => runner::child_main(&args),
    })
}
