//! What head and agent log, on standard error.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::error::{CliError, CliResult};
use crate::output::Output;
use crate::paths;

/// Starts logging: what `BRAMBLE_LOG` says, else notable events, with `-v` more and with `-q`
/// only warnings.
///
/// # Errors
/// When `BRAMBLE_LOG` cannot be understood.
pub(super) fn start(output: &Output) -> CliResult<()> {
    let wanted = env::var(paths::LOG_ENV).ok().filter(|text| !text.is_empty());
    let default = match (output.verbose, output.quiet) {
        (true, _) => "debug",
        (false, true) => "warn",
        (false, false) => "info",
    };
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(default)).map_err(|error| {
        CliError::usage(format!("{} cannot be understood", paths::LOG_ENV))
            .because(&error)
            .help("use error, warn, info, debug or trace, or by module: info,bramble_web=debug")
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(
            io::stderr().is_terminal()
                && anstream::ColorChoice::global() != anstream::ColorChoice::Never,
        )
        .with_target(false)
        .compact();
    // Only a second call in one process could fail, and the first one's logging would do.
    let _ = subscriber.try_init();
    Ok(())
}
