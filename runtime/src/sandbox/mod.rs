//! Runs a guest that has nothing but its inputs, its parameters and its outputs.
//!
//! There is no network, no file, no environment of the host, no real clock and no real
//! randomness: what a task writes depends on what it was given and on nothing else. Memory,
//! processor time, time on the wall, stack, output and log have limits.

mod artefact;
mod bindings;
mod deadline;
pub mod engine;
mod fault;
mod host;
mod limits;
mod log;
mod outcome;
mod output;
mod pairs;
mod phases;
mod run;
mod source;
mod wasi;

pub(crate) use log::{clean as shown, shorten};
pub use run::{Sandbox, SandboxError, TaskEnd};
