//! What goes wrong before any head is asked: flags, files, addresses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::{assert_fails, bramble, command, free_port, stderr, stdout};

/// A directory with a module (which nobody looks into here) and an input.
fn workplace() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("job.wasm"), "module").expect("written");
    fs::write(dir.path().join("in.txt"), "line\n").expect("written");
    fs::write(dir.path().join("empty"), "").expect("written");
    fs::create_dir(dir.path().join("dir")).expect("made");
    dir
}

fn submit(dir: &Path, args: &[&str]) -> std::process::Output {
    // An address where nobody listens: whoever gets so far ends with 3.
    let url = format!("http://127.0.0.1:{}", free_port());
    let all: Vec<&str> = ["--cluster", &url, "submit"].iter().chain(args).copied().collect();
    bramble(dir, &all)
}

#[test]
fn a_file_that_is_not_there_ends_with_5() {
    let dir = workplace();
    let output = submit(dir.path(), &["job.wasm", "--input", "none.txt"]);
    assert_fails(&output, 5, &["no such file: none.txt", "[no-such-file]"]);
    let output = submit(dir.path(), &["none.wasm", "--input", "in.txt"]);
    assert_fails(&output, 5, &["no such file: none.wasm", "help:"]);
}

#[test]
fn a_directory_or_an_empty_file_is_no_input() {
    let dir = workplace();
    assert_fails(&submit(dir.path(), &["job.wasm", "-i", "dir"]), 5, &["is a directory", "help:"]);
    assert_fails(&submit(dir.path(), &["job.wasm", "-i", "empty"]), 5, &["is empty"]);
    assert_fails(&submit(dir.path(), &["dir", "-i", "in.txt"]), 5, &["is a directory"]);
    assert_fails(&submit(dir.path(), &["empty", "-i", "in.txt"]), 5, &["module empty is empty"]);
}

#[test]
fn a_file_that_may_not_be_read_is_told() {
    let dir = workplace();
    let secret = dir.path().join("in.txt");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).expect("changed");
    if fs::File::open(&secret).is_ok() {
        // The administrator may read everything.
        return;
    }
    assert_fails(&submit(dir.path(), &["job.wasm", "-i", "in.txt"]), 5, &["cannot read in.txt"]);
}

#[test]
fn a_place_for_the_result_that_is_not_there_is_told_before_anything_is_sent() {
    let dir = workplace();
    let output = submit(dir.path(), &["job.wasm", "-i", "in.txt", "-o", "none/out.txt"]);
    assert_fails(&output, 5, &["no such directory: none"]);
}

#[test]
fn wrong_flags_end_with_2() {
    let dir = workplace();
    for args in [
        &["submit"][..],
        &["submit", "job.wasm", "-i", "in.txt", "--chunk-size", "many"],
        &["submit", "job.wasm", "-i", "in.txt", "--memory", "9G"],
        &["submit", "job.wasm", "-i", "in.txt", "--nodes", "0"],
        &["submit", "job.wasm", "-i", "in.txt", "--arg", "novalue"],
        &["submit", "job.wasm", "-i", "-", "--split", "guest"],
        &["submit", "--example", "../../etc/passwd"],
        &["jobs", "seventeen"],
        &["jobs", "--json", "--plain"],
        &["cancel"],
        &["up", "--listen", "nowhere"],
        &["up", "--nodes", "1000"],
        &["agent"],
        &["help", "nothing-like-that"],
        &["--cluster", "ftp://x", "jobs"],
        &["--cluster", "", "jobs"],
        &["fly"],
    ] {
        let output = bramble(dir.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stdout(&output).is_empty(), "{args:?}");
        assert!(stderr(&output).contains("error"), "{args:?}");
    }
}

#[test]
fn a_head_that_is_not_there_ends_with_3_and_says_how_to_start_one() {
    let dir = workplace();
    let url = format!("http://127.0.0.1:{}", free_port());
    for args in [
        &["jobs"][..],
        &["nodes"],
        &["watch", "1"],
        &["logs", "last"],
        &["get", "1"],
        &["cancel", "1"],
        &["submit", "job.wasm", "-i", "in.txt"],
    ] {
        let all: Vec<&str> = ["--cluster", &url].iter().chain(args).copied().collect();
        assert_fails(&bramble(dir.path(), &all), 3, &[&url, "bramble up", "[unreachable]"]);
    }
}

#[test]
fn the_cluster_is_taken_from_the_environment_unless_it_is_empty() {
    let dir = workplace();
    let url = format!("http://127.0.0.1:{}", free_port());
    let output = command(dir.path(), &["jobs"]).env("BRAMBLE_CLUSTER", &url).output();
    assert_fails(&output.expect("started"), 3, &[&url]);
    let output = command(dir.path(), &["-v", "jobs"]).env("BRAMBLE_CLUSTER", "").output();
    let error = stderr(&output.expect("started"));
    assert!(error.contains("cluster http://127.0.0.1:8420"), "{error}");
}

#[test]
fn help_and_version_are_data() {
    let dir = workplace();
    for (args, text) in [
        (&["help", "exit-codes"][..], "130  Ctrl-C"),
        (&["help", "environment"], "BRAMBLE_CLUSTER"),
        (&["help", "submit"], "--chunk-size"),
        (&["help"], "Examples:"),
        (&["submit", "--help"], "Examples:"),
        (&["version"], env!("CARGO_PKG_VERSION")),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let output = bramble(dir.path(), args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(stdout(&output).contains(text), "{args:?}: {}", stdout(&output));
        assert!(!stdout(&output).contains('\x1b'), "no colours into a pipe: {args:?}");
    }
}

#[test]
fn a_reader_that_goes_away_early_is_no_error() {
    let dir = workplace();
    let mut child = command(dir.path(), &["help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn nothing_to_stop_is_no_error() {
    let dir = workplace();
    let output = bramble(dir.path(), &["down", "--data", "data"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("nothing runs in"), "{}", stderr(&output));
}

#[test]
fn a_data_directory_that_cannot_be_used_is_told() {
    let dir = workplace();
    for verb in ["up", "head"] {
        let args = [verb, "--data", "in.txt", "--listen", "127.0.0.1:0"];
        assert_fails(&bramble(dir.path(), &args), 6, &["is a file", "--data"]);
    }
}

#[test]
fn a_data_directory_of_a_newer_version_is_left_as_it_is() {
    let dir = workplace();
    let store = dir.path().join("data/store");
    fs::create_dir_all(&store).expect("made");
    fs::write(store.join("format"), "999\n").expect("written");
    let args = ["head", "--data", "data", "--listen", "127.0.0.1:0"];
    assert_fails(&bramble(dir.path(), &args), 6, &["[data-newer]", "newer"]);
    assert_eq!(fs::read_to_string(store.join("format")).expect("there"), "999\n");
    assert!(!dir.path().join("data/journal.sqlite").exists(), "nothing was begun");
}

#[test]
fn a_port_in_use_is_named() {
    let dir = workplace();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("bound").to_string();
    for args in [&["head"][..], &["up"], &["up", "--detach"]] {
        let all: Vec<&str> =
            args.iter().copied().chain(["--data", "data", "--listen", &address]).collect();
        let output = bramble(dir.path(), &all);
        assert_fails(&output, 6, &[&address, "[address-in-use]", "--listen 127.0.0.1:0"]);
        assert!(!dir.path().join("data/up.json").exists(), "nothing half-done: {args:?}");
        assert!(!dir.path().join("data/head.json").exists(), "nothing half-done: {args:?}");
    }
}
