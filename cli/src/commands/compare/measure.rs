//! What is measured of a run, and what follows from several: no input, no output.

use std::collections::BTreeMap;

use bramble_protocol::api::JobView;

/// A board's power at the wall, in watts. Of the machine this runs on nothing is assumed: a board
/// that is not listed has no estimate.
struct Board {
    /// How its model's name begins, as the device tree says it.
    model: &'static str,
    idle_w: f64,
    /// With all cores at work.
    busy_w: f64,
    cores: f64,
}

/// Longer names before those that begin alike.
///
/// Sources: Zero, Zero W, 2B, 3B: the power table of the Raspberry Pi documentation (currents at
/// 5 V); Zero 2 W: cnx-software.com, 2021; all others: geerlingguy/sbc-reviews (idle, and stress
/// or HPL, measured at the wall).
const BOARDS: [Board; 14] = [
    board("Raspberry Pi Zero 2", 0.6, 1.75, 4.0),
    board("Raspberry Pi Zero W", 0.75, 1.8, 1.0),
    board("Raspberry Pi Zero", 0.5, 1.75, 1.0),
    board("Raspberry Pi 2", 1.1, 4.1, 4.0),
    board("Raspberry Pi 3 Model B Plus", 3.1, 5.6, 4.0),
    board("Raspberry Pi 3", 1.5, 6.7, 4.0),
    board("Raspberry Pi 400", 2.7, 6.4, 4.0),
    board("Raspberry Pi 4", 1.6, 5.0, 4.0),
    board("Raspberry Pi Compute Module 4", 2.5, 5.2, 4.0),
    board("Raspberry Pi 500", 2.9, 12.9, 4.0),
    board("Raspberry Pi 5", 2.8, 9.7, 4.0),
    board("Raspberry Pi Compute Module 5", 2.4, 9.4, 4.0),
    board("Orange Pi 5 Max", 1.4, 12.8, 8.0),
    board("Orange Pi 5", 1.0, 11.5, 8.0),
];

const fn board(model: &'static str, idle_w: f64, busy_w: f64, cores: f64) -> Board {
    Board { model, idle_w, busy_w, cores }
}

/// One job that was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// From the start of the first task to the end of the last, in seconds.
    pub(super) wall_s: f64,
    /// Nodes that did something.
    pub(super) nodes: u32,
    /// Energy of these nodes meanwhile, by their models; `None` where one is not known.
    pub(super) joules: Option<f64>,
    pub(super) input_bytes: u64,
    pub(super) result_bytes: u64,
}

impl Run {
    /// What a job that is done says. `models` are the boards by the names of nodes.
    pub(super) fn of(view: &JobView, models: &BTreeMap<String, String>) -> Self {
        let started = view.started_at_ms.unwrap_or(view.submitted_at_ms);
        let ended = view.ended_at_ms.unwrap_or(started);
        // The clock has milliseconds: nothing took none.
        let wall_s = ended.saturating_sub(started).max(1) as f64 / 1000.0;
        let worked = view.nodes.iter().filter(|node| node.succeeded > 0);
        let energy = |node: &str, cpu_us: u64| {
            let model = models.get(node)?;
            let board = BOARDS.iter().find(|board| model.starts_with(board.model))?;
            let a_core_w = (board.busy_w - board.idle_w) / board.cores;
            Some(board.idle_w * wall_s + a_core_w * cpu_us as f64 / 1e6)
        };
        let joules = worked.clone().map(|node| energy(&node.name, node.cpu_us)).sum();
        Self {
            wall_s,
            nodes: worked.count() as u32,
            joules,
            input_bytes: view.input_bytes,
            result_bytes: view.result_bytes.unwrap_or_default(),
        }
    }
}

/// Several measurements of the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median: f64::midpoint(low, high), min, max })
    }
}

/// The part of the work that did not run side by side, from the speed-up on several nodes: Karp and
/// Flatt, "Measuring Parallel Processor Performance", Communications of the ACM 33 (5), 1990.
pub(super) fn serial_share(speed_up: f64, nodes: u32) -> Option<f64> {
    let one = 1.0 / f64::from(nodes);
    (nodes > 1).then(|| (1.0 / speed_up - one) / (1.0 - one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::job::tests::view;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), Some(Spread { median: 3.0, min: 3.0, max: 3.0 }));
        assert_eq!(spread(&[9.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 9.0 }));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 9.0]).map(|it| it.median), Some(3.0));
    }

    #[test]
    fn the_serial_share_is_that_of_the_paper() {
        // By Amdahl's law a share of 0.1 gives on 4 nodes 1 / (0.1 + 0.9 / 4).
        let found = serial_share(1.0 / (0.1 + 0.9 / 4.0), 4).unwrap();
        assert!((found - 0.1).abs() < 1e-12, "{found}");
        assert!(serial_share(2.0, 2).unwrap().abs() < 1e-12);
        assert_eq!(serial_share(1.0, 1), None);
    }

    #[test]
    fn energy_is_that_of_idle_boards_and_of_their_busy_cores_or_unknown() {
        let mut job = view(bramble_protocol::api::JobState::Done);
        job.started_at_ms = Some(1_000);
        job.ended_at_ms = Some(11_000);
        for node in &mut job.nodes {
            node.cpu_us = 8_000_000;
        }
        let pi4 = "Raspberry Pi 4 Model B Rev 1.4".to_owned();
        let mut models: BTreeMap<String, String> =
            ["node-1", "node-2"].map(|name| (name.into(), pi4.clone())).into();
        // Two boards for 10 s at 1.6 W; 16 s of a core that takes (5.0 - 1.6) / 4 W.
        let joules = Run::of(&job, &models).joules.unwrap();
        assert!((joules - (2.0 * 16.0 + 16.0 * 0.85)).abs() < 1e-9, "{joules}");
        models.insert("node-2".into(), "a computer".into());
        assert_eq!(Run::of(&job, &models).joules, None);
    }

    #[test]
    fn each_board_is_found_by_its_own_entry() {
        for board in &BOARDS {
            let found = BOARDS.iter().find(|it| board.model.starts_with(it.model));
            assert_eq!(found.map(|it| it.model), Some(board.model));
        }
    }
}
