//! What every kind of switch can do.

use std::fmt;
use std::time::Duration;

use bramble_protocol::power::Supply;

use crate::PowerError;

/// Whether a board has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has.
    On,
    /// It has not.
    Off,
    /// The hardware does not say.
    Unknown,
}

impl State {
    /// The same for the scheduler.
    pub const fn supply(self) -> Supply {
        match self {
            Self::On => Supply::On,
            Self::Off => Supply::Off,
            Self::Unknown => Supply::Unknown,
        }
    }
}

impl From<bool> for State {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Unknown => "unknown",
        })
    }
}

/// What is true of all outlets of a switch.
#[derive(Clone, Debug)]
pub struct Traits {
    /// Its name in power.toml.
    pub driver: &'static str,
    /// Whether it can switch off, too.
    pub can_switch_off: bool,
    /// Whether boards keep their power while the head reboots; nothing where nobody knows.
    pub outlives_head: Option<bool>,
    /// How long an outlet may take to read what it was switched to. Zero: once is enough.
    pub settles_within: Duration,
    /// What people should know, in plain words.
    pub warnings: Vec<String>,
}

impl Traits {
    pub(crate) const fn new(driver: &'static str) -> Self {
        Self {
            driver,
            can_switch_off: true,
            outlives_head: None,
            settles_within: Duration::ZERO,
            warnings: Vec::new(),
        }
    }
}

/// A switch with numbered outlets. Nothing is written before [`Driver::switch`], but for the first
/// set-up of a chip that says itself that it never had one.
pub trait Driver: Send {
    /// What is true of all its outlets.
    fn traits(&self) -> Traits;

    /// Whether there is such an outlet.
    ///
    /// # Errors
    /// A sentence that says which there are.
    fn check(&self, outlet: u32) -> Result<(), String>;

    /// Whether an outlet has power.
    ///
    /// # Errors
    /// When the hardware does not answer.
    fn read(&mut self, outlet: u32) -> Result<State, PowerError>;

    /// Gives the outlet power or takes it.
    ///
    /// # Errors
    /// When the hardware does not take the order.
    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError>;
}

/// Refuses outlets beyond the last, which are counted from 1.
pub(crate) fn within(outlet: u32, last: u32) -> Result<(), String> {
    if (1..=last).contains(&outlet) {
        return Ok(());
    }
    Err(format!("there is no outlet {outlet}; they go from 1 to {last}"))
}
