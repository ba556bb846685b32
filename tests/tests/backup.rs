//! Backups of a head that runs, and what comes of them when its disk is gone.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;

use bramble_protocol::api::JobState;
use bramble_tests::cluster::{Cluster, Said, job, wait_for};
use bramble_tests::data;

fn at(cluster: &Cluster, args: &[&str]) -> Said {
    let mut command = cluster.command(args);
    command.arg("--data").arg(cluster.data());
    Said::from(command.output().unwrap())
}

/// Starts a sort in many chunks and returns its number and result while it is at work.
fn sort(cluster: &Cluster) -> (String, Vec<u8>) {
    let numbers = data::u64_bytes(3, 2_000_000);
    let expected = data::sorted_u64_bytes(&numbers);
    let input = cluster.file("numbers.u64", &numbers);
    let module = job("merge-sort");
    let mut args = vec!["submit", module.to_str().unwrap(), "--input", &input, "-d", "-q"];
    args.extend(["--arg", "type=u64", "--chunk-size", "64k", "--partitions", "8"]);
    let id = cluster.bramble(&args).ok().text().trim().to_owned();
    wait_for("some tasks to be done", || (cluster.job(&id).tasks.succeeded >= 5).then_some(()));
    (id, expected)
}

#[test]
fn a_head_whose_disk_is_lost_goes_on_from_a_backup_made_while_it_worked() {
    let mut cluster = Cluster::start(1);
    let first = cluster.file("few.txt", b"2\n1\n");
    let module = job("merge-sort");
    cluster.bramble(&["submit", module.to_str().unwrap(), "--input", &first]).ok();
    let (id, expected) = sort(&cluster);
    let backup = cluster.dir().join("head.tar");
    at(&cluster, &["backup", backup.to_str().unwrap(), "--objects"]).ok();
    assert!(!cluster.data().join("journal.sqlite.copy").exists());
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&backup).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it holds the head's key");
    cluster.kill_head();
    cluster.kill_agent(0);
    let store_id = fs::read(cluster.data().join("store/id")).unwrap();
    fs::remove_dir_all(cluster.data()).unwrap();

    let said = at(&cluster, &["restore", backup.to_str().unwrap()]).ok();
    assert!(said.stderr.contains("2 jobs"), "{}", said.stderr);
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    assert_eq!(fs::read(cluster.data().join("store/id")).unwrap(), store_id);
    cluster.start_head();
    cluster.start_agent(0, bramble_tests::cluster::Objects::Shared);
    assert_eq!(cluster.bramble(&["get", "1", "-o", "-"]).ok().text(), "1\n2\n");
    cluster.bramble(&["watch", &id]).ok();
    let result = cluster.bramble(&["get", &id, "-o", "-"]).ok().stdout;
    assert!(result == expected, "the result differs from an independent sort");
}

#[test]
fn a_restore_replaces_nothing_unasked_and_says_which_objects_are_missing() {
    let mut cluster = Cluster::start(1);
    let input = cluster.file("few.txt", b"2\n1\n");
    let module = job("merge-sort");
    cluster.bramble(&["submit", module.to_str().unwrap(), "--input", &input]).ok();
    let backup = cluster.dir().join("head.tar");
    let backup = backup.to_str().unwrap();
    at(&cluster, &["backup", backup]).ok();
    at(&cluster, &["backup", backup]).fails(6, &["exists already", "--force"]);
    at(&cluster, &["restore", backup]).fails(6, &["in use"]);
    cluster.kill_head();
    at(&cluster, &["backup", backup, "--force"]).ok();
    at(&cluster, &["restore", backup]).fails(6, &["holds a head's data already", "--force"]);
    let said = at(&cluster, &["restore", backup, "--force"]).ok();
    assert!(said.stderr.contains("before-restore-"), "{}", said.stderr);
    cluster.start_head();
    assert_eq!(cluster.job("1").state, JobState::Done);
    cluster.kill_head();
    fs::remove_dir_all(cluster.data()).unwrap();
    let said = at(&cluster, &["restore", backup]).ok();
    for word in ["not in", "jobs 1", "submit"] {
        assert!(said.stderr.contains(word), "`{word}` is not in {}", said.stderr);
    }
}

#[test]
fn a_backup_that_is_damaged_or_none_is_refused_and_leaves_the_head_as_it_was() {
    let mut cluster = Cluster::start(0);
    let backup = cluster.dir().join("head.tar");
    at(&cluster, &["backup", backup.to_str().unwrap()]).ok();
    cluster.kill_head();
    let journal = cluster.data().join("journal.sqlite");
    let before = fs::read(&journal).unwrap();
    let whole = fs::read(&backup).unwrap();
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 1;
    let damaged = cluster.dir().join("damaged.tar");
    let name = damaged.to_str().unwrap().to_owned();
    for bytes in [&flipped[..], &whole[..middle], &whole[..600], b"my shopping list", b""] {
        fs::write(&damaged, bytes).unwrap();
        at(&cluster, &["restore", &name, "--force"]).fails(3, &["no whole backup", "help: "]);
        assert_eq!(fs::read(&journal).unwrap(), before);
    }
    at(&cluster, &["restore", "nothing.tar"]).fails(5, &["nothing.tar"]);
    let empty = cluster.dir().join("empty");
    let mut command = cluster.command(&["backup", "x.tar", "--data"]);
    let said = Said::from(command.arg(&empty).output().unwrap());
    said.fails(5, &["no head's data", "--data"]);
}
