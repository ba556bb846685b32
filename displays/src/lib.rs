//! Displays and sinks of the head: what stands on a shelf beside the boards and shows how they do.
//!
//! [`Shown`] is what there is to show. What a light, a character display or a picture shows of it
//! is a pure function; drivers carry it out and never make the head wait or fail. [`snmp`] answers
//! the questions of net-snmp.

mod config;
mod displays;
mod driver;
mod error;
mod letters;
mod light;
mod lines;
#[cfg(feature = "ssd1306")]
mod picture;
mod shown;
pub mod snmp;
mod words;

pub use config::{Config, ConfigError, DisplayConfig};
pub use displays::{Displays, Notice, PACE};
pub use error::DisplayError;
pub use letters::Letters;
pub use light::{Colour, Light, Pattern, STEP_MS};
pub use lines::{Size, Style};
#[cfg(feature = "ssd1306")]
pub use picture::{HEIGHT, Picture, WIDTH};
pub use shown::{ClusterPower, JobCounts, NodeCounts, RunningJob, Shown, State};
pub use words::Language;
