//! How long a user waits for the smallest job.

use anyhow::{Result, ensure};
use bramble_tests::cluster::{Cluster, bramble, job};

use crate::baseline::Command;
use crate::report::Times;

/// From `submit` to the result of one task that does nothing, beside wasmtime alone and beside
/// the start of a process that only prints its version.
pub(crate) fn run(runs: usize) -> Result<()> {
    println!("one task that does nothing (from `submit` to the result)");
    let cluster = Cluster::start(1);
    let input = cluster.file("input", b"x\n");
    let module = job("noop").into_os_string().into_string().expect("paths are text");
    let runs = runs.max(5) * 4;
    let alone = Times::measure(runs, || {
        Command::compile(module.as_ref())?.run()?;
        Ok(())
    })?;
    let start = Times::measure(runs, || {
        let output = bramble().arg("--version").output()?;
        ensure!(output.status.success(), "--version failed");
        Ok(())
    })?;
    let submit = Times::measure(runs, || {
        let said = cluster.bramble(&["submit", &module, "--input", &input, "-o", "-", "-q"]);
        ensure!(said.code == 0, "submit failed: {}", said.stderr);
        Ok(())
    })?;
    alone.row("wasmtime alone: compile and run", None);
    start.row("bramble --version", Some(&alone));
    submit.row("bramble submit", Some(&alone));
    Ok(())
}
