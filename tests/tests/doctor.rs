//! Where nodes hang, through the real head and its agents; and a machine as files for a test.

use std::fs;

use bramble_hardware::{Sensors, Watched};
use bramble_tests::cluster::{Cluster, bramble, wait_for};
use serde_json::Value;

const POWER: &str = r#"
[[switch]]
driver = "simulated"
nodes = { node-1 = 1, node-9 = 2 }
"#;

/// What the doctor finds of a node, whatever it ends with.
fn checkup(cluster: &Cluster, node: &str) -> (Option<i32>, Value) {
    let said = cluster.command(&["doctor", node, "--json"]).output().expect("it can be started");
    let all: Value = serde_json::from_slice(&said.stdout).expect("it is JSON");
    (said.status.code(), all[0].clone())
}

fn outcome<'a>(checkup: &'a Value, stage: &str) -> &'a str {
    let stages = checkup["stages"].as_array().expect("a list");
    let found = stages.iter().find(|it| it["stage"] == stage).expect("all stages are there");
    found["outcome"].as_str().expect("a word")
}

#[test]
fn the_first_stage_that_fails_is_found_and_what_to_do_about_it() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let config = dir.path().join("power.toml");
    fs::write(&config, POWER).expect("it can be written");
    let mut cluster = Cluster::start_with_head(2, &["--power", &config.display().to_string()]);
    let (_, well) = checkup(&cluster, "node-2");
    for stage in ["agent", "version"] {
        assert_eq!(outcome(&well, stage), "good", "{well}");
    }
    assert_eq!(outcome(&well, "USB"), "absent");
    assert!(!well.to_string().contains("\"bad\""), "{well}");

    // A switch knows it, and nobody has ever heard of it.
    let (code, off) = checkup(&cluster, "node-9");
    assert_eq!((code, outcome(&off, "power"), outcome(&off, "agent")), (Some(1), "bad", "follows"));
    assert!(off.to_string().contains("bramble power on node-9"), "{off}");

    // Whoever wants it off finds nothing wrong with that.
    cluster.bramble(&["power", "off", "node-9"]).ok();
    let (code, off) = checkup(&cluster, "node-9");
    assert_eq!((code, outcome(&off, "power")), (Some(0), "absent"), "{off}");

    cluster.kill_agent(1);
    wait_for("the loss", || {
        (outcome(&checkup(&cluster, "node-2").1, "agent") == "bad").then_some(())
    });
    let said = cluster.bramble(&["doctor"]).fails(1, &[]);
    let line = said.text().lines().find(|line| line.contains("node-2")).map(str::to_owned);
    assert!(line.is_some_and(|line| line.contains("agent")), "{}", said.text());
    cluster.bramble(&["doctor", "node-77"]).fails(5, &["no node `node-77`"]);
    cluster.kill_head();
    cluster.bramble(&["doctor"]).fails(3, &["systemctl status bramble-head"]);
}

#[test]
fn a_machine_is_recorded_without_a_head_and_never_over_what_is_there() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let fixture = dir.path().join("mine");
    let record = || {
        let mut command = bramble();
        command.args(["doctor", "--record-fixture"]).arg(&fixture);
        command.output().expect("the program can be started")
    };
    let said = record();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(told.contains("serial numbers"), "{told}");
    // Sensors read it as they read this machine.
    let status = Sensors::of_board(&fixture, Watched::in_recording()).read();
    assert!(status.memory_bytes_total.is_some_and(|bytes| bytes > 0), "{status:?}");
    let board = status.board.expect("it is a board");
    assert!(board.disk.is_some_and(|disk| disk.filesystem.is_some()), "its disk is recorded");
    let again = record();
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
}
