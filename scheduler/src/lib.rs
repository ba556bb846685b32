//! The head's scheduler: which node runs which task when, and what is left of it after a crash.
//!
//! [`core`] is a pure state machine: events go in, actions come out. The driver around it feeds
//! it messages and ticks, writes its records to the journal in groups, and releases what others
//! may rely on only after the records are on disk. [`Handle`] is how the rest of the head talks
//! to it.

pub mod core;
mod driver;
mod handle;
pub mod journal;
mod modules;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use crate::core::NewJob;
pub use crate::driver::{Head, HeadFailure, StartError, StartOptions, Switch};
pub use crate::handle::{AgentInbox, AgentLink, CommandError, Handle, Refusal};
pub use crate::modules::{CompileFailure, CutAnswer, CutRequest, ModuleRefusal, ModuleService};
