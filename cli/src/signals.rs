//! Ctrl-C, for commands that have something to say before they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{CliError, CliResult, Exit, Slug};

/// Whether somebody wants this program to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for Ctrl-C and `SIGTERM`. The first one is only noted; a second one ends the
    /// program at once.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub(crate) fn listen() -> CliResult<Self> {
        let noted = Arc::new(AtomicBool::new(false));
        let code = i32::from(Exit::Interrupted.code());
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down and raises it.
            flag::register_conditional_shutdown(signal, code, Arc::clone(&noted))
                .and_then(|_| flag::register(signal, Arc::clone(&noted)))
                .map_err(|error| {
                    CliError::new(Slug::Local, "cannot listen for Ctrl-C").because(&error)
                })?;
        }
        Ok(Self(noted))
    }

    /// Whether it was asked for.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends what is being done, when it was asked for.
    ///
    /// # Errors
    /// [`Slug::Interrupted`], which says `what`.
    pub(crate) fn check(&self, what: &str) -> CliResult<()> {
        if self.is_set() {
            return Err(CliError::new(Slug::Interrupted, what));
        }
        Ok(())
    }
}
