//! What it costs to compile a module: time and memory, by its size.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bramble_protocol::{Mode, TargetClass};
use bramble_tests::cluster;

/// Compiles the jobs of this repository, and `more` if one is given, for each class in a child of
/// the real program, as the head does.
pub(crate) fn run(more: Option<&std::path::Path>) -> Result<()> {
    println!("compiling in a child process, one run each");
    let jobs = ["noop", "word-count", "merge-sort"].map(cluster::job);
    for module in jobs.iter().map(std::path::PathBuf::as_path).chain(more) {
        let size = std::fs::metadata(module)?.len();
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        println!("  {name}: {} KiB", size >> 10);
        for class in TargetClass::ALL {
            let (seconds, peak_kib, artefact) = compile(module, class)?;
            let per_mib = |value: f64| value / (size as f64 / f64::from(1 << 20));
            println!(
                "    {class:<15} {:>7.2} s ({:>5.1} s/MiB)  {:>4} MiB at most  artefact {:>6} KiB",
                seconds,
                per_mib(seconds),
                peak_kib >> 10,
                artefact >> 10,
            );
        }
    }
    Ok(())
}

/// Seconds, peak memory in KiB, and length of the artefact in bytes.
fn compile(module: &std::path::Path, class: TargetClass) -> Result<(f64, u64, u64)> {
    let artefact = tempfile::NamedTempFile::new()?;
    let begun = Instant::now();
    // GNU time, because only a parent learns of a child's peak memory.
    let output = Command::new("/usr/bin/time")
        .args(["--format", "%M"])
        .arg(cluster::program())
        .args(["internal", "module", "compile", class.name(), Mode::Fast.name()])
        .args([(4u64 << 30).to_string(), "600".to_owned()])
        .stdin(std::fs::File::open(module)?)
        .stdout(artefact.reopen()?)
        .stderr(Stdio::piped())
        .output()
        .context("this needs GNU time: apt-get install time")?;
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the compiler failed: {said}");
    let peak = said.lines().last().and_then(|line| line.trim().parse().ok());
    Ok((seconds, peak.context("GNU time said no number")?, artefact.as_file().metadata()?.len()))
}
