//! What holds the processors back, from whichever sources a board has.

use std::path::Path;

use bramble_protocol::board::Restraints;

use super::{entries, gencmd, hwmon, number, text};

/// What holds them back now, and what has since the board started.
///
/// `word` is the firmware's answer, which may be some seconds old. `has_detector` is whether this
/// type of board notices a weak supply: one that does not says that all is well.
pub(crate) fn read(
    root: &Path,
    word: Option<u32>,
    has_detector: Option<bool>,
) -> (Restraints, Restraints) {
    let (mut now, mut since_boot) = word.map(gencmd::restraints).unwrap_or_default();
    // Two seconds old at most, while the bit of the firmware fades within three.
    now.under_voltage = hwmon::under_voltage(root).or(now.under_voltage);
    now.throttled = now.throttled.or_else(|| slowed_by_kernel(root));
    now.under_voltage = believed(now.under_voltage, has_detector);
    since_boot.under_voltage = believed(since_boot.under_voltage, has_detector);
    (now, since_boot)
}

/// Of a board of which it is not known whether it would notice, only an alarm is believed.
fn believed(under_voltage: Option<bool>, has_detector: Option<bool>) -> Option<bool> {
    match has_detector {
        Some(true) => under_voltage,
        Some(false) => None,
        None => under_voltage.filter(|alarm| *alarm),
    }
}

/// Where no firmware does it unasked, the kernel slows processors down as "cooling devices".
fn slowed_by_kernel(root: &Path) -> Option<bool> {
    let states = entries(&root.join("sys/class/thermal"), "cooling_device", "")
        .into_iter()
        .filter(|dir| text(&dir.join("type")).is_some_and(|kind| is_processor(&kind)))
        .filter_map(|dir| number::<u32>(&dir.join("cur_state")));
    states.map(|state| state > 0).reduce(|any, this| any || this)
}

/// `cpufreq-cpu0` or `thermal-cpufreq-0` on boards, `Processor` on PCs. Fans cool as well, but
/// slow nothing down.
fn is_processor(kind: &str) -> bool {
    kind.contains("cpufreq") || kind == "Processor"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_without_a_detector_never_says_that_its_supply_is_good() {
        let nowhere = Path::new("/nonexistent");
        let (now, since_boot) = read(nowhere, Some(0), Some(false));
        assert_eq!((now.under_voltage, since_boot.under_voltage), (None, None));
        assert_eq!(now.throttled, Some(false));
        let (now, _) = read(nowhere, Some(0), Some(true));
        assert_eq!(now.under_voltage, Some(false));
    }

    #[test]
    fn of_an_unknown_board_only_an_alarm_is_believed() {
        let nowhere = Path::new("/nonexistent");
        let (now, since_boot) = read(nowhere, Some(0x1_0000), None);
        assert_eq!((now.under_voltage, since_boot.under_voltage), (None, Some(true)));
    }
}
