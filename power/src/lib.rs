//! Switches boards on and off, and reads which are on.
//!
//! When a board is switched is decided elsewhere; this crate does it and reads it back. Every call
//! blocks, so the head makes them on a thread of its own. Nothing is written before somebody asks
//! for it: opening a rack reads the hardware as it is and changes no outlet.

mod config;
mod driver;
mod drivers;
mod error;
mod policy;
mod rack;

pub use config::{Config, ConfigError, OPTIONS_FILE};
pub use driver::{Driver, State, Traits};
pub use drivers::simulated::Simulated;
pub use error::PowerError;
pub use rack::{Facts, OpenError, Rack};
