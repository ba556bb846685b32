//! Results from a head that is not to be trusted: damaged, cut off, with strange names.

use std::fs;

use crate::support::{assert_fails, bramble, fake_head, stderr, stdout};
use bramble_protocol::api::ResultView;
use bramble_protocol::{JobId, Manifest, ObjectRef, Problem, ProblemKind};

fn result(name: &str, chunks: &[&[u8]]) -> Vec<u8> {
    let chunks = chunks.iter().map(|bytes| ObjectRef::of(bytes)).collect();
    let manifest = Manifest::new(chunks, None);
    let view = ResultView { id: JobId(7), name: name.into(), manifest };
    serde_json::to_vec(&view).expect("it is JSON")
}

/// A head whose job 7 has the result `onetwo`, the second chunk of which is sent as `second`.
fn head(second: &[u8]) -> String {
    fake_head(&[
        ("/jobs/7/result", 200, result("out.txt", &[b"one", b"two"])),
        ("/jobs/7/result/0", 200, b"one".to_vec()),
        ("/jobs/7/result/1", 200, second.to_vec()),
    ])
}

#[test]
fn a_result_is_put_together_and_named_as_the_head_says() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = head(b"two");
    let output = bramble(dir.path(), &["--cluster", &url, "get", "7"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(fs::read(dir.path().join("out.txt")).expect("there"), b"onetwo");

    let again = bramble(dir.path(), &["--cluster", &url, "get", "7"]);
    assert_fails(&again, 6, &["out.txt is there already", "--force"]);
    let forced = bramble(dir.path(), &["--cluster", &url, "get", "7", "--force"]);
    assert_eq!(forced.status.code(), Some(0), "{}", stderr(&forced));

    let output = bramble(dir.path(), &["--cluster", &url, "get", "7", "-o", "-"]);
    assert_eq!(stdout(&output), "onetwo");
}

#[test]
fn a_damaged_chunk_is_refused_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for damaged in [&b"twO"[..], b"tw", b"", b"twoo"] {
        let url = head(damaged);
        fs::write(dir.path().join("out.txt"), "old").expect("written");
        let args = ["--cluster", &url, "get", "7", "-o", "out.txt"];
        let output = bramble(dir.path(), &args);
        assert_eq!(output.status.code(), Some(3), "{damaged:?}: {}", stderr(&output));
        assert_eq!(fs::read(dir.path().join("out.txt")).expect("there"), b"old");
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1, "nothing half-done");

        let output = bramble(dir.path(), &["--cluster", &url, "get", "7", "-o", "-"]);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(stdout(&output), "one", "only what was checked");
    }
}

#[test]
fn a_result_cannot_choose_where_it_is_written() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).expect("made");
    let url = fake_head(&[
        ("/jobs/7/result", 200, result("../evil.txt", &[b"one"])),
        ("/jobs/7/result/0", 200, b"one".to_vec()),
    ]);
    let output = bramble(&inner, &["--cluster", &url, "get", "7"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(inner.join("evil.txt").exists() && !dir.path().join("evil.txt").exists());
}

#[test]
fn what_the_head_refuses_is_told_in_its_words_with_the_exit_code_of_its_sort() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (kind, code) in [
        (ProblemKind::SignInNeeded, 4),
        (ProblemKind::NotAllowed, 4),
        (ProblemKind::NoSuchJob, 5),
        (ProblemKind::NoResult, 6),
        (ProblemKind::BadJob, 6),
        (ProblemKind::DiskFull, 3),
        (ProblemKind::Internal, 3),
    ] {
        let problem = Problem::new(kind, "the head's title").detail("its detail").help("its help");
        let body = serde_json::to_vec(&problem).expect("it is JSON");
        let url = fake_head(&[("/jobs/7/result", kind.status(), body)]);
        let output = bramble(dir.path(), &["--cluster", &url, "get", "7"]);
        assert_fails(&output, code, &["the head's title", "why:  its detail", "help: its help"]);
    }
}

#[test]
fn what_is_no_head_is_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = fake_head(&[("/jobs", 200, b"<html>".to_vec())]);
    let output = bramble(dir.path(), &["--cluster", &url, "jobs"]);
    assert_fails(&output, 3, &["does not answer as a head does", "[head-fault]"]);
}
