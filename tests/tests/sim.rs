//! Whole clusters in simulated time, with trouble. See [`bramble_tests::sim`].
//!
//! `BRAMBLE_SIM_SEED=N` repeats the run of one seed, `BRAMBLE_SIM_RUNS=N` makes more of them,
//! from `BRAMBLE_SIM_FIRST=N` on.

use std::process::Command;

use bramble_protocol::Digest;
use bramble_tests::sim::{Options, Outcome, run};

/// Runs of a small cluster, unless the environment says otherwise.
const RUNS: u64 = 60;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[test]
fn small_clusters_in_trouble_end_every_accepted_job_as_it_must_end() {
    if let Some(seed) = number("BRAMBLE_SIM_SEED") {
        println!("{:#?}", run(&Options::small(seed)));
        return;
    }
    let mut sum = Outcome::default();
    let first = number("BRAMBLE_SIM_FIRST").unwrap_or(0);
    for seed in first..first + number("BRAMBLE_SIM_RUNS").unwrap_or(RUNS) {
        sum.add(&run(&Options::small(seed)));
    }
    println!("{sum:#?}");
    // Otherwise the runs were so harmless that they show nothing.
    assert!(sum.done > 0 && sum.failed > 0 && sum.canceled > 0, "{sum:?}");
    assert!(sum.retried > 0 && sum.restarts > 0 && sum.needless_reports > 0, "{sum:?}");
    assert!(sum.lies > 0, "{sum:?}");
}

/// Each commit tries seeds that none before it has tried.
#[test]
fn seeds_of_this_commit_end_every_accepted_job_as_it_must_end() {
    let commit = commit();
    let first = Digest::of(commit.as_bytes()).as_bytes()[..8].try_into().expect("8 bytes");
    let first = u64::from_le_bytes(first) >> 16;
    println!("commit {commit}: seeds {first} and the 19 after it");
    if number("BRAMBLE_SIM_SEED").is_none() {
        for seed in first..first + 20 {
            run(&Options::small(seed));
        }
    }
}

/// `BRAMBLE_SIM_COMMIT`, or what git says; a fixed word where there is no git.
fn commit() -> String {
    if let Ok(commit) = std::env::var("BRAMBLE_SIM_COMMIT") {
        return commit;
    }
    let said = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let said = said.ok().filter(|said| said.status.success());
    said.map_or("none".into(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

#[test]
fn a_thousand_nodes_in_trouble_end_every_accepted_job_as_it_must_end() {
    let seeds = number("BRAMBLE_SIM_SEED").map_or(0..1, |seed| seed..seed + 1);
    for seed in seeds {
        println!("{:#?}", run(&Options::large(seed)));
    }
}

#[test]
fn a_seed_replays_a_run_exactly() {
    let runs = [(); 2].map(|()| format!("{:?}", run(&Options::small(7))));
    assert_eq!(runs[0], runs[1]);
}
