//! Sorting on one node, on two, and natively in one process.

use std::path::Path;

use anyhow::{Result, ensure};
use bramble_tests::cluster::{Cluster, job};
use bramble_tests::data;

use crate::baseline;
use crate::report::Times;

/// 500,000 numbers below a million, a line each.
pub(crate) fn text_500k(runs: usize) -> Result<()> {
    println!("500,000 numbers as text (from `submit` to the result in a file)");
    let input = data::number_lines(500, 500_000);
    compare(runs, input.as_bytes(), &[], baseline::sort_text)
}

/// 10,000,000 random u64, 80 MB.
pub(crate) fn u64_10m(runs: usize) -> Result<()> {
    println!("10,000,000 u64 (from `submit` to the result in a file)");
    let input = data::u64_bytes(10, 10_000_000);
    compare(runs, &input, &["--arg", "type=u64"], baseline::sort_u64)
}

fn compare(
    runs: usize,
    input: &[u8],
    extra: &[&str],
    native: fn(&Path, &Path) -> Result<()>,
) -> Result<()> {
    let cluster = Cluster::start(2);
    let input = cluster.file("input", input);
    let expected = cluster.dir().join("expected");
    let alone = Times::measure(runs, || native(Path::new(&input), &expected))?;
    let module = job("merge-sort").into_os_string().into_string().expect("paths are text");
    let sort = |nodes: &str| {
        Times::measure(runs, || {
            let mut args =
                vec!["submit", &module, "--input", &input, "-o", "sorted", "-q", "--no-cache"];
            args.extend(["--nodes", nodes]);
            args.extend(extra);
            let said = cluster.bramble(&args);
            ensure!(said.code == 0, "submit failed: {}", said.stderr);
            Ok(())
        })
    };
    let one = sort("1")?;
    let two = sort("2")?;
    let equal = std::fs::read(&expected)? == std::fs::read(cluster.dir().join("sorted"))?;
    ensure!(equal, "the cluster's result differs from the native sort");
    alone.row("native sort, one thread", None);
    one.row("bramble, one node", Some(&alone));
    two.row("bramble, two nodes", Some(&alone));
    let speed_up = one.median().as_secs_f64() / two.median().as_secs_f64();
    println!("  speed-up from one node to two: {speed_up:.2}");
    Ok(())
}
