//! What a guest says of later chunks on its way from the sandbox to the agent.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sdk.rs"]
mod sdk;
mod support;

use bramble_protocol::ModuleKind;
use support::Bench;

/// A job whose chunks are all enough.
fn job() -> Vec<u8> {
    let import = "(import \"bramble:job/host@0.1.2\" \"enough\" (func $enough))\n  (memory";
    let calls = "(call $enough)\n    (loop $next";
    let wat = sdk::BYTES.replacen("(memory", import, 1).replacen("(loop $next", calls, 1);
    sdk::sdk_module(&wat, &["mapper-bytes"])
}

#[test]
fn a_guest_that_says_enough_is_heard_and_one_that_does_not_is_not() {
    let mut bench = Bench::new();
    let work = bench.work(&job(), ModuleKind::Job, &[b"chunk"]);
    let end = bench.sandbox.run(&work);
    assert!(end.enough, "{:?}", end.outcome);
    assert_eq!(bench.outputs(end).len(), 1);

    let silent = sdk::sdk_module(sdk::BYTES, &["mapper-bytes"]);
    let work = bench.work(&silent, ModuleKind::Job, &[b"chunk"]);
    assert!(!bench.sandbox.run(&work).enough);
}
