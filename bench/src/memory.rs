//! Whether memory grows with the input.

use std::io::Write;

use anyhow::{Context, Result, ensure};
use bramble_tests::cluster::{Cluster, job};
use bramble_tests::data;

use crate::process::{children, peak_kib, resident_kib};

/// Sends `mib` MiB through a streaming job and prints the peak memory of client and head, beside
/// that for a 64th of the input.
pub(crate) fn run(mib: u64) -> Result<()> {
    for mib in [(mib / 64).max(1), mib] {
        let cluster = Cluster::start(1);
        let input = cluster.dir().join("input");
        let mut file = std::io::BufWriter::new(std::fs::File::create(&input)?);
        for block in 0..mib {
            file.write_all(&data::u64_bytes(block, (1 << 20) / 8))?;
        }
        drop(file);
        let module = job("noop").into_os_string().into_string().expect("paths are text");
        let input = input.to_str().context("paths are text")?;
        let mut submit = cluster.command(&["submit", &module, "--split", "bytes", "-q"]);
        let mut child = submit.args(["--input", input, "-o", "result"]).spawn()?;
        let mut client_kib = 0;
        let status = loop {
            client_kib = client_kib.max(peak_kib(child.id()).unwrap_or(0));
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        ensure!(status.success(), "submit failed");
        let head_kib = peak_kib(cluster.head_process()).context("the head lives")?;
        println!("  {mib:>5} MiB in: client {client_kib:>7} KiB, head {head_kib:>7} KiB at most");
    }
    Ok(())
}

/// Prints what head, agent and the agent's children hold before any job, at work, and after.
pub(crate) fn resident() -> Result<()> {
    println!("resident memory of a cluster with one node of one slot");
    let cluster = Cluster::start(1);
    cluster.wait_for_nodes(1);
    let show = |when: &str| {
        let held = |process: u32| resident_kib(process).unwrap_or(0);
        let agent = cluster.agent_process(0);
        let children: Vec<u64> = children(agent).into_iter().map(held).collect();
        println!(
            "  {when:<18} head {:>6} KiB  agent {:>6} KiB  its runners {children:?} KiB",
            held(cluster.head_process()),
            held(agent),
        );
    };
    show("idle");
    let module = job("merge-sort").into_os_string().into_string().expect("paths are text");
    let input = cluster.file("input", data::number_lines(1, 2_000_000).as_bytes());
    let mut submit = cluster.command(&["submit", &module, "-q", "--input", &input]);
    let mut child = submit.args(["-o", "result"]).spawn()?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    show("at work");
    ensure!(child.wait()?.success(), "submit failed");
    show("after a job");
    Ok(())
}
