//! Nodes that are hot, slowed down or short of voltage: they are spared until they have been well
//! for a while, so that a node at a limit does not swing to and fro.

use bramble_protocol::ease::{Ease, EaseLevel, EaseReason};
use bramble_protocol::{NodeId, NodeStatus};

use super::Scheduler;
use super::event::Timestamp;

/// From here on a board is given less: below the 80 °C at which a Raspberry Pi begins to lower its
/// clock (frequency-management in its documentation). In thousandths of a degree.
const LESS_AT: i32 = 77_000;
/// From here on it is given nothing: 85 °C is where the firmware stops it hard.
const REST_AT: i32 = 84_000;
/// How much cooler it must be before it counts as cooler.
const COOLER_BY: i32 = 7_000;
/// For how long it must have been well, in milliseconds. The firmware's own bits take about three
/// seconds to fall back.
const WELL_MS: u64 = 20_000;

/// How a node is spared, and since when it need not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Care {
    pub(crate) ease: Option<Ease>,
    well_since: Option<Timestamp>,
}

impl Care {
    /// What follows from what a node tells of itself.
    pub(crate) fn after(self, status: &NodeStatus, now: Timestamp) -> Self {
        let wanted = wanted(status);
        let Some(ease) = self.ease else { return Self::begin(wanted, now) };
        if let Some((level, reason)) = wanted.filter(|(level, _)| *level >= ease.level) {
            let since_ms =
                if (level, reason) == (ease.level, ease.reason) { ease.since_ms } else { now.0 };
            return Self { ease: Some(Ease { level, reason, since_ms }), well_since: None };
        }
        if !is_well(status, ease.level) {
            return Self { well_since: None, ..self };
        }
        let since = self.well_since.unwrap_or(now);
        if now.ms_since(since) < WELL_MS {
            return Self { well_since: Some(since), ..self };
        }
        // Not from rest to full work at once.
        let next =
            wanted.or((ease.level == EaseLevel::Rest).then_some((EaseLevel::Less, ease.reason)));
        Self::begin(next, now)
    }

    fn begin(wanted: Option<(EaseLevel, EaseReason)>, now: Timestamp) -> Self {
        let ease = wanted.map(|(level, reason)| Ease { level, reason, since_ms: now.0 });
        Self { ease, well_since: None }
    }

    /// How many of a node's slots are used.
    pub(crate) fn slots(&self, slots: u32) -> u32 {
        self.ease.map_or(slots, |ease| ease.level.slots(slots))
    }

    pub(crate) fn rests(&self) -> bool {
        self.ease.is_some_and(|ease| ease.level == EaseLevel::Rest)
    }
}

/// How far a node is from being given less, in coarse steps, so that cool nodes come first and
/// little is sorted anew: 0 up to 60 °C, 1 up to [`LESS_AT`], 2 from there on, and 3 for those
/// that are spared.
pub(crate) fn warmth(status: &NodeStatus, care: &Care) -> u8 {
    if care.ease.is_some() {
        return 3;
    }
    match status.temperature_millicelsius {
        Some(LESS_AT..) => 2,
        Some(60_000..) => 1,
        _ => 0,
    }
}

fn wanted(status: &NodeStatus) -> Option<(EaseLevel, EaseReason)> {
    let celsius = status.temperature_millicelsius.unwrap_or(i32::MIN);
    let now = status.board.as_ref().map(|board| board.restraints).unwrap_or_default();
    let is = |restraint: Option<bool>| restraint == Some(true);
    if celsius >= REST_AT {
        Some((EaseLevel::Rest, EaseReason::Hot))
    } else if is(now.under_voltage) {
        // Before the others: it also sets their bits.
        Some((EaseLevel::Less, EaseReason::WeakSupply))
    } else if is(now.throttled) || is(now.frequency_capped) {
        Some((EaseLevel::Less, EaseReason::SlowedByHeat))
    } else {
        (celsius >= LESS_AT).then_some((EaseLevel::Less, EaseReason::Hot))
    }
}

/// Whether a node that is spared so much could be spared less.
fn is_well(status: &NodeStatus, level: EaseLevel) -> bool {
    let limit = match level {
        EaseLevel::Rest => REST_AT,
        EaseLevel::Less => LESS_AT,
    };
    let is_cool = status.temperature_millicelsius.is_none_or(|it| it <= limit - COOLER_BY);
    is_cool && (level == EaseLevel::Rest || wanted(status).is_none())
}

impl Scheduler {
    /// Takes what a node tells of itself.
    pub(super) fn on_status(&mut self, id: NodeId, status: NodeStatus) {
        let now = self.now;
        let (before, after) = self.cluster.update(id, |node| {
            let before = node.care;
            let running = node.leased().min(node.slots);
            node.meter.pass(&status, now, running, node.slots);
            node.care = node.care.after(&status, now);
            node.status = status;
            (before, node.care)
        });
        let level = |care: Care| care.ease.map(|ease| ease.level);
        if level(after) < level(before) {
            self.step.hungry.insert(id);
            self.step.more_ready = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::board::{BoardStatus, Restraints};
    use proptest::prelude::*;

    use super::*;

    fn status(celsius: i32, restraints: Restraints) -> NodeStatus {
        let board = BoardStatus { restraints, ..BoardStatus::default() };
        NodeStatus {
            temperature_millicelsius: Some(celsius * 1000),
            board: Some(Box::new(board)),
            ..NodeStatus::default()
        }
    }

    fn at(celsius: i32) -> NodeStatus {
        status(celsius, Restraints::default())
    }

    fn level(care: Care) -> Option<(EaseLevel, EaseReason)> {
        care.ease.map(|ease| (ease.level, ease.reason))
    }

    #[test]
    fn a_hot_board_rests_until_it_has_been_cooler_for_a_while_and_then_begins_with_less() {
        let care = Care::default().after(&at(79), Timestamp(0));
        assert_eq!(level(care), Some((EaseLevel::Less, EaseReason::Hot)));
        let care = care.after(&at(86), Timestamp(1_000));
        assert_eq!(level(care), Some((EaseLevel::Rest, EaseReason::Hot)));
        // Not cooler by enough.
        let care = care.after(&at(80), Timestamp(100_000));
        assert!(care.rests());
        let care = care.after(&at(76), Timestamp(101_000));
        // Hot once more: the while begins again.
        let care = care.after(&at(78), Timestamp(110_000)).after(&at(76), Timestamp(111_000));
        assert!(care.after(&at(76), Timestamp(130_999)).rests());
        let care = care.after(&at(76), Timestamp(131_000));
        assert_eq!(level(care), Some((EaseLevel::Less, EaseReason::Hot)));
        let care = care.after(&at(60), Timestamp(140_000)).after(&at(60), Timestamp(160_000));
        assert_eq!(level(care), None);
    }

    #[test]
    fn a_weak_supply_is_told_before_the_heat_that_its_bits_look_like() {
        let weak = Restraints {
            under_voltage: Some(true),
            throttled: Some(true),
            ..Restraints::default()
        };
        let care = Care::default().after(&status(50, weak), Timestamp(0));
        assert_eq!(level(care), Some((EaseLevel::Less, EaseReason::WeakSupply)));
        assert_eq!((care.slots(4), care.slots(1)), (2, 1));
    }

    #[test]
    fn a_board_without_sensors_is_never_spared() {
        assert_eq!(Care::default().after(&NodeStatus::default(), Timestamp(9)), Care::default());
    }

    proptest! {
        #[test]
        fn however_it_swings_a_board_is_relieved_at_most_once_in_twenty_seconds(
            temperatures in prop::collection::vec(40..95_i32, 1..300),
        ) {
            let mut care = Care::default();
            let mut relieved_at = None;
            for (second, celsius) in temperatures.into_iter().enumerate() {
                let now = Timestamp(second as u64 * 1_000);
                let next = care.after(&at(celsius), now);
                let level = |care: Care| care.ease.map(|ease| ease.level);
                if level(next) < level(care) {
                    let since = relieved_at.map_or(u64::MAX, |at| now.ms_since(at));
                    prop_assert!(since >= WELL_MS, "{since} ms after the last time");
                    relieved_at = Some(now);
                }
                // What is hot now is spared now.
                prop_assert!(celsius < 84 || next.rests());
                prop_assert!(celsius < 77 || next.ease.is_some());
                care = next;
            }
        }
    }
}
