//! Jobs that export interfaces of `bramble:job`, phase by phase.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sdk.rs"]
mod sdk;
mod support;

use bramble_protocol::agent::Work;
use bramble_protocol::{
    AttemptOutcome, GuestErrorKind, Limits, ModuleKind, Params, Phase, Secrets,
};
use bramble_runtime::split::{Request, SplitError, plan_spans};
use support::{Bench, compiler};

fn work(bench: &Bench, phase: Phase, inputs: &[&[u8]]) -> Work {
    let mut work = bench.work(&sdk::full_job(), ModuleKind::Job, inputs);
    work.task.phase = phase;
    work
}

const MAP: Phase = Phase::Map { chunk: 0 };
const MERGE: Phase = Phase::Merge { level: 1, partition: 0, group: 0 };

#[test]
fn a_mapper_streams_its_chunk_to_the_partition_it_chooses() {
    let mut bench = Bench::new();
    let chunk: Vec<u8> = (0..250_000u32).flat_map(u32::to_le_bytes).collect();
    let mut work = work(&bench, MAP, &[&chunk]);
    work.task.partitions = 3;
    work.ranges = Some(bench.store.put(b"key range").unwrap());
    let end = bench.sandbox.run(&work);
    assert_eq!(end.log, "warn: mapped a chunk\n");
    assert_eq!(end.usage.bytes_out, 9 + chunk.len() as u64);
    assert_eq!(bench.outputs(end), [b"key range".to_vec(), Vec::new(), chunk]);
    assert_eq!(bench.sandbox.killer().progress(), Some((1, 1)));
    assert_eq!(bench.staged_files(), 0);
}

#[test]
fn a_partitioner_answers_from_the_sample() {
    let mut bench = Bench::new();
    let work = work(&bench, Phase::Ranges, &[b"12345678"]);
    let end = bench.sandbox.run(&work);
    assert_eq!(bench.outputs(end), [b"1234"]);
}

#[test]
fn a_merger_gets_its_parts_in_order() {
    let mut bench = Bench::new();
    let long = vec![b'x'; 200_000];
    let work = work(&bench, MERGE, &[b"one ", &long, b"", b" four"]);
    let end = bench.sandbox.run(&work);
    assert_eq!(bench.outputs(end), [[&b"one "[..], &long, b" four"].concat()]);
}

#[test]
fn parts_too_long_for_memory_are_streamed() {
    let mut bench = Bench::new();
    let (first, second) = (vec![1u8; 20 << 20], vec![2u8; 20 << 20]);
    let work = work(&bench, MERGE, &[&first, &second]);
    let end = bench.sandbox.run(&work);
    assert!(end.usage.memory_bytes_peak < 1 << 20);
    assert!(bench.outputs(end) == [[first, second].concat()]);
}

#[test]
fn a_mapper_of_bytes_gets_its_chunk_at_once() {
    let mut bench = Bench::new();
    let chunk = vec![0x0fu8; 3_000_000];
    let module = sdk::sdk_module(sdk::BYTES, &["mapper-bytes"]);
    let mut work = bench.work(&module, ModuleKind::Job, &[&chunk]);
    let end = bench.sandbox.run(&work);
    assert!(bench.outputs(end) == [vec![0xf0u8; 3_000_000]]);
    work.limits.output_bytes_max = Some(1000);
    let end = bench.sandbox.run(&work);
    assert_eq!(end.outcome, AttemptOutcome::OutputExceeded { limit_bytes: 1000 });
}

#[test]
fn what_a_job_says_of_its_failure_is_kept() {
    let mut bench = Bench::new();
    let mut work = work(&bench, MAP, &[b""]);
    for (value, expected) in [
        ("0", GuestErrorKind::BadInput),
        ("1", GuestErrorKind::BadParam),
        ("2", GuestErrorKind::Failed),
    ] {
        work.params.insert("fail".into(), value.into());
        let end = bench.sandbox.run(&work);
        let message = "not a number in line 3".into();
        assert_eq!(end.outcome, AttemptOutcome::GuestFailed { error: expected, message });
    }
}

#[test]
fn a_phase_the_module_does_not_have_is_named() {
    let mut bench = Bench::new();
    let module = sdk::sdk_module(sdk::BYTES, &["mapper-bytes"]);
    let mut work = bench.work(&module, ModuleKind::Job, &[b""]);
    work.task.phase = MERGE;
    let end = bench.sandbox.run(&work);
    assert!(end.outcome.message().contains("bramble:job/merger"), "{:?}", end.outcome);
}

#[test]
fn writing_to_a_partition_that_is_not_there_ends_the_task() {
    let mut bench = Bench::new();
    let mut work = work(&bench, MAP, &[b"x"]);
    // The job writes to the last of none.
    work.task.partitions = 0;
    let end = bench.sandbox.run(&work);
    assert!(end.outcome.message().contains("there are only 1"), "{:?}", end.outcome);
}

#[test]
fn several_modules_are_kept_side_by_side() {
    let mut bench = Bench::new();
    let streaming = work(&bench, MAP, &[b"abc"]);
    let module = sdk::sdk_module(sdk::BYTES, &["mapper-bytes"]);
    let bytes = bench.work(&module, ModuleKind::Job, &[b"abc"]);
    for _ in 0..3 {
        let end = bench.sandbox.run(&streaming);
        assert_eq!(bench.outputs(end), [b"abc"]);
        let end = bench.sandbox.run(&bytes);
        assert_eq!(bench.outputs(end), [[!b'a', !b'b', !b'c']]);
    }
}

fn request<'a>(module: &'a [u8], input: &'a std::path::Path, wanted_bytes: u64) -> Request<'a> {
    static NOTHING: std::sync::LazyLock<(Params, Secrets, Limits)> =
        std::sync::LazyLock::new(Default::default);
    let (params, secrets, limits) = &*NOTHING;
    Request { module, input: Some(input), wanted_bytes, params, secrets, limits }
}

#[test]
fn a_planner_cuts_a_file_in_its_own_process() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, [0; 1000]).unwrap();
    let plan = |wanted: u64| {
        let module = sdk::full_job();
        plan_spans(&compiler(), &request(&module, file.path(), wanted))
    };
    assert_eq!(plan(300).unwrap(), [(0, 300), (300, 700)]);
    // Its arithmetic goes wrong here, and the answer is not believed.
    let error = plan(2000).unwrap_err();
    assert!(matches!(error, SplitError::BadSpans { .. }), "{error}");
    let module = sdk::full_job();
    let missing = plan_spans(&compiler(), &request(&module, "/nonexistent/input".as_ref(), 1));
    assert!(matches!(missing, Err(SplitError::Input { .. })));
}

#[test]
fn a_module_without_a_planner_cannot_cut() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let module = sdk::sdk_module(sdk::BYTES, &["mapper-bytes"]);
    let error = plan_spans(&compiler(), &request(&module, file.path(), 1)).unwrap_err();
    assert!(error.to_string().contains("bramble:job/planner"), "{error}");
}
