//! `kill -9` of head, agent and both at random moments of real sorts.
//!
//! `BRAMBLE_SOAK_SEED=N` repeats the choices of a run (not their moments: processes are not
//! simulated), and `BRAMBLE_SOAK_MINUTES=N` goes on for so long: `cargo xtask soak`.

use std::time::{Duration, Instant, SystemTime};

use bramble_tests::cluster::{Cluster, job, wait_for};
use bramble_tests::data;
use bramble_tests::kills::{Kills, signal};

/// Rounds in CI.
const ROUNDS: u32 = 50;
/// Longer than the head waits for a silent node.
const FROZEN: Duration = Duration::from_secs(12);

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[test]
fn whatever_is_killed_at_any_moment_no_job_is_lost_and_no_byte_differs() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.expect("it is later than 1970").as_secs();
    let seed = number("BRAMBLE_SOAK_SEED").unwrap_or(now);
    println!("BRAMBLE_SOAK_SEED={seed}");
    let mut kills = Kills::start(seed);
    let start = Instant::now();
    match number("BRAMBLE_SOAK_MINUTES") {
        None => (0..ROUNDS).for_each(|_| kills.round()),
        Some(minutes) => {
            while start.elapsed() < Duration::from_secs(60 * minutes) {
                kills.round();
                if kills.counts.rounds.is_multiple_of(20) {
                    kills.freeze(FROZEN);
                    println!("{:?} after {} s", kills.counts, start.elapsed().as_secs());
                }
            }
        }
    }
    kills.end();
    println!("{:?} in {} s, seed {seed}", kills.counts, start.elapsed().as_secs());
}

#[test]
fn an_agent_that_was_frozen_beyond_its_lease_spoils_nothing_and_works_again() {
    let cluster = Cluster::start(2);
    let numbers = data::u64_bytes(11, 1_000_000);
    let input = cluster.file("numbers.u64", &numbers);
    let module = job("merge-sort");
    let module = module.to_str().expect("a path of text");
    let args = ["submit", module, "--input", &input, "-d", "-q", "--arg", "type=u64"];
    let id = cluster.bramble(&[&args[..], &["--chunk-size", "64k"]].concat()).ok().text();
    let id = id.trim();
    wait_for("some tasks to be done", || (cluster.job(id).tasks.succeeded >= 3).then_some(()));
    signal(cluster.agent_process(0), "STOP");
    // The other one does what it held, once it is given up.
    cluster.bramble(&["watch", id]).ok();
    cluster.wait_for_nodes(1);
    signal(cluster.agent_process(0), "CONT");
    cluster.wait_for_nodes(2);
    let result = cluster.bramble(&["get", id, "-o", "-"]).ok().stdout;
    assert!(result == data::sorted_u64_bytes(&numbers), "the result differs");
    let view = cluster.job(id);
    assert_eq!(view.tasks.succeeded, view.tasks.total, "each task counts once");
    // What it reported late has freed its slot.
    let small = cluster.file("small.txt", b"2\n1\n");
    let args = ["submit", module, "--input", &small, "--nodes", "node-1", "-o", "-"];
    assert_eq!(cluster.bramble(&args).ok().text(), "1\n2\n");
}
