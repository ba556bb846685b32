//! What switches the power of boards: the head's configuration of it, and the drivers.
//!
//! A driver does what it is told and says what it finds. Which board is switched when is decided by
//! the scheduler. Everything here blocks, and is called on a thread of its own.

mod command;
mod config;
mod driver;
mod rack;
mod simulated;

pub use config::{Config, ConfigError};
pub use driver::PowerError;
pub use rack::{OpenError, Rack};
