//! HD44780 character displays behind a PCF8574: the common backpack for I2C.
//!
//! The PCF8574 has eight pins: RS, RW, E, backlight, and the upper four data lines. The display
//! takes a half of a byte with each fall of E. Commands and times: data sheet of the HD44780U,
//! tables 6 and 13 and figure 24.

use std::time::Duration;

use super::i2c::I2c;
use super::{Driver, Moment, TEXT_PACE};
use crate::error::DisplayError;
use crate::lines::Style;
use crate::shown::Shown;

/// The register for data, rather than for commands.
const RS: u8 = 1 << 0;
const E: u8 = 1 << 2;
const BACKLIGHT: u8 = 1 << 3;

/// Four data lines, two rows (with four rows as well: the third goes on where the first ends).
const FUNCTION: u8 = 0x28;
/// Display on, without a cursor.
const DISPLAY_ON: u8 = 0x0c;
/// The cursor goes to the right, the picture stays.
const ENTRY: u8 = 0x06;
const CLEAR: u8 = 0x01;
/// Sets the place of the next character.
const PLACE: u8 = 0x80;
/// Where the second row begins.
const SECOND_ROW: u8 = 0x40;

const AFTER_POWER_ON: Duration = Duration::from_millis(50);
const AFTER_FIRST_RESET: Duration = Duration::from_millis(5);
const AFTER_RESET: Duration = Duration::from_micros(200);
const AFTER_CLEAR: Duration = Duration::from_millis(2);

/// So often everything is sent anew: a disturbance on the wires leaves the two halves of a byte
/// exchanged, or letters that nobody sent, and the display cannot be asked.
const PAGES_BETWEEN_RESETS: u64 = 75;

/// How a display is wired and written on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LcdSettings {
    pub(crate) style: Style,
    pub(crate) has_backlight: bool,
}

/// A display.
#[derive(Debug)]
pub(crate) struct Hd44780<B> {
    bus: B,
    style: Style,
    backlight: u8,
    /// What stands on it.
    lines: Vec<Vec<u8>>,
    /// In which period it was last reset.
    period: Option<u64>,
}

impl<B: I2c> Hd44780<B> {
    pub(crate) fn new(bus: B, settings: LcdSettings) -> Self {
        let backlight = if settings.has_backlight { BACKLIGHT } else { 0 };
        Self { bus, style: settings.style, backlight, lines: Vec::new(), period: None }
    }

    /// Brings it into a known state from any other, without a flicker: only what it has never
    /// shown is cleared.
    fn reset(&mut self) -> Result<(), DisplayError> {
        let is_first = self.period.is_none();
        if is_first {
            self.bus.wait(AFTER_POWER_ON);
        }
        for wait in [AFTER_FIRST_RESET, AFTER_RESET, AFTER_RESET] {
            self.half(0x30, 0)?;
            self.bus.wait(wait);
        }
        self.half(0x20, 0)?;
        self.bus.wait(AFTER_RESET);
        for command in [FUNCTION, DISPLAY_ON, ENTRY] {
            self.byte(command, 0)?;
        }
        if is_first {
            self.byte(CLEAR, 0)?;
            self.bus.wait(AFTER_CLEAR);
        }
        self.lines.clear();
        Ok(())
    }

    /// Sends of each row what is different, from the first such character to the last.
    fn write(&mut self, lines: Vec<Vec<u8>>) -> Result<(), DisplayError> {
        for (row, line) in lines.iter().enumerate() {
            let old = self.lines.get(row);
            let differs = |at: &usize| old.and_then(|old| old.get(*at)) != line.get(*at);
            let first = (0..line.len()).find(differs);
            let last = (0..line.len()).rfind(differs);
            let (Some(first), Some(last)) = (first, last) else { continue };
            self.byte(PLACE | self.place(row, first), 0)?;
            for character in &line[first..=last] {
                self.byte(*character, RS)?;
            }
        }
        self.lines = lines;
        Ok(())
    }

    /// The third and the fourth row are what follows the first and the second.
    fn place(&self, row: usize, column: usize) -> u8 {
        let start = if row % 2 == 1 { SECOND_ROW } else { 0 };
        let further = if row >= 2 { self.style.size.columns } else { 0 };
        // Checked with the configuration: at most 40 columns.
        start + (further + column) as u8
    }

    /// Each byte of the bus takes longer than the 37 µs that the display wants.
    fn byte(&mut self, byte: u8, register: u8) -> Result<(), DisplayError> {
        self.half(byte & 0xf0, register)?;
        self.half(byte << 4, register)
    }

    fn half(&mut self, bits: u8, register: u8) -> Result<(), DisplayError> {
        let pins = bits | register | self.backlight;
        // RS must stand before E rises.
        for pins in [pins, pins | E, pins] {
            self.bus.send(pins)?;
        }
        Ok(())
    }
}

impl<B: I2c> Driver for Hd44780<B> {
    fn pace(&self) -> Duration {
        TEXT_PACE
    }

    fn show(&mut self, shown: &Shown, moment: Moment) -> Result<(), DisplayError> {
        let period = moment.page() / PAGES_BETWEEN_RESETS;
        if self.period != Some(period) {
            self.reset()?;
            self.period = Some(period);
        }
        self.write(self.style.lines(shown, moment.page()))
    }

    fn off(&mut self) -> Result<(), DisplayError> {
        if self.period.is_none() {
            self.reset()?;
        }
        self.backlight = 0;
        self.write(self.style.farewell())?;
        self.bus.send(0)
    }
}

#[cfg(test)]
mod tests;
