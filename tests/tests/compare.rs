//! `bramble compare` through the real binary.

use std::process::{Command, Stdio};

use bramble_protocol::api::JobState;
use bramble_tests::cluster::{Cluster, job, wait_for};
use serde_json::Value;

fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("test paths are text")
}

fn numbers(count: u32) -> String {
    // A permutation, because the factor and the modulus (a prime) have no common divisor.
    (0..count).map(|i| format!("{}\n", u64::from(i) * 7_919 % 1_000_003)).collect()
}

#[test]
fn every_combination_runs_as_often_as_asked_and_is_a_row() {
    let cluster = Cluster::start(2);
    let input = cluster.file("numbers.txt", numbers(50_000).as_bytes());
    let (svg, csv) = (cluster.dir().join("times.svg"), cluster.dir().join("times.csv"));
    let module = job("merge-sort");
    let mut args = vec!["compare", path(&module), "-i", &input, "--vary", "type=number,text"];
    args.extend(["--nodes", "1,all", "--repeat", "2", "--chunk-size", "32k", "--json"]);
    args.extend(["--svg", path(&svg), "--csv", path(&csv)]);
    let said = cluster.bramble(&args).ok();
    let answer: Value = serde_json::from_str(&said.text()).unwrap();
    assert_eq!(answer["schema"], "bramble.compare/1");
    let rows = answer["rows"].as_array().unwrap();
    let which: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row["params"]["type"].as_str().unwrap(), row["nodes"].as_str().unwrap()))
        .collect();
    assert_eq!(which, [("number", "1"), ("number", "all"), ("text", "1"), ("text", "all")]);
    for row in rows {
        assert_eq!(row["runs_ms"].as_array().unwrap().len(), 2, "{row}");
        assert_eq!(row["result_ratio"], 1.0, "a sorted file is as long as before: {row}");
        assert!(row["median_ms"].as_f64() >= row["min_ms"].as_f64(), "{row}");
        assert!(row["joules"].is_null(), "nothing is known of this machine's power: {row}");
    }
    assert_eq!(rows[0]["nodes_used"], 1);
    assert!(rows[0]["speed_up"].is_null());
    // The table's rows, and the jobs behind them: 4 rows, each twice, none of them reused.
    let listed = cluster.bramble(&["jobs", "--json"]).ok();
    let jobs: Vec<Value> = serde_json::from_str(&listed.text()).unwrap();
    assert_eq!(jobs.len(), 8);
    assert!(jobs.iter().all(|job| job["saved"].is_null()), "{jobs:#?}");
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 5);
    let svg = std::fs::read_to_string(&svg).unwrap();
    assert_eq!(svg.matches("height=\"18.0\"").count(), 4, "{svg}");
}

#[test]
fn a_combination_that_fails_is_a_row_with_its_reason_and_the_others_run() {
    let cluster = Cluster::start(1);
    let input = cluster.file("words.txt", b"3\n1\ntwo\n");
    let module = job("merge-sort");
    let mut args = vec!["compare", path(&module), "-i", &input, "--repeat", "1"];
    args.extend(["--vary", "type=number,text,roman"]);
    let said = cluster.bramble(&args).fails(1, &["2 of 3 combinations failed", "job-failed"]);
    let text = said.text();
    let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start));
    assert!(line("failed: type=number").unwrap().contains("line 3"), "{text}");
    assert!(line("failed: type=roman").unwrap().contains("roman"), "{text}");
    assert!(line("type=text").unwrap().contains(" ms "), "{text}");
    assert!(text.lines().all(|line| line.starts_with("failed") || line.chars().count() <= 100));
}

#[test]
fn plans_are_compared_like_parameters() {
    let cluster = Cluster::start(2);
    let input = cluster.file("numbers.txt", numbers(40_000).as_bytes());
    let module = job("merge-sort");
    let mut args = vec!["compare", path(&module), "-i", &input, "--repeat", "1", "--json"];
    args.extend(["--plan", "ranges,textbook"]);
    let answer: Value = serde_json::from_str(&cluster.bramble(&args).ok().text()).unwrap();
    let plans: Vec<&str> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["params"]["--plan"].as_str().unwrap())
        .collect();
    assert_eq!(plans, ["ranges", "textbook"]);
    let last = cluster.job("last");
    let merge = last.phases.iter().find(|phase| phase.phase.name() == "merge").unwrap();
    assert_eq!(merge.total, 1, "the last job followed the textbook");
}

#[test]
fn what_was_measured_is_shown_when_the_rest_is_stopped() {
    let cluster = Cluster::start(1);
    let module = job("monte-carlo-pi");
    let mut args = vec!["compare", path(&module), "--repeat", "1", "--json"];
    // Of the second nobody waits for the end.
    args.extend(["--vary", "points=1000,1000000000000"]);
    let mut command = cluster.command(&args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the second combination to run", || {
        let said = cluster.bramble(&["jobs", "--json"]).ok();
        let jobs: Vec<Value> = serde_json::from_str(&said.text()).unwrap();
        (jobs.len() == 2 && jobs.iter().any(|job| job["state"] == "running")).then_some(())
    });
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("the combinations that were done are in the table"), "{stderr}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["rows"][0]["runs_ms"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["rows"][1]["runs_ms"].as_array().unwrap().len(), 0, "{answer}");
    assert_eq!(cluster.job("last").state, JobState::Canceled);
}

#[test]
fn a_file_that_cannot_be_written_costs_no_measurement() {
    let cluster = Cluster::start(1);
    let module = job("monte-carlo-pi");
    let mut args = vec!["compare", path(&module), "--repeat", "1", "--svg"];
    let svg = cluster.dir().join("no-such-directory/times.svg");
    args.extend([path(&svg), "--vary", "points=1000,2000"]);
    let said = cluster.bramble(&args).fails(5, &["no-such-directory"]);
    let text = said.text();
    assert!(text.lines().any(|line| line.starts_with(" points=1000 ")), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains('█')).count(), 2, "{text}");
    assert!(text.lines().all(|line| !line.contains('█') || line.chars().count() <= 80), "{text}");
}
