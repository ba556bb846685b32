//! Nodes that read the head's objects from a share, and do without when it fails them.

use std::fs;
use std::path::Path;
use std::process::Command;

use bramble_tests::cluster::{Cluster, job, wait_for};

const NUMBERS: &[u8] = b"5\n3\n9\n1\n";
const SORTED: &str = "1\n3\n5\n9\n";

fn sort(cluster: &Cluster, input: &str) -> String {
    let module = job("merge-sort").display().to_string();
    let args = ["submit", &module, "--input", input, "--no-cache", "-o", "-"];
    String::from_utf8(cluster.bramble(&args).ok().stdout).expect("numbers are text")
}

fn is_known(cluster: &Cluster, node: &str) -> Option<()> {
    let said = cluster.bramble(&["nodes", "--plain"]).ok();
    said.text().lines().any(|line| line.starts_with(&format!("{node}\t"))).then_some(())
}

/// Leaves all work to `name`, which reads from `share`.
fn with_agent(cluster: &mut Cluster, name: &str, share: &Path) {
    cluster.add_sharing_agent(name, share);
    wait_for("the agent", || is_known(cluster, name));
    cluster.bramble(&["nodes", "drain", "node-1", "--reason", "another one works", "--wait"]).ok();
}

#[test]
fn a_node_reads_from_a_share_that_it_may_not_write_to_and_sends_results_to_the_head() {
    let mut cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", NUMBERS);
    let share = cluster.data().join("store");
    with_agent(&mut cluster, "reader", &share);
    assert_eq!(sort(&cluster, &input), SORTED);
    let log = cluster.logged("reader");
    assert!(log.contains("read from the share"), "{log}");
    assert!(!log.contains("fetched from the head"), "{log}");
    // It has looked at nothing but objects, and has left nothing behind.
    assert!(cluster.dir().join("reader/store/objects").is_dir());
}

#[test]
fn a_share_without_what_is_wanted_or_with_other_bytes_costs_a_request_to_the_head() {
    let mut cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", NUMBERS);
    assert_eq!(sort(&cluster, &input), SORTED);
    let share = cluster.dir().join("share");
    copied(&cluster, &share, |path| fs::write(path, b"other bytes").expect("it can be written"));
    with_agent(&mut cluster, "reader", &share);
    assert_eq!(sort(&cluster, &input), SORTED);
    let log = cluster.logged("reader");
    assert!(log.contains("has other bytes than object"), "{log}");
    assert!(log.contains("fetched from the head") && !log.contains("read from the share"), "{log}");
}

#[test]
fn a_share_that_hangs_stalls_no_job_and_is_told() {
    let mut cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", NUMBERS);
    assert_eq!(sort(&cluster, &input), SORTED);
    // A reader of a pipe without a writer waits for ever, as one of a hard mount does.
    let share = cluster.dir().join("share");
    copied(&cluster, &share, |path| {
        let made = Command::new("mkfifo").arg(path).status().expect("there is a `mkfifo`");
        assert!(made.success());
    });
    with_agent(&mut cluster, "reader", &share);
    assert_eq!(sort(&cluster, &input), SORTED);
    let log = cluster.logged("reader");
    assert_eq!(log.matches("nothing came from the share").count(), 1, "{log}");
    assert!(log.contains("fetched from the head"), "{log}");
    let waited = cluster.bramble(&["nodes", "--plain"]).ok();
    assert!(waited.text().contains("reader"), "it was there all the time");
    cluster.bramble(&["submit", "--example", "sort", "-o", "-"]).ok();
}

/// A directory like the head's store, with something else in the place of each object.
fn copied(cluster: &Cluster, share: &Path, make: impl Fn(&Path)) {
    let objects = cluster.data().join("store/objects");
    for shard in fs::read_dir(&objects).expect("the head has objects").map_while(Result::ok) {
        let copy = share.join("objects").join(shard.file_name());
        fs::create_dir_all(&copy).expect("a directory can be made");
        for object in fs::read_dir(shard.path()).expect("it is a directory").map_while(Result::ok) {
            make(&copy.join(object.file_name()));
        }
    }
}
