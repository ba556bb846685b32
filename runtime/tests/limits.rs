//! Each limit that can end a task, and how it is told.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sdk.rs"]
mod sdk;
mod support;

use bramble_protocol::{AttemptOutcome, Countable, Mode, ModuleKind, TrapKind};
use support::{Bench, ECHO, wat_command};

/// Runs a command and says the name of how it ended.
fn slug(bench: &mut Bench, wat: &str) -> &'static str {
    let end = bench.command(wat, b"");
    println!("{}", end.outcome.message());
    end.outcome.slug()
}

/// A component that has `count` of something.
fn component(count: usize, something: impl Fn(usize) -> String) -> String {
    let all: String = (0..count).map(something).collect();
    format!(
        r#"(component
          {all}
          (core module $run (func (export "run") (result i32) (i32.const 0)))
          (core instance $runs (instantiate $run))
          (func $f (result (result)) (canon lift (core func $runs "run")))
          (instance $cli (export "run" (func $f)))
          (export "wasi:cli/run@0.2.3" (instance $cli)))"#
    )
}

#[test]
fn too_many_instances_memories_and_tables_are_told_apart() {
    let mut bench = Bench::new();
    let instances = component(130, |number| {
        let module = if number == 0 { "(core module $m)" } else { "" };
        format!("{module} (core instance (instantiate $m))")
    });
    assert_eq!(slug(&mut bench, &instances), "too-many-instances");
    let with = |what: &'static str| {
        move |number: usize| {
            let module =
                if number == 0 { format!("(core module $m ({what}))") } else { String::new() };
            format!("{module} (core instance (instantiate $m))")
        }
    };
    assert_eq!(slug(&mut bench, &component(40, with("memory 1"))), "too-many-memories");
    assert_eq!(slug(&mut bench, &component(70, with("table 1 funcref"))), "too-many-tables");
    assert_eq!(slug(&mut bench, &component(30, with("memory 1"))), "succeeded");
}

#[test]
fn a_table_that_may_not_grow_explains_the_failure_that_follows() {
    let mut bench = Bench::new();
    let grows = |then: &str| {
        wat_command(&format!(
            r#"(table $t 0 funcref) (func (export "_start")
              (if (i32.eq (table.grow $t (ref.null func) (i32.const 600000)) (i32.const -1))
                (then {then})))"#
        ))
    };
    let end = bench.command(&grows("unreachable"), b"");
    let limit = 500_000;
    assert_eq!(end.outcome, AttemptOutcome::TooMuch { of: Countable::TableElements, limit });
    // One that copes without is none the worse for it.
    assert_eq!(slug(&mut bench, &grows("nop")), "succeeded");
    let large = wat_command(r#"(table 600000 funcref) (func (export "_start"))"#);
    assert_eq!(slug(&mut bench, &large), "too-many-table-elements");
    let own_limit = wat_command(
        r#"(table $t 0 1 funcref) (func (export "_start")
          (drop (table.grow $t (ref.null func) (i32.const 600000))) unreachable)"#,
    );
    assert_eq!(slug(&mut bench, &own_limit), "trapped");
}

#[test]
fn a_guest_that_never_lets_go_of_its_handles_is_stopped() {
    let mut bench = Bench::new();
    let hoarder = r#"(component
      (import "wasi:io/streams@0.2.3" (instance $streams
        (export "input-stream" (type (sub resource)))))
      (alias export $streams "input-stream" (type $input))
      (import "wasi:cli/stdin@0.2.3" (instance $stdin
        (alias outer 1 $input (type $outer))
        (export "input-stream" (type $in (eq $outer)))
        (export "get-stdin" (func (result (own $in))))))
      (core func $get (canon lower (func $stdin "get-stdin")))
      (core module $m
        (import "" "get" (func $get (result i32)))
        (func (export "run") (result i32) (loop $on (drop (call $get)) (br $on)) (i32.const 0)))
      (core instance $i (instantiate $m (with "" (instance (export "get" (func $get))))))
      (func $run (result (result)) (canon lift (core func $i "run")))
      (instance $cli (export "run" (func $run)))
      (export "wasi:cli/run@0.2.3" (instance $cli)))"#;
    let end = bench.command(hoarder, b"");
    assert_eq!(end.outcome, AttemptOutcome::TooMuch { of: Countable::Handles, limit: 1024 });
}

#[test]
fn recursion_without_an_end_has_a_name_of_its_own() {
    let mut bench = Bench::new();
    let end = bench
        .command(&wat_command(r#"(func $deep (export "_start") (call $deep) (call $deep))"#), b"");
    assert!(matches!(end.outcome, AttemptOutcome::Trapped { trap: TrapKind::StackOverflow, .. }));
    assert_eq!(end.outcome.slug(), "stack-overflow");
}

#[test]
fn calls_of_the_host_are_counted_for_commands_and_jobs() {
    let mut bench = Bench::new();
    let end = bench.command(&wat_command(ECHO), &[7; 200_000]);
    // At least a read and a write for each block of 64 KiB.
    assert!((6..100).contains(&end.usage.host_calls), "{:?}", end.usage);
    let module = sdk::full_job();
    let work = bench.work(&module, ModuleKind::Job, &[&[7; 200_000]]);
    let end = bench.sandbox.run(&work);
    assert!((6..100).contains(&end.usage.host_calls), "{:?}", end.usage);
}

#[test]
fn a_guest_that_calls_the_host_without_end_is_stopped() {
    let mut bench = Bench::new();
    let flood = r#"(func (export "_start")
        (loop $on (call $put (i32.const 2) (i32.const 0) (i32.const 0)) (br $on)))"#;
    let mut work = bench.work(wat_command(flood).as_bytes(), ModuleKind::Command, &[b""]);
    work.limits.cpu_ms_max = 100;
    let end = bench.sandbox.run(&work);
    let limit = work.limits.host_calls_max();
    assert!(
        end.outcome == AttemptOutcome::TooMuch { of: Countable::HostCalls, limit }
            // On a slow machine its time is over first.
            || end.outcome == AttemptOutcome::OutOfTime { limit_ms: 100 },
        "{:?}",
        end.outcome
    );
}

#[test]
fn a_flood_of_log_is_cut_by_rate_and_its_last_words_are_kept() {
    let mut bench = Bench::new();
    let end = bench.command(
        &wat_command(
            r#"(data (i32.const 100) "0\n") (data (i32.const 200) "the reason\n")
            (func (export "_start") (local $i i32)
              (loop $on
                (call $put (i32.const 2) (i32.const 100) (i32.const 2))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $on (i32.lt_u (local.get $i) (i32.const 60000))))
              (call $put (i32.const 2) (i32.const 200) (i32.const 11))
              (call $exit (i32.const 3)))"#,
        ),
        b"",
    );
    assert_eq!(end.outcome.message(), "exit status 3: the reason");
    assert!(end.log.ends_with("the reason\n"));
    let dropped = end.usage.log_lines_dropped;
    if end.usage.wall_us < 5_000_000 {
        assert!((20_000..60_000).contains(&dropped), "{dropped}");
        assert!(end.log.contains("pieces of log came too fast"), "{:.200}", end.log);
    }
}

#[test]
fn a_failure_after_refused_memory_says_how_often_it_was_refused() {
    let mut bench = Bench::new();
    let end = bench.command(
        &wat_command(
            r#"(func (export "_start")
              (drop (memory.grow (i32.const 9999)))
              (drop (memory.grow (i32.const 9999)))
              (drop (memory.grow (i32.const 9999)))
              unreachable)"#,
        ),
        b"",
    );
    assert_eq!(end.usage.memory_refusals, 3);
    assert!(end.outcome.message().ends_with("(refused 3 times)"), "{}", end.outcome.message());
}

#[test]
fn a_verified_task_ends_when_its_fuel_is_used_up_and_at_the_same_place_each_time() {
    let mut bench = Bench::new();
    // Writes a byte, then counts for a while, for ever.
    let wat = wat_command(
        r#"(func (export "_start") (local $i i32)
          (loop $again
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 1))
            (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
            (local.set $i (i32.const 1000))
            (loop $count (br_if $count (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
            (br $again)))"#,
    );
    let mut work = bench.work_in(Mode::Verify, wat.as_bytes(), ModuleKind::Command, &[b""]);
    work.limits.fuel_max = Some(1_000_000);
    let ends: Vec<_> = (0..2).map(|_| bench.sandbox.run(&work)).collect();
    for end in &ends {
        assert_eq!(end.outcome, AttemptOutcome::OutOfFuel { limit: 1_000_000 });
        assert!(end.usage.fuel_used >= 1_000_000, "{:?}", end.usage);
    }
    assert_eq!(ends[0].log, ends[1].log);
    let plenty =
        bench.work_in(Mode::Verify, wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b"x"]);
    let end = bench.sandbox.run(&plenty);
    assert_eq!(end.outcome.slug(), "succeeded");
    assert!((1..1_000_000).contains(&end.usage.fuel_used), "{:?}", end.usage);
}
