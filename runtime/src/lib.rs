//! Runs user code: the sandbox, the processes around it, and the agent that feeds them.
//!
//! Guests never run in the process that talks to the head. Compiling ([`compile`]) and running
//! ([`runner`]) each happen in a child process with limits of its own, so that whatever a module
//! does to it costs one module or one task. Only this crate knows wasmtime.

pub mod agent;
pub mod compile;
pub mod runner;
pub mod sandbox;
pub mod split;

mod child;

/// An error with all its causes, in one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
