//! Stands in for `bramble` in this crate's tests: its `internal` subcommands, native code that
//! pretends to have broken out of the sandbox, and an agent that can be killed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;

use bramble_protocol::{AttemptOutcome, TargetClass};
use bramble_runtime::artefact::Trust;
use bramble_runtime::runner::RunnerProcess;
use bramble_store::Store;

mod escape;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["internal", "module", ..] => bramble_runtime::compile::child_main(&args[2..]),
        ["internal", "runner", ..] => {
            bramble_runtime::runner::child_main_with(&args[2..], escape::attempt)
        }
        ["agent", store, work, key] => agent(Path::new(store), Path::new(work), key),
        _ => ExitCode::from(2),
    }
}

/// Runs the work that a file describes as an agent would that trusts the head of `key`. Says the runner's number first and
/// the outcome last, and asks the guest to save for each line on standard input.
fn agent(store: &Path, work: &Path, key: &str) -> ExitCode {
    let work = serde_json::from_slice(&std::fs::read(work).unwrap()).unwrap();
    let store = Store::open(store).unwrap();
    let program = std::env::current_exe().unwrap();
    let trust = Trust { class: TargetClass::native(), key: key.parse().unwrap() };
    let mut runner = RunnerProcess::start(&program, store.clone(), None, &trust).unwrap();
    println!("{}", runner.id());
    std::io::stdout().flush().unwrap();
    let killer = runner.killer();
    std::thread::spawn(move || {
        for _line in std::io::stdin().lock().lines() {
            killer.ask_to_save();
        }
    });
    let finished = runner.resume(&work);
    if matches!(finished.outcome, AttemptOutcome::Succeeded { .. }) {
        store.commit(finished.staged).unwrap();
    }
    println!("{}", serde_json::to_string(&finished.outcome).unwrap());
    ExitCode::SUCCESS
}
