//! Meters and alarms of the hardware monitoring framework.
//!
//! Its directories are numbered anew with every start: only the names in them count.

use std::path::{Path, PathBuf};

use super::{entries, number, text};

/// The most a board can draw, in microwatts; above, a meter is broken or not calibrated.
const MICROWATTS_MAX: u64 = 1_000_000_000;
/// Meters of Texas Instruments that sit in supply lines: INA219, INA226, INA260 and so on.
const METERS: &str = "ina2";

/// Whether the supply of a Raspberry Pi is too weak, or was within the last two seconds.
pub(crate) fn under_voltage(root: &Path) -> Option<bool> {
    let alarm = named(root, |name| name == "rpi_volt")
        .into_iter()
        .find_map(|dir| number::<u8>(&dir.join("in0_lcrit_alarm")));
    alarm.filter(|alarm| *alarm <= 1).map(|alarm| alarm == 1)
}

/// What a meter in the supply line measures, in milliwatts. With several, nobody knows which one
/// is the board's own, and none is believed.
pub(crate) fn meter_milliwatts(root: &Path) -> Option<u32> {
    let readings: Vec<u32> = named(root, |name| name.starts_with(METERS))
        .iter()
        .filter_map(|dir| {
            let power = |file| number::<u64>(&dir.join(file));
            // Averages come from meters that sum up between readings: they miss no peak.
            let microwatts = power("power1_average").or_else(|| power("power1_input"))?;
            (microwatts <= MICROWATTS_MAX).then_some((microwatts / 1000) as u32)
        })
        .collect();
    match readings[..] {
        [reading] => Some(reading),
        _ => None,
    }
}

fn named(root: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut dirs = entries(&root.join("sys/class/hwmon"), "hwmon", "");
    dirs.retain(|dir| text(&dir.join("name")).is_some_and(|name| is_wanted(&name)));
    dirs
}
