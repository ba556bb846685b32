//! The first thing that went wrong on the host's side of a task.

use std::sync::{Arc, OnceLock};

use bramble_protocol::AttemptOutcome;

/// Set once, from wherever the host noticed it; it then explains the trap that the guest got.
/// Clones share one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault(Arc<OnceLock<AttemptOutcome>>);

impl Fault {
    /// Records `outcome` unless there is one already, and gives an error that stops the guest.
    pub(crate) fn stop(&self, outcome: AttemptOutcome) -> wasmtime::Error {
        let error = wasmtime::format_err!("{}", outcome.message());
        // The first fault is the cause of what follows.
        let _ = self.0.set(outcome);
        error
    }

    pub(crate) fn get(&self) -> Option<&AttemptOutcome> {
        self.0.get()
    }
}
