//! What carries out what is to be shown.

mod blinkstick;
mod charlcd;
mod hd44780;
mod i2c;
mod led;
#[cfg(feature = "ssd1306")]
mod ssd1306;

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::error::DisplayError;
use crate::light::STEP_MS;
use crate::shown::Shown;

pub(crate) use blinkstick::BlinkStick;
pub(crate) use charlcd::CharLcd;
pub(crate) use hd44780::{Hd44780, LcdSettings};
pub(crate) use i2c::LinuxI2c;
pub(crate) use led::Led;
#[cfg(feature = "ssd1306")]
pub(crate) use ssd1306::{OledSettings, Ssd1306};

/// For how long a page is shown.
const PAGE_MS: u64 = 4_000;
/// The most that is read of a file of the kernel.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// When something is shown, since the head started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    ms: u64,
}

impl Moment {
    /// What blinking is made of.
    pub(crate) const fn step(self) -> u64 {
        self.ms / STEP_MS
    }

    /// What turns over.
    pub(crate) const fn page(self) -> u64 {
        self.ms / PAGE_MS
    }
}

impl From<Duration> for Moment {
    fn from(since_start: Duration) -> Self {
        Self { ms: u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// An open display. After an error it is closed and opened anew, so that it need not know in which
/// state the error has left it.
pub(crate) trait Driver: Debug + Send {
    /// The least time between two changes.
    fn pace(&self) -> Duration;
    /// Shows what is to be shown at this moment. What is shown already is not sent again.
    fn show(&mut self, shown: &Shown, moment: Moment) -> Result<(), DisplayError>;
    /// Shows that the head does not run.
    fn off(&mut self) -> Result<(), DisplayError>;
}

/// Lights change with the steps of their patterns, so that a call that comes a little early does
/// not lose one.
const LIGHT_PACE: Duration = Duration::ZERO;
/// How often texts change: more often nobody can read them.
const TEXT_PACE: Duration = Duration::from_secs(1);

/// Opens a device without waiting for it, and never as this process's terminal.
fn open_device(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    OpenOptions::new().write(true).custom_flags(flags).open(path)
}

/// The beginning of a file of the kernel.
fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
