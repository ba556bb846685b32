//! WASI commands in the sandbox: what they can do, and how each misbehaviour ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use bramble_protocol::{AttemptOutcome, GuestErrorKind, ModuleKind, TrapKind};
use support::{Bench, ECHO, wat_command};

#[test]
fn a_chunk_on_standard_input_comes_back_on_standard_output() {
    let mut bench = Bench::new();
    let input: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let end = bench.command(&wat_command(ECHO), &input);
    assert_eq!(end.usage.bytes_in, input.len() as u64);
    assert_eq!(end.usage.bytes_out, input.len() as u64);
    assert_eq!(end.usage.memory_bytes_peak, 128 << 10);
    assert_eq!(bench.outputs(end), [input]);
    assert_eq!(bench.staged_files(), 0);
}

#[test]
fn an_input_too_long_for_memory_is_streamed_and_checked_again() {
    let mut bench = Bench::new();
    let input = vec![7u8; 33 << 20];
    let end = bench.command(&wat_command(ECHO), &input);
    assert!(bench.outputs(end) == [input]);
}

#[test]
fn a_command_that_reads_and_writes_nothing_succeeds_with_an_empty_output() {
    let mut bench = Bench::new();
    let end = bench.command(&wat_command(r#"(func (export "_start"))"#), b"unread");
    assert_eq!(bench.outputs(end), [b""]);
}

fn exit_with(status: i32) -> String {
    wat_command(&format!(
        r#"(data (i32.const 100) "first line\nline 2: not a number\n")
        (func (export "_start")
          (call $put (i32.const 1) (i32.const 100) (i32.const 5))
          (call $put (i32.const 2) (i32.const 100) (i32.const 32))
          (call $exit (i32.const {status})) unreachable)"#
    ))
}

#[test]
fn an_exit_status_says_what_sort_of_failure_it_was() {
    let mut bench = Bench::new();
    for (status, expected) in [
        (65, GuestErrorKind::BadInput),
        (78, GuestErrorKind::BadParam),
        (3, GuestErrorKind::ExitStatus),
        (256, GuestErrorKind::ExitStatus),
    ] {
        let end = bench.command(&exit_with(status), b"");
        let AttemptOutcome::GuestFailed { error, message } = end.outcome else {
            panic!("{:?}", end.outcome);
        };
        assert_eq!(error, expected);
        assert_eq!(message, format!("exit status {status}: line 2: not a number"));
        assert_eq!(end.log, "first line\nline 2: not a number\n");
        assert!(end.staged.is_empty());
    }
    assert_eq!(bench.staged_files(), 0);
    let end = bench.command(&exit_with(0), b"");
    assert_eq!(bench.outputs(end), [b"first"]);
}

#[test]
fn an_endless_loop_runs_out_of_processor_time() {
    let mut bench = Bench::new();
    let wat = wat_command(r#"(func (export "_start") (loop $on (br $on)))"#);
    let mut work = bench.work(wat.as_bytes(), ModuleKind::Command, &[b""]);
    work.limits.cpu_ms_max = 50;
    assert_eq!(bench.sandbox.run(&work).outcome, AttemptOutcome::OutOfTime { limit_ms: 50 });
    work.limits.cpu_ms_max = 60_000;
    work.limits.wall_ms_max = 50;
    assert_eq!(bench.sandbox.run(&work).outcome, AttemptOutcome::TimedOut { limit_ms: 50 });
}

#[test]
fn a_task_after_one_that_was_stopped_is_not_affected() {
    let mut bench = Bench::new();
    let wat = wat_command(r#"(func (export "_start") (loop $on (br $on)))"#);
    let mut endless = bench.work(wat.as_bytes(), ModuleKind::Command, &[b""]);
    endless.limits.cpu_ms_max = 30;
    let echo = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b"fine"]);
    for _ in 0..3 {
        bench.sandbox.run(&endless);
        let end = bench.sandbox.run(&echo);
        assert_eq!(bench.outputs(end), [b"fine"]);
    }
}

#[test]
fn growing_memory_without_end_is_named_with_what_was_wanted() {
    let mut bench = Bench::new();
    let end = bench.command(
        &wat_command(
            r#"(func (export "_start")
              (loop $on
                (br_if $on (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
              unreachable)"#,
        ),
        b"",
    );
    let limit_bytes = 64 << 20;
    let wanted_bytes = limit_bytes + (128 << 10);
    assert_eq!(
        end.outcome,
        AttemptOutcome::MemoryExceeded { wanted_bytes, limit_bytes, refusals: 1 }
    );
    assert_eq!(end.usage.memory_refusals, 1);
    assert!(end.usage.memory_bytes_peak <= limit_bytes);
}

#[test]
fn a_guest_that_copes_without_the_memory_it_was_refused_succeeds() {
    let mut bench = Bench::new();
    let end = bench.command(
        &wat_command(r#"(func (export "_start") (drop (memory.grow (i32.const 9999))))"#),
        b"",
    );
    assert_eq!(bench.outputs(end), [b""]);
}

#[test]
fn asking_for_refused_memory_again_and_again_is_stopped() {
    let mut bench = Bench::new();
    let storm = r#"(func (export "_start")
        (loop $on (drop (memory.grow (i32.const 9999))) (br $on)))"#;
    let end = bench.command(&wat_command(storm), b"");
    assert!(matches!(end.outcome, AttemptOutcome::MemoryExceeded { .. }), "{:?}", end.outcome);
}

#[test]
fn a_module_that_starts_with_more_memory_than_allowed_is_told_so() {
    let mut bench = Bench::new();
    let wat = r#"(module (memory (export "memory") 2000) (func (export "_start")))"#;
    let end = bench.command(wat, b"");
    let wanted_bytes = 2000 << 16;
    let limit_bytes = 64 << 20;
    assert_eq!(
        end.outcome,
        AttemptOutcome::MemoryExceeded { wanted_bytes, limit_bytes, refusals: 1 }
    );
}

#[test]
fn traps_are_told_apart_and_carry_the_guests_own_calls() {
    let mut bench = Bench::new();
    for (body, expected) in [
        ("unreachable", TrapKind::Unreachable),
        ("(drop (i32.load (i32.const -1)))", TrapKind::MemoryOutOfBounds),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", TrapKind::Arithmetic),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", TrapKind::Arithmetic),
        ("(call_indirect (i32.const 0))", TrapKind::BadCall),
        ("(call $sums_up)", TrapKind::StackOverflow),
    ] {
        let wat = wat_command(&format!(
            r#"(table 1 funcref) (func $sums_up {body}) (func (export "_start") (call $sums_up))"#
        ));
        let end = bench.command(&wat, b"");
        let AttemptOutcome::Trapped { trap, message } = end.outcome else {
            panic!("{:?}", end.outcome);
        };
        assert_eq!(trap, expected, "{message}");
        assert!(message.contains("sums_up"), "{message}");
        assert!(message.len() <= 8 << 10);
    }
}

#[test]
fn the_words_of_a_panic_lead_the_message_of_its_trap() {
    let mut bench = Bench::new();
    let end = bench.command(
        &wat_command(
            r#"(data (i32.const 100) "thread 'main' panicked at src/main.rs:3:5:\nno such thing\n")
            (func (export "_start")
              (call $put (i32.const 2) (i32.const 100) (i32.const 57)) unreachable)"#,
        ),
        b"",
    );
    let AttemptOutcome::Trapped { message, .. } = end.outcome else { panic!("{:?}", end.outcome) };
    assert!(message.starts_with("panicked at src/main.rs:3:5: no such thing\n"), "{message}");
}

#[test]
fn a_flood_of_output_is_stopped_at_its_limit_and_leaves_no_file() {
    let mut bench = Bench::new();
    let flood = r#"(func (export "_start")
        (loop $on (call $put (i32.const 1) (i32.const 0) (i32.const 65536)) (br $on)))"#;
    let mut work = bench.work(wat_command(flood).as_bytes(), ModuleKind::Command, &[b""]);
    work.limits.output_bytes_max = Some(1 << 20);
    let end = bench.sandbox.run(&work);
    assert_eq!(end.outcome, AttemptOutcome::OutputExceeded { limit_bytes: 1 << 20 });
    assert_eq!(bench.staged_files(), 0);
}

#[test]
fn a_flood_of_log_lines_keeps_the_last_and_counts_the_rest() {
    let mut bench = Bench::new();
    let end = bench.command(
        &wat_command(
            r#"(data (i32.const 100) "0123456789abcde\n")
            (func (export "_start") (local $i i32)
              (loop $on
                (i32.store8 (i32.const 100) (i32.add (i32.const 48)
                  (i32.rem_u (local.get $i) (i32.const 10))))
                (call $put (i32.const 2) (i32.const 100) (i32.const 16))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $on (i32.lt_u (local.get $i) (i32.const 10000)))))"#,
        ),
        b"",
    );
    assert!(matches!(end.outcome, AttemptOutcome::Succeeded { .. }));
    assert!(end.log.len() <= 64 << 10);
    assert!(end.log.ends_with("9123456789abcde\n"));
    assert_eq!(end.usage.log_bytes_dropped, 160_000 - (64 << 10));
}

/// Writes the clocks, random bytes and the clock after a sleep of an hour.
const LOOKS_AROUND: &str = r#"
  (func (export "_start")
    (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 2000)))
    (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 2008)))
    (drop (call $random (i32.const 2016) (i32.const 32)))
    (i32.store (i32.const 1016) (i32.const 1))
    (i64.store (i32.const 1024) (i64.const 3600000000000))
    (drop (call $poll (i32.const 1000) (i32.const 1100) (i32.const 1) (i32.const 1200)))
    (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 2048)))
    (call $put (i32.const 1) (i32.const 2000) (i32.const 56)))"#;

#[test]
fn clocks_and_random_numbers_are_the_same_in_every_attempt() {
    let mut bench = Bench::new();
    let mut work = bench.work(wat_command(LOOKS_AROUND).as_bytes(), ModuleKind::Command, &[b""]);
    let first = bench.sandbox.run(&work);
    let first = bench.outputs(first).remove(0);
    let second = Bench::new().sandbox_run_like(&work, &bench);
    assert_eq!(first, second);
    let number = |at: usize| u64::from_le_bytes(first[at..at + 8].try_into().unwrap());
    assert_eq!(number(0), 1_700_000_000_000_000_000);
    // An hour passes on the virtual clock only.
    assert!(number(48) - number(8) >= 3_600_000_000_000);
    work.task.seed = 8;
    let other = bench.sandbox.run(&work);
    let other = bench.outputs(other).remove(0);
    assert_ne!(first[16..48], other[16..48]);
}

impl Bench {
    /// Runs the same work in a fresh sandbox over a copy of another bench's objects.
    fn sandbox_run_like(mut self, work: &bramble_protocol::agent::Work, from: &Self) -> Vec<u8> {
        for object in std::iter::once(&work.artefact).chain(&work.inputs) {
            self.store.put(&from.store.get(object).unwrap()).unwrap();
        }
        let end = self.sandbox.run(work);
        self.outputs(end).remove(0)
    }
}

#[test]
fn a_command_is_given_its_arguments_and_parameters() {
    let mut bench = Bench::new();
    let wat = r#"(module
      (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (drop (call $args (i32.const 512) (i32.const 1024)))
        (drop (call $env (i32.const 768) (i32.const 1034)))
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 200))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;
    let mut work = bench.work(wat.as_bytes(), ModuleKind::Command, &[b""]);
    work.args = vec!["-x".into(), "y".into()];
    work.params.insert("key-size".into(), "128".into());
    let end = bench.sandbox.run(&work);
    let text = String::from_utf8(bench.outputs(end).remove(0)).unwrap();
    let words: Vec<&str> = text.trim_end_matches('\0').split('\0').collect();
    assert_eq!(
        words,
        [
            "test",
            "-x",
            "y",
            "BRAMBLE_COUNT=1",
            "BRAMBLE_INDEX=0",
            "BRAMBLE_PARAM_KEY_SIZE=128",
            "BRAMBLE_PHASE=map",
            "BRAMBLE_SEED=7"
        ]
    );
}

#[test]
fn a_component_with_the_command_world_runs_and_may_fail() {
    let mut bench = Bench::new();
    let component = |answer: u32| {
        format!(
            r#"(component
              (core module $m (func (export "run") (result i32) (i32.const {answer})))
              (core instance $i (instantiate $m))
              (func $run (result (result)) (canon lift (core func $i "run")))
              (instance $cli (export "run" (func $run)))
              (export "wasi:cli/run@0.2.3" (instance $cli)))"#
        )
    };
    let end = bench.command(&component(0), b"");
    assert_eq!(bench.outputs(end), [b""]);
    let end = bench.command(&component(1), b"");
    assert_eq!(end.outcome.message(), "exit status 1");
}

#[test]
fn a_command_has_no_directory() {
    let mut bench = Bench::new();
    // The first descriptor after the streams would be the first directory.
    let wat = r#"(module
      (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $exit (call $prestat (i32.const 3) (i32.const 0)))))"#;
    let end = bench.command(wat, b"");
    let AttemptOutcome::GuestFailed { message, .. } = end.outcome else {
        panic!("{:?}", end.outcome);
    };
    assert_eq!(message, "exit status 8", "EBADF");
}

#[test]
fn a_damaged_chunk_is_never_run() {
    let mut bench = Bench::new();
    let work = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b"the chunk"]);
    bench.damage(&work.inputs[0], b"the chonk");
    let end = bench.sandbox.run(&work);
    assert_eq!(
        end.outcome,
        AttemptOutcome::ChunkCorrupt {
            expected: work.inputs[0].digest,
            found: bramble_protocol::Digest::of(b"the chonk"),
        }
    );
}

#[test]
fn a_missing_chunk_or_artefact_is_named() {
    let mut bench = Bench::new();
    let work = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b""]);
    for broken in [
        bramble_protocol::agent::Work {
            inputs: vec![bramble_protocol::ObjectRef::of(b"elsewhere")],
            ..work.clone()
        },
        bramble_protocol::agent::Work {
            artefact: bramble_protocol::ObjectRef::of(b"elsewhere"),
            ..work.clone()
        },
    ] {
        let end = bench.sandbox.run(&broken);
        let digest = bramble_protocol::Digest::of(b"elsewhere");
        assert!(
            matches!(end.outcome, AttemptOutcome::ChunkMissing { digest: found, .. } if found == digest),
            "{:?}",
            end.outcome
        );
    }
}

#[test]
fn what_is_no_artefact_is_not_loaded() {
    let mut bench = Bench::new();
    let mut work = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b""]);
    let mut bytes = bench.store.get(&work.artefact).unwrap();
    bytes.truncate(bytes.len() / 2);
    work.artefact = bench.store.put(&bytes).unwrap();
    let end = bench.sandbox.run(&work);
    assert!(matches!(end.outcome, AttemptOutcome::NodeFault { .. }), "{:?}", end.outcome);
}

#[test]
fn a_command_that_merges_gets_its_parts_one_after_the_other() {
    let mut bench = Bench::new();
    let parts: [&[u8]; 3] = [b"one", b"two three", &[b'x'; 70_000]];
    let mut work = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &parts);
    work.task.phase = bramble_protocol::Phase::Merge { level: 1, partition: 0, group: 0 };
    let end = bench.sandbox.run(&work);
    assert_eq!(end.usage.bytes_in, 70_012);
    assert_eq!(bench.outputs(end), [parts.concat()]);
}

#[test]
fn a_declared_status_means_success_and_keeps_what_was_written() {
    let mut bench = Bench::new();
    let mut work = bench.work(exit_with(3).as_bytes(), ModuleKind::Command, &[b""]);
    work.ok_statuses = vec![1, 3];
    let end = bench.sandbox.run(&work);
    assert_eq!(bench.outputs(end), [b"first"]);
    work.ok_statuses = vec![1];
    assert!(!matches!(bench.sandbox.run(&work).outcome, AttemptOutcome::Succeeded { .. }));
}
