//! Nodes that read the head's objects on a share of which they may only read: it hangs, lies and
//! lacks, and no job notices.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bramble_protocol::Digest;
use bramble_protocol::api::NodeView;
use bramble_protocol::board::ShareState;
use bramble_protocol::health::{Finding, findings};
use bramble_tests::cluster::{Cluster, job, wait_for};
use bramble_tests::data;

/// Where `store` has an object.
fn place(store: &Path, digest: &str) -> PathBuf {
    store.join("objects").join(&digest[..2]).join(digest)
}

fn make_pipe(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success(), "there is a `mkfifo`");
}

/// A cluster with one node, which reads the share.
fn cluster_with(share: &Path, args: &[&str]) -> Cluster {
    let mut cluster = Cluster::start(0);
    let share = share.to_str().unwrap();
    cluster.add_reader("reader", share, args);
    cluster.wait_for_nodes(1);
    cluster
}

fn reader(cluster: &Cluster) -> NodeView {
    let said = cluster.bramble(&["nodes", "--json"]).ok();
    let nodes: Vec<NodeView> = serde_json::from_slice(&said.stdout).unwrap();
    nodes.into_iter().next().unwrap()
}

/// A sort in chunks of 64 KiB, and what must come out.
fn sort(cluster: &Cluster, seed: u64) -> (Vec<u8>, Vec<u8>) {
    let numbers = data::u64_bytes(seed, 100_000);
    let input = cluster.file("numbers.u64", &numbers);
    let module = job("merge-sort");
    let mut args = vec!["submit", module.to_str().unwrap(), "--input", &input, "-o", "-"];
    args.extend(["--arg", "type=u64", "--chunk-size", "64k", "--no-cache"]);
    let sorted = cluster.bramble(&args).ok().stdout;
    (sorted, data::sorted_u64_bytes(&numbers))
}

#[test]
fn a_node_takes_chunks_from_a_share_that_it_cannot_write() {
    let cluster = cluster_with(Path::new("data/store"), &[]);
    let (sorted, expected) = sort(&cluster, 1);
    assert!(sorted == expected, "the result differs");
    // It tells with its next heartbeat.
    let board = wait_for("word of the share", || {
        let board = reader(&cluster).status.board?;
        let share = board.share.clone()?;
        (share.state == ShareState::Mounted && share.silent == Some(false)).then_some(board)
    });
    assert!(!findings(&board).contains(&Finding::ShareSilent));
    // The share is what it was given, and the head's own: nothing of the node's is in it.
    let own = cluster.dir().join("reader/store/objects");
    assert!(own.is_dir(), "it has a store of its own");
    assert!(!cluster.data().join("store/spool").exists(), "nothing is written to the share");
}

#[test]
fn a_share_that_hangs_stalls_no_job_and_the_node_tells() {
    let dir = tempfile::tempdir().unwrap();
    // Opening a pipe blocks as long as nobody writes to it, as a mount whose server is gone does.
    let numbers = data::u64_bytes(2, 100_000);
    for chunk in numbers.chunks(64 << 10) {
        make_pipe(&place(dir.path(), &Digest::of(chunk).to_string()));
    }
    let cluster = cluster_with(dir.path(), &["--share-timeout", "500ms"]);
    let (sorted, expected) = sort(&cluster, 2);
    assert!(sorted == expected, "the result differs");
    let board = wait_for("the node to tell", || {
        let board = reader(&cluster).status.board?;
        findings(&board).contains(&Finding::ShareSilent).then_some(board)
    });
    assert_eq!(board.share.unwrap().silent, Some(true));
    assert_ne!(reader(&cluster).state.name(), "lost");
    let log = cluster.logged("reader");
    assert_eq!(log.matches("does not answer").count(), 1, "once is enough:\n{log}");
    let said = cluster.bramble(&["nodes", "reader"]).ok().text();
    assert!(said.contains("does not answer"), "{said}");
    assert!(!log.contains("lost the head"), "heartbeats went on:\n{log}");
    let threads = fs::read_dir(format!("/proc/{}/task", cluster.agent_process(0))).unwrap();
    assert!(threads.count() < 30, "threads are few");
}

#[test]
fn a_share_with_other_bytes_is_believed_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let numbers = data::u64_bytes(3, 100_000);
    for (number, chunk) in numbers.chunks(64 << 10).enumerate() {
        let place = place(dir.path(), &Digest::of(chunk).to_string());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let mut bytes = chunk.to_vec();
        match number % 3 {
            0 => bytes[0] ^= 1,
            1 => bytes.truncate(1000),
            _ => bytes.push(0),
        }
        fs::write(place, bytes).unwrap();
    }
    let cluster = cluster_with(dir.path(), &[]);
    let (sorted, expected) = sort(&cluster, 3);
    assert!(sorted == expected, "the result differs");
    let log = cluster.logged("reader");
    assert!(log.contains("holds other bytes"), "{log}");
}

#[test]
fn a_share_that_is_not_mounted_is_an_empty_directory_and_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = cluster_with(dir.path(), &[]);
    let (sorted, expected) = sort(&cluster, 4);
    assert!(sorted == expected, "the result differs");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is made there");
    let board = reader(&cluster).status.board.unwrap();
    assert!(findings(&board).contains(&Finding::ShareNotMounted));
}
