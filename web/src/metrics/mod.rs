//! `/metrics`: the cluster in numbers, for Prometheus and what reads its format.
//!
//! No series is about one job or one person: those come and go, and each new label would stay in a
//! database for good.

mod boards;
mod text;

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bramble_protocol::NodeState;
use bramble_protocol::api::NodeView;
use bramble_scheduler::core::{Counts, Scheduler};

use text::{Kind, Text};

use crate::counters::{BOUNDS_S, Counters};
use crate::error::ApiResult;
use crate::routes::now_ms;
use crate::state::Head;

/// The format, as Prometheus names it.
pub(crate) const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`.
pub(crate) async fn send(State(head): State<Head>) -> ApiResult<impl IntoResponse> {
    let look = |core: &Scheduler| (core.nodes(), core.counts());
    let (nodes, counts) = head.handle.look(look).await?;
    let mut text = Text::default();
    text.family("bramble_build_info", Kind::Gauge, "Always 1; which version the head is.")
        .add(&[("version", head.version)], 1);
    write_nodes(&mut text, &nodes);
    write_sensors(&mut text, &nodes);
    boards::write(&mut text, &nodes);
    write_jobs(&mut text, &counts, now_ms());
    write_counters(&mut text, &head.counters);
    write_process(&mut text, head.counters.uptime(), now_ms());
    Ok(([(CONTENT_TYPE, MEDIA), (CACHE_CONTROL, "no-store")], text.finish()))
}

/// Counts every answer.
pub(crate) async fn count(State(head): State<Head>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    head.counters.answered(response.status().as_u16());
    response
}

fn write_nodes(text: &mut Text, nodes: &[NodeView]) {
    let states = [NodeState::Idle, NodeState::Busy, NodeState::Suspect, NodeState::Lost];
    let mut family = text.family("bramble_nodes", Kind::Gauge, "Nodes, by what they are now.");
    for state in states {
        let count = nodes.iter().filter(|node| node.state == state).count();
        family.add(&[("state", state.name())], count);
    }
    let each = |value: fn(&NodeView) -> u64| {
        nodes.iter().map(move |node| (node.name.as_str(), Some(value(node))))
    };
    text.family("bramble_node_up", Kind::Gauge, "1 while the node is connected, or else 0.")
        .add_each("node", each(|node| is_up(node).into()));
    text.family("bramble_node_slots", Kind::Gauge, "How many tasks it runs at a time.")
        .add_each("node", each(|node| node.slots.into()));
    text.family("bramble_node_leased", Kind::Gauge, "Tasks that it holds, running or waiting.")
        .add_each("node", each(|node| node.leased.into()));
    let help = "Attempts that ended on the node since the head started, by how.";
    let mut family = text.family("bramble_node_tasks_total", Kind::Counter, help);
    for node in nodes {
        for (outcome, count) in [("succeeded", node.succeeded), ("failed", node.failed)] {
            family.add(&[("node", &node.name), ("outcome", outcome)], count);
        }
    }
}

fn is_up(node: &NodeView) -> bool {
    node.state != NodeState::Lost
}

/// What nodes measure. What one has no sensor for has no series, nor has one that is gone: what it
/// said last is not how it is.
fn write_sensors(text: &mut Text, nodes: &[NodeView]) {
    fn each<V>(
        nodes: &[NodeView],
        value: impl Fn(&NodeView) -> Option<V>,
    ) -> impl Iterator<Item = (&str, Option<V>)> {
        nodes.iter().filter(|node| is_up(node)).map(move |node| (node.name.as_str(), value(node)))
    }
    let help = "Hottest processor sensor.";
    text.family("bramble_node_temperature_celsius", Kind::Gauge, help).add_each(
        "node",
        each(nodes, |node| node.status.temperature_millicelsius.map(|it| f64::from(it) / 1000.0)),
    );
    text.family("bramble_node_clock_hertz", Kind::Gauge, "Processor clock.")
        .add_each("node", each(nodes, |node| node.status.clock_hz));
    let help = "Physical memory, and what could be used without swapping.";
    let mut family = text.family("bramble_node_memory_bytes", Kind::Gauge, help);
    for node in nodes.iter().filter(|node| is_up(node)) {
        let status = &node.status;
        let (total, available) = (status.memory_bytes_total, status.memory_bytes_available);
        for (kind, value) in [("total", total), ("available", available)] {
            if let Some(value) = value {
                family.add(&[("node", &node.name), ("kind", kind)], value);
            }
        }
    }
    let help = "Part of all processor time used between the last heartbeats, from 0 to 1.";
    text.family("bramble_node_cpu_ratio", Kind::Gauge, help).add_each(
        "node",
        each(nodes, |node| node.status.cpu_used_permille.map(|it| f64::from(it) / 1000.0)),
    );
    text.family("bramble_node_uptime_seconds", Kind::Gauge, "Since the machine started.")
        .add_each("node", each(nodes, |node| node.status.uptime_s));
}

fn write_jobs(text: &mut Text, counts: &Counts, now_ms: u64) {
    let help = "Jobs by state; of those that have ended, the ones that the head still knows.";
    let mut family = text.family("bramble_jobs", Kind::Gauge, help);
    for (state, count) in [
        ("waiting", counts.waiting),
        ("running", counts.running),
        ("done", counts.done),
        ("failed", counts.failed),
        ("canceled", counts.canceled),
    ] {
        family.add(&[("state", state)], count);
    }
    let help = "Tasks of jobs that have not ended, by state.";
    let mut family = text.family("bramble_tasks", Kind::Gauge, help);
    let tasks = &counts.tasks;
    for (state, count) in [
        ("waiting", tasks.waiting),
        ("ready", tasks.ready),
        ("delayed", tasks.delayed),
        ("leased", tasks.leased),
        ("succeeded", tasks.succeeded),
        ("ended", tasks.ended),
    ] {
        family.add(&[("state", state)], count);
    }
    let waited_ms = counts.oldest_waiting_at_ms.map_or(0, |at| now_ms.saturating_sub(at));
    let help = "For how long the oldest waiting job waits; 0 when none does.";
    let waited = Duration::from_millis(waited_ms).as_secs_f64();
    text.family("bramble_queue_seconds", Kind::Gauge, help).add(&[], waited);
}

fn write_counters(text: &mut Text, counters: &Counters) {
    let totals = counters.totals();
    let help = "How long attempts that succeeded took in the sandbox.";
    text.family("bramble_chunk_seconds", Kind::Histogram, help).add_buckets(
        BOUNDS_S.into_iter().zip(totals.buckets),
        totals.above,
        Duration::from_micros(totals.wall_us).as_secs_f64(),
    );
    let help = "What attempts that succeeded read (in) and wrote (out).";
    let mut family = text.family("bramble_chunk_bytes_total", Kind::Counter, help);
    family.add(&[("dir", "in")], totals.bytes_in);
    family.add(&[("dir", "out")], totals.bytes_out);
    let help = "Answers of the head, by the class of their status.";
    let mut family = text.family("bramble_http_requests_total", Kind::Counter, help);
    for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(counters.answers()) {
        family.add(&[("status", class)], count);
    }
}

fn write_process(text: &mut Text, uptime: Duration, now_ms: u64) {
    if let Some(bytes) = resident_bytes() {
        text.family("process_resident_memory_bytes", Kind::Gauge, "Memory of the head's process.")
            .add(&[], bytes);
    }
    // From the time that it is now: a board without a clock may not have known it at the start.
    let begun = Duration::from_millis(now_ms).saturating_sub(uptime).as_secs();
    let help = "When the head's process started, in seconds since 1970.";
    text.family("process_start_time_seconds", Kind::Gauge, help).add(&[], begun);
}

/// Where the system says it: on Linux.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
