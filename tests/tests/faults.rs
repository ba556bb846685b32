//! Heads and agents that die at any moment, and what they must not lose.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use bramble_protocol::api::{JobState, NodeView};
use bramble_tests::cluster::{Cluster, Objects, Said, job, wait_for};
use bramble_tests::data;

/// A job that is under way, and what must come out of it.
struct LongJob {
    id: String,
    expected: Vec<u8>,
    /// Tasks that were done when it was last looked at.
    succeeded: u32,
}

/// Submits a sort in many chunks and returns while it is at work. On a machine so fast that it
/// is done before anybody looks, a larger one is taken.
fn start_long_job(cluster: &Cluster) -> LongJob {
    for count in [1_000_000, 2_000_000, 4_000_000, 8_000_000] {
        let numbers = data::u64_bytes(7, count);
        let expected = data::sorted_u64_bytes(&numbers);
        let input = cluster.file("numbers.u64", &numbers);
        let module = job("merge-sort");
        let mut args = vec!["submit", module.to_str().unwrap(), "--input", &input, "-d", "-q"];
        args.extend(["--arg", "type=u64", "--chunk-size", "64k", "--partitions", "8"]);
        args.extend(["--attempts", "20"]);
        let id = cluster.bramble(&args).ok().text().trim().to_owned();
        let view = wait_for("some tasks to be done", || {
            let view = cluster.job(&id);
            (view.tasks.succeeded >= 5).then_some(view)
        });
        if !view.state.is_final() {
            return LongJob { id, expected, succeeded: view.tasks.succeeded };
        }
    }
    panic!("every job ended before it could be interrupted");
}

fn assert_right_result(cluster: &Cluster, long: &LongJob) {
    cluster.bramble(&["watch", &long.id]).ok();
    let result = cluster.bramble(&["get", &long.id, "-o", "-"]).ok().stdout;
    assert!(result == long.expected, "the result differs from an independent sort");
}

#[test]
fn a_killed_head_goes_on_with_the_job_and_its_result_is_the_same() {
    let mut cluster = Cluster::start(2);
    let long = start_long_job(&cluster);
    cluster.kill_head();
    cluster.start_head();
    let view = cluster.job(&long.id);
    assert!(view.tasks.succeeded >= long.succeeded, "work that was acknowledged is done again");
    assert_right_result(&cluster, &long);
}

#[test]
fn a_killed_agent_costs_only_what_it_was_working_on() {
    let mut cluster = Cluster::start(2);
    let long = start_long_job(&cluster);
    cluster.kill_agent(0);
    assert_right_result(&cluster, &long);
    let nodes: Vec<NodeView> =
        serde_json::from_slice(&cluster.bramble(&["nodes", "--json"]).ok().stdout).unwrap();
    assert_eq!(nodes[0].state.name(), "lost");
}

#[test]
fn head_and_agent_killed_together_still_give_the_same_bytes() {
    let mut cluster = Cluster::start(2);
    let long = start_long_job(&cluster);
    cluster.kill_agent(1);
    cluster.kill_head();
    cluster.start_head();
    cluster.start_agent(1, Objects::Shared);
    cluster.wait_for_nodes(2);
    assert_right_result(&cluster, &long);
}

#[test]
fn what_ended_while_the_head_was_away_counts_though_the_agent_was_killed_too() {
    let mut cluster = Cluster::start(1);
    let numbers = data::u64_bytes(5, 2_000_000);
    let input = cluster.file("numbers.u64", &numbers);
    let module = job("merge-sort");
    let mut args = vec!["submit", module.to_str().unwrap(), "--input", &input, "-d", "-q"];
    args.extend(["--arg", "type=u64", "--chunk-size", "16m"]);
    let id = cluster.bramble(&args).ok().text().trim().to_owned();
    wait_for("the only task to be at work", || (cluster.job(&id).tasks.leased == 1).then_some(()));
    cluster.kill_head();
    let spool = cluster.data().join("store/spool/node-1.reports");
    wait_for("its report to be written down", || {
        std::fs::metadata(&spool).is_ok_and(|file| file.len() > 0).then_some(())
    });
    cluster.kill_agent(0);
    cluster.start_head();
    cluster.start_agent(0, Objects::Shared);
    cluster.bramble(&["watch", &id]).ok();
    let view = cluster.job(&id);
    assert_eq!((view.tasks.total, view.tasks.retried), (1, 0), "it ran once");
    let result = cluster.bramble(&["get", &id, "-o", "-"]).ok().stdout;
    assert!(result == data::sorted_u64_bytes(&numbers), "the result differs");
}

#[test]
fn a_client_survives_a_head_that_restarts_while_it_watches() {
    let mut cluster = Cluster::start(1);
    let long = start_long_job(&cluster);
    let mut watching = cluster
        .command(&["watch", &long.id, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut views = BufReader::new(watching.stdout.take().unwrap());
    views.read_line(&mut String::new()).expect("it says something before the head is killed");
    cluster.kill_head();
    cluster.start_head();
    std::io::copy(&mut views, &mut std::io::sink()).unwrap();
    let said = watching.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_right_result(&cluster, &long);
}

#[test]
fn jobs_submitted_before_a_restart_are_listed_after_it() {
    let mut cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", b"2\n1\n");
    let module = job("merge-sort");
    let submit = ["submit", module.to_str().unwrap(), "--input", &input];
    for _ in 0..3 {
        cluster.bramble(&submit).ok();
    }
    cluster.kill_head();
    cluster.start_head();
    assert_eq!(cluster.bramble(&["get", "2", "-o", "-"]).ok().text(), "1\n2\n");
    cluster.wait_for_nodes(1);
    cluster.bramble(&submit).ok();
    assert_eq!(cluster.job("last").id.0, 4);
}

#[test]
fn a_damaged_chunk_is_never_worked_on_and_submitting_again_mends_it() {
    let cluster = Cluster::start(1);
    let numbers = data::number_lines(8, 1_000);
    let input = cluster.file("numbers.txt", numbers.as_bytes());
    let module = job("merge-sort");
    let submit = ["submit", module.to_str().unwrap(), "--input", &input, "--no-cache"];
    let submit_here = [&submit[..], &["-o", "-"]].concat();
    let first = cluster.bramble(&submit_here).ok().text();
    let chunk = cluster.data().join("store/objects");
    let digest = bramble_protocol::Digest::of(numbers.as_bytes()).to_string();
    let chunk = chunk.join(&digest[..2]).join(&digest);
    flip_a_byte(&chunk);
    cluster.bramble(&submit).fails(1, &["damaged", "chunk-corrupt"]);
    // The damaged file is out of the way now, so the chunk is sent anew.
    wait_for("the damaged chunk to be set aside", || (!chunk.exists()).then_some(()));
    assert_eq!(cluster.bramble(&submit_here).ok().text(), first);
}

#[test]
fn a_damaged_result_is_not_handed_out() {
    let cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", b"20\n10\n");
    let module = job("merge-sort");
    cluster.bramble(&["submit", module.to_str().unwrap(), "--input", &input]).ok();
    let digest = bramble_protocol::Digest::of(b"10\n20\n").to_string();
    flip_a_byte(&cluster.data().join("store/objects").join(&digest[..2]).join(&digest));
    cluster.bramble(&["get", "last", "-o", "out.txt"]).fails(3, &["damaged"]);
    assert!(!cluster.dir().join("out.txt").exists());
}

fn flip_a_byte(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut bytes = std::fs::read(path).expect("the object is where its digest says");
    bytes[0] ^= 1;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_second_agent_of_the_same_name_is_turned_away() {
    let cluster = Cluster::start(1);
    let store = cluster.data().join("store");
    let mut second = cluster.command(&[]);
    second.args(["agent", "--head", &cluster.agent_url(), "--name", "node-1", "--data", "second"]);
    second.arg("--join-file").arg(cluster.join_file()).arg("--store").arg(store);
    let refused = Said::from(second.output().unwrap());
    refused.fails(6, &["another node is called `node-1`", "bramble nodes remove node-1", "--name"]);
    let view = cluster.bramble(&["nodes", "--json"]).ok();
    let nodes: Vec<NodeView> = serde_json::from_slice(&view.stdout).unwrap();
    assert_eq!(nodes.len(), 1);
    assert_ne!(nodes[0].state.name(), "lost");
}

#[test]
fn a_job_waits_for_a_node_and_says_so() {
    let mut cluster = Cluster::start(1);
    cluster.kill_agent(0);
    cluster.wait_for_nodes(0);
    let input = cluster.file("numbers.txt", b"2\n1\n");
    let module = job("merge-sort");
    let id = cluster
        .bramble(&["submit", module.to_str().unwrap(), "--input", &input, "-d", "-q"])
        .ok()
        .text();
    let view = cluster.job(id.trim());
    assert_eq!(view.state, JobState::Waiting);
    assert!(view.note.unwrap().contains("no node"));
    let timed_out = cluster.bramble(&["watch", id.trim(), "--timeout", "100ms"]);
    assert_eq!(timed_out.code, 7, "{}", timed_out.stderr);
    cluster.start_agent(0, Objects::Shared);
    cluster.bramble(&["watch", id.trim()]).ok();
    assert!(Duration::from_millis(cluster.job(id.trim()).submitted_at_ms) > Duration::ZERO);
}

#[test]
fn an_agent_whose_shared_directory_is_not_the_heads_is_turned_away() {
    let cluster = Cluster::start(1);
    let agent = |store: &std::path::Path| {
        let mut command = cluster.command(&[]);
        command.args(cluster.agent_args("stray"));
        Said::from(command.arg("--store").arg(store).output().unwrap())
    };
    // What an NFS directory looks like that is not mounted.
    let unmounted = cluster.dir().join("unmounted");
    std::fs::create_dir(&unmounted).unwrap();
    agent(&unmounted).fails(6, &["no object store", "mounted", "--store"]);
    assert_eq!(std::fs::read_dir(&unmounted).unwrap().count(), 0, "no store was made there");
    // The store of another head.
    let other = Cluster::start(0);
    agent(&other.data().join("store")).fails(6, &["another one than this head's", "help: "]);
    let nodes = cluster.bramble(&["nodes", "--json"]).ok().text();
    assert!(!nodes.contains("stray"), "{nodes}");
}
