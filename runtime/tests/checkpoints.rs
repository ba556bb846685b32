//! Tasks that save, and go on where they were after their runner or their agent was killed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sdk.rs"]
mod sdk;
mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, Digest, GuestErrorKind, ModuleKind, Phase};
use bramble_runtime::runner::Finished;
use rustix::process::{Pid, Signal, kill_process};
use support::{Bench, program, trust};

/// A job of this many steps. Each writes its number to the first output and a long block to the
/// second, and waits until it should save. It fails when it is asked to stop.
const STEPS: u8 = 9;
const BLOCK_BYTES: usize = 100_000;
const STEPPER: &str = include_str!("support/stepper.wat");

const INTERFACES: [&str; 3] = ["mapper", "partitioner", "merger"];

fn stepper(bench: &Bench) -> Work {
    let module = sdk::sdk_module(STEPPER, &INTERFACES);
    let mut work = bench.work(&module, ModuleKind::Job, &[b"input"]);
    work.task.partitions = 2;
    work.task_key = Some(Digest::of(b"stepper"));
    work
}

fn expected() -> [Vec<u8>; 2] {
    let steps: Vec<u8> = (0..STEPS).collect();
    let blocks = steps.iter().flat_map(|step| vec![*step; BLOCK_BYTES]).collect();
    [steps, blocks]
}

/// Waits for what must happen soon.
fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn checkpoints(bench: &Bench) -> PathBuf {
    bench.dir.path().join("checkpoints").join(Digest::of(b"stepper").to_string())
}

/// The number that the latest checkpoint starts from.
fn saved_step(bench: &Bench) -> Option<u8> {
    bench.store.load_checkpoint(&Digest::of(b"stepper")).unwrap().map(|saved| saved.state[0])
}

/// Has the guest save until the checkpoint is `step`, then kills its runner.
fn run_until(bench: &mut Bench, work: &Work, step: u8) -> Finished {
    let killer = bench.sandbox.killer();
    let id = Pid::from_raw(bench.sandbox.id().cast_signed()).unwrap();
    let (store, runner) = (&bench.store, &mut bench.sandbox);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| runner.resume(work));
        // Once it runs: a hint that comes earlier is for the task before.
        wait_for("the guest to begin", || killer.progress());
        killer.ask_to_save();
        wait_for("a checkpoint", || {
            let saved = store.load_checkpoint(&Digest::of(b"stepper")).unwrap();
            saved.filter(|saved| saved.state[0] >= step)
        });
        kill_process(id, Signal::KILL).unwrap();
        running.join().unwrap()
    })
}

#[test]
fn a_task_whose_runner_is_killed_at_each_save_gives_the_same_bytes_and_starts_once() {
    let mut bench = Bench::new();
    let work = stepper(&bench);
    for step in 1..5 {
        let finished = run_until(&mut bench, &work, step);
        assert!(matches!(finished.outcome, AttemptOutcome::NodeFault { .. }), "{finished:?}");
        assert!(finished.has_saved);
        assert!(saved_step(&bench).unwrap() >= step);
        drop(finished);
        assert_eq!(bench.staged_files(), 0, "only the checkpoint keeps what was written");
        bench.restart();
    }
    let begun_at = saved_step(&bench).unwrap();
    let killer = bench.sandbox.killer();
    let runner = &mut bench.sandbox;
    let finished = std::thread::scope(|scope| {
        let running = scope.spawn(|| runner.resume(&work));
        wait_for("the end", || {
            killer.ask_to_save();
            running.is_finished().then_some(())
        });
        running.join().unwrap()
    });
    assert_eq!(finished.log, format!("info: {begun_at}\n"), "it begins where it was");
    assert!(finished.has_saved);
    assert_eq!(bench.outputs(finished), expected());
    bench.store.drop_checkpoints(&Digest::of(b"stepper")).unwrap();
    assert!(!checkpoints(&bench).exists());
}

/// An agent in a process of its own.
struct Agent {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
    runner: Pid,
}

impl Agent {
    fn start(bench: &Bench, work: &Work) -> Self {
        let file = bench.dir.path().join("work.json");
        std::fs::write(&file, serde_json::to_vec(work).unwrap()).unwrap();
        let mut child = Command::new(program())
            .arg("agent")
            .arg(bench.dir.path())
            .arg(file)
            .arg(trust().key.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let runner = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        Self { child, said, runner }
    }

    fn ask_to_save(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
}

#[test]
fn a_task_whose_agent_is_killed_goes_on_under_the_next_one() {
    let bench = Bench::new();
    let work = stepper(&bench);
    for step in [1, 3] {
        let mut agent = Agent::start(&bench, &work);
        wait_for("a checkpoint", || {
            agent.ask_to_save();
            saved_step(&bench).filter(|saved| *saved >= step)
        });
        agent.child.kill().unwrap();
        agent.child.wait().unwrap();
        wait_for("the runner to end with its agent", || {
            rustix::process::test_kill_process(agent.runner).err()
        });
    }
    let mut agent = Agent::start(&bench, &work);
    wait_for("the end", || {
        // Once it has ended it cannot be asked.
        let _ = agent.child.stdin.as_mut().unwrap().write_all(b"\n");
        agent.child.try_wait().unwrap()
    });
    let mut line = String::new();
    agent.said.read_line(&mut line).unwrap();
    let outcome: AttemptOutcome = serde_json::from_str(&line).unwrap();
    let AttemptOutcome::Succeeded { outputs } = outcome else { panic!("{outcome:?}") };
    let outputs: Vec<_> = outputs.iter().map(|output| bench.store.get(output).unwrap()).collect();
    assert_eq!(outputs, expected());
}

#[test]
fn a_guest_that_is_asked_to_stop_may_save_and_end_and_one_that_does_not_is_killed() {
    let mut bench = Bench::new();
    let work = stepper(&bench);
    let killer = bench.sandbox.killer();
    let runner = &mut bench.sandbox;
    let finished = std::thread::scope(|scope| {
        let running = scope.spawn(|| runner.run(&work));
        wait_for("the first step", || killer.progress());
        killer.ask_to_stop();
        running.join().unwrap()
    });
    assert_eq!(
        finished.outcome,
        AttemptOutcome::GuestFailed { error: GuestErrorKind::Failed, message: "stopped".into() }
    );
    let endless = support::wat_command(r#"(func (export "_start") (loop $on (br $on)))"#);
    let endless = bench.work(endless.as_bytes(), ModuleKind::Command, &[b""]);
    let runner = &mut bench.sandbox;
    let begun = Instant::now();
    let finished = std::thread::scope(|scope| {
        let running = scope.spawn(|| runner.run(&endless));
        wait_for("the hint to come after the task", || {
            killer.ask_to_stop();
            (begun.elapsed() > Duration::from_secs(5)).then_some(())
        });
        running.join().unwrap()
    });
    assert_eq!(finished.outcome, AttemptOutcome::Canceled);
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn saving_where_nothing_can_be_resumed_ends_the_task() {
    let mut bench = Bench::new();
    let mut work = stepper(&bench);
    // Without a key nobody could find it again, so that saving does nothing.
    work.task_key = None;
    work.params.insert("eager".into(), "yes".into());
    let finished = bench.sandbox.run(&work);
    assert_eq!(bench.outputs(finished), expected());
    assert!(!checkpoints(&bench).exists());
    work.params.insert("state".into(), "too long".into());
    let finished = bench.sandbox.run(&work);
    assert!(finished.outcome.message().contains("allowed are 1048576"), "{finished:?}");
    let module = sdk::sdk_module(STEPPER, &INTERFACES);
    let mut work = bench.work(&module, ModuleKind::Job, &[b"input"]);
    work.task.phase = Phase::Ranges;
    let finished = bench.sandbox.run(&work);
    assert!(finished.outcome.message().contains("cannot be resumed"), "{finished:?}");
}

/// The same as a map of pairs: each step emits one, the later the smaller its key.
fn pair_stepper() -> Vec<u8> {
    let emits = "(i64.store (i32.const 128) (i64.const 0x100000001))
        (i32.store8 (i32.const 136) (i32.sub (i32.const 9) (local.get $step)))
        (i32.store8 (i32.const 137) (local.get $step))
        (call $emit (local.get $output) (i32.const 128) (i32.const 10))";
    let (head, tail) = STEPPER.split_once("  ;; Saves although").unwrap();
    assert!(tail.contains("partitioner"));
    let wat = head
        .replace("mapper@0.1.2#run", "mapper-pairs@0.1.2#run")
        .replace("(call $write_to (local.get $output) (i32.const 0) (i32.const 65) (i32.const 1))", emits)
        .replace("(call $write_to (local.get $output) (i32.const 1) (i32.const 8192) (i32.const 100000))", "")
        .replace("(call $drop_sink (local.get $output))", "(call $drop_emitter (local.get $output))")
        .replacen(
            "  (memory (export",
            r#"  (import "bramble:job/io@0.1.2" "[method]emitter.emit" (func $emit (param i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]emitter" (func $drop_emitter (param i32)))
  (import "bramble:job/io@0.1.2" "[method]groups.next" (func $pairs (param i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]groups" (func $drop_groups (param i32)))
  (memory (export"#,
            1,
        )
        + r#"
  (func (export "bramble:job/reducer@0.1.2#run")
    (param i64 i32 i32 i32 i64 i64) (param $input i32) (param $output i32) (result i32)
    (call $pairs (local.get $input) (i32.const 65536) (i32.const 32))
    (call $write_to (local.get $output) (i32.const 0)
      (i32.load (i32.const 32)) (i32.load (i32.const 36)))
    (call $drop_groups (local.get $input))
    (call $drop_sink (local.get $output))
    (i32.const 16)))"#;
    sdk::sdk_module(&wat, &["mapper-pairs", "reducer"])
}

#[test]
fn pairs_that_were_emitted_before_a_kill_are_there_once() {
    let mut bench = Bench::new();
    let module = pair_stepper();
    let mut work = bench.work(&module, ModuleKind::Job, &[b"input"]);
    work.task_key = Some(Digest::of(b"stepper"));
    for step in 1..4 {
        let finished = run_until(&mut bench, &work, step);
        assert!(finished.has_saved, "{finished:?}");
        drop(finished);
        bench.restart();
    }
    work.params.insert("eager".into(), String::new());
    let begun_at = saved_step(&bench).unwrap();
    let finished = bench.sandbox.resume(&work);
    assert_eq!(finished.log, format!("info: {begun_at}\n"), "it begins where it was");
    let part = bench.outputs(finished).pop().unwrap();
    let mut reduce = bench.work(&module, ModuleKind::Job, &[&part]);
    reduce.task.phase = Phase::Reduce { partition: 0 };
    let finished = bench.sandbox.run(&reduce);
    let expected: Vec<u8> =
        (0..STEPS).rev().flat_map(|step| [1, 0, 0, 0, 1, 0, 0, 0, 9 - step, step]).collect();
    assert_eq!(bench.outputs(finished), [expected]);
}
