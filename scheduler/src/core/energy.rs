//! What nodes draw, over time and for each attempt, as far as their boards can say it.

use bramble_protocol::api::EnergyView;
use bramble_protocol::board::{Power, PowerSource};
use bramble_protocol::{NodeStatus, Usage};

use super::event::Timestamp;
use super::node::Node;

/// The longest time over which what was drawn at its end is taken for all of it, in milliseconds:
/// a few heartbeats. What was drawn in a longer silence is not known.
const GAP_MS_MAX: u64 = 15_000;

/// What a node has drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meter {
    /// In millionths of a joule.
    all_uj: u64,
    measured_uj: u64,
    read_at: Option<Timestamp>,
    /// Attempts that ran through the whole time between the last two statuses, at most: what is
    /// drawn for them is part of what the last one tells.
    steady: u32,
    /// Those that ran when the last one came.
    running: u32,
    /// What it drew lately with all slots at work, in thousandths of a watt.
    full_milliwatts: Option<u32>,
}

impl Meter {
    /// Counts the time since the last status at the power that this one tells, where so many
    /// attempts run now on `slots`.
    pub(crate) fn pass(&mut self, status: &NodeStatus, now: Timestamp, running: u32, slots: u32) {
        let before = self.read_at.replace(now);
        self.steady = running.min(std::mem::replace(&mut self.running, running));
        if let Some(power) = power(status).filter(|_| slots > 0 && self.steady >= slots) {
            let full = self.full_milliwatts.unwrap_or(power.milliwatts);
            // Mostly what it was: a single reading says little.
            let sum = u64::from(full) * 7 + u64::from(power.milliwatts);
            self.full_milliwatts = Some((sum / 8) as u32);
        }
        let Some((power, before)) = power(status).zip(before) else { return };
        let ms = now.ms_since(before);
        if ms <= GAP_MS_MAX {
            let microjoules = u64::from(power.milliwatts) * ms;
            self.all_uj = self.all_uj.saturating_add(microjoules);
            if power.source == PowerSource::Measured {
                self.measured_uj = self.measured_uj.saturating_add(microjoules);
            }
        }
    }

    /// A node that was away begins anew, without the time between.
    pub(crate) fn pause(&mut self) {
        self.read_at = None;
        (self.steady, self.running) = (0, 0);
    }

    /// Attempts that what was last told counts in.
    pub(crate) fn steady(&self) -> u32 {
        self.steady
    }

    /// What it draws with all slots at work, if that was seen, in thousandths of a watt.
    pub(crate) fn full_milliwatts(&self) -> Option<u32> {
        self.full_milliwatts
    }

    pub(crate) fn view(&self) -> EnergyView {
        EnergyView {
            millijoules: self.all_uj / 1000,
            measured_millijoules: self.measured_uj / 1000,
        }
    }
}

/// What a board draws now, if it says so.
pub(crate) fn power(status: &NodeStatus) -> Option<&Power> {
    status.board.as_ref()?.power.as_ref()
}

/// What an attempt that a node reports took of what the node draws.
pub(crate) fn reckon(node: &Node, usage: &mut Usage) {
    (usage.energy_uj, usage.energy_measured_uj) = (0, 0);
    if let Some(power) = power(&node.status) {
        // Leases beyond the slots wait.
        usage.draw(power, node.leased().min(node.slots));
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::board::{BoardStatus, PowerMethod};

    use super::*;

    fn drawing(power: Option<Power>) -> NodeStatus {
        let board = BoardStatus { power, ..BoardStatus::default() };
        NodeStatus { board: Some(Box::new(board)), ..NodeStatus::default() }
    }

    #[test]
    fn power_is_summed_over_time_but_not_over_silence() {
        let (meter, model) = (PowerMethod::Meter, PowerMethod::Model);
        let mut sum = Meter::default();
        sum.pass(&drawing(Some(Power::by(meter, 5_000))), Timestamp(1_000), 0, 1);
        assert_eq!(sum.view().millijoules, 0);
        sum.pass(&drawing(Some(Power::by(meter, 5_000))), Timestamp(3_000), 0, 1);
        sum.pass(&drawing(Some(Power::by(model, 2_000))), Timestamp(4_000), 0, 1);
        assert_eq!(sum.view(), EnergyView { millijoules: 12_000, measured_millijoules: 10_000 });
        // Nobody knows what it did for a minute, nor what a board draws that does not say it.
        sum.pass(&drawing(Some(Power::by(meter, 5_000))), Timestamp(64_000), 0, 1);
        sum.pass(&drawing(None), Timestamp(65_000), 0, 1);
        assert_eq!(sum.view().millijoules, 12_000);
        sum.pause();
        sum.pass(&drawing(Some(Power::by(meter, 5_000))), Timestamp(66_000), 0, 1);
        assert_eq!(sum.view().millijoules, 12_000);
    }

    #[test]
    fn what_is_drawn_at_full_work_is_that_of_a_whole_time_of_it() {
        let reading = drawing(Some(Power::by(PowerMethod::Meter, 4_000)));
        let mut meter = Meter::default();
        meter.pass(&reading, Timestamp(1_000), 2, 2);
        assert_eq!((meter.steady(), meter.full_milliwatts()), (0, None));
        meter.pass(&reading, Timestamp(2_000), 3, 2);
        assert_eq!((meter.steady(), meter.full_milliwatts()), (2, Some(4_000)));
        meter.pass(&drawing(Some(Power::by(PowerMethod::Meter, 4_800))), Timestamp(3_000), 3, 2);
        assert_eq!((meter.steady(), meter.full_milliwatts()), (3, Some(4_100)));
        meter.pause();
        assert_eq!((meter.steady(), meter.full_milliwatts()), (0, Some(4_100)));
    }

    #[test]
    fn attempts_at_the_same_time_share_what_their_node_draws() {
        let mut usage = Usage { wall_us: 2_000_000, ..Usage::default() };
        usage.draw(&Power::by(PowerMethod::Pmic, 6_000), 3);
        assert_eq!((usage.energy_uj, usage.energy_measured_uj), (4_000_000, 4_000_000));
        usage.draw(&Power::by(PowerMethod::Model, 6_000), 0);
        assert_eq!((usage.energy_uj, usage.energy_measured_uj), (12_000_000, 0));
    }
}
