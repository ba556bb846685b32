//! Cluster HAT v2 and v3: boards hang on an 8-bit expander, XRA1200P or PCA9554.
//!
//! Registers and bits are those of the maker's clusterctrl: 0 input, 1 output, 3 direction (1 =
//! input), 4 pull-ups, which the PCA9554 has not. Bits 0-3 P1-P4, 4 LED, 5 hub, 6 alert, 7 write
//! protection.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use crate::driver::within;
use crate::drivers::bus::Smbus;
use crate::drivers::hat::Version;
use crate::{Driver, PowerError, State, Traits};

const IN: u8 = 0;
const OUT: u8 = 1;
const DIR: u8 = 3;
const PULL_UP: u8 = 4;
/// What the direction reads while nobody has set the chip up since it got power.
const UNTOUCHED: u8 = 0xff;
const POWER: u8 = 0x0f;
const LED: u8 = 1 << 4;
const HUB: u8 = 1 << 5;
/// Times that a change is tried that another program undoes.
const TRIES: usize = 3;

pub(crate) struct Expander {
    bus: Box<dyn Smbus>,
    version: Version,
    lock: PathBuf,
    warnings: Vec<String>,
}

impl Expander {
    /// Sets the chip up if it says that nobody did, and leaves it alone otherwise.
    pub(crate) fn new(
        bus: Box<dyn Smbus>,
        version: Version,
        lock: PathBuf,
        warnings: Vec<String>,
    ) -> Result<Self, PowerError> {
        let mut hat = Self { bus, version, lock, warnings };
        if hat.get(DIR)? == UNTOUCHED {
            let _held = hat.hold()?;
            // Somebody may have been faster.
            if hat.get(DIR)? == UNTOUCHED {
                hat.set_up()?;
            }
        }
        Ok(hat)
    }

    /// Boards keep what the jumper gave them; outputs first, so that none of them blinks.
    fn set_up(&mut self) -> Result<(), PowerError> {
        // A PCA9554 does not answer there, and has no pull-ups to turn off.
        let has_pull_ups = self.bus.read(PULL_UP).is_ok();
        let boards = if self.get(IN)? & POWER == POWER { POWER } else { 0 };
        let led = if self.version.major == 2 { LED } else { 0 };
        let hub = if self.hub_is_inverted() { 0 } else { HUB };
        self.set(OUT, boards | led | hub)?;
        if has_pull_ups {
            self.set(PULL_UP, 0)?;
        }
        self.set(DIR, 0)
    }

    /// Only v2.0 has the hub on when the bit is 1.
    const fn hub_is_inverted(&self) -> bool {
        !(self.version.major == 2 && self.version.minor == 0)
    }

    fn get(&mut self, register: u8) -> Result<u8, PowerError> {
        let failed =
            |error| PowerError::io(format!("reading register {register} of the HAT"), error);
        self.bus.read(register).map_err(failed)
    }

    fn set(&mut self, register: u8, value: u8) -> Result<(), PowerError> {
        let failed =
            |error| PowerError::io(format!("writing register {register} of the HAT"), error);
        self.bus.write(register, value).map_err(failed)
    }

    /// Keeps other heads off until it is dropped. The maker's tool takes no lock.
    fn hold(&self) -> Result<File, PowerError> {
        let failed = |error| PowerError::io(format!("locking {}", self.lock.display()), error);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock)
            .map_err(failed)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| failed(error.into()))?;
        Ok(file)
    }

    fn bit(&self, outlet: u32) -> Result<u8, PowerError> {
        self.check(outlet).map_err(|why| PowerError::refused("cluster-hat", why))?;
        Ok(1 << (outlet - 1))
    }
}

impl Driver for Expander {
    fn traits(&self) -> Traits {
        let warnings = self.warnings.clone();
        let outlives_head = if warnings.is_empty() { Some(true) } else { None };
        Traits { outlives_head, warnings, ..Traits::new("cluster-hat") }
    }

    fn check(&self, outlet: u32) -> Result<(), String> {
        within(outlet, 4)
    }

    fn read(&mut self, outlet: u32) -> Result<State, PowerError> {
        let bit = self.bit(outlet)?;
        Ok((self.get(IN)? & bit != 0).into())
    }

    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        let bit = self.bit(outlet)?;
        let _held = self.hold()?;
        let mut now = self.get(OUT)?;
        for _ in 0..TRIES {
            if (now & bit != 0) == on {
                return Ok(());
            }
            self.set(OUT, if on { now | bit } else { now & !bit })?;
            now = self.get(OUT)?;
        }
        if (now & bit != 0) == on {
            return Ok(());
        }
        let said = format!(
            "the chip does not keep what is written for outlet {outlet}; is another \
             program, such as clusterctrl, switching it?"
        );
        Err(PowerError::refused("cluster-hat", said))
    }
}

#[cfg(test)]
#[path = "expander_tests.rs"]
mod tests;
