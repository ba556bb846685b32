//! `cargo xtask demo`: the main job on a cluster of this computer, with its times.

pub(crate) mod numbers;
mod report;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cluster::{Cluster, Finished, Interrupt, Scratch};
use crate::workspace::Workspace;
use crate::{build_jobs, test};
use report::seconds;

/// How many numbers are sorted.
const NUMBERS: usize = 500_000;
/// The numbers are the same in every demo.
const SEED: u64 = 2024;
/// How many nodes the cluster has.
const NODES: u32 = 2;
/// How often each measurement is made. The best counts: what else the computer does only adds.
const ROUNDS: usize = 5;

/// Sorts random numbers on one node and on two, checks the results, prints times. Whatever
/// happens, nothing is left running and no file is left behind.
///
/// # Errors
/// When a step fails or a result is wrong.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    println!("Building the guest modules and the program");
    let module = build_jobs::run(workspace)?.join("merge-sort.wasm");
    test::build_bramble()?;

    let interrupt = Interrupt::listen()?;
    let scratch = Scratch::new()?;
    let input = scratch.path().join("numbers.txt");
    let values = numbers::random(NUMBERS, SEED);
    let text = numbers::text(&values);
    fs::write(&input, &text).with_context(|| format!("cannot write {}", input.display()))?;
    println!(
        "Input: {} random numbers, one a line, {} (seed {SEED})",
        report::grouped(NUMBERS as u64),
        report::mebibytes(text.len() as u64)
    );

    let started = Instant::now();
    let sorted = numbers::sorted_text(&text)?;
    let alone = started.elapsed();
    println!("Reading, sorting and writing them in one ordinary process: {}", seconds(alone));

    let started = Instant::now();
    let cluster = Cluster::start(&workspace.bramble(), &scratch.path().join("data"), NODES)?;
    println!(
        "Cluster: a head and {NODES} nodes at {}, ready in {}",
        cluster.url(),
        seconds(started.elapsed())
    );
    interrupt.check()?;

    let warm_up = scratch.path().join("few.txt");
    fs::write(&warm_up, numbers::text(&values[..1000]))
        .with_context(|| format!("cannot write {}", warm_up.display()))?;
    let output = scratch.path().join("sorted.txt");
    let first = cluster.sort(&module, &warm_up, &output, NODES)?;
    println!("First job, 1,000 numbers, for which the module is compiled: {}", seconds(first.wall));

    let mut on_one = Vec::new();
    let mut on_all = Vec::new();
    for round in 1..=ROUNDS {
        interrupt.check()?;
        on_one.push(measured(&cluster, &module, &input, &output, 1, &sorted)?);
        interrupt.check()?;
        on_all.push(measured(&cluster, &module, &input, &output, NODES, &sorted)?);
        let [one, all] = [&on_one, &on_all].map(|runs| seconds(runs[round - 1].wall));
        println!("Round {round} of {ROUNDS}: one node {one}, {NODES} nodes {all}, results right");
    }
    cluster.stop()?;
    println!("Cluster stopped. The best of {ROUNDS} rounds:\n");
    report::print(&best(on_one)?, &best(on_all)?, NODES);
    Ok(())
}

fn measured(
    cluster: &Cluster,
    module: &Path,
    input: &Path,
    output: &Path,
    nodes: u32,
    sorted: &[u8],
) -> Result<Finished> {
    let finished = cluster.sort(module, input, output, nodes)?;
    let result = fs::read(output).with_context(|| format!("cannot read {}", output.display()))?;
    if let Some(place) = numbers::first_difference(&result, sorted) {
        bail!("the result on {nodes} nodes is wrong from line {place} on");
    }
    Ok(finished)
}

fn best(runs: Vec<Finished>) -> Result<Finished> {
    runs.into_iter().min_by_key(|run| run.wall).context("nothing was measured")
}
