//! The commands for authors of jobs, as far as they need no toolchain.

use std::fs;
use std::path::Path;

use crate::support::{assert_fails, bramble, stderr, stdout};

/// Runs a command that succeeds. What it says on standard output.
fn fine(dir: &Path, args: &[&str]) -> String {
    let output = bramble(dir, args);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

#[test]
fn a_new_project_says_what_to_do_next_and_overwrites_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = bramble(dir.path(), &["new", "myjob", "--lang", "c"]);
    assert!(stderr(&output).contains("cd myjob && bramble build && bramble test"));
    assert!(dir.path().join("myjob/main.c").is_file());
    let again = bramble(dir.path(), &["new", "myjob"]);
    assert_fails(&again, 6, &["myjob is there already", "[output-exists]"]);
    assert!(!dir.path().join("myjob/Cargo.toml").exists());
    assert_fails(&bramble(dir.path(), &["new", "my job"]), 2, &["cannot name a project"]);
    let output = bramble(dir.path(), &["new", "x", "--lang", "cobol"]);
    assert_fails(&output, 2, &["no language that bramble knows", "typescript"]);
}

#[test]
fn the_languages_are_listed_with_what_building_needs() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let listed: serde_json::Value =
        serde_json::from_str(&fine(dir.path(), &["new", "--list", "--json"])).expect("JSON");
    assert!(listed.as_array().expect("a list").len() >= 10);
    let plain = fine(dir.path(), &["new", "--list", "--plain"]);
    assert!(plain.contains("rustup target add wasm32-wasip1"), "{plain}");
}

#[test]
fn a_directory_without_a_project_is_told_how_to_get_one() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for command in ["build", "test"] {
        let output = bramble(dir.path(), &[command]);
        assert_fails(&output, 5, &["is no project", "bramble new", "[bad-project]"]);
    }
    fs::write(dir.path().join("bramble.toml"), "language = \"c\"\ncolour = 1\n").expect("written");
    assert_fails(&bramble(dir.path(), &["build"]), 5, &["bramble.toml", "colour"]);
}

#[test]
fn a_module_is_shown_with_what_it_has_and_needs() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 2 4) (func (export "_start")))"#;
    fs::write(dir.path().join("fine.wat"), text).expect("written");
    let shown = fine(dir.path(), &["inspect", "fine.wat", "--compile"]);
    for words in [
        "kind       WASI command",
        "imports    wasi_snapshot_preview1: fd_write",
        "memory     128 KiB at first, 256 KiB at most",
        "pulley32",
        "verdict    can be run as a job",
    ] {
        assert!(shown.contains(words), "`{words}` in {shown}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&fine(dir.path(), &["inspect", "fine.wat", "--json"])).expect("JSON");
    assert_eq!(json["schema"], "bramble.inspect/1");
    assert_eq!(json["info"]["kind"], "command");
}

#[test]
fn everything_that_would_be_refused_is_told_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = r#"(module
        (import "env" "draw" (func)) (import "env" "paint" (func))
        (import "wasi_snapshot_preview1" "fd_fly" (func))
        (memory i64 1) (func (export "main")))"#;
    fs::write(dir.path().join("bad.wat"), text).expect("written");
    let output = bramble(dir.path(), &["inspect", "bad.wat"]);
    assert_eq!(output.status.code(), Some(6));
    assert!(stdout(&output).contains("would be refused"), "{}", stdout(&output));
    let said = stderr(&output);
    for words in ["64-bit memories", "memory64", "`env.paint`", "fd_fly", "[bad-module]"] {
        assert!(said.contains(words), "`{words}` in {said}");
    }
    fs::write(dir.path().join("no.wasm"), "\x7fELF").expect("written");
    let output = bramble(dir.path(), &["inspect", "no.wasm"]);
    assert_eq!(output.status.code(), Some(6));
    assert!(stderr(&output).contains("a program or library for Linux"));
    assert_fails(&bramble(dir.path(), &["inspect", "none.wasm"]), 5, &["no such file"]);
}

#[test]
fn a_trial_needs_an_input_and_knows_of_one_expectation() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("job.wat"), "(module (func (export \"_start\")))").expect("written");
    fs::write(dir.path().join("in"), "x").expect("written");
    let test = |args: &[&str]| bramble(dir.path(), &[&["test", "job.wat"], args].concat());
    assert_fails(&test(&[]), 2, &["there is no input", "--input"]);
    assert_fails(&test(&["--input", "in", "--update"]), 2, &["--expect FILE"]);
    let two = ["--input", "in", "--input", "in", "--expect", "in"];
    assert_fails(&test(&two), 2, &["--expect is for one input"]);
    assert_fails(&test(&["--input", "none"]), 5, &["no such file"]);
    fs::write(dir.path().join("empty"), "").expect("written");
    assert_fails(&test(&["--input", "empty"]), 5, &["the input is empty"]);
    assert!(test(&["--input", "in"]).status.success());
}
