//! `cargo xtask fuzz`: libFuzzer over everything that reads bytes from others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process;
use crate::workspace::Workspace;

/// What cargo-fuzz gives a nightly compiler, in the words of the stable one: counters at each
/// branch, which libFuzzer looks at.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table";
/// The feature of those targets that need wasmtime, which takes minutes to compile.
const SLOW: &str = "runtime";
/// Memory of a fuzzer, in MiB: what reads foreign bytes has no business with more.
const MEMORY_MIB: u32 = 1024;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Args {
    seconds: u32,
    /// Only what is built quickly, and nothing where no C++ compiler is.
    quick: bool,
    only: Vec<String>,
}

/// A target of `fuzz/`.
#[derive(Clone, Debug)]
struct Target {
    name: String,
    is_slow: bool,
}

fn parse(words: &[String]) -> Result<Args> {
    let mut args = Args { seconds: 60, quick: false, only: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--seconds" {
            let value = words.next().context("--seconds needs a number")?;
            let is_no_number = || format!("--seconds {value} is not a number");
            args.seconds = value.parse().with_context(is_no_number)?;
        } else if word == "--quick" {
            args.quick = true;
        } else if word.starts_with('-') {
            bail!("fuzz takes --seconds N, --quick and names of targets, not {word}");
        } else {
            args.only.push(word.clone());
        }
    }
    Ok(args)
}

/// Builds the targets and runs one after the other. What they learn is kept in the target
/// directory, so that the next run goes on from there.
///
/// # Errors
/// When something does not build. What was found is told by the exit code.
pub(crate) fn run(workspace: &Workspace, words: &[String]) -> Result<ExitCode> {
    let Args { seconds, quick, only } = parse(words)?;
    if quick && process::find("c++").is_none() {
        println!("fuzz: skipped, libFuzzer needs a C++ compiler");
        return Ok(ExitCode::SUCCESS);
    }
    let dir = workspace.root().join("fuzz");
    // The very versions that are used.
    fs::copy(workspace.root().join("Cargo.lock"), dir.join("Cargo.lock"))
        .context("cannot copy Cargo.lock to fuzz/")?;
    let mut targets = chosen(targets(&dir)?, &only)?;
    targets.retain(|target| !(quick && target.is_slow));
    let host = host()?;
    let built = workspace.target_dir().join("fuzz");
    // Macros and build scripts are those of the workspace.
    let target_dir = workspace.target_dir();
    build(&dir, target_dir, &host, &targets)?;
    let mut found = Vec::new();
    for target in &targets {
        let corpus = corpus(workspace.root(), &built, &target.name)?;
        let artifacts = built.join("artifacts").join(&target.name);
        fs::create_dir_all(&artifacts)
            .with_context(|| format!("cannot make {}", artifacts.display()))?;
        let mut fuzzer = Command::new(target_dir.join(&host).join("debug").join(&target.name));
        fuzzer.arg(format!("-max_total_time={seconds}"));
        fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display()));
        fuzzer.arg(format!("-rss_limit_mb={MEMORY_MIB}"));
        fuzzer.args(["-timeout=20", "-verbosity=0", "-print_final_stats=1"]).arg(&corpus);
        println!("fuzz: {} for {seconds} s", target.name);
        if let Err(error) = process::run(&mut fuzzer) {
            println!("fuzz: {error:#}");
            found.push(target.name.as_str());
        }
    }
    if found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("fuzz: faults were found by {}", found.join(", "));
    println!("fuzz: the bytes are in {}", built.join("artifacts").display());
    Ok(ExitCode::FAILURE)
}

fn targets(dir: &Path) -> Result<Vec<Target>> {
    let mut metadata = process::cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(dir);
    let metadata: Value = serde_json::from_str(&process::output(&mut metadata)?)
        .context("`cargo metadata` answers in another form than expected")?;
    let bins = metadata["packages"][0]["targets"].as_array().into_iter().flatten();
    let target = |bin: &Value| {
        let features = bin["required-features"].as_array();
        let is_slow = features.is_some_and(|all| all.iter().any(|feature| feature == SLOW));
        Some(Target { name: bin["name"].as_str()?.to_owned(), is_slow })
    };
    bins.map(target).collect::<Option<_>>().context("a target of fuzz/ has no name")
}

/// Those that are named, or all.
fn chosen(targets: Vec<Target>, only: &[String]) -> Result<Vec<Target>> {
    if only.is_empty() {
        return Ok(targets);
    }
    let find = |name: &String| {
        let found = targets.iter().find(|target| target.name == *name).cloned();
        found.with_context(|| {
            let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
            format!("there is no target `{name}`: {}", names.join(", "))
        })
    };
    only.iter().map(find).collect()
}

fn host() -> Result<String> {
    let text = process::output(Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

fn build(dir: &Path, target_dir: &Path, host: &str, targets: &[Target]) -> Result<()> {
    let mut build = process::cargo();
    build.current_dir(dir).env("CARGO_TARGET_DIR", target_dir).env("RUSTFLAGS", COVERAGE);
    // Counters are for the program, and not for what runs while it is built: hence the target.
    build.args(["build", "--target", host]);
    if !targets.iter().any(|target| target.is_slow) {
        build.arg("--no-default-features");
    }
    for target in targets {
        build.args(["--bin", &target.name]);
    }
    process::run(&mut build)
}

/// Where a target keeps what it has learnt, with the modules of the tests for those that read
/// modules.
fn corpus(root: &Path, built: &Path, target: &str) -> Result<PathBuf> {
    let corpus = built.join("corpus").join(target);
    let cannot = || format!("cannot fill {}", corpus.display());
    fs::create_dir_all(&corpus).with_context(cannot)?;
    let seeds = root.join("fuzz").join("seeds").join(target);
    let fixtures = root.join("tests").join("fixtures");
    let modules = [fixtures.join("hostile"), fixtures];
    let from = if target == "module" { &modules[..] } else { &[seeds][..] };
    for dir in from.iter().filter(|dir| dir.is_dir()) {
        for entry in fs::read_dir(dir).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                fs::copy(&path, corpus.join(name)).with_context(cannot)?;
            }
        }
    }
    Ok(corpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_targets_may_be_given_and_nothing_else() {
        let args = |text: &str| parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let some = args("--seconds 3 pack roster").expect("it is sound");
        assert_eq!(
            some,
            Args { seconds: 3, quick: false, only: vec!["pack".into(), "roster".into()] }
        );
        for wrong in ["--seconds", "--seconds x", "--hours 3"] {
            assert!(args(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_target_that_is_not_there_is_told_with_those_that_are() {
        let target = |name: &str| Target { name: name.into(), is_slow: false };
        let all = vec![target("pack"), target("wire")];
        assert_eq!(chosen(all.clone(), &[]).expect("all").len(), 2);
        assert_eq!(chosen(all.clone(), &["wire".into()]).expect("it is there")[0].name, "wire");
        let fault = chosen(all, &["wore".into()]).expect_err("it is not there");
        assert_eq!(fault.to_string(), "there is no target `wore`: pack, wire");
    }
}
