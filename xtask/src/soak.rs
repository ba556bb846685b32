//! `cargo xtask soak`: what CI does for two minutes, for as long as one likes.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::test::{BRAMBLE_BIN_ENV, BRAMBLE_JOBS_ENV, build_bramble};
use crate::workspace::Workspace;
use crate::{build_jobs, process};

/// Runs of the simulator before real processes are killed.
const SIMULATED: &str = "2000";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Args {
    minutes: u64,
    seed: Option<u64>,
}

fn parse(words: &[String]) -> Result<Args> {
    let mut args = Args { minutes: 10, seed: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a number"))?;
        let number = value.parse().with_context(|| format!("{word} {value} is not a number"))?;
        match word.as_str() {
            "--minutes" => args.minutes = number,
            "--seed" => args.seed = Some(number),
            _ => bail!("soak takes --minutes N and --seed N, not {word}"),
        }
    }
    Ok(args)
}

/// Builds what is needed, then simulates, then kills. Prints the seed and how often what was done.
///
/// # Errors
/// When something does not build. A fault that was found is told by the exit code.
pub(crate) fn run(workspace: &Workspace, words: &[String]) -> Result<ExitCode> {
    let Args { minutes, seed } = parse(words)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = seed.unwrap_or_else(|| now.map_or(0, |now| now.as_secs()));
    let jobs_dir = build_jobs::run(workspace)?;
    build_bramble()?;
    println!("soak: seed {seed}, {minutes} minutes");
    for (test, filter) in [("sim", "small"), ("kills", "whatever_is_killed")] {
        let mut command = process::cargo();
        command.args(["test", "-p", "bramble-tests", "--test", test, filter, "--", "--nocapture"]);
        command.env(BRAMBLE_BIN_ENV, workspace.bramble()).env(BRAMBLE_JOBS_ENV, &jobs_dir);
        command.env("BRAMBLE_SIM_FIRST", seed.to_string()).env("BRAMBLE_SIM_RUNS", SIMULATED);
        command.env("BRAMBLE_SOAK_SEED", seed.to_string());
        command.env("BRAMBLE_SOAK_MINUTES", minutes.to_string());
        let status = command.current_dir(workspace.root()).status();
        let status =
            status.with_context(|| format!("cannot start {}", process::shown(&command)))?;
        if !status.success() {
            println!("soak: a fault was found; repeat with: cargo xtask soak --seed {seed}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_and_seed_may_be_given_and_nothing_else() {
        let args = |text: &str| parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let all = args("--minutes 3 --seed 7").expect("both are numbers");
        assert_eq!(all, Args { minutes: 3, seed: Some(7) });
        assert_eq!(parse(&[]).expect("neither is needed"), Args { minutes: 10, seed: None });
        for wrong in ["--minutes", "--minutes x", "--hours 3"] {
            assert!(args(wrong).is_err(), "{wrong}");
        }
    }
}
