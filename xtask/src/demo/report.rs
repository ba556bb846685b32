//! Where the time of a job went, in a table for people.

use std::time::Duration;

use serde_json::Value;

use crate::cluster::Finished;

/// Prints the times of the same job on one node and on `nodes` side by side.
pub(super) fn print(one: &Finished, all: &Finished, nodes: u32) {
    let speed_up = one.wall.as_secs_f64() / all.wall.as_secs_f64();
    println!("{:<34}{:>12}{:>12}", "", "1 node", format!("{nodes} nodes"));
    row("from the command to the result", one.wall, all.wall);
    let (steps_of_one, steps_of_all) = (steps(one), steps(all));
    for (of_one, of_all) in steps_of_one.iter().zip(&steps_of_all) {
        row(
            &format!("  {}{}", of_one.name, tasks(of_one.tasks, of_all.tasks)),
            of_one.time,
            of_all.time,
        );
    }
    let usage = |run: &Finished, field: &str| {
        Duration::from_micros(run.job["usage"][field].as_u64().unwrap_or_default())
    };
    println!("added up over all tasks:");
    for (name, field) in [
        ("processor time of the guests", "cpu_us"),
        ("reading and verifying inputs", "read_us"),
        ("storing outputs", "write_us"),
    ] {
        row(&format!("  {name}"), usage(one, field), usage(all, field));
    }
    println!(
        "\nspeed-up {speed_up:.2} on {nodes} nodes, efficiency {:.0} %, serial share {:.0} %",
        100.0 * speed_up / f64::from(nodes),
        100.0 * serial_share(speed_up, f64::from(nodes))
    );
    println!("all results equal an independent sort");
}

fn row(name: &str, one: Duration, all: Duration) {
    println!("{name:<34}{:>12}{:>12}", seconds(one), seconds(all));
}

/// A part of the time from the command to the result.
struct Step {
    name: String,
    /// How many tasks did it, when it is a phase.
    tasks: Option<u64>,
    time: Duration,
}

/// The time from the command to the result, cut into steps that follow each other: what happened
/// before the job was accepted, the end of each phase, and what happened after.
fn steps(run: &Finished) -> Vec<Step> {
    let job = &run.job;
    let at = |field: &Value| field.as_u64().unwrap_or_default();
    let mut from = run.started_at_ms;
    let mut steps = Vec::new();
    let mut step = |name: &str, tasks: Option<u64>, to: u64| {
        let time = Duration::from_millis(to.saturating_sub(from));
        steps.push(Step { name: name.to_owned(), tasks, time });
        from = from.max(to);
    };
    step("cutting, hashing, sending", None, at(&job["submitted_at_ms"]));
    step("waiting for the first slot", None, at(&job["started_at_ms"]));
    for phase in job["phases"].as_array().into_iter().flatten() {
        let name = phase["phase"].as_str().unwrap_or("phase");
        step(name, Some(at(&phase["total"])), at(&phase["ended_at_ms"]));
    }
    let end = run.started_at_ms + u64::try_from(run.wall.as_millis()).unwrap_or(u64::MAX);
    step("fetching and verifying the result", None, end);
    steps
}

/// How many tasks a phase had on one node and on all.
fn tasks(one: Option<u64>, all: Option<u64>) -> String {
    match (one, all) {
        (Some(1), Some(1)) => ", 1 task".into(),
        (Some(one), Some(all)) if one == all => format!(", {one} tasks"),
        (Some(one), Some(all)) => format!(", {one} and {all} tasks"),
        _ => String::new(),
    }
}

/// The part of the work that did not get faster, after Karp and Flatt, "Measuring parallel
/// processor performance" (1990).
fn serial_share(speed_up: f64, nodes: f64) -> f64 {
    ((1.0 / speed_up - 1.0 / nodes) / (1.0 - 1.0 / nodes)).clamp(0.0, 1.0)
}

/// `0.123 s`
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// `4.7 MiB`
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// `500,000`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_steps_add_up_to_the_whole_time() {
        let run = Finished {
            wall: Duration::from_millis(700),
            started_at_ms: 1000,
            job: json!({
                "submitted_at_ms": 1100, "started_at_ms": 1110,
                "phases": [
                    { "phase": "map", "total": 16, "ended_at_ms": 1400 },
                    { "phase": "merge", "total": 1, "ended_at_ms": 1650 },
                ],
            }),
        };
        let steps = steps(&run);
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names[2..4], ["map", "merge"]);
        let times: Vec<u128> = steps.iter().map(|step| step.time.as_millis()).collect();
        assert_eq!(times, [100, 10, 290, 250, 50]);
    }

    #[test]
    fn a_phase_tells_its_tasks_on_one_node_and_on_all() {
        assert_eq!(tasks(Some(1), Some(1)), ", 1 task");
        assert_eq!(tasks(Some(16), Some(16)), ", 16 tasks");
        assert_eq!(tasks(Some(2), Some(4)), ", 2 and 4 tasks");
        assert_eq!(tasks(None, None), "");
    }

    #[test]
    fn the_serial_share_follows_from_the_speed_up() {
        assert!(serial_share(2.0, 2.0).abs() < 1e-9);
        assert!((serial_share(1.0, 2.0) - 1.0).abs() < 1e-9);
        assert!((serial_share(1.44, 2.0) - 0.389).abs() < 1e-3);
    }

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!(grouped(500_000), "500,000");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(7), "7");
        assert_eq!(mebibytes(5 << 20), "5.0 MiB");
        assert_eq!(seconds(Duration::from_millis(1234)), "1.234 s");
    }
}
