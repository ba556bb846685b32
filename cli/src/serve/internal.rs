//! `bramble internal`: the children that inspect, compile and run modules.

use std::process::ExitCode;

use bramble_runtime::runner;

use crate::args::cluster::InternalPart;
use crate::error::CliResult;

/// Becomes such a child. What it says goes to its parent, not to people.
///
/// # Errors
/// In a program that is built without that part; else the exit code says all.
pub(crate) fn run(part: InternalPart) -> CliResult<ExitCode> {
    Ok(match part {
        #[cfg(feature = "head")]
        InternalPart::Module { args } => bramble_runtime::compile::child_main(&args),
        #[cfg(not(feature = "head"))]
        InternalPart::Module { .. } => return Err(crate::error::CliError::agent_only("compile")),
        InternalPart::Runner { args } => runner::child_main(&args),
    })
}
