//! The version rule of the guest interface: old modules keep running, newer ones are refused by
//! name before anything runs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sdk.rs"]
mod sdk;
mod support;

use bramble_protocol::{ModuleKind, Phase};
use bramble_runtime::compile::{ModuleError, Refusal};
use support::{Bench, compiler};

/// The interface as the first release had it.
const FIRST: &str = include_str!("support/job-0.1.0.wit");
/// As this one has it.
const PRESENT: &str = include_str!("../../guest-sdk/wit/job.wit");
const INTERFACES: [&str; 4] = ["planner", "partitioner", "mapper", "merger"];

fn refused(module: &[u8]) -> Refusal {
    match compiler().inspect(module) {
        Err(ModuleError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_module_of_the_first_release_still_runs() {
    let module = sdk::of_version(sdk::JOB, &INTERFACES, "0.1.0", FIRST);
    let exports = compiler().inspect(&module).unwrap().exports;
    assert!(exports.planner && exports.partitioner && exports.mapper && exports.merger);
    let mut bench = Bench::new();
    let mut work = bench.work(&module, ModuleKind::Job, &[b"chunk"]);
    let end = bench.sandbox.run(&work);
    assert_eq!(end.log, "warn: mapped a chunk\n");
    assert_eq!(bench.outputs(end), [b"chunk"]);
    work.task.phase = Phase::Merge { level: 1, partition: 0, group: 0 };
    let end = bench.sandbox.run(&work);
    assert_eq!(bench.outputs(end), [b"chunk"]);
}

#[test]
fn a_module_of_a_later_patch_release_runs_if_it_wants_nothing_new() {
    let later = PRESENT.replace("@0.1.2", "@0.1.7");
    let module = sdk::of_version(sdk::JOB, &INTERFACES, "0.1.7", &later);
    let mut bench = Bench::new();
    let work = bench.work(&module, ModuleKind::Job, &[b"chunk"]);
    let end = bench.sandbox.run(&work);
    assert_eq!(bench.outputs(end), [b"chunk"]);
}

#[test]
fn a_function_that_this_release_does_not_have_is_named() {
    let later = PRESENT
        .replace("@0.1.2", "@0.1.7")
        .replace("  stopping: func() -> bool;", "  stopping: func() -> bool;\n  pause: func();");
    let wat = sdk::JOB.replacen(
        "(memory",
        "(import \"bramble:job/host@0.1.2\" \"pause\" (func))\n  (memory",
        1,
    );
    let module = sdk::of_version(&wat, &INTERFACES, "0.1.7", &later);
    let refusal = refused(&module);
    assert!(refusal.title.contains("`pause` of `bramble:job/host@0.1.7`"), "{refusal:?}");
    assert!(refusal.help.unwrap().contains("made for a newer bramble"));
}

#[test]
fn an_interface_of_the_next_version_or_of_none_we_know_is_refused() {
    let next = PRESENT.replace("@0.1.2", "@0.2.0");
    let module = sdk::of_version(sdk::JOB, &INTERFACES, "0.2.0", &next);
    let text = format!("{:?}", refused(&module));
    assert!(text.contains("@0.2.0"), "{text}");
    assert!(text.contains("newer bramble"), "{text}");

    let later =
        PRESENT.replace("@0.1.2", "@0.1.7").replace("interface merger ", "interface folder ");
    let later = later.replace("export merger;", "export folder;");
    let wat = sdk::JOB.replace("bramble:job/merger@", "bramble:job/folder@");
    let module = sdk::of_version(&wat, &["mapper", "folder"], "0.1.7", &later);
    let text = format!("{:?}", refused(&module));
    assert!(text.contains("bramble:job/folder@0.1.7") && text.contains("newer bramble"), "{text}");
}
