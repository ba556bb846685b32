//! Jobs that lie to `bramble:job` about lengths, places and handles, and that flood it.
//!
//! Written by hand after the canonical ABI, because no SDK would let them through.

use super::bytes::{sdk_module, with_section};
use super::{Case, Expected, OUT_OF_TIME, STACK_OVERFLOW, TRAPPED};

/// Bodies of `mapper#run`. `$input` and `$output` are its handles; what it leaves on the stack is
/// the place of its answer, and at 16 there is one that says that all is well.
const MAPPERS: &[(&str, Expected, &str)] = &[
    (
        "log-flood",
        OUT_OF_TIME,
        "(loop (call $log (i32.const 1) (i32.const 0) (i32.const 65536)) (br 0)) (unreachable)",
    ),
    (
        "progress-flood",
        OUT_OF_TIME,
        "(loop (call $progress (i64.const -1) (i64.const 0)) (br 0)) (unreachable)",
    ),
    (
        "param-flood",
        // Whichever comes first on this machine.
        Expected::Fails(&["too-many-host-bytes", "out-of-time"]),
        "(loop (call $param (i32.const 0) (i32.const 60000) (i32.const 48)) (br 0)) (unreachable)",
    ),
    (
        "read-flood",
        OUT_OF_TIME,
        "(loop (global.set $free (i32.const 4096))
          (call $read_at (local.get $input) (i64.const 0) (i32.const -1) (i32.const 48))
          (br 0)) (unreachable)",
    ),
    (
        "read-nothing-for-ever",
        OUT_OF_TIME,
        "(loop (call $read (local.get $input) (i32.const 0) (i32.const 48)) (br 0)) (unreachable)",
    ),
    (
        "read-at-the-end-of-time",
        Expected::Done(b""),
        "(call $read_at (local.get $input) (i64.const -1) (i32.const -1) (i32.const 48))
         (call $let_go (local.get $input) (local.get $output))",
    ),
    (
        "log-outside",
        TRAPPED,
        "(call $log (i32.const 1) (i32.const 65530) (i32.const 100)) (i32.const 16)",
    ),
    (
        "log-wraps",
        TRAPPED,
        "(call $log (i32.const 1) (i32.const -16) (i32.const 32)) (i32.const 16)",
    ),
    (
        "log-gigabytes",
        TRAPPED,
        "(call $log (i32.const 1) (i32.const 0) (i32.const -1)) (i32.const 16)",
    ),
    (
        "log-no-text",
        TRAPPED,
        "(i32.store (i32.const 256) (i32.const -1))
         (call $log (i32.const 1) (i32.const 256) (i32.const 4)) (i32.const 16)",
    ),
    (
        "log-unknown-level",
        TRAPPED,
        "(call $log (i32.const 99) (i32.const 0) (i32.const 4)) (i32.const 16)",
    ),
    (
        "read-forged-handle",
        TRAPPED,
        "(call $read (i32.const 4711) (i32.const 8) (i32.const 48)) (i32.const 16)",
    ),
    (
        "write-forged-handle",
        TRAPPED,
        "(call $write_to (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 8)) (i32.const 16)",
    ),
    (
        "write-to-the-input",
        TRAPPED,
        "(call $write_to (local.get $input) (i32.const 0) (i32.const 0) (i32.const 8))
         (i32.const 16)",
    ),
    (
        "read-answer-outside",
        TRAPPED,
        "(call $read (local.get $input) (i32.const 8) (i32.const -4)) (i32.const 16)",
    ),
    (
        "write-outside",
        TRAPPED,
        "(call $write_to (local.get $output) (i32.const 0) (i32.const 65000) (i32.const 65000))
         (i32.const 16)",
    ),
    (
        "write-to-no-partition",
        TRAPPED,
        "(call $write_to (local.get $output) (i32.const 7) (i32.const 0) (i32.const 8))
         (i32.const 16)",
    ),
    (
        "write-small-for-ever",
        Expected::Fails(&["too-much-output", "out-of-time"]),
        "(loop (call $write_to (local.get $output) (i32.const 0) (i32.const 0) (i32.const 1))
          (br 0)) (unreachable)",
    ),
    (
        "write-empty-for-ever",
        OUT_OF_TIME,
        "(loop (call $write_to (local.get $output) (i32.const 0) (i32.const 0) (i32.const 0))
          (br 0)) (unreachable)",
    ),
    ("keeps-its-handles", TRAPPED, "(i32.const 16)"),
    (
        "drops-twice",
        TRAPPED,
        "(call $drop_source (local.get $input)) (call $drop_source (local.get $input))
         (i32.const 16)",
    ),
    ("drops-another-kind", TRAPPED, "(call $drop_source (local.get $output)) (i32.const 16)"),
    (
        "reads-what-it-dropped",
        TRAPPED,
        "(call $drop_source (local.get $input))
         (call $read (local.get $input) (i32.const 8) (i32.const 48)) (i32.const 16)",
    ),
    (
        "answer-outside",
        TRAPPED,
        "(drop (call $let_go (local.get $input) (local.get $output))) (i32.const -8)",
    ),
    (
        "answer-unaligned",
        TRAPPED,
        "(drop (call $let_go (local.get $input) (local.get $output))) (i32.const 17)",
    ),
    (
        "answer-of-no-kind",
        TRAPPED,
        "(i32.store8 (i32.const 16) (i32.const 200))
         (call $let_go (local.get $input) (local.get $output))",
    ),
    (
        "error-of-no-kind",
        TRAPPED,
        "(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 20) (i32.const 200))
         (call $let_go (local.get $input) (local.get $output))",
    ),
    (
        "error-outside",
        TRAPPED,
        "(i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 24) (i32.const -2))
         (i32.store (i32.const 28) (i32.const 1000))
         (call $let_go (local.get $input) (local.get $output))",
    ),
    (
        "error-steers-terminal",
        Expected::Fails(&["bad-input"]),
        "(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 20) (i32.const 0))
         (i32.store (i32.const 24) (i32.const 512)) (i32.store (i32.const 28) (i32.const 50))
         (call $log (i32.const 3) (i32.const 512) (i32.const 50))
         (call $let_go (local.get $input) (local.get $output))",
    ),
    ("calls-host-in-start", TRAPPED, "(call $let_go (local.get $input) (local.get $output))"),
    (
        "loops-after-dropping",
        OUT_OF_TIME,
        "(drop (call $let_go (local.get $input) (local.get $output))) (loop (br 0)) (unreachable)",
    ),
    (
        "saves-too-much",
        Expected::Fails(&["trapped"]),
        "(drop (memory.grow (i32.const 40)))
         (call $save (i32.const 0) (i32.const 2097152))
         (call $let_go (local.get $input) (local.get $output))",
    ),
    (
        "waits-to-be-stopped",
        OUT_OF_TIME,
        "(loop (br_if 0 (i32.eqz (call $stopping)))) (unreachable)",
    ),
];

/// Bodies of `cabi_realloc`, which the host calls to put what it read into memory.
const ALLOCATORS: &[(&str, Expected, &str)] = &[
    ("outside", TRAPPED, "(i32.const -16)"),
    ("at-the-edge", TRAPPED, "(i32.const 65532)"),
    ("loops", OUT_OF_TIME, "(loop (br 0)) (unreachable)"),
    ("traps", TRAPPED, "(unreachable)"),
    (
        "recurses",
        STACK_OVERFLOW,
        "(call $alloc (local.get 0) (local.get 1) (local.get 2) (local.get 3))",
    ),
    (
        "calls-back",
        TRAPPED,
        "(call $read_at (i32.const 1) (i64.const 0) (i32.const 8) (i32.const 48)) (i32.const 0)",
    ),
    // Over its own data: it harms nobody but itself.
    ("over-itself", Expected::Ends, "(i32.const 64)"),
];

/// What `mapper-bytes#run` answers: a place, with where the answer's list lies.
const BYTES: &[(&str, Expected, &str)] = &[
    (
        "list-outside",
        TRAPPED,
        "(i32.store (i32.const 20) (i32.const 65000)) (i32.store (i32.const 24) (i32.const 65000))",
    ),
    (
        "list-gigabytes",
        TRAPPED,
        "(i32.store (i32.const 20) (i32.const 0)) (i32.store (i32.const 24) (i32.const -1))",
    ),
    (
        "list-wraps",
        TRAPPED,
        "(i32.store (i32.const 20) (i32.const -8)) (i32.store (i32.const 24) (i32.const 64))",
    ),
    (
        "list-too-much",
        Expected::Fails(&["too-much-output"]),
        "(drop (memory.grow (i32.const 40)))
         (i32.store (i32.const 20) (i32.const 0)) (i32.store (i32.const 24) (i32.const 2000000))",
    ),
];

/// Declarations about itself that would steer a terminal or ask for too much.
const MANIFESTS: &[(&str, &str)] = &[
    ("name-steers", r#"{"name":"a\u001b[2Jb"}"#),
    ("about-steers", r#"{"about":"a\u001b]0;x\u0007"}"#),
    ("param-steers", r#"{"params":[{"name":"a\u001b[2J"}]}"#),
    ("deep", DEEP),
    ("number-too-large", r#"{"split":{"always":"records:99999999999999999999"}}"#),
];

/// Brackets nested deeper than a reader of JSON may follow.
const DEEP: &str = concat!(
    r#"{"about":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["#,
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, expected, body) in MAPPERS {
        let start = if *name == "calls-host-in-start" { START } else { "" };
        let wat = mapper(body, ALLOCATE, start);
        cases.push(Case::new(format!("job-{name}"), sdk_module(&wat, "mapper"), *expected));
    }
    for (name, expected, body) in ALLOCATORS {
        let wat = mapper(READ, body, "");
        let name = format!("job-memory-{name}");
        cases.push(Case::new(name, sdk_module(&wat, "mapper"), *expected));
    }
    for (name, expected, body) in BYTES {
        let name = format!("job-answers-{name}");
        cases.push(Case::new(name, sdk_module(&mapper_bytes(body), "mapper-bytes"), *expected));
    }
    let sound = sdk_module(&mapper(READ, ALLOCATE, ""), "mapper");
    for (name, manifest) in MANIFESTS {
        let module = with_section(sound.clone(), "bramble:manifest", manifest.as_bytes());
        let expected = Expected::Refused(&["bramble:manifest"]);
        cases.push(Case::new(format!("job-manifest-{name}"), module, expected));
    }
    cases
}

const START: &str = "(start $begin) (func $begin
    (call $log (i32.const 1) (i32.const 0) (i32.const -1)))";

const READ: &str = "(call $read (local.get $input) (i32.const 65536) (i32.const 48))
    (call $let_go (local.get $input) (local.get $output))";

const ALLOCATE: &str = "(local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (if (i32.gt_u (global.get $free) (i32.shl (memory.size) (i32.const 16)))
      (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1)
              (i32.shr_u (local.get 3) (i32.const 16)))))
        (then unreachable))))
    (local.get $at)";

fn mapper(body: &str, allocate: &str, start: &str) -> String {
    format!(
        r#"(module
  (import "bramble:job/io@0.1.2" "[method]source.read" (func $read (param i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[method]source.read-at" (func $read_at (param i32 i64 i32 i32)))
  (import "bramble:job/io@0.1.2" "[method]sink.write-to" (func $write_to (param i32 i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]source" (func $drop_source (param i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]sink" (func $drop_sink (param i32)))
  (import "bramble:job/host@0.1.2" "log" (func $log (param i32 i32 i32)))
  (import "bramble:job/host@0.1.2" "progress" (func $progress (param i64 i64)))
  (import "bramble:job/host@0.1.2" "param" (func $param (param i32 i32 i32)))
  (import "bramble:job/host@0.1.2" "save" (func $save (param i32 i32)))
  (import "bramble:job/host@0.1.2" "stopping" (func $stopping (result i32)))
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 4096))
  (data (i32.const 512) "\1b[2J\1b[31mline 3\0d\0a\1b]0;t\07 is \e2\80\ae no number\c2\9b0m\0a   ok")
  (func $let_go (param i32 i32) (result i32)
    (call $drop_source (local.get 0)) (call $drop_sink (local.get 1)) (i32.const 16))
  (func $alloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {allocate})
  {start}
  (func (export "bramble:job/mapper@0.1.2#run")
    (param i64 i32 i32 i32 i64 i64) (param $input i32) (param $output i32) (result i32) {body}))"#
    )
}

fn mapper_bytes(body: &str) -> String {
    format!(
        r#"(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
  (func (export "bramble:job/mapper-bytes@0.1.2#run")
    (param i64 i32 i32 i32 i64 i64) (param i32 i32) (result i32) {body} (i32.const 16)))"#
    )
}
