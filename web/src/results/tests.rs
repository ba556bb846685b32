//! A job for tests of what is shown of jobs.

use bramble_protocol::api::{JobView, TaskCounts};
use bramble_protocol::{Digest, Limits, Usage};
use serde_json::json;

/// A job that was done on one node.
pub(crate) fn job() -> JobView {
    let digest = Digest::of(b"the same");
    let spec = json!({
        "name": "sort", "module": digest, "input": digest, "params": {}, "nodes": "any",
        "limits": Limits::default(), "result_name": "",
    });
    let node = json!({ "name": "node-1", "succeeded": 1, "leased": 0, "cpu_us": 1 });
    serde_json::from_value(json!({
        "schema": "bramble.job/1", "id": 1, "spec": spec, "state": "done",
        "tasks": TaskCounts::default(), "phases": [], "nodes": [node], "submitted_at_ms": 0,
        "started_at_ms": 1_000, "ended_at_ms": 2_000, "input_bytes": 1,
        "usage": Usage::default(), "failures": [],
    }))
    .expect("it is a job")
}
