//! Runner processes: what goes wrong with one is an outcome of its task.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use bramble_protocol::{AttemptOutcome, ModuleKind};
use bramble_runtime::runner::{Finished, RunnerProcess};
use rustix::process::{Pid, Signal, kill_process};
use support::{Bench, ECHO, program, trust, wat_command};

const ENDLESS: &str = r#"(func (export "_start") (loop $on (br $on)))"#;

fn runner(bench: &Bench) -> RunnerProcess {
    RunnerProcess::spawn(program(), bench.dir.path(), &trust()).unwrap()
}

fn outputs(bench: &Bench, finished: Finished) -> Vec<Vec<u8>> {
    let AttemptOutcome::Succeeded { outputs } = finished.outcome else {
        panic!("{:?}", finished.outcome);
    };
    bench.store.commit(finished.staged).unwrap();
    outputs.iter().map(|output| bench.store.get(output).unwrap()).collect()
}

#[test]
fn tasks_run_one_after_the_other_in_the_same_process() {
    let bench = Bench::new();
    let mut runner = runner(&bench);
    let id = runner.id();
    for input in [&b"one"[..], b"two", &[7; 100_000]] {
        let work = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[input]);
        assert_eq!(outputs(&bench, runner.run(&work)), [input]);
        assert!(runner.is_alive());
    }
    assert_eq!(runner.id(), id);
    assert_eq!(bench.staged_files(), 0);
}

#[test]
fn outputs_that_nobody_commits_are_removed() {
    let bench = Bench::new();
    let mut runner = runner(&bench);
    let work = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b"x"]);
    let finished = runner.run(&work);
    assert_eq!(bench.staged_files(), 1);
    drop(finished);
    assert_eq!(bench.staged_files(), 0);
}

#[test]
fn a_task_is_canceled_by_killing_its_process() {
    let bench = Bench::new();
    let mut runner = runner(&bench);
    let work = bench.work(wat_command(ENDLESS).as_bytes(), ModuleKind::Command, &[b""]);
    let killer = runner.killer();
    let finished = std::thread::scope(|scope| {
        let running = scope.spawn(|| runner.run(&work));
        killer.kill();
        running.join().unwrap()
    });
    assert_eq!(finished.outcome, AttemptOutcome::Canceled);
    assert!(!runner.is_alive());
    killer.kill();
}

#[test]
fn a_process_that_dies_costs_its_task_and_names_the_signal() {
    let bench = Bench::new();
    let mut runner = runner(&bench);
    let mut work = bench.work(wat_command(ENDLESS).as_bytes(), ModuleKind::Command, &[b""]);
    work.limits.cpu_ms_max = 600_000;
    let id = Pid::from_raw(runner.id().cast_signed()).unwrap();
    let finished = std::thread::scope(|scope| {
        let running = scope.spawn(|| runner.run(&work));
        kill_process(id, Signal::ABORT).unwrap();
        running.join().unwrap()
    });
    let AttemptOutcome::NodeFault { message } = finished.outcome else {
        panic!("{:?}", finished.outcome);
    };
    assert!(message.contains("SIGABRT"), "{message}");
    assert!(!runner.is_alive());
}

#[test]
fn a_program_that_is_no_runner_is_found_out() {
    let bench = Bench::new();
    let work = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b""]);
    for no_runner in ["/bin/false", "/bin/echo"] {
        let mut process =
            RunnerProcess::spawn(Path::new(no_runner), bench.dir.path(), &trust()).unwrap();
        let finished = process.run(&work);
        assert!(matches!(finished.outcome, AttemptOutcome::NodeFault { .. }), "{finished:?}");
    }
    assert!(RunnerProcess::spawn(Path::new("/nonexistent"), bench.dir.path(), &trust()).is_err());
}

#[test]
fn a_guest_past_its_time_does_not_cost_the_process() {
    let bench = Bench::new();
    let mut runner = runner(&bench);
    let mut work = bench.work(wat_command(ENDLESS).as_bytes(), ModuleKind::Command, &[b""]);
    work.limits.cpu_ms_max = 20;
    assert_eq!(runner.run(&work).outcome, AttemptOutcome::OutOfTime { limit_ms: 20 });
    assert!(runner.is_alive());
}

#[test]
fn a_runner_ends_when_its_parent_lets_go_of_it_even_in_the_middle_of_a_task() {
    let bench = Bench::new();
    let work = bench.work(wat_command(ENDLESS).as_bytes(), ModuleKind::Command, &[b""]);
    let file = bench.dir.path().join("work.json");
    std::fs::write(&file, serde_json::to_vec(&work).unwrap()).unwrap();
    let mut agent = std::process::Command::new(program())
        .arg("agent")
        .arg(bench.dir.path())
        .arg(file)
        .arg(trust().key.to_string())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut id = String::new();
    BufReader::new(agent.stdout.take().unwrap()).read_line(&mut id).unwrap();
    let id = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(ends(id), "the runner still runs");
}

/// Whether a process that is not this one's child ends soon.
fn ends(id: Pid) -> bool {
    (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        rustix::process::test_kill_process(id).is_err()
    })
}
