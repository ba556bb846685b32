//! TLS between the command line and a head.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;

use bramble_tests::cluster::{Cluster, Said};

/// Asks the head over TLS, with the test's directory as the user's own.
fn over_tls(cluster: &Cluster) -> Said {
    let url = cluster.url.replace("http://", "https://");
    let mut command = cluster.command(&["--cluster", &url, "jobs"]);
    Said::from(command.env("XDG_CONFIG_HOME", cluster.dir().join("config")).output().unwrap())
}

#[test]
fn a_head_is_known_by_the_key_that_was_seen_first_and_refused_with_another() {
    let mut cluster = Cluster::start(0);
    let record = fs::read_to_string(cluster.data().join("head.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let fingerprint = record["fingerprint"].as_str().unwrap();
    assert!(cluster.logged("head").contains(fingerprint), "people can compare");

    let said = over_tls(&cluster).ok();
    assert!(said.stderr.contains(fingerprint), "{}", said.stderr);
    let said = over_tls(&cluster).ok();
    assert!(!said.stderr.contains(fingerprint), "once is enough: {}", said.stderr);
    cluster.kill_head();
    cluster.start_head();
    over_tls(&cluster).ok();

    cluster.kill_head();
    fs::remove_file(cluster.data().join("tls.key")).unwrap();
    cluster.start_head();
    let refused = over_tls(&cluster);
    refused
        .fails(6, &["another key than before", &fingerprint[..12], "config/bramble/known-heads"]);
    fs::remove_file(cluster.dir().join("config/bramble/known-heads")).unwrap();
    over_tls(&cluster).ok();
}
