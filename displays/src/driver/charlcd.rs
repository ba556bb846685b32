//! `/dev/lcd`: character displays that the kernel drives.
//!
//! The kernel passes characters on as they are; its escape sequences are those of `charlcd.c`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Driver, Moment, TEXT_PACE, open_device};
use crate::error::{DisplayError, Hints};
use crate::lines::Style;
use crate::shown::Shown;

const HINTS: Hints = Hints {
    missing: "load its driver with `dtoverlay=hd44780-i2c-lcd` in config.txt",
    forbidden: "it needs the udev rule in docs/displays.md, which gives it to the group `bramble`",
    taken: "another program has it, such as LCDd",
};
/// Clears it, and takes away the cursor and its blinking.
const BEGIN: &[u8] = b"\x1b[2J\x1b[Lc\x1b[Lb";
const BACKLIGHT_ON: &[u8] = b"\x1b[L+";
const BACKLIGHT_OFF: &[u8] = b"\x1b[L-";

/// A display.
#[derive(Debug)]
pub(crate) struct CharLcd {
    device: File,
    path: PathBuf,
    style: Style,
    lines: Vec<Vec<u8>>,
}

impl CharLcd {
    /// The display behind a file, which is `dev/lcd` nearly everywhere.
    pub(crate) fn open(
        path: &Path,
        style: Style,
        has_backlight: bool,
    ) -> Result<Self, DisplayError> {
        let device = open_device(path).map_err(DisplayError::open(path, HINTS))?;
        let mut display = Self { device, path: path.to_owned(), style, lines: Vec::new() };
        let backlight = if has_backlight { BACKLIGHT_ON } else { BACKLIGHT_OFF };
        display.send(&[BEGIN, backlight].concat())?;
        Ok(display)
    }

    fn write(&mut self, lines: Vec<Vec<u8>>) -> Result<(), DisplayError> {
        let mut bytes = Vec::new();
        for (row, line) in lines.iter().enumerate() {
            if self.lines.get(row) != Some(line) {
                bytes.extend(format!("\x1b[Lx0y{row};").bytes());
                bytes.extend(line);
            }
        }
        if !bytes.is_empty() {
            self.send(&bytes)?;
        }
        self.lines = lines;
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), DisplayError> {
        let sent = self.device.write_all(bytes);
        sent.map_err(DisplayError::send(&self.path, "perhaps its driver is gone"))
    }
}

impl Driver for CharLcd {
    fn pace(&self) -> Duration {
        TEXT_PACE
    }

    fn show(&mut self, shown: &Shown, moment: Moment) -> Result<(), DisplayError> {
        self.write(self.style.lines(shown, moment.page()))
    }

    fn off(&mut self) -> Result<(), DisplayError> {
        self.write(self.style.farewell())?;
        self.send(BACKLIGHT_OFF)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    use super::*;
    use crate::letters::Letters;
    use crate::lines::Size;
    use crate::words::Language;

    const STYLE: Style =
        Style { size: Size::SMALL, letters: Letters::A00, language: Language::English };

    fn shown(address: &str) -> Shown {
        Shown { addresses: vec![address.into()], ..Shown::default() }
    }

    #[test]
    fn a_file_gets_each_row_after_its_place_and_only_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lcd");
        fs::write(&path, "").unwrap();
        let mut lcd = CharLcd::open(&path, STYLE, true).unwrap();
        lcd.show(&shown("10.0.0.1"), Moment::default()).unwrap();
        lcd.show(&shown("10.0.0.1"), Moment::default()).unwrap();
        lcd.show(&shown("bramble.local"), Moment::default()).unwrap();
        lcd.off().unwrap();
        let expected = "\x1b[2J\x1b[Lc\x1b[Lb\x1b[L+\
                        \x1b[Lx0y0;10.0.0.1        \x1b[Lx0y1;no nodes yet    \
                        \x1b[Lx0y0;bramble.local   \
                        \x1b[Lx0y0;bramble is off  \x1b[Lx0y1;                \x1b[L-";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }

    #[test]
    fn a_device_takes_the_same_and_a_full_one_is_an_error_and_no_wait() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        // As a display: nothing is made of what goes through.
        let raw = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut attributes = tcgetattr(&raw).unwrap();
        attributes.make_raw();
        tcsetattr(&raw, OptionalActions::Now, &attributes).unwrap();
        let mut lcd = CharLcd::open(&path, STYLE, false).unwrap();
        lcd.show(&shown("10.0.0.1"), Moment::default()).unwrap();
        let mut expected = b"\x1b[2J\x1b[Lc\x1b[Lb\x1b[L-".to_vec();
        expected.extend(b"\x1b[Lx0y0;10.0.0.1        \x1b[Lx0y1;no nodes yet    ");
        let mut got = vec![0; expected.len()];
        let mut master = File::from(master);
        master.read_exact(&mut got).unwrap();
        assert_eq!(got, expected);
        let full = (0..10_000u32)
            .find_map(|count| lcd.show(&shown(&count.to_string()), Moment::default()).err());
        assert!(matches!(full, Some(DisplayError::Send { .. })), "nobody reads: {full:?}");
    }

    #[test]
    fn without_a_display_no_file_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lcd");
        let error = CharLcd::open(&path, STYLE, true).unwrap_err().to_string();
        assert!(
            error.ends_with("lcd; load its driver with `dtoverlay=hd44780-i2c-lcd` in config.txt")
        );
        assert!(!path.exists());
    }
}
