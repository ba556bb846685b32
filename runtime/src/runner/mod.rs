//! Runner processes: where guests run, one task at a time, apart from the agent.
//!
//! The agent talks to a runner over a socket, in frames of JSON, and passes it every file open:
//! inputs for reading, long outputs for writing. The runner itself knows no path and can open
//! nothing. One that aborts, hangs or is broken out of costs the task it runs; the agent starts
//! another. A process serves one owner's work in one mode, and no other's after that.

mod child;
mod handle;
mod pool;
mod process;
mod session;
pub(crate) mod socket;
pub(crate) mod wire;

pub use child::{child_main, child_main_with};
pub use handle::Killer;
pub use pool::Pool;
#[cfg(feature = "compile")]
pub(crate) use process::Answer;
pub use process::{Finished, RunnerError, RunnerProcess};
