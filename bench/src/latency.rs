//! How long a user waits for the smallest job.

use std::time::Duration;

use anyhow::{Result, ensure};
use bramble_tests::cluster::{Cluster, bramble, job};

use crate::api::Api;
use crate::baseline::Command;
use crate::report::Times;

/// The cluster is left in peace for so long before each job.
const REST: Duration = Duration::from_millis(30);

/// From `submit` to the result of one task that does nothing, beside wasmtime alone and beside
/// the start of a process that only prints its version; by the API and by the command.
pub(crate) fn run(runs: usize) -> Result<()> {
    println!("one task that does nothing, on an idle cluster (from `submit` to the result)");
    let cluster = Cluster::start(1);
    let input = cluster.file("input", b"x\n");
    let path = job("noop");
    let module = path.clone().into_os_string().into_string().expect("paths are text");
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
    let api = Api::new(&cluster);
    let info = api.send_module(&path)?;
    let chunks = api.store(std::iter::once(b"x\n".to_vec()))?;
    let spec = api.job(&info, &chunks)?;
    let called = Times::measure_after(runs * 10, REST, || {
        let job = api.submit(&spec)?;
        api.wait(job.id)?;
        api.result(job.id)?;
        Ok(())
    })?;
    let submit = Times::measure_after(runs, REST, || {
        let said =
            cluster.bramble(&["submit", &module, "--input", &input, "-o", "-", "-q", "--no-cache"]);
        ensure!(said.code == 0, "submit failed: {}", said.stderr);
        Ok(())
    })?;
    alone.row("wasmtime alone: compile and run", None);
    start.row("bramble --version", Some(&alone));
    called.row("through the API, connection kept", Some(&alone));
    submit.row("bramble submit", Some(&alone));
    called.percentiles("through the API");
    submit.percentiles("bramble submit");
    Ok(())
}
