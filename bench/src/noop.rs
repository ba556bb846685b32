//! What a task costs when it does nothing.

use anyhow::{Result, ensure};
use bramble_tests::cluster::{Cluster, job};

use crate::baseline::Command;
use crate::report::Times;

const TASKS: usize = 10_000;

/// 10,000 tasks on two nodes, beside as many fresh instances in wasmtime alone.
pub(crate) fn run(runs: usize) -> Result<()> {
    println!("{TASKS} tasks that do nothing (from `submit` to the result)");
    let cluster = Cluster::start(2);
    let lines: String = (0..TASKS).map(|number| format!("{number:07}\n")).collect();
    let input = cluster.file("input", lines.as_bytes());
    let module = job("noop").into_os_string().into_string().expect("paths are text");
    let command = Command::compile(module.as_ref())?;
    let alone = Times::measure(runs, || (0..TASKS).try_for_each(|_| command.run()))?;
    let submit = Times::measure(runs, || {
        let args = ["submit", &module, "--input", &input, "--chunk-size", "8", "-o", "-", "-q"];
        let said = cluster.bramble(&args);
        ensure!(said.code == 0, "submit failed: {}", said.stderr);
        Ok(())
    })?;
    alone.row("wasmtime alone, one thread", None);
    submit.row("bramble, two nodes", Some(&alone));
    let each = submit.median().as_secs_f64() * 1e6 / TASKS as f64;
    println!("  {each:.0} us of wall time a task");
    Ok(())
}
