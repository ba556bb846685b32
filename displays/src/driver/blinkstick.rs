//! BlinkStick: lights of any colour on USB.
//!
//! They take feature reports of the class HID, which `/dev/hidraw*` passes on: no library for USB
//! is needed. Reports as in the libraries of their maker, blinkstick-python and blinkstick-node.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::ioctl::{Opcode, Updater, opcode};

use super::{Driver, LIGHT_PACE, Moment, open_device, text};
use crate::error::{DisplayError, Hints};
use crate::light::{Colour, Light};
use crate::shown::Shown;

/// Vendor and product, as the kernel writes them.
const HID_ID: &str = "000020A0:000041E5";
/// The most devices that are looked at.
const DEVICES_MAX: usize = 256;
/// Report of the first light: red, green, blue.
const ONE_LIGHT: u8 = 1;
/// Reports of several lights, with how many each is for: channel, then green, red, blue of each.
const MANY_LIGHTS: [(u8, usize); 4] = [(6, 8), (7, 16), (8, 32), (9, 64)];
/// The lights of a BlinkStick Square, Strip, Nano or Flex hang on this one.
const CHANNEL: u8 = 0;

const HINTS: Hints = Hints {
    missing: "it was unplugged just now",
    forbidden: "it needs the udev rule in docs/displays.md, which gives it to the group `bramble`",
    taken: "another program has it",
};

/// Takes feature reports, the number of the report first.
pub(crate) trait Features: Debug + Send {
    fn send(&mut self, report: &[u8]) -> io::Result<()>;
}

/// A BlinkStick.
#[derive(Debug)]
pub(crate) struct BlinkStick<F = Hidraw> {
    device: F,
    path: PathBuf,
    lights: usize,
    percent: u8,
    last: Option<Colour>,
}

impl BlinkStick {
    /// The first one, or the one with this serial number. All of its `lights` show the same, with
    /// so much of their brightness.
    pub(crate) fn open(
        root: &Path,
        serial: Option<&str>,
        lights: usize,
        percent: u8,
    ) -> Result<Self, DisplayError> {
        let path = find(root, serial)?;
        let device = open_device(&path).map_err(DisplayError::open(&path, HINTS))?;
        Ok(Self::new(Hidraw(device), path, lights, percent))
    }
}

impl<F: Features> BlinkStick<F> {
    fn new(device: F, path: PathBuf, lights: usize, percent: u8) -> Self {
        Self { device, path, lights, percent, last: None }
    }

    fn light(&mut self, colour: Colour) -> Result<(), DisplayError> {
        let colour = colour.dimmed_to(self.percent);
        if self.last == Some(colour) {
            return Ok(());
        }
        let sent = self.device.send(&report(colour, self.lights));
        sent.map_err(DisplayError::send(&self.path, "perhaps it was unplugged"))?;
        self.last = Some(colour);
        Ok(())
    }
}

impl<F: Features> Driver for BlinkStick<F> {
    fn pace(&self) -> Duration {
        LIGHT_PACE
    }

    fn show(&mut self, shown: &Shown, moment: Moment) -> Result<(), DisplayError> {
        self.light(Light::of(shown).at(moment.step()))
    }

    fn off(&mut self) -> Result<(), DisplayError> {
        self.light(Colour::BLACK)
    }
}

/// The report that gives this colour to so many lights; lights beyond them are dark.
fn report(colour: Colour, lights: usize) -> Vec<u8> {
    let Colour { red, green, blue } = colour;
    let wide_enough = |(_, room): &&(u8, usize)| *room >= lights;
    let widest = MANY_LIGHTS[MANY_LIGHTS.len() - 1];
    let (id, room) = *MANY_LIGHTS.iter().find(wide_enough).unwrap_or(&widest);
    if lights <= 1 {
        return vec![ONE_LIGHT, red, green, blue];
    }
    let mut report = vec![id, CHANNEL];
    report.extend([green, red, blue].repeat(lights.min(room)));
    report.resize(2 + 3 * room, 0);
    report
}

/// The device file of a BlinkStick.
fn find(root: &Path, serial: Option<&str>) -> Result<PathBuf, DisplayError> {
    let listed = fs::read_dir(root.join("sys/class/hidraw"));
    let mut names: Vec<String> = listed
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| number(name).is_some())
        .take(DEVICES_MAX)
        .collect();
    names.sort_by_key(|name| number(name));
    let mut others = Vec::new();
    for name in names {
        let Ok(uevent) = text(&root.join("sys/class/hidraw").join(&name).join("device/uevent"))
        else {
            continue;
        };
        let value = |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key));
        if !value("HID_ID=").is_some_and(|id| id.to_ascii_uppercase().ends_with(HID_ID)) {
            continue;
        }
        let its_serial = value("HID_UNIQ=").unwrap_or_default();
        if serial.is_none_or(|wanted| wanted == its_serial) {
            return Ok(root.join("dev").join(name));
        }
        others.push(its_serial.to_owned());
    }
    Err(match serial {
        Some(wanted) if !others.is_empty() => DisplayError::Missing {
            what: format!("BlinkStick with the serial number {wanted}"),
            hint: format!("those that are plugged in have {}", others.join(", ")),
        },
        _ => DisplayError::Missing {
            what: "BlinkStick (USB 20a0:41e5)".into(),
            hint: "plug it in; `lsusb -d 20a0:41e5` lists it".into(),
        },
    })
}

fn number(name: &str) -> Option<u32> {
    name.strip_prefix("hidraw")?.parse().ok()
}

/// A device of the kernel's `hidraw`.
#[derive(Debug)]
pub(crate) struct Hidraw(File);

impl Features for Hidraw {
    fn send(&mut self, report: &[u8]) -> io::Result<()> {
        match report.len() {
            4 => self.send_sized::<4, { set_feature::<4>() }>(report),
            26 => self.send_sized::<26, { set_feature::<26>() }>(report),
            50 => self.send_sized::<50, { set_feature::<50>() }>(report),
            98 => self.send_sized::<98, { set_feature::<98>() }>(report),
            194 => self.send_sized::<194, { set_feature::<194>() }>(report),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

/// `HIDIOCSFEATURE(SIZE)` of the kernel's `hidraw.h`.
const fn set_feature<const SIZE: usize>() -> Opcode {
    opcode::read_write::<[u8; SIZE]>(b'H', 6)
}

impl Hidraw {
    #[expect(unsafe_code, reason = "hidraw has no other door for feature reports")]
    fn send_sized<const SIZE: usize, const OPCODE: Opcode>(
        &mut self,
        report: &[u8],
    ) -> io::Result<()> {
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(report);
        let call = |bytes| {
            // SAFETY: the opcode carries the size of the array, and no driver that takes it reads
            // or writes more; hidraw reads just that, others refuse it.
            unsafe { rustix::ioctl::ioctl(&self.0, Updater::<OPCODE, [u8; SIZE]>::new(bytes)) }
        };
        Ok(call(&mut bytes)?)
    }
}

#[cfg(test)]
mod tests;
