//! What several runs of the same work say about each other: no input, no output.

use std::collections::BTreeMap;

use bramble_protocol::api::{JobState, JobView};
use bramble_protocol::energy;

/// One run that was done.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// From the start of the first task to the end of the last, in milliseconds.
    pub(super) wall_ms: u64,
    /// Nodes that did something.
    pub(super) nodes: u32,
    /// What it took of energy.
    pub(super) joules: Option<f64>,
    /// How many times faster than the same on one node.
    pub(super) speed_up: Option<f64>,
}

impl Run {
    /// Nothing of a job that is not done, or for which no node had to do anything.
    fn of(job: &JobView, models: &BTreeMap<String, String>) -> Option<Self> {
        let nodes = job.nodes.iter().filter(|node| node.succeeded > 0).count() as u32;
        let wall_ms = job.ended_at_ms?.saturating_sub(job.started_at_ms?).max(1);
        let model = |node: &str| models.get(node).map(String::as_str);
        let joules = energy::taken(job, wall_ms as f64 / 1000.0, model).map(|it| it.joules);
        (job.state == JobState::Done && nodes > 0).then_some(Self {
            wall_ms,
            nodes,
            joules,
            speed_up: None,
        })
    }

    /// Speed-up by node.
    pub(super) fn efficiency(&self) -> Option<f64> {
        Some(self.speed_up? / f64::from(self.nodes))
    }

    /// The part of the work that did not run side by side: Karp and Flatt, "Measuring Parallel
    /// Processor Performance", Communications of the ACM 33 (5), 1990.
    pub(super) fn serial_share(&self) -> Option<f64> {
        let one = 1.0 / f64::from(self.nodes);
        (self.nodes > 1).then_some(((1.0 / self.speed_up? - one) / (1.0 - one)).clamp(0.0, 1.0))
    }
}

/// Whether jobs do the same: on what, with which module and parameters.
pub(super) fn is_same_work(one: &JobView, other: &JobView) -> bool {
    let work = |job: &JobView| {
        let spec = &job.spec;
        (spec.module, spec.input, spec.params.clone(), spec.args.clone())
    };
    work(one) == work(other)
}

/// The runs of `jobs`, in their order. The fastest one on one node is what those that did the same
/// work are measured by. `models` are boards by the names of nodes.
pub(super) fn runs(jobs: &[JobView], models: &BTreeMap<String, String>) -> Vec<Option<Run>> {
    let mut runs: Vec<Option<Run>> = jobs.iter().map(|job| Run::of(job, models)).collect();
    let alone = |job: &JobView| {
        let same = jobs.iter().zip(&runs).filter(|(other, _)| is_same_work(job, other));
        let times = same.filter_map(|(_, run)| run.as_ref().filter(|run| run.nodes == 1));
        times.map(|run| run.wall_ms).min()
    };
    let alone: Vec<Option<u64>> = jobs.iter().map(alone).collect();
    for (run, alone) in runs.iter_mut().zip(alone) {
        if let Some(run) = run {
            run.speed_up = alone.map(|alone| alone as f64 / run.wall_ms as f64);
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::job;

    fn ran(nodes: usize, wall_ms: u64) -> JobView {
        let mut job = job();
        job.ended_at_ms = Some(1_000 + wall_ms);
        job.nodes = vec![job.nodes[0].clone(); nodes];
        job
    }

    #[test]
    fn runs_are_measured_by_the_fastest_on_one_node() {
        // By Amdahl's law a share of 0.1 gives on 4 nodes 1 / (0.1 + 0.9 / 4).
        let on_four = (10_000.0 * (0.1 + 0.9 / 4.0)) as u64;
        let jobs = [ran(1, 12_000), ran(1, 10_000), ran(4, on_four)];
        let runs = runs(&jobs, &BTreeMap::new());
        let of_four = runs[2].as_ref().unwrap();
        assert!((of_four.speed_up.unwrap() - 10_000.0 / 3_250.0).abs() < 1e-9);
        assert!((of_four.serial_share().unwrap() - 0.1).abs() < 1e-9);
        assert!((of_four.efficiency().unwrap() - 0.769).abs() < 1e-3);
        assert_eq!(runs[1].as_ref().unwrap().speed_up, Some(1.0));
        assert_eq!(runs[1].as_ref().unwrap().serial_share(), None);
    }

    #[test]
    fn other_work_and_work_without_a_run_on_one_node_has_no_speed_up() {
        let mut other = ran(1, 10);
        other.spec.params.insert("seed".into(), "2".into());
        let mut failed = ran(1, 10);
        failed.state = JobState::Failed;
        let runs = runs(&[ran(2, 5_000), other, failed], &BTreeMap::new());
        assert_eq!(runs[0].as_ref().unwrap().speed_up, None);
        assert_eq!(runs[2], None);
    }
}
