//! Jobs in words.

use std::time::Duration;

use bramble_protocol::PhaseKind;
use bramble_protocol::api::{FailureView, JobState, JobView, LogEntry};

use super::human;
use super::table::{Cell, Table};
use crate::error::{CliError, Slug};

/// Lines of the failing task's log that are shown with the failure.
const FAILURE_LOG_LINES: usize = 10;

/// How long a job has taken so far, from its acceptance to its end or to `now_ms`.
pub(crate) fn elapsed(view: &JobView, now_ms: u64) -> Duration {
    let end = view.ended_at_ms.unwrap_or(now_ms);
    Duration::from_millis(end.saturating_sub(view.submitted_at_ms))
}

/// Processor time of its tasks over the time that passed: what one processor would have needed,
/// against what it took. `None` where that says nothing.
pub(crate) fn speed_up(view: &JobView) -> Option<f64> {
    let wall = view.ended_at_ms?.checked_sub(view.started_at_ms?)?;
    let ratio = view.usage.cpu_us as f64 / 1000.0 / wall.max(1) as f64;
    (view.state == JobState::Done && ratio >= 1.05).then_some(ratio)
}

/// What goes on, for the end of a progress bar: `node-1 4  node-2 3 · about 2 s left`.
pub(crate) fn doing(view: &JobView) -> String {
    let mut parts = Vec::new();
    let nodes: Vec<String> = view
        .nodes
        .iter()
        .filter(|node| node.succeeded + node.leased > 0)
        .map(|node| format!("{} {}", node.name, node.succeeded))
        .collect();
    if !nodes.is_empty() {
        parts.push(nodes.join("  "));
    }
    if view.tasks.retried > 0 {
        parts.push(format!("{} tried again", view.tasks.retried));
    }
    parts.extend(view.enough.map(|enough| enough.text()));
    parts.extend(view.note.clone());
    parts.join(" · ")
}

/// A line of progress for logs: `job 17 running 9/14 node-1=4 node-2=3`.
pub(crate) fn progress_line(view: &JobView) -> String {
    let tasks = view.tasks;
    let mut line =
        format!("job {} {} {}/{}", view.id, view.state.name(), tasks.succeeded, tasks.total);
    for node in view.nodes.iter().filter(|node| node.succeeded + node.leased > 0) {
        line.push_str(&format!(" {}={}", node.name, node.succeeded));
    }
    if tasks.retried > 0 {
        line.push_str(&format!(" retried={}", tasks.retried));
    }
    if let Some(enough) = &view.enough {
        line.push_str(&format!("  {}", enough.text()));
    }
    if let Some(note) = &view.note {
        line.push_str(&format!("  {note}"));
    }
    line
}

/// What is said of a job that is done: `6.9 s · 2 nodes · speed-up 1.8× (estimated)`.
pub(crate) fn finished(view: &JobView) -> String {
    let nodes = view.nodes.iter().filter(|node| node.succeeded > 0).count();
    let mut text = format!(
        "{} · {} · {}",
        human::duration(elapsed(view, view.submitted_at_ms)),
        human::count(view.tasks.total.into(), "task"),
        human::count(nodes as u64, "node"),
    );
    if let Some(ratio) = speed_up(view) {
        text.push_str(&format!(" · speed-up {ratio:.1}× (estimated)"));
    }
    if view.tasks.retried > 0 {
        text.push_str(&format!(" · {} tried again", view.tasks.retried));
    }
    if let Some(saved) = saved(view) {
        text.push_str(&format!(" · {saved}"));
    }
    if let Some(enough) = &view.enough {
        text.push_str(&format!(" · {}", enough.text()));
    }
    text
}

/// What did not have to run: `12 of 12 tasks were done before, saved 3.4 s`.
pub(crate) fn saved(view: &JobView) -> Option<String> {
    let saved = view.saved?;
    let of = match view.tasks.total {
        1 => "its task was".into(),
        total => format!("{} of {total} tasks were", saved.tasks),
    };
    let time = human::duration(Duration::from_micros(saved.cpu_us));
    Some(format!("{of} done before, saved {time}"))
}

/// A table of jobs.
pub(crate) fn list(jobs: &[JobView], now_ms: u64) -> Table {
    let mut table = Table::new([
        ">JOB",
        "NAME",
        "STATE",
        ">DONE",
        ">TIME",
        ">NODES",
        ">SPEED-UP",
        "USER",
        "NOTE",
    ]);
    for job in jobs {
        let nodes = job.nodes.iter().filter(|node| node.succeeded + node.leased > 0).count();
        let speed_up = speed_up(job).map(|ratio| format!("{ratio:.1}×"));
        table.row([
            job.id.to_string().into(),
            job.spec.name.as_str().into(),
            Cell::state(job.state.name()),
            format!("{}/{}", job.tasks.succeeded, job.tasks.total).into(),
            human::duration(elapsed(job, now_ms)).into(),
            if nodes == 0 { "".into() } else { nodes.to_string().into() },
            speed_up.unwrap_or_default().into(),
            job.spec.policy.user.as_str().into(),
            note(job).into(),
        ]);
    }
    table
}

/// The note in a list: the failure, or why it waits.
fn note(job: &JobView) -> String {
    match &job.failure {
        Some(failure) => {
            format!("{} in {} · bramble logs {}", failure.outcome.slug(), place(failure), job.id)
        }
        None => {
            let enough = || job.enough.map(|enough| enough.text());
            job.note.clone().or_else(enough).or_else(|| saved(job)).unwrap_or_default()
        }
    }
}

/// Where a task stands, for people: `chunk 3`, `merge 1`, `partition 2`, `the choice of ranges`.
fn place_of(phase: PhaseKind, index: u32) -> String {
    match phase {
        PhaseKind::Map => format!("chunk {index}"),
        PhaseKind::Merge => format!("merge {index}"),
        PhaseKind::Reduce => format!("partition {index}"),
        PhaseKind::Ranges => "the choice of ranges".into(),
    }
}

fn place(failure: &FailureView) -> String {
    place_of(failure.phase, failure.index)
}

/// Where the task of a log entry stands.
pub(crate) fn place_of_entry(entry: &LogEntry) -> String {
    place_of(entry.phase, entry.index)
}

/// Tasks that failed or never ran, beside those that are listed.
fn unlisted(view: &JobView) -> u64 {
    if view.failures.len() < 2 {
        return 0;
    }
    u64::from(view.tasks.ended).saturating_sub(view.failures.len() as u64)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A job that ended other than well, as the error that ends the program. `logs` are those of the
/// job, as far as they could be had.
pub(crate) fn failure(view: &JobView, logs: &[LogEntry]) -> CliError {
    let name = human::safe_field(&view.spec.name);
    if view.state == JobState::Canceled {
        return CliError::new(
            Slug::JobCanceled,
            format!("job {} \"{name}\" was cancelled", view.id),
        );
    }
    let Some(failure) = &view.failure else {
        let error = CliError::new(Slug::JobFailed, format!("job {} \"{name}\" failed", view.id));
        return match &view.note {
            Some(note) => error.why(note),
            None => error,
        };
    };
    let what = format!(
        "job {} \"{name}\" failed: {} on {}, after {}",
        view.id,
        place(failure),
        failure.node,
        human::count(failure.attempts.into(), "attempt"),
    );
    let mut error =
        CliError::new(Slug::JobFailed, what).label(failure.outcome.slug()).why(failure.message());
    for other in view.failures.iter().filter(|other| other.task != failure.task) {
        error = error.why(format!("{} failed too: {}", place(other), first_line(&other.message())));
    }
    let unlisted = unlisted(view);
    if unlisted > 0 {
        error = error.why(format!("{} more failed or never ran", human::count(unlisted, "task")));
    }
    let tail =
        logs.iter().rev().find(|entry| entry.task == failure.task && !entry.text.trim().is_empty());
    if let Some(entry) = tail {
        let lines: Vec<&str> = entry.text.trim_end().lines().collect();
        let first = lines.len().saturating_sub(FAILURE_LOG_LINES);
        error = error.why(format!("it logged on {}:", entry.node));
        for line in &lines[first..] {
            error = error.why(format!("  {line}"));
        }
    }
    if let Some(hint) = failure.outcome.hint() {
        error = error.help(hint);
    }
    let task = failure.task;
    error
        .help(format!("all that was logged: bramble logs {}", view.id))
        .help(format!("all it takes to try it here: bramble bundle {}/{}", task.job, task.index))
}

#[cfg(test)]
pub(crate) mod tests {
    use bramble_protocol::api::{JobNodeView, TaskCounts};
    use bramble_protocol::{
        AttemptOutcome, Digest, JobId, JobSpec, Limits, NodeSelector, Params, TaskId, Usage,
    };

    use super::*;

    pub(crate) fn view(state: JobState) -> JobView {
        let node = |name: &str, succeeded| JobNodeView {
            name: name.into(),
            succeeded,
            leased: 1,
            cpu_us: 0,
            energy_uj: 0,
            energy_measured_uj: 0,
        };
        JobView {
            schema: "bramble.job/1".into(),
            id: JobId(17),
            spec: JobSpec {
                name: "sort".into(),
                module: Digest::of(b"module"),
                input: Digest::of(b"input"),
                params: Params::new(),
                args: vec![],
                command: Default::default(),
                nodes: NodeSelector::Any,
                limits: Limits::default(),
                mode: bramble_protocol::Mode::Fast,
                partitions: None,
                result_name: "sorted.txt".into(),
                secrets: None,
                clock_ms: None,
                policy: Default::default(),
            },
            state,
            note: None,
            tasks: TaskCounts { total: 14, succeeded: 9, leased: 2, ..TaskCounts::default() },
            phases: vec![],
            nodes: vec![node("node-1", 5), node("node-2", 4)],
            submitted_at_ms: 1_000,
            started_at_ms: Some(1_100),
            ended_at_ms: state.is_final().then_some(3_000),
            input_bytes: 100,
            result_bytes: None,
            usage: Usage { cpu_us: 3_420_000, ..Usage::default() },
            failure: None,
            failures: vec![],
            saved: None,
            enough: None,
        }
    }

    fn failed(outcome: AttemptOutcome) -> JobView {
        let mut job = view(JobState::Failed);
        job.failure = Some(FailureView {
            task: TaskId { job: JobId(17), index: 3 },
            phase: PhaseKind::Map,
            index: 3,
            node: "node-2".into(),
            attempts: 1,
            outcome,
            brought_down: vec![],
        });
        job
    }

    fn text(error: CliError) -> String {
        let CliError::Shown(report) = error else { panic!("an error to be shown") };
        anstream::adapter::strip_str(&crate::output::render(&report)).to_string()
    }

    #[test]
    fn progress_names_the_nodes_and_what_they_have_done() {
        let mut job = view(JobState::Running);
        assert_eq!(progress_line(&job), "job 17 running 9/14 node-1=5 node-2=4");
        job.note = Some("no node is free".into());
        assert_eq!(doing(&job), "node-1 5  node-2 4 · no node is free");
    }

    #[test]
    fn a_finished_job_tells_its_time_and_an_honest_estimate_of_its_speed_up() {
        assert_eq!(
            finished(&view(JobState::Done)),
            "2.0 s · 14 tasks · 2 nodes · speed-up 1.8× (estimated)"
        );
        let mut short = view(JobState::Done);
        short.usage.cpu_us = 10;
        assert_eq!(finished(&short), "2.0 s · 14 tasks · 2 nodes");
    }

    #[test]
    fn a_failure_shows_where_why_the_last_lines_and_what_to_do() {
        let job = failed(AttemptOutcome::OutOfTime { limit_ms: 10_000 });
        let log: String = (0..30).map(|i| format!("line {i}\n")).collect();
        let entry = LogEntry {
            task: TaskId { job: JobId(17), index: 3 },
            attempt: 1,
            phase: PhaseKind::Map,
            index: 3,
            node: "node-2".into(),
            at_ms: 0,
            outcome: "out-of-time".into(),
            error: None,
            text: log,
            usage: Usage::default(),
        };
        let text = text(failure(&job, &[entry]));
        assert!(text.starts_with(
            "error: job 17 \"sort\" failed: chunk 3 on node-2, after 1 attempt  [out-of-time]\n"
        ));
        assert!(text.contains("why:  used all its processor time (10 s)"), "{text}");
        assert!(text.contains("line 29") && !text.contains("line 19\n"), "{text}");
        assert!(text.contains("--chunk-size") && text.contains("bramble logs 17"), "{text}");
    }

    #[test]
    fn a_failed_or_cancelled_job_ends_the_program_with_1() {
        let job = failed(AttemptOutcome::NodeLost);
        assert_eq!(failure(&job, &[]).code(), 1);
        assert_eq!(failure(&view(JobState::Canceled), &[]).code(), 1);
    }

    #[test]
    fn a_list_has_a_row_for_each_job() {
        let jobs = [view(JobState::Running), failed(AttemptOutcome::NodeLost)];
        assert_eq!(
            list(&jobs, 2_000).tabbed(),
            "17\tsort\trunning\t9/14\t1.0 s\t2\t\t\t\n\
             17\tsort\tfailed\t9/14\t2.0 s\t2\t\t\tnode-lost in chunk 3 · bramble logs 17\n"
        );
    }
}
