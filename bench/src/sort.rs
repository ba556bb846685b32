//! Sorting on one node, on two, and natively in one process.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Result, ensure};
use bramble_tests::cluster::{Cluster, job};
use bramble_tests::data;
use merge_sort::gensort::{Kind, Records};

use crate::baseline;
use crate::process::peak_kib;
use crate::report::Times;

/// 500,000 numbers below a million, a line each.
pub(crate) fn text_500k(runs: usize) -> Result<()> {
    println!("500,000 numbers as text (from `submit` to the result in a file)");
    let input = data::number_lines(500, 500_000);
    let bench = Bench::new(input.as_bytes())?;
    let alone = bench.native("native sort, one thread", runs, baseline::sort_text, None)?;
    bench.cluster(runs, &[], &alone, None)
}

/// 10,000,000 random u64, 80 MB. GNU sort gets the same numbers as lines.
pub(crate) fn u64_10m(runs: usize) -> Result<()> {
    println!("10,000,000 u64 (from `submit` to the result in a file)");
    let input = data::u64_bytes(10, 10_000_000);
    let bench = Bench::new(&input)?;
    let lines = bench.dir().join("lines");
    let numbers = input.as_chunks().0.iter().map(|number| u64::from_le_bytes(*number));
    let text: String = numbers.map(|number| format!("{number}\n")).collect();
    std::fs::write(&lines, text)?;
    let alone = bench.native("native sort, one thread", runs, baseline::sort_u64, None)?;
    bench.native("native sort by rayon", runs, baseline::sort_u64_rayon, Some(&alone))?;
    let gnu = bench.gnu(runs, &["-n"], &lines, &alone)?;
    bench.cluster(runs, &["--arg", "type=u64"], &alone, Some(&gnu))
}

/// Records of the sort benchmark, `mb` million bytes of them; as lines, so that GNU sort takes them.
pub(crate) fn records(runs: usize, mb: usize) -> Result<()> {
    println!("{mb} MB of records of 100 bytes (from `submit` to the result in a file)");
    let bench = Bench::new(&[])?;
    let mut file = BufWriter::new(File::create(&bench.input)?);
    for record in Records::from(0, Kind::Ascii).take(mb * 10_000) {
        file.write_all(&record)?;
    }
    file.flush()?;
    let alone = bench.native("native sort, one thread", runs, baseline::sort_records, None)?;
    bench.native("native sort by rayon", runs, baseline::sort_records_rayon, Some(&alone))?;
    // Keys come first in a line and do not repeat: lines are in the order of their keys.
    let input = Path::new(&bench.input).to_owned();
    let gnu = bench.gnu(runs, &[], &input, &alone)?;
    bench.cluster(runs, &["--arg", "type=record"], &alone, Some(&gnu))
}

/// A cluster of two nodes with one slot each, and a file that it and others sort.
struct Bench {
    cluster: Cluster,
    input: String,
}

impl Bench {
    fn new(input: &[u8]) -> Result<Self> {
        let cluster = Cluster::start(2);
        cluster.wait_for_nodes(2);
        let input = cluster.file("input", input);
        Ok(Self { cluster, input })
    }

    fn dir(&self) -> &Path {
        self.cluster.dir()
    }

    fn native(
        &self,
        what: &str,
        runs: usize,
        sort: fn(&Path, &Path) -> Result<()>,
        beside: Option<&Times>,
    ) -> Result<Times> {
        let (input, output) = (Path::new(&self.input), self.dir().join("expected"));
        let times = Times::measure(runs, || sort(input, &output))?;
        times.row(what, beside);
        Ok(times)
    }

    fn gnu(&self, runs: usize, flags: &[&str], input: &Path, beside: &Times) -> Result<Times> {
        let output = self.dir().join("lines-sorted");
        let times = Times::measure(runs, || baseline::gnu_sort(flags, input, &output))?;
        times.row("GNU sort, two threads", Some(beside));
        Ok(times)
    }

    /// On one node and on two, beside a native sort, and beside GNU sort where that was measured.
    fn cluster(
        &self,
        runs: usize,
        extra: &[&str],
        alone: &Times,
        gnu: Option<&Times>,
    ) -> Result<()> {
        let module = job("merge-sort").into_os_string().into_string().expect("paths are text");
        let sort = |nodes: &str| {
            Times::measure(runs, || {
                let mut args = vec!["submit", &module, "--input", &self.input, "-o", "sorted"];
                args.extend(["-q", "--no-cache", "--nodes", nodes]);
                args.extend(extra);
                let said = self.cluster.bramble(&args);
                ensure!(said.code == 0, "submit failed: {}", said.stderr);
                Ok(())
            })
        };
        let one = sort("1")?;
        one.row("bramble, one node", Some(alone));
        let two = sort("2")?;
        two.row("bramble, two nodes", Some(alone));
        ensure!(
            same(&self.dir().join("expected"), &self.dir().join("sorted"))?,
            "the cluster's result differs from the native sort"
        );
        let ratio = |a: &Times, b: &Times| a.median().as_secs_f64() / b.median().as_secs_f64();
        println!("  speed-up from one node to two: {:.2}", ratio(&one, &two));
        if let Some(gnu) = gnu {
            println!("  two nodes in GNU sort's time with two threads: {:.2}", ratio(&two, gnu));
        }
        let head_kib = peak_kib(self.cluster.head_process()).unwrap_or(0);
        let task_kib = self.cluster.job("last").usage.memory_bytes_peak >> 10;
        println!("  memory at most: head {head_kib} KiB, a task {task_kib} KiB");
        Ok(())
    }
}

/// Whether two files hold the same bytes.
fn same(one: &Path, other: &Path) -> Result<bool> {
    let digest = |path: &Path| -> Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        std::io::copy(&mut File::open(path)?, &mut hasher)?;
        Ok(hasher.finalize())
    };
    Ok(digest(one)? == digest(other)?)
}
