//! What is measured of a run, and what follows from several: no input, no output.

use std::collections::BTreeMap;

use bramble_protocol::api::JobView;
use bramble_protocol::energy::{self, Taken};

/// One job that was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// From the start of the first task to the end of the last, in seconds.
    pub(super) wall_s: f64,
    /// Nodes that did something.
    pub(super) nodes: u32,
    /// What it took of energy, as its nodes told or by their models; `None` where that is not known.
    pub(super) taken: Option<Taken>,
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
        let model = |node: &str| models.get(node).map(String::as_str);
        Self {
            wall_s,
            nodes: worked.count() as u32,
            taken: energy::taken(view, wall_s, model),
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
        let joules = Run::of(&job, &models).taken.unwrap().joules;
        assert!((joules - (2.0 * 16.0 + 16.0 * 0.85)).abs() < 1e-9, "{joules}");
        models.insert("node-2".into(), "a computer".into());
        assert_eq!(Run::of(&job, &models).taken, None);
        // What they told themselves counts more.
        job.usage.energy_uj = 7_000_000;
        assert_eq!(Run::of(&job, &models).taken.unwrap().joules, 7.0);
    }
}
