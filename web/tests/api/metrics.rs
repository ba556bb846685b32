//! `/metrics`, read back by a small parser of its own after the rules of the text format.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use bramble_protocol::agent::{AttemptReport, FromAgent};
use bramble_protocol::api::JobView;
use bramble_protocol::{AttemptOutcome, NodeStatus, Usage};

use crate::agent::{hear, say};
use crate::nodes::AtWork;
use crate::support::{Answer, TestHead};

/// The value of each series, by its name with its labels as they are written.
struct Metrics {
    types: BTreeMap<String, String>,
    series: BTreeMap<String, f64>,
}

impl Metrics {
    /// Reads a text, and panics where it is against the rules of
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    fn read(text: &str) -> Self {
        let mut metrics = Self { types: BTreeMap::new(), series: BTreeMap::new() };
        let mut helped = BTreeSet::new();
        let mut current = String::new();
        assert!(text.ends_with('\n'), "the last line must end");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let name = help.split(' ').next().unwrap();
                assert!(helped.insert(name.to_owned()), "two HELP lines for {name}");
                current = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, current, "TYPE without its HELP");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                let before = metrics.types.insert(name.into(), kind.into());
                assert!(before.is_none(), "two TYPE lines for {name}");
            } else {
                metrics.sample(line, &current);
            }
        }
        metrics
    }

    fn sample(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let endings: &[&str] = match self.types[family].as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        let ending = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} in {family}"));
        assert!(endings.contains(&ending), "{line}");
        let letters = |text: &str| {
            let first = text.chars().next().is_some_and(|c| !c.is_ascii_digit());
            first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        assert!(letters(name), "{line}");
        if !labels.is_empty() {
            let labels = labels.strip_suffix('}').unwrap();
            for label in labels.split(',') {
                let (name, value) = label.split_once('=').unwrap();
                assert!(letters(name), "{line}");
                assert!(value.len() >= 2 && value.starts_with('"') && value.ends_with('"'));
            }
        }
        let value: f64 = value.parse().unwrap();
        assert!(value.is_finite(), "{line}");
        let before = self.series.insert(series.into(), value);
        assert!(before.is_none(), "{series} is there twice");
    }

    fn get(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }

    /// Sees that each bucket of a histogram holds those of all lower bounds, and the last all.
    fn buckets_add_up(&self, name: &str) {
        let begin = format!("{name}_bucket{{le=\"");
        let bounds = self.series.iter().filter_map(|(series, count)| {
            let bound = series.strip_prefix(&begin)?.strip_suffix("\"}")?;
            Some((bound.replace("+Inf", "inf").parse().unwrap(), *count))
        });
        let mut bounds: Vec<(f64, f64)> = bounds.collect();
        bounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        assert!(bounds.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1), "{bounds:?}");
        let all = self.get(&format!("{name}_count"));
        assert_eq!(bounds.last().copied(), all.map(|all| (f64::INFINITY, all)));
    }

    #[track_caller]
    fn all(&self, expected: &[(&str, f64)]) {
        for (series, value) in expected {
            assert_eq!(self.get(series), Some(*value), "{series}");
        }
    }
}

fn read(answer: &Answer) -> Metrics {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    Metrics::read(std::str::from_utf8(&answer.body).unwrap())
}

#[tokio::test]
async fn a_head_without_nodes_and_jobs_says_so() {
    let head = TestHead::start();
    let metrics = read(&head.get("/metrics").await);
    metrics.all(&[
        ("bramble_build_info{version=\"0.0.0-test\"}", 1.0),
        ("bramble_nodes{state=\"idle\"}", 0.0),
        ("bramble_jobs{state=\"waiting\"}", 0.0),
        ("bramble_queue_seconds", 0.0),
        ("bramble_chunk_seconds_count", 0.0),
        ("bramble_http_requests_total{status=\"4xx\"}", 0.0),
    ]);
    let now = crate::support::now_ms() as f64 / 1000.0;
    let begun = metrics.get("process_start_time_seconds").unwrap();
    assert!(begun <= now && now - begun < 600.0, "{begun} at {now}");
    // The least that a program with a database in it can have, and what no test has.
    let resident = metrics.get("process_resident_memory_bytes").unwrap();
    assert!((1e6..1e10).contains(&resident), "{resident}");
    head.get("/nowhere").await;
    let metrics = read(&head.get("/metrics").await);
    metrics.all(&[
        ("bramble_http_requests_total{status=\"2xx\"}", 1.0),
        ("bramble_http_requests_total{status=\"4xx\"}", 1.0),
    ]);
}

#[tokio::test]
async fn nodes_jobs_and_attempts_are_counted_and_what_is_not_measured_is_not_there() {
    let mut at_work = AtWork::on(TestHead::start(), &[b"one\n", b"two\n"]).await;
    let status = NodeStatus {
        cpu_used_permille: Some(125),
        temperature_millicelsius: Some(-1500),
        memory_bytes_total: Some(1 << 29),
        ..NodeStatus::default()
    };
    let leases = at_work.leases.iter().map(|lease| lease.id).collect();
    let beat = FromAgent::Heartbeat { status, leases, previews: vec![] };
    say(&mut at_work.socket, &beat).await;
    let before = loop {
        let metrics = read(&at_work.get("/metrics").await);
        if metrics.get("bramble_node_cpu_ratio{node=\"p1\"}").is_some() {
            break metrics;
        }
        tokio::task::yield_now().await;
    };
    before.all(&[
        ("bramble_nodes{state=\"busy\"}", 1.0),
        ("bramble_node_up{node=\"p1\"}", 1.0),
        ("bramble_node_slots{node=\"p1\"}", 8.0),
        ("bramble_node_leased{node=\"p1\"}", 2.0),
        ("bramble_node_cpu_ratio{node=\"p1\"}", 0.125),
        ("bramble_node_temperature_celsius{node=\"p1\"}", -1.5),
        ("bramble_node_memory_bytes{node=\"p1\",kind=\"total\"}", f64::from(1 << 29)),
        ("bramble_jobs{state=\"running\"}", 1.0),
        ("bramble_tasks{state=\"leased\"}", 2.0),
    ]);
    for absent in [
        "bramble_node_memory_bytes{node=\"p1\",kind=\"available\"}",
        "bramble_node_clock_hertz{node=\"p1\"}",
        "bramble_node_uptime_seconds{node=\"p1\"}",
    ] {
        assert_eq!(before.get(absent), None, "{absent}");
    }
    report_thrice(&mut at_work).await;
    let path = format!("/api/v1/jobs/{}", at_work.job.id);
    while !at_work.get(&path).await.ok::<JobView>().state.is_final() {
        tokio::task::yield_now().await;
    }
    let after = read(&at_work.get("/metrics").await);
    after.all(&[
        ("bramble_jobs{state=\"done\"}", 1.0),
        ("bramble_jobs{state=\"running\"}", 0.0),
        ("bramble_tasks{state=\"leased\"}", 0.0),
        ("bramble_node_tasks_total{node=\"p1\",outcome=\"succeeded\"}", 2.0),
        ("bramble_node_tasks_total{node=\"p1\",outcome=\"failed\"}", 0.0),
        ("bramble_chunk_seconds_bucket{le=\"0.1\"}", 0.0),
        ("bramble_chunk_seconds_bucket{le=\"0.3\"}", 1.0),
        ("bramble_chunk_seconds_bucket{le=\"1\"}", 1.0),
        ("bramble_chunk_seconds_bucket{le=\"1000\"}", 1.0),
        ("bramble_chunk_seconds_bucket{le=\"+Inf\"}", 2.0),
        ("bramble_chunk_seconds_count", 2.0),
        ("bramble_chunk_seconds_sum", 2000.25),
        ("bramble_chunk_bytes_total{dir=\"in\"}", 2000.0),
        ("bramble_chunk_bytes_total{dir=\"out\"}", 14.0),
    ]);
    after.buckets_add_up("bramble_chunk_seconds");
}

/// Reports each lease three times, as an agent does that hears no acknowledgement.
async fn report_thrice(at_work: &mut AtWork) {
    for _ in 0..3 {
        let walls = [250_000, 2_000_000_000];
        let reports = at_work.leases.iter().zip(walls).map(|(lease, wall_us)| AttemptReport {
            lease: lease.id,
            attempt: lease.attempt,
            outcome: AttemptOutcome::Succeeded { outputs: lease.work.inputs.clone() },
            usage: Usage { wall_us, bytes_in: 1000, bytes_out: 7, ..Usage::default() },
            log: String::new(),
            enough: false,
        });
        let reports = reports.collect();
        say(&mut at_work.socket, &FromAgent::Reports { reports }).await;
    }
    let mut acknowledged = 0;
    while acknowledged < 6 {
        if let bramble_protocol::agent::ToAgent::Acknowledge { leases } =
            hear(&mut at_work.socket).await
        {
            acknowledged += leases.len();
        }
    }
}

#[tokio::test]
async fn the_oldest_waiting_job_says_how_long_it_waits() {
    let head = TestHead::start();
    let job = head.waiting_job().await;
    let least = (crate::support::now_ms() - job.submitted_at_ms) as f64 / 1000.0;
    let metrics = read(&head.get("/metrics").await);
    let most = (crate::support::now_ms() - job.submitted_at_ms) as f64 / 1000.0;
    let waited = metrics.get("bramble_queue_seconds").unwrap();
    assert!((least..=most).contains(&waited), "{least} {waited} {most}");
    metrics
        .all(&[("bramble_jobs{state=\"waiting\"}", 1.0), ("bramble_tasks{state=\"ready\"}", 2.0)]);
}
