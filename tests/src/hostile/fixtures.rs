//! The part of the corpus that is written as text, one file each.

use super::{Case, Expected, OUT_OF_MEMORY, OUT_OF_TIME, STACK_OVERFLOW, TRAPPED};
use crate::cluster::fixture;

const OFF: &[&str] = &["feature of WebAssembly"];

/// File in `tests/fixtures/hostile` without its ending, how it must end, and flags.
const TABLE: &[(&str, Expected, &[&str])] = &[
    // Time.
    ("loop-in-start", OUT_OF_TIME, &[]),
    ("loop-fill", OUT_OF_TIME, &[]),
    ("loop-copy", OUT_OF_TIME, &[]),
    ("loop-table", OUT_OF_TIME, &[]),
    ("loop-tail-calls", OUT_OF_TIME, &[]),
    ("loop-memory-size", OUT_OF_TIME, &[]),
    ("sleeps-a-year", Expected::Done(b"awake\n"), &[]),
    ("sleeps-for-ever", OUT_OF_TIME, &[]),
    ("yields-for-ever", OUT_OF_TIME, &[]),
    ("waits-for-noon", OUT_OF_TIME, &[]),
    // Memory and tables.
    ("memory-initial", Expected::Refused(&["starts with more memory"]), &[]),
    ("memory-refused-storm", OUT_OF_MEMORY, &["--cpu-time=20s"]),
    ("memory-touched", OUT_OF_MEMORY, &["--cpu-time=5s"]),
    ("table-initial", Expected::Fails(&["too-many-table-elements"]), &[]),
    ("table-grows", Expected::Fails(&["too-many-table-elements"]), &[]),
    ("table-refused-storm", OUT_OF_TIME, &[]),
    // The stack.
    ("recursion-mutual", STACK_OVERFLOW, &[]),
    ("recursion-indirect", STACK_OVERFLOW, &[]),
    ("recursion-in-start", STACK_OVERFLOW, &[]),
    ("recursion-wide-frames", STACK_OVERFLOW, &[]),
    // Outputs and logs.
    ("half-then-trap", TRAPPED, &[]),
    ("half-then-loop", OUT_OF_TIME, &[]),
    ("log-flood", OUT_OF_TIME, &[]),
    ("log-drip", OUT_OF_TIME, &[]),
    ("log-steers-terminal", Expected::Fails(&["exit-status"]), &[]),
    ("output-drip", Expected::Fails(&["too-much-output"]), &["--output-limit=8k", "--cpu-time=5s"]),
    ("output-gathered", Expected::Fails(&["too-much-output"]), &[]),
    // Descriptors, paths, clocks, chance.
    ("closes-its-streams", Expected::Ends, &[]),
    ("path-tricks", Expected::Done(b"no\n"), &["--cpu-time=5s"]),
    ("probes-time", Expected::Ends, &["--cpu-time=5s"]),
    ("probes-random", Expected::Ends, &[]),
    ("handle-flood", Expected::Fails(&["too-many-handles"]), &[]),
    ("handle-forged", TRAPPED, &[]),
    ("stream-flood", Expected::Fails(&["too-many-handles"]), &[]),
    ("socket-flood", OUT_OF_TIME, &[]),
    ("random-flood", OUT_OF_TIME, &[]),
    // Names.
    ("name-steers-terminal", TRAPPED, &[]),
    ("export-steers-terminal", Expected::Refused(&["no entry point"]), &[]),
    ("import-steers-terminal", Expected::Refused(&["does not offer"]), &[]),
    // Ends.
    ("exits-1000000", Expected::Fails(&["exit-status"]), &[]),
    ("exits-256", Expected::Fails(&["exit-status"]), &[]),
    ("exits-in-start", Expected::Done(b""), &[]),
    ("raises-a-signal", Expected::Ends, &[]),
    ("wrong-signature", TRAPPED, &[]),
    ("data-outside-memory", TRAPPED, &[]),
    ("element-outside-table", TRAPPED, &[]),
    ("result-out-of-range", TRAPPED, &[]),
    // What is not offered.
    ("http-world", Expected::Refused(&["wasi:http", "does not offer"]), &[]),
    ("thread-spawn", Expected::Refused(&["wasi.thread-spawn"]), &[]),
    ("threads", Expected::Refused(OFF), &[]),
    ("memory64", Expected::Refused(OFF), &[]),
    ("several-memories", Expected::Refused(OFF), &[]),
    ("garbage-collected", Expected::Refused(OFF), &[]),
    ("exceptions", Expected::Refused(OFF), &[]),
    ("relaxed-simd", Expected::Refused(OFF), &[]),
];

pub(super) fn cases() -> Vec<Case> {
    let case = |(name, expected, flags): &(&str, Expected, &'static [&'static str])| {
        let path = fixture("hostile").join(format!("{name}.wat"));
        let text = std::fs::read(&path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        Case::new(*name, text, *expected).with(flags)
    };
    TABLE.iter().map(case).collect()
}
