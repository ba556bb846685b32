//! Whole clusters in simulated time, with trouble. See [`bramble_tests::sim`].
//!
//! `BRAMBLE_SIM_SEED=N` repeats the run of one seed, `BRAMBLE_SIM_RUNS=N` makes more of them.

use bramble_tests::sim::{Options, Outcome, run};

/// Runs of a small cluster, unless the environment says otherwise.
const RUNS: u64 = 500;

fn small(seed: u64) -> Options {
    Options {
        seed,
        nodes: 1 + (seed % 10) as usize,
        jobs: 1 + (seed % 5) as usize,
        chunks_max: if seed.is_multiple_of(20) { 300 } else { 40 },
        task_ms_max: if seed.is_multiple_of(3) { 4_000 } else { 100 },
        trouble_ms: 60_000,
        trouble_every_ms: 2_500,
        check_every: 1,
    }
}

fn large(seed: u64) -> Options {
    Options {
        seed,
        nodes: 1_000,
        jobs: 3,
        chunks_max: 10_000,
        task_ms_max: 3_000,
        trouble_ms: 15_000,
        trouble_every_ms: 400,
        check_every: 5_000,
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn add(sum: &mut Outcome, one: &Outcome) {
    sum.steps += one.steps;
    sum.duration_ms += one.duration_ms;
    sum.done += one.done;
    sum.failed += one.failed;
    sum.canceled += one.canceled;
    sum.retried += one.retried;
    sum.restarts += one.restarts;
    sum.leases += one.leases;
    sum.needless_reports += one.needless_reports;
}

#[test]
fn small_clusters_in_trouble_end_every_accepted_job_as_it_must_end() {
    if let Some(seed) = number("BRAMBLE_SIM_SEED") {
        println!("{:#?}", run(small(seed)));
        return;
    }
    let mut sum = Outcome::default();
    for seed in 0..number("BRAMBLE_SIM_RUNS").unwrap_or(RUNS) {
        add(&mut sum, &run(small(seed)));
    }
    println!("{sum:#?}");
    // Otherwise the runs were so harmless that they show nothing.
    assert!(sum.done > 0 && sum.failed > 0 && sum.canceled > 0, "{sum:?}");
    assert!(sum.retried > 0 && sum.restarts > 0 && sum.needless_reports > 0, "{sum:?}");
}

#[test]
fn a_thousand_nodes_in_trouble_end_every_accepted_job_as_it_must_end() {
    let seeds = number("BRAMBLE_SIM_SEED").map_or(0..2, |seed| seed..seed + 1);
    for seed in seeds {
        println!("{:#?}", run(large(seed)));
    }
}

#[test]
fn a_seed_replays_a_run_exactly() {
    let runs = [(); 2].map(|()| format!("{:?}", run(small(7))));
    assert_eq!(runs[0], runs[1]);
}
