//! All displays of a head: whatever becomes of one of them, the head and the others go on.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::config::{Config, DisplayConfig};
use crate::driver::{BlinkStick, CharLcd, Driver, Hd44780, LcdSettings, Led, LinuxI2c, Moment};
#[cfg(feature = "ssd1306")]
use crate::driver::{OledSettings, Ssd1306};
use crate::error::DisplayError;
use crate::shown::Shown;

/// How often [`Displays::show`] wants to be called: the least time between two changes of a light.
pub const PACE: Duration = Duration::from_millis(crate::light::STEP_MS);

/// After so long a display that failed is tried again.
const RETRY: Duration = Duration::from_secs(30);
/// A display that worked for so long is said to work, and its next error is news again.
const WORKS: Duration = Duration::from_secs(60);
/// The most different errors of a display that are told before it works again.
const ERRORS_MAX: usize = 4;

type Open = Box<dyn Fn() -> Result<Box<dyn Driver>, DisplayError> + Send>;

/// The displays of a head, for a thread of its own: writing to a slow bus takes some milliseconds,
/// and a device that hangs holds up its thread, until the kernel gives it up.
#[derive(Debug)]
pub struct Displays {
    slots: Vec<Slot>,
}

/// News of a display, for the head's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It does not work, for a reason that was not told before. It is tried again each 30 seconds.
    Failed {
        /// Which one.
        display: String,
        /// Why, and what to do.
        reason: String,
    },
    /// It works again, and has done so for a minute.
    Works {
        /// Which one.
        display: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { display, reason } => write!(f, "display {display}: {reason}"),
            Self::Works { display } => write!(f, "display {display}: works again"),
        }
    }
}

struct Slot {
    name: String,
    open: Open,
    device: Option<Box<dyn Driver>>,
    /// Since when it is open.
    opened: Duration,
    /// When it is to be tried again.
    retry: Duration,
    /// When it was last shown something.
    last: Option<Duration>,
    told: Vec<String>,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, device, told, .. } = self;
        let slot = &mut f.debug_struct("Slot");
        slot.field("name", name).field("device", device).field("told", told).finish()
    }
}

impl Displays {
    /// The displays of a configuration, whose files are under `root`. None is opened yet.
    pub fn new(root: &Path, config: &Config) -> Self {
        let slot = |display: &DisplayConfig| {
            let (root, own) = (root.to_owned(), display.clone());
            Slot::new(display.name(), Box::new(move || own.open(&root)))
        };
        Self { slots: config.displays.iter().map(slot).collect() }
    }

    /// Shows what is to be shown, `now` after the head started, on all displays for which it is
    /// time, and returns what there is to tell of them.
    pub fn show(&mut self, shown: &Shown, now: Duration) -> Vec<Notice> {
        self.slots.iter_mut().filter_map(|slot| slot.show(shown, now)).collect()
    }

    /// Shows that the head does not run any more, and closes all displays. Errors no longer matter.
    pub fn off(self) {
        for mut device in self.slots.into_iter().filter_map(|slot| slot.device) {
            let _ = device.off();
        }
    }
}

impl Slot {
    fn new(name: String, open: Open) -> Self {
        let (opened, retry) = (Duration::ZERO, Duration::ZERO);
        Self { name, open, device: None, opened, retry, last: None, told: Vec::new() }
    }

    fn show(&mut self, shown: &Shown, now: Duration) -> Option<Notice> {
        if self.device.is_none() && now < self.retry {
            return None;
        }
        match self.try_to_show(shown, now) {
            Ok(()) => self.worked(now),
            Err(error) => {
                self.device = None;
                self.last = None;
                self.retry = now + RETRY;
                self.failed(error.in_full())
            }
        }
    }

    fn try_to_show(&mut self, shown: &Shown, now: Duration) -> Result<(), DisplayError> {
        if self.device.is_none() {
            self.device = Some((self.open)()?);
            self.opened = now;
        }
        let Some(device) = &mut self.device else { return Ok(()) };
        if self.last.is_some_and(|last| now < last + device.pace()) {
            return Ok(());
        }
        device.show(shown, Moment::from(now))?;
        self.last = Some(now);
        Ok(())
    }

    fn worked(&mut self, now: Duration) -> Option<Notice> {
        if self.told.is_empty() || now < self.opened + WORKS {
            return None;
        }
        self.told.clear();
        Some(Notice::Works { display: self.name.clone() })
    }

    fn failed(&mut self, reason: String) -> Option<Notice> {
        if self.told.contains(&reason) || self.told.len() == ERRORS_MAX {
            return None;
        }
        self.told.push(reason.clone());
        Some(Notice::Failed { display: self.name.clone(), reason })
    }
}

impl DisplayConfig {
    fn open(&self, root: &Path) -> Result<Box<dyn Driver>, DisplayError> {
        Ok(match *self {
            Self::BlinkStick { ref serial, lights, percent } => {
                let lights = usize::from(lights);
                Box::new(BlinkStick::open(root, serial.as_deref(), lights, percent)?)
            }
            Self::Led { ref name, percent } => Box::new(Led::open(root, name, percent)?),
            Self::Hd44780 { bus, address, style, has_backlight } => {
                let settings = LcdSettings { style, has_backlight };
                Box::new(Hd44780::new(LinuxI2c::open(root, bus, address)?, settings))
            }
            Self::Lcd { ref path, style, has_backlight } => {
                Box::new(CharLcd::open(&root.join(path), style, has_backlight)?)
            }
            #[cfg(feature = "ssd1306")]
            Self::Ssd1306 { bus, address, language, percent, is_upside_down } => {
                let settings = OledSettings { language, percent, is_upside_down };
                Box::new(Ssd1306::new(LinuxI2c::open(root, bus, address)?, settings))
            }
            #[cfg(not(feature = "ssd1306"))]
            Self::Ssd1306 { .. } => return Err(DisplayError::NotBuilt { driver: "ssd1306" }),
        })
    }
}

#[cfg(test)]
mod tests;
