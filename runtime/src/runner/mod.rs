//! Runner processes: where guests run, one task at a time, apart from the agent.
//!
//! The agent talks to a runner over its standard input and output, in frames of JSON. A runner
//! that aborts, hangs or is broken out of costs the task it runs; the agent starts another.

mod child;
mod process;
pub(crate) mod wire;

pub use child::child_main;
pub use process::{Finished, Killer, RunnerError, RunnerProcess};
