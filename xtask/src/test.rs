//! `cargo xtask test`: everything is built, checked and tested.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{axe, browser, build_jobs, fuzz_api, process, tidy};

/// Where tests find the program.
pub(crate) const BRAMBLE_BIN_ENV: &str = "BRAMBLE_BIN";
/// Where tests and the program find the guest modules.
pub(crate) const BRAMBLE_JOBS_ENV: &str = "BRAMBLE_JOBS";

/// Builds the guests and the program, checks the rules, then hands over to the test runner, whose
/// lines are the last. `args` are for the runner.
///
/// # Errors
/// When something does not build or a rule is broken. A failed test is told by the exit code.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode> {
    let jobs_dir = build_jobs::run(workspace)?;
    tidy::run(workspace)?;
    browser::prepare();
    let axe = axe::prepare(workspace);
    if names_a_package(args) {
        build_bramble()?;
    } else {
        // The program as the tests are built, not by itself: features of shared dependencies
        // differ a little, and what differs would be compiled twice.
        process::run(process::cargo().args(["build", "--workspace", "--all-targets"]))?;
    }
    let surroundings =
        [(BRAMBLE_BIN_ENV, workspace.bramble()), (BRAMBLE_JOBS_ENV, jobs_dir.clone())];
    // Examples in documentation have a runner of their own, which knows no filters of the other.
    if args.is_empty() {
        let mut doctests = process::cargo();
        doctests.args(["test", "--doc", "--workspace", "--quiet"]);
        process::run(doctests.envs(surroundings.clone()))?;
    }
    if args.is_empty() {
        // Apart from the others, because the faults are to be in no program.
        let mutants = ["test", "-p", "bramble-tests", "--features", "mutants", "--test", "mutants"];
        process::run(process::cargo().args(mutants).args(["--quiet", "--", "--nocapture"]))?;
    }
    if args.is_empty() && fuzz_api::briefly(workspace, &jobs_dir)? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    let mut runner = runner(args);
    let status = runner
        .envs(surroundings)
        .envs(axe.map(|script| (axe::AXE_ENV, script)))
        .current_dir(workspace.root())
        .status()
        .with_context(|| format!("cannot start {}", process::shown(&runner)))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the program `bramble`.
///
/// # Errors
/// When it does not compile.
pub(crate) fn build_bramble() -> Result<()> {
    process::run(process::cargo().args(["build", "--package", "bramble", "--bin", "bramble"]))
}

/// nextest where it is installed: it runs each test in a process of its own.
fn runner(args: &[String]) -> Command {
    let mut command = process::cargo();
    let with_nextest = process::find("cargo-nextest").is_some();
    if with_nextest {
        command.args(["nextest", "run"]);
    } else {
        command.args(["test", "--tests"]);
    }
    if !names_a_package(args) {
        command.arg("--workspace");
    }
    command.args(args);
    command
}

fn names_a_package(args: &[String]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_workspace_is_tested_unless_a_package_is_named() {
        let args = |words: &str| words.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let line = |words: &str| {
            let command = runner(&args(words));
            command.get_args().any(|arg| arg == "--workspace")
        };
        assert!(line(""));
        assert!(line("some_filter"));
        assert!(line("filter -- -p"));
        assert!(!line("-p bramble-store"));
        assert!(!line("--package=bramble-store filter"));
    }
}
