//! What a task costs when it does nothing: all that is left is bramble.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bramble_protocol::JobSpec;
use bramble_tests::cluster::{Cluster, job};
use tempfile::TempDir;

use crate::api::Api;
use crate::baseline::Command;
use crate::process::{cpu_alone, cpu_of_family};
use crate::report::median;

/// Agents, each of one slot.
const NODES: usize = 2;
/// Rows in one transaction of the comparison: about what the head writes at a time.
const ROWS: usize = 256;

/// One run.
struct Run {
    wall: Duration,
    head: Duration,
    agents: Duration,
}

/// Jobs of each of `sizes` empty tasks on two nodes, beside as many fresh instances in wasmtime
/// alone and as many rows in SQLite alone. Their inputs are stored beforehand; durability is on.
pub(crate) fn run(runs: usize, sizes: &[usize]) -> Result<()> {
    println!("tasks that do nothing, {NODES} nodes of one slot (from `POST /jobs` to the end)");
    let cluster = Cluster::start(NODES);
    let api = Api::new(&cluster);
    let path = job("noop");
    let module = api.send_module(&path)?;
    let most = sizes.iter().copied().max().context("no size is given")?;
    let begun = Instant::now();
    let chunks = api.store((0..most).map(|number| format!("{number:07}\n").into_bytes()))?;
    println!("  ({most} chunks were stored in {:.1} s)", begun.elapsed().as_secs_f64());
    let command = Command::compile(&path)?;
    println!(
        "  {:>8} {:>10} {:>9}  {:>9} {:>11}  {:>9} {:>9}",
        "tasks", "seconds", "tasks/s", "wasmtime", "SQLite", "head", "agents"
    );
    for &tasks in sizes {
        let spec = api.job(&module, &chunks[..tasks])?;
        // Long jobs even out by themselves what short ones need several runs for.
        let runs = if tasks > 20_000 { runs.min(3) } else { runs };
        measure(&cluster, &api, &spec)?;
        let all = (0..runs.max(1)).map(|_| measure(&cluster, &api, &spec));
        let all = all.collect::<Result<Vec<Run>>>()?;
        let alone = instances(&command, tasks)?;
        let rows = rows(tasks)?;
        print_row(tasks, &all, alone, rows);
    }
    println!("  wasmtime: time of as many fresh instances on one thread, in one process");
    println!("  SQLite: time of as many rows, {ROWS} in a transaction, each on disk at its end");
    println!("  head, agents: processor time for each task, in microseconds, runners included");
    Ok(())
}

fn measure(cluster: &Cluster, api: &Api, spec: &JobSpec) -> Result<Run> {
    let agents = || -> Result<Duration> {
        (0..NODES).map(|number| cpu_of_family(cluster.agent_process(number))).sum()
    };
    let (head_before, agents_before) = (cpu_alone(cluster.head_process())?, agents()?);
    let begun = Instant::now();
    let job = api.submit(spec)?;
    api.wait(job.id)?;
    Ok(Run {
        wall: begun.elapsed(),
        head: cpu_alone(cluster.head_process())?.saturating_sub(head_before),
        agents: agents()?.saturating_sub(agents_before),
    })
}

fn instances(command: &Command, tasks: usize) -> Result<Duration> {
    let begun = Instant::now();
    (0..tasks).try_for_each(|_| command.run())?;
    Ok(begun.elapsed())
}

/// Writes a row a task into a database, as durably as the head's journal is.
fn rows(tasks: usize) -> Result<Duration> {
    let dir = TempDir::new()?;
    let mut database = rusqlite::Connection::open(dir.path().join("rows"))?;
    database.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.execute_batch("CREATE TABLE rows (seq INTEGER PRIMARY KEY, body TEXT NOT NULL)")?;
    let body = "x".repeat(300);
    let begun = Instant::now();
    for first in (0..tasks).step_by(ROWS) {
        let transaction = database.transaction()?;
        for _ in first..(first + ROWS).min(tasks) {
            transaction.prepare_cached("INSERT INTO rows (body) VALUES (?1)")?.execute([&body])?;
        }
        transaction.commit()?;
    }
    Ok(begun.elapsed())
}

fn print_row(tasks: usize, runs: &[Run], alone: Duration, rows: Duration) {
    let of = |what: fn(&Run) -> Duration| median(runs.iter().map(what).collect());
    let wall = of(|run| run.wall).as_secs_f64();
    let each_us = |time: Duration| time.as_secs_f64() * 1e6 / tasks as f64;
    println!(
        "  {tasks:>8} {wall:>10.3} {:>9.0}  {:>8.2}x {:>10.2}x  {:>9.0} {:>9.0}",
        tasks as f64 / wall,
        wall / alone.as_secs_f64(),
        wall / rows.as_secs_f64(),
        each_us(of(|run| run.head)),
        each_us(of(|run| run.agents)),
    );
}
