//! Attempts for other programs: a table, and the trace that browsers' tools for developers read.

use std::fmt::Write;

use bramble_protocol::api::JobView;
use bramble_protocol::attempts::Attempts;
use serde_json::{Value, json};

use super::figures::phase_of;
use super::lanes;

/// A table of the attempts, as RFC 4180 has it. Times are in milliseconds, those of the clock since
/// 1970.
pub(crate) fn csv(job: &JobView, attempts: &Attempts) -> String {
    let mut table = "task,attempt,phase,node,started_at_ms,ended_at_ms,wall_ms,read_ms,write_ms,\
                     cpu_ms,bytes_in,bytes_out,outcome\r\n"
        .to_owned();
    for it in &attempts.attempts {
        let phase = phase_of(job, it.attempt.task.index).map_or("", |phase| phase.name());
        let ms = |us: u64| us as f64 / 1000.0;
        // Names of nodes and of outcomes have no signs that a table takes for its own.
        let _ = write!(
            table,
            "{},{},{phase},{},{},{},{},{},{},{},{},{},{}\r\n",
            it.attempt.task.index,
            it.attempt.number,
            it.node,
            it.started_at_ms,
            it.ended_at_ms,
            ms(it.wall_us),
            ms(it.read_us),
            ms(it.write_us),
            ms(it.cpu_us),
            it.bytes_in,
            it.bytes_out,
            it.outcome
        );
    }
    table
}

/// The attempts in Chrome's trace event format: nodes are processes, slots are threads.
pub(crate) fn trace(job: &JobView, attempts: &Attempts) -> Value {
    let mut events = Vec::new();
    let mut nodes: Vec<&str> = Vec::new();
    for lane in lanes(&attempts.attempts) {
        if nodes.last() != Some(&lane.node) {
            nodes.push(lane.node);
            let named = json!({ "name": lane.node });
            events.push(json!({
                "ph": "M", "name": "process_name", "pid": nodes.len(), "args": named,
            }));
        }
        for it in &lane.attempts {
            let phase = phase_of(job, it.attempt.task.index).map_or("task", |phase| phase.name());
            events.push(json!({
                "ph": "X",
                "name": format!("{phase} {}", it.attempt.task.index),
                "cat": it.outcome,
                "pid": nodes.len(),
                "tid": lane.slot,
                "ts": it.started_at_ms * 1000,
                "dur": it.wall_us,
                "args": {
                    "attempt": it.attempt.number, "read_us": it.read_us, "write_us": it.write_us,
                    "cpu_us": it.cpu_us, "bytes_in": it.bytes_in, "bytes_out": it.bytes_out,
                },
            }));
        }
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}

#[cfg(test)]
mod tests {
    use bramble_protocol::JobId;

    use super::super::tests::attempt;
    use super::*;
    use crate::results::tests::job;

    fn two() -> Attempts {
        let attempts = vec![attempt(0, "node-1", 5, 25), attempt(1, "node-2", 10, 20)];
        Attempts { schema: Attempts::SCHEMA.into(), job: JobId(1), attempts, next: 2, dropped: 0 }
    }

    #[test]
    fn a_table_has_a_line_for_each_attempt() {
        let table = csv(&job(), &two());
        let lines: Vec<&str> = table.split("\r\n").collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
        assert_eq!(lines[1], "0,1,,node-1,5,25,20,2,2,16,10,20,succeeded");
    }

    #[test]
    fn a_trace_has_a_process_for_each_node_and_times_in_microseconds() {
        let trace = trace(&job(), &two());
        let events = trace["traceEvents"].as_array().unwrap();
        assert_eq!(events.len(), 4);
        assert_eq!(events[2]["args"]["name"], "node-2");
        assert_eq!((&events[3]["pid"], &events[3]["ts"]), (&json!(2), &json!(10_000)));
        assert_eq!(events[3]["dur"], 10_000);
    }
}
