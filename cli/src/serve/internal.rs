//! `bramble internal`: the children that inspect, compile and run modules, and a packager's part.

use std::process::ExitCode;

use bramble_runtime::runner;
use bramble_setup::Packaged;

use crate::args::cluster::InternalPart;
use crate::commands::manual;
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
        InternalPart::Package { dir, agent } => {
            let kind = if agent { Packaged::Agent } else { Packaged::Everything };
            manual::package(&dir, kind)?;
            ExitCode::SUCCESS
        }
    })
}
