//! What people tell a cluster of real processes: stop this job, give that node no more work.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::time::{Duration, Instant};

use bramble_protocol::api::NodeView;
use bramble_tests::cluster::{Cluster, fixture, wait_for};

fn nodes(cluster: &Cluster) -> Vec<NodeView> {
    serde_json::from_str(&cluster.bramble(&["nodes", "--json"]).ok().text()).unwrap()
}

/// Processes of a node's agent that run guests.
fn runners(cluster: &Cluster, agent: usize) -> usize {
    let pid = cluster.agent_process(agent);
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut count = 0;
    // A thread may be gone by now.
    for task in threads.flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            count += usize::from(uses_processor(child));
        }
    }
    count
}

/// Whether a process runs right now: neither sleeps, nor has it ended.
fn uses_processor(pid: &str) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().any(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest.starts_with('R'));
        state.unwrap_or(false)
    })
}

/// Submits a job whose tasks never end, and returns when one runs in every slot.
fn endless_job(cluster: &Cluster, slots: usize) -> String {
    let input = cluster.file("lines.txt", &b"a line\n".repeat(64));
    let module = fixture("endless.wat");
    let mut args = vec!["submit", module.to_str().unwrap(), "--input", &input, "-d", "-q"];
    args.extend(["--chunk-size", "8", "--cpu-time", "1h", "--time-limit", "1h"]);
    let id = cluster.bramble(&args).ok().text().trim().to_owned();
    wait_for("a guest to run in every slot", || {
        let running: usize = (0..2).map(|agent| runners(cluster, agent)).sum();
        (running == slots).then_some(())
    });
    id
}

#[test]
fn cancel_stops_endless_guests_on_every_node_within_a_second() {
    let cluster = Cluster::start(2);
    let slots: u32 = nodes(&cluster).iter().map(|node| node.slots).sum();
    let id = endless_job(&cluster, slots as usize);
    let start = Instant::now();
    cluster.bramble(&["cancel", &id]).ok();
    wait_for("no guest to run any more", || {
        (0..2).all(|agent| runners(&cluster, agent) == 0).then_some(())
    });
    let took = start.elapsed();
    println!("the last guest was gone {took:?} after the command began");
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    assert!(nodes(&cluster).iter().all(|node| node.leased == 0));
}

#[test]
fn a_drained_node_gets_no_work_until_it_is_taken_back_also_after_a_restart_of_the_head() {
    let mut cluster = Cluster::start(2);
    let name = nodes(&cluster)[0].name.clone();
    let said = cluster.bramble(&["nodes", "drain", &name, "--reason", "new fan", "--wait"]).ok();
    assert!(said.stderr.contains("it has no work"), "{}", said.stderr);
    cluster.bramble(&["nodes", "drain", "nobody", "--reason", "x"]).fails(5, &["no-such-node"]);
    cluster.kill_head();
    cluster.start_head();
    cluster.wait_for_nodes(2);
    let list = cluster.bramble(&["nodes"]).ok().text();
    assert!(list.contains(" drained "), "{list}");
    let detail = cluster.bramble(&["nodes", &name]).ok().text();
    assert!(detail.contains("new fan"), "{detail}");

    let input = cluster.file("lines.txt", &b"a line\n".repeat(64));
    let module = bramble_tests::cluster::job("shout");
    let module = module.to_str().unwrap().to_owned();
    let args = ["submit", &module, "--input", &input, "--chunk-size", "8", "-q", "-o", "-"];
    cluster.bramble(&args).ok();
    let done = |name: &str| nodes(&cluster).iter().find(|it| it.name == name).unwrap().succeeded;
    assert_eq!(done(&name), 0);

    cluster.bramble(&["nodes", "undrain", &name]).ok();
    assert_eq!(nodes(&cluster)[0].draining, None);
    let only = ["--nodes", &name, "--no-cache"];
    cluster.bramble(&[&args[..], &only[..]].concat()).ok();
    assert!(done(&name) > 0);
}
