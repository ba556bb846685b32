//! Nodes that are switched on and off, through the real head, its switches and its agents.

use std::fs;
use std::path::Path;

use bramble_protocol::power::{PowerList, PowerStage, PowerView};
use bramble_tests::cluster::{Cluster, Objects, job, wait_for};

const CONFIG: &str = r#"
[policy]
shutdown-within = "1s"

[[switch]]
driver = "command"
on = ["sh", "-c", "echo on > $0/{outlet}", "DIR"]
off = ["sh", "-c", "echo off > $0/{outlet}", "DIR"]
status = ["cat", "DIR/{outlet}"]
nodes = { node-1 = 1, node-2 = 2 }
watts = { node-1 = 3, node-2 = 3 }
"#;

fn power(cluster: &Cluster, node: &str) -> PowerView {
    let said = cluster.bramble(&["power", "--json"]).ok();
    let all: PowerList = serde_json::from_slice(&said.stdout).expect("it is a list");
    let found = all.nodes.into_iter().find(|view| view.outlet.node == node);
    found.expect("the node can be switched")
}

fn is_in(cluster: &Cluster, node: &str, stage: PowerStage) -> Option<()> {
    (power(cluster, node).stage == stage).then_some(())
}

fn written(dir: &Path, outlet: &str) -> String {
    fs::read_to_string(dir.join(outlet)).expect("an outlet is a file").trim().to_owned()
}

#[test]
fn a_node_is_drained_and_shut_down_before_it_is_cut_off_and_comes_back() {
    let switches = tempfile::tempdir().expect("a directory can be made");
    let dir = switches.path();
    for outlet in ["1", "2"] {
        fs::write(dir.join(outlet), "on\n").expect("a file can be written");
    }
    let config = dir.join("power.toml");
    fs::write(&config, CONFIG.replace("DIR", &dir.display().to_string())).expect("it is written");
    let file = config.display().to_string();
    let mut cluster = Cluster::start_with_head(2, &["--power", &file]);
    assert_eq!(power(&cluster, "node-2").stage, PowerStage::On);
    assert_eq!(written(dir, "2"), "on", "a start switches nothing");

    cluster.bramble(&["power", "off", "node-2"]).ok();
    wait_for("the board to be told", || is_in(&cluster, "node-2", PowerStage::ShuttingDown));
    let said = cluster.bramble(&["nodes", "node-2"]).ok();
    assert!(said.text().contains("shutting-down"), "{}", said.text());
    // It does as it is told.
    cluster.stop_agent(1);
    wait_for("its power to be cut", || is_in(&cluster, "node-2", PowerStage::Off));
    assert_eq!((written(dir, "1"), written(dir, "2")), ("on".into(), "off".into()));

    let input = cluster.file("numbers.txt", b"3\n1\n2\n");
    let module = job("merge-sort").display().to_string();
    cluster.bramble(&["submit", &module, "--input", &input, "-o", "-"]).ok();

    cluster.bramble(&["power", "on", "node-2"]).ok();
    wait_for("its power", || is_in(&cluster, "node-2", PowerStage::Booting));
    assert_eq!(written(dir, "2"), "on");
    cluster.start_agent(1, Objects::Shared);
    wait_for("its agent", || is_in(&cluster, "node-2", PowerStage::On));
    assert!(power(&cluster, "node-2").boot_ms.is_some());

    cluster.bramble(&["power", "off", "node-9"]).fails(6, &["nothing is known that switches"]);
}

#[test]
fn switches_that_cannot_be_used_keep_the_head_from_starting_and_say_why() {
    let switches = tempfile::tempdir().expect("a directory can be made");
    let file = switches.path().join("power.toml");
    fs::write(&file, "[[switch]]\ndriver = \"magic\"\nnodes = { p1 = 1 }\n")
        .expect("it is written");
    let data = switches.path().join("data").display().to_string();
    let args = ["head", "--listen", "127.0.0.1:0", "--data", &data, "--power"];
    let said = bramble_tests::cluster::bramble().args(args).arg(&file).output();
    let said = said.expect("the program can be started");
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && text.contains("magic"), "{text}");
}
