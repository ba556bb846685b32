//! Runs user code: the sandbox, the processes around it, and the agent that feeds them.
//!
//! Guests never run in the process that talks to the head. Compiling ([`compile`]) and running
//! ([`runner`]) each happen in a child process with limits of its own, so that whatever a module
//! does to it costs one module or one task. Only this crate knows wasmtime.

pub mod agent;
pub mod artefact;
#[cfg(feature = "compile")]
pub mod compile;
#[cfg(any(all(test, feature = "compile"), feature = "fuzzing"))]
pub mod fuzzing;
pub mod runner;
pub mod sandbox;
#[cfg(feature = "compile")]
pub mod split;

mod child;
mod confine;

/// The module that nodes are measured by, as text: see [`bramble_protocol::node::speed_of`].
pub const CALIBRATION: &str = include_str!("calibration.wat");
