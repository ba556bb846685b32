//! Runs a guest that has nothing but its inputs, its parameters and its outputs.
//!
//! There is no network, no file, no environment of the host, no real clock and no real
//! randomness: what a task writes depends on what it was given and on nothing else. Memory,
//! processor time, time on the wall, stack, output, log, handles and calls of the host have
//! limits. The files of a task come open from outside: nothing here knows a path.

mod artefact;
mod bindings;
mod checkpoint;
mod crypto;
mod deadline;
pub mod engine;
mod fault;
mod host;
mod limits;
mod log;
mod outcome;
mod output;
mod outside;
mod pair_phases;
mod pairs;
mod phases;
mod run;
mod source;
mod wasi;

pub(crate) use checkpoint::STATE_BYTES_MAX;
pub(crate) use log::clean as shown;
#[cfg(feature = "compile")]
pub(crate) use log::shorten;
pub(crate) use output::{SMALL_BYTES_MAX, Written};
pub(crate) use outside::{Outside, Resume, Signals, TaskFiles};
pub(crate) use run::{Sandbox, TaskEnd};
pub(crate) use source::{IN_MEMORY_BYTES_MAX, outcome_of};
