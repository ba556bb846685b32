//! Runs user code: the sandbox, the processes around it, and the agent that feeds them.
//!
//! Guests never run in the process that talks to the head. Compiling ([`compile`]) and running
//! ([`runner`]) each happen in a child process with limits of its own, so that whatever a module
//! does to it costs one module or one task. Only this crate knows wasmtime.

pub mod agent;
pub mod compile;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod runner;
pub mod sandbox;
pub mod split;

mod child;
