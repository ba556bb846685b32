//! A real cluster whose processes are killed at random moments while it sorts, round after round:
//! no job that was accepted may be lost, no task that was done may be undone, and each result
//! must be the same bytes that an independent sort gives.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, Objects, job, wait_for};
use crate::data;
use crate::sim::dice::Dice;

/// Jobs that may be under way at a time.
const JOBS_MAX: usize = 3;
/// Agents of the cluster.
const AGENTS: usize = 2;

/// A job that was accepted.
struct Accepted {
    id: String,
    seed: u64,
    numbers: usize,
    /// Tasks that were seen done. It must never be fewer.
    succeeded: u32,
}

/// How often what was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Rounds.
    pub rounds: u32,
    /// Kills of the head.
    pub heads: u32,
    /// Kills of an agent.
    pub agents: u32,
    /// Kills of the head and an agent together.
    pub both: u32,
    /// Agents that were stopped for a while and went on.
    pub frozen: u32,
    /// Jobs whose result was compared.
    pub jobs: u32,
}

/// A cluster under fire.
pub struct Kills {
    cluster: Cluster,
    dice: Dice,
    open: Vec<Accepted>,
    seeds: u64,
    /// What was done so far.
    pub counts: Counts,
}

impl Kills {
    /// Starts a head and two agents.
    pub fn start(seed: u64) -> Self {
        Self {
            cluster: Cluster::start(AGENTS),
            dice: Dice::new(seed),
            open: Vec::new(),
            seeds: seed << 20,
            counts: Counts::default(),
        }
    }

    /// Submits a job, kills something while it runs, and starts that again.
    pub fn round(&mut self) {
        self.counts.rounds += 1;
        self.submit();
        self.look();
        std::thread::sleep(Duration::from_millis(self.dice.between(0, 400)));
        let index = self.dice.between(0, AGENTS as u64 - 1) as usize;
        match self.dice.between(0, 9) {
            0..=3 => {
                self.counts.heads += 1;
                self.cluster.kill_head();
                self.cluster.start_head();
            }
            4..=6 => {
                self.counts.agents += 1;
                self.cluster.kill_agent(index);
                self.cluster.start_agent(index, Objects::Shared);
            }
            _ => {
                self.counts.both += 1;
                self.cluster.kill_agent(index);
                self.cluster.kill_head();
                self.cluster.start_head();
                self.cluster.start_agent(index, Objects::Shared);
            }
        }
        self.look();
        while self.open.len() > JOBS_MAX {
            self.finish();
        }
    }

    /// Stops an agent for longer than the head waits for it, and lets it go on.
    pub fn freeze(&mut self, length: Duration) {
        self.counts.frozen += 1;
        let process = self.cluster.agent_process(0);
        signal(process, "STOP");
        let start = Instant::now();
        while start.elapsed() < length {
            self.look();
            std::thread::sleep(Duration::from_millis(500));
        }
        signal(process, "CONT");
    }

    /// Waits for all jobs and compares their results.
    pub fn end(&mut self) {
        while !self.open.is_empty() {
            self.finish();
        }
        self.cluster.wait_for_nodes(AGENTS);
    }

    fn submit(&mut self) {
        self.seeds += 1;
        let (seed, numbers) = (self.seeds, self.dice.between(1_000, 300_000) as usize);
        let input = self.cluster.file("numbers.u64", &data::u64_bytes(seed, numbers));
        let module = job("merge-sort");
        let mut args = vec!["submit", module.to_str().expect("a path of text"), "--input", &input];
        args.extend(["-d", "-q", "--arg", "type=u64", "--chunk-size", "64k"]);
        args.extend(["--partitions", "4", "--attempts", "100"]);
        let id = self.cluster.bramble(&args).ok().text().trim().to_owned();
        self.open.push(Accepted { id, seed, numbers, succeeded: 0 });
    }

    /// Looks at all open jobs: each is known, and no further back than before.
    fn look(&mut self) {
        for open in &mut self.open {
            let view = self.cluster.job(&open.id);
            let succeeded = view.tasks.succeeded;
            assert!(
                succeeded >= open.succeeded,
                "job {}: {} tasks were done and now {succeeded} are",
                open.id,
                open.succeeded
            );
            open.succeeded = succeeded;
        }
    }

    fn finish(&mut self) {
        let Accepted { id, seed, numbers, .. } = self.open.remove(0);
        wait_for("a job to end", || self.cluster.job(&id).state.is_final().then_some(()));
        let result = self.cluster.bramble(&["get", &id, "-o", "-"]).ok().stdout;
        let expected = data::sorted_u64_bytes(&data::u64_bytes(seed, numbers));
        assert!(result == expected, "job {id} (seed {seed}) differs from an independent sort");
        self.counts.jobs += 1;
    }
}

/// Sends a signal to a process of a test's own.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(sent.expect("there is a `kill`").success(), "the process lives");
}
