//! Jobs that map to keys and values, combine and reduce them, phase by phase.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sdk.rs"]
mod sdk;
mod support;

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, ModuleKind, Phase};
use support::Bench;

const PAIRS: &str = include_str!("support/pairs.wat");
const MAP: Phase = Phase::Map { chunk: 0 };
const MERGE: Phase = Phase::Merge { level: 1, partition: 0, group: 0 };

fn job(combines: bool) -> Vec<u8> {
    if combines {
        return sdk::sdk_module(PAIRS, &["mapper-pairs", "combiner", "reducer"]);
    }
    // Without the export there is no combiner.
    let wat = PAIRS.replace("(export \"bramble:job/combiner@0.1.2#run\")", "");
    sdk::sdk_module(&wat, &["mapper-pairs", "reducer"])
}

fn work(bench: &Bench, module: &[u8], phase: Phase, partitions: u32, inputs: &[&[u8]]) -> Work {
    let mut work = bench.work(module, ModuleKind::Job, inputs);
    work.task.phase = phase;
    work.task.partitions = partitions;
    work
}

fn frame(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut frame = (key.len() as u32).to_le_bytes().to_vec();
    frame.extend((value.len() as u32).to_le_bytes());
    frame.extend_from_slice(key);
    frame.extend_from_slice(value);
    frame
}

/// Pairs of few keys, whose values tell their place.
fn pairs(count: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = |n: u32| format!("key {}", n.wrapping_mul(2_654_435_761) % 97).into_bytes();
    (0..count).map(|n| (key(n), n.to_be_bytes().to_vec())).collect()
}

fn frames(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    pairs.iter().flat_map(|(key, value)| frame(key, value)).collect()
}

fn sorted(mut pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

fn partition_of(key: &[u8], partitions: u64) -> u64 {
    let digest = blake3::hash(key);
    u64::from_le_bytes(*digest.as_bytes().first_chunk().unwrap()) % partitions
}

#[test]
fn every_key_comes_out_once_and_in_order_from_maps_through_merges_to_reduces() {
    const PARTITIONS: u32 = 3;
    for combines in [false, true] {
        let mut bench = Bench::new();
        let module = job(combines);
        let all = pairs(30_000);
        let mut parts: Vec<Vec<Vec<u8>>> = vec![Vec::new(); PARTITIONS as usize];
        // The mapper passes its blocks on as it reads them, so that none may cut a frame.
        for chunk in all.chunks(10_000) {
            let work = work(&bench, &module, MAP, PARTITIONS, &[&frames(chunk)]);
            let end = bench.sandbox.run(&work);
            assert_eq!(end.log.matches("combined").count(), if combines { 3 } else { 0 });
            let outputs = bench.outputs(end);
            assert_eq!(outputs.len(), PARTITIONS as usize);
            for (partition, output) in parts.iter_mut().zip(outputs) {
                partition.push(output);
            }
        }
        for (partition, parts) in (0..).zip(parts) {
            let first: Vec<&[u8]> = parts[..2].iter().map(Vec::as_slice).collect();
            let merge = work(&bench, &module, MERGE, 1, &first);
            let end = bench.sandbox.run(&merge);
            let merged = bench.outputs(end).pop().unwrap();
            let phase = Phase::Reduce { partition };
            let reduce = work(&bench, &module, phase, 1, &[&merged, &parts[2]]);
            let end = bench.sandbox.run(&reduce);
            let mine = |key: &[u8]| partition_of(key, PARTITIONS.into()) == u64::from(partition);
            let expected: Vec<_> = all.iter().filter(|(key, _)| mine(key)).cloned().collect();
            assert!(bench.outputs(end) == [frames(&sorted(expected))], "partition {partition}");
        }
    }
}

#[test]
fn a_map_may_choose_the_partition_itself() {
    let mut bench = Bench::new();
    let all = pairs(100);
    let mut work = work(&bench, &job(false), MAP, 3, &[&frames(&all)]);
    work.params.insert("to".into(), "1".into());
    let end = bench.sandbox.run(&work);
    let outputs = bench.outputs(end);
    assert!(outputs[0].is_empty() && outputs[2].is_empty() && !outputs[1].is_empty());
    work.params.insert("to".into(), "3".into());
    let end = bench.sandbox.run(&work);
    assert!(end.outcome.message().contains("there are only 3"), "{:?}", end.outcome);
    assert_eq!(bench.staged_files(), 0);
}

#[test]
fn nothing_reduced_is_an_empty_result() {
    let mut bench = Bench::new();
    for combines in [false, true] {
        let module = job(combines);
        let empty = work(&bench, &module, MAP, 2, &[b""]);
        let end = bench.sandbox.run(&empty);
        assert_eq!(bench.outputs(end), [b"", b""]);
        let reduce = work(&bench, &module, Phase::Reduce { partition: 0 }, 1, &[]);
        let end = bench.sandbox.run(&reduce);
        assert_eq!(bench.outputs(end), [b""]);
    }
}

#[test]
fn frames_that_are_none_end_the_task_and_say_why() {
    let mut bench = Bench::new();
    for (chunk, expected) in [
        (&b"abc"[..], "a block of frames ends 3 bytes into a frame of 8"),
        (&frame(b"key", b"value")[..15], "15 bytes into a frame of 16"),
        (&[255; 100], "allowed are 65536"),
        (&frame(&[0; 70_000], b""), "a key has 70000 bytes"),
    ] {
        let work = work(&bench, &job(true), MAP, 1, &[chunk]);
        let end = bench.sandbox.run(&work);
        assert!(matches!(end.outcome, AttemptOutcome::Trapped { .. }), "{:?}", end.outcome);
        assert!(end.outcome.message().contains(expected), "{:?}", end.outcome);
    }
}

#[test]
fn a_part_that_no_host_has_written_is_not_reduced() {
    let mut bench = Bench::new();
    let phase = Phase::Reduce { partition: 0 };
    let work = work(&bench, &job(false), phase, 1, &[&frames(&pairs(10))]);
    let end = bench.sandbox.run(&work);
    assert!(end.outcome.message().contains("a part of pairs is malformed"), "{:?}", end.outcome);
}

#[test]
fn a_combiner_that_changes_the_order_is_found_out() {
    let mut bench = Bench::new();
    // It emits what the heading of its own answer says: one frame with a key before all others.
    let wat = PAIRS.replace(
        "(call $emit (local.get $output) (i32.load (i32.const 32)) (i32.load (i32.const 36)))\n          (br $again))))\n    (call $drop_groups",
        "(call $emit (local.get $output) (i32.load (i32.const 32)) (i32.load (i32.const 36)))\n          (call $emit (local.get $output) (i32.const 2000) (i32.const 8))\n          (br $again))))\n    (call $drop_groups",
    );
    assert_ne!(wat, PAIRS);
    let module = sdk::sdk_module(&wat, &["mapper-pairs", "combiner", "reducer"]);
    let work = work(&bench, &module, MAP, 1, &[&frames(&pairs(10))]);
    let end = bench.sandbox.run(&work);
    assert!(end.outcome.message().contains("in the order"), "{:?}", end.outcome);
}
