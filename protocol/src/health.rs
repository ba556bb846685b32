//! What is wrong with a board, in words that pages, commands and rules share.
//!
//! Findings are names, not texts: each place that shows one has its own sentence for it. What a
//! board cannot tell is never found to be wrong.

use serde::{Deserialize, Serialize};

use crate::board::{BoardStatus, Disk, ShareState};

/// A clock before this is certainly not set: the beginning of 2026, before which there was no
/// bramble. In milliseconds since 1970.
pub const CLOCK_MS_MIN: u64 = 1_767_225_600_000;
/// Less than this part of a disk is nearly nothing, in thousandths,
const DISK_PERMILLE_MIN: u64 = 50;
/// unless it is still more than this, in bytes.
const DISK_BYTES_ENOUGH: u64 = 4 << 30;
/// From here on a disk is worn, in percent of its estimated life.
const LIFE_PERCENT_WORN: u8 = 90;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Work goes on, but somebody should look at it.
    Warning,
    /// Work fails or is much slower because of it.
    Problem,
}

/// Something that somebody should know of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// Its supply is too weak at this moment.
    WeakSupplyNow,
    /// Its supply was too weak at some time since it started.
    WeakSupplyEarlier,
    /// It is so hot that its clock is held down.
    SlowedByHeat,
    /// It was so hot at some time since it started.
    SlowedByHeatEarlier,
    /// It is warm enough for the first, mild step.
    SoftLimit,
    /// Its disk has hardly any room left.
    DiskNearlyFull,
    /// Nothing can be written to its disk.
    DiskReadOnly,
    /// Its disk is near the end of its life.
    DiskWorn,
    /// Its clock is not set.
    ClockNotSet,
    /// The share is not mounted.
    ShareNotMounted,
    /// The share does not answer, and objects come over HTTP.
    ShareSilent,
    /// Its kernel does not measure for how long work waits.
    PressureOff,
}

impl Finding {
    /// All there are, the gravest first.
    pub const ALL: [Self; 12] = [
        Self::WeakSupplyNow,
        Self::DiskReadOnly,
        Self::ShareNotMounted,
        Self::ShareSilent,
        Self::SlowedByHeat,
        Self::DiskNearlyFull,
        Self::ClockNotSet,
        Self::WeakSupplyEarlier,
        Self::DiskWorn,
        Self::SlowedByHeatEarlier,
        Self::SoftLimit,
        Self::PressureOff,
    ];

    /// Its name for programs, texts in several languages and links. Never changes.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::WeakSupplyNow => "weak-supply-now",
            Self::WeakSupplyEarlier => "weak-supply-earlier",
            Self::SlowedByHeat => "slowed-by-heat",
            Self::SlowedByHeatEarlier => "slowed-by-heat-earlier",
            Self::SoftLimit => "soft-limit",
            Self::DiskNearlyFull => "disk-nearly-full",
            Self::DiskReadOnly => "disk-read-only",
            Self::DiskWorn => "disk-worn",
            Self::ClockNotSet => "clock-not-set",
            Self::ShareNotMounted => "share-not-mounted",
            Self::ShareSilent => "share-silent",
            Self::PressureOff => "pressure-off",
        }
    }

    /// How much it matters.
    pub const fn severity(self) -> Severity {
        match self {
            Self::WeakSupplyNow | Self::DiskReadOnly | Self::ShareNotMounted => Severity::Problem,
            Self::ShareSilent
            | Self::SlowedByHeat
            | Self::DiskNearlyFull
            | Self::ClockNotSet
            | Self::WeakSupplyEarlier
            | Self::DiskWorn => Severity::Warning,
            Self::SlowedByHeatEarlier | Self::SoftLimit | Self::PressureOff => Severity::Note,
        }
    }

    fn is_in(self, board: &BoardStatus) -> bool {
        let (now, since_boot) = (&board.restraints, &board.restraints_since_boot);
        let yes = |restraint: Option<bool>| restraint == Some(true);
        // A weak supply holds the clock down too, and says so by the same bits.
        let is_weak = yes(now.under_voltage);
        let was_weak = yes(since_boot.under_voltage);
        let is_slowed = (yes(now.throttled) || yes(now.frequency_capped)) && !is_weak;
        match self {
            Self::WeakSupplyNow => is_weak,
            Self::WeakSupplyEarlier => was_weak && !is_weak,
            Self::SlowedByHeat => is_slowed,
            Self::SlowedByHeatEarlier => {
                let was_slowed = yes(since_boot.throttled) || yes(since_boot.frequency_capped);
                was_slowed && !was_weak && !is_weak && !is_slowed
            }
            Self::SoftLimit => yes(now.soft_limit) && !is_slowed,
            Self::DiskNearlyFull => board.disk.as_ref().is_some_and(is_nearly_full),
            Self::DiskReadOnly => board.disk.as_ref().is_some_and(|disk| yes(disk.read_only)),
            Self::DiskWorn => board.disk.as_ref().is_some_and(is_worn),
            Self::ClockNotSet => {
                board.clock_synchronised == Some(false)
                    || board.time_ms.is_some_and(|time_ms| time_ms < CLOCK_MS_MIN)
            }
            Self::ShareNotMounted => {
                board.share.as_ref().is_some_and(|share| share.state == ShareState::Missing)
            }
            Self::ShareSilent => board.share.as_ref().is_some_and(|share| yes(share.silent)),
            // Without a kernel's name nothing was read at all.
            Self::PressureOff => board.pressure.is_none() && board.identity.kernel.is_some(),
        }
    }
}

/// What is wrong with a board, the gravest first.
pub fn findings(board: &BoardStatus) -> Vec<Finding> {
    Finding::ALL.into_iter().filter(|finding| finding.is_in(board)).collect()
}

fn is_nearly_full(disk: &Disk) -> bool {
    let scarce = |total: Option<u64>, available: Option<u64>, enough: u64| match (total, available)
    {
        (Some(total), Some(available)) if total > 0 => {
            let part = u128::from(available) * 1000 / u128::from(total);
            part < u128::from(DISK_PERMILLE_MIN) && available < enough
        }
        _ => false,
    };
    scarce(disk.bytes_total, disk.bytes_available, DISK_BYTES_ENOUGH)
        || scarce(disk.files_total, disk.files_available, u64::MAX)
}

fn is_worn(disk: &Disk) -> bool {
    disk.wear.is_some_and(|wear| {
        wear.reserve_low == Some(true)
            || wear.life_used_percent.is_some_and(|percent| percent >= LIFE_PERCENT_WORN)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::board::{BoardIdentity, Pressure, Restraints, Share, Wear};

    fn with_restraints(now: Restraints, since_boot: Restraints) -> Vec<Finding> {
        let board = BoardStatus {
            restraints: now,
            restraints_since_boot: since_boot,
            ..BoardStatus::default()
        };
        findings(&board)
    }

    fn with_disk(disk: Disk) -> Vec<Finding> {
        findings(&BoardStatus { disk: Some(disk), ..BoardStatus::default() })
    }

    const NO: Restraints = Restraints {
        under_voltage: Some(false),
        frequency_capped: Some(false),
        throttled: Some(false),
        soft_limit: Some(false),
    };

    #[test]
    fn a_board_that_tells_nothing_has_nothing_wrong() {
        assert_eq!(findings(&BoardStatus::default()), []);
        assert_eq!(with_restraints(NO, NO), []);
    }

    #[test]
    fn a_weak_supply_explains_a_low_clock() {
        let weak = Restraints { under_voltage: Some(true), throttled: Some(true), ..NO };
        assert_eq!(with_restraints(weak, weak), [Finding::WeakSupplyNow]);
        assert_eq!(with_restraints(NO, weak), [Finding::WeakSupplyEarlier]);
    }

    #[test]
    fn without_a_weak_supply_a_low_clock_is_heat() {
        let unknown = Restraints::default();
        let hot = Restraints { throttled: Some(true), soft_limit: Some(true), ..unknown };
        assert_eq!(with_restraints(hot, hot), [Finding::SlowedByHeat]);
        assert_eq!(with_restraints(unknown, hot), [Finding::SlowedByHeatEarlier]);
        let warm = Restraints { soft_limit: Some(true), ..NO };
        assert_eq!(with_restraints(warm, NO), [Finding::SoftLimit]);
        let capped = Restraints { frequency_capped: Some(true), ..NO };
        assert_eq!(with_restraints(capped, capped), [Finding::SlowedByHeat]);
    }

    #[test]
    fn a_disk_is_full_by_its_bytes_or_its_files() {
        let room = |total: u64, available: u64| Disk {
            bytes_total: Some(total),
            bytes_available: Some(available),
            ..Disk::default()
        };
        assert_eq!(with_disk(room(32 << 30, 1 << 30)), [Finding::DiskNearlyFull]);
        assert_eq!(with_disk(room(32 << 30, 2 << 30)), []);
        assert_eq!(with_disk(room(1 << 40, 8 << 30)), [], "8 GiB are enough on any disk");
        assert_eq!(with_disk(room(0, 0)), [], "no size is no reading");
        let files =
            Disk { files_total: Some(1000), files_available: Some(10), ..room(1 << 40, 1 << 39) };
        assert_eq!(with_disk(files), [Finding::DiskNearlyFull]);
    }

    #[test]
    fn a_disk_that_is_worn_or_closed_is_told() {
        assert_eq!(
            with_disk(Disk { read_only: Some(true), ..Disk::default() }),
            [Finding::DiskReadOnly]
        );
        let wear = |life_used_percent, reserve_low| Disk {
            wear: Some(Wear { life_used_percent, reserve_low }),
            ..Disk::default()
        };
        assert_eq!(with_disk(wear(Some(80), Some(false))), []);
        assert_eq!(with_disk(wear(Some(90), None)), [Finding::DiskWorn]);
        assert_eq!(with_disk(wear(None, Some(true))), [Finding::DiskWorn]);
    }

    #[test]
    fn a_clock_is_not_set_when_the_kernel_says_so_or_it_is_before_our_time() {
        let clock = |synchronised, time_ms| {
            findings(&BoardStatus {
                clock_synchronised: synchronised,
                time_ms,
                ..BoardStatus::default()
            })
        };
        assert_eq!(clock(Some(false), Some(CLOCK_MS_MIN)), [Finding::ClockNotSet]);
        assert_eq!(clock(None, Some(0)), [Finding::ClockNotSet]);
        assert_eq!(clock(None, Some(CLOCK_MS_MIN)), []);
        assert_eq!(clock(Some(true), None), []);
    }

    #[test]
    fn a_share_is_missed_only_when_it_is_neither_mounted_nor_to_be() {
        let share = |state| {
            let share = Share { state, filesystem: None, read_only: None, silent: None };
            findings(&BoardStatus { share: Some(share), ..BoardStatus::default() })
        };
        assert_eq!(share(ShareState::Missing), [Finding::ShareNotMounted]);
        assert_eq!(share(ShareState::OnDemand), []);
        assert_eq!(share(ShareState::Mounted), []);
    }

    #[test]
    fn a_share_that_does_not_answer_is_told_and_work_goes_on() {
        let share = |silent| {
            let state = ShareState::Mounted;
            let share = Share { state, filesystem: None, read_only: Some(true), silent };
            findings(&BoardStatus { share: Some(share), ..BoardStatus::default() })
        };
        assert_eq!(share(Some(true)), [Finding::ShareSilent]);
        assert_eq!(share(Some(false)), []);
        assert_eq!(share(None), []);
        assert!(Finding::ShareSilent.severity() < Severity::Problem);
    }

    #[test]
    fn pressure_is_off_only_where_a_kernel_was_seen() {
        let identity = BoardIdentity { kernel: Some("6.6.31".into()), ..BoardIdentity::default() };
        let mut board = BoardStatus { identity, ..BoardStatus::default() };
        assert_eq!(findings(&board), [Finding::PressureOff]);
        board.pressure = Some(Pressure::default());
        assert_eq!(findings(&board), []);
    }

    #[test]
    fn slugs_are_the_names_on_the_wire_and_the_gravest_come_first() {
        let slugs: BTreeSet<&str> = Finding::ALL.iter().map(|finding| finding.slug()).collect();
        assert_eq!(slugs.len(), Finding::ALL.len());
        for finding in Finding::ALL {
            let written = serde_json::to_string(&finding).unwrap();
            assert_eq!(written, format!("\"{}\"", finding.slug()));
        }
        assert!(Finding::ALL.is_sorted_by(|a, b| a.severity() >= b.severity()));
    }
}
