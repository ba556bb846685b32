//! A task's checkpoints: the latest whole one is found, and nothing that was written after it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::fs;
use std::io::{Read, Seek, Write};
use std::path::PathBuf;

use bramble_protocol::{Digest, ObjectRef};
use bramble_store::{Checkpoint, SavedOutput, StagedFile, Store};

const TASK: &[u8] = b"task";

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("data")).unwrap();
    (dir, store)
}

fn key() -> Digest {
    Digest::of(TASK)
}

/// Writes `text` to a file and saves it as the first of two outputs.
fn save(store: &Store, state: &[u8], text: &[u8]) -> StagedFile {
    let file = store.stage_file().unwrap();
    file.file().write_all(text).unwrap();
    let outputs = [
        SavedOutput { file: Some(&file), so_far: ObjectRef::of(text) },
        SavedOutput { file: None, so_far: ObjectRef::of(b"") },
    ];
    store.checkpoint_writer(key()).save(state, &outputs).unwrap();
    file
}

fn text_of(output: &SavedOutput<StagedFile>) -> String {
    let mut file = output.file.as_ref().unwrap().file();
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}

fn load(store: &Store) -> Option<Checkpoint> {
    store.load_checkpoint(&key()).unwrap()
}

fn record(store: &Store) -> PathBuf {
    let dir = store.dir().join("checkpoints").join(key().to_string());
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.extension().unwrap() == "record").unwrap()
}

#[test]
fn a_task_resumes_with_its_state_and_its_outputs_cut_back() {
    let (_dir, store) = store();
    assert!(load(&store).is_none());
    let file = save(&store, b"after two", b"one two");
    file.file().write_all(b" three").unwrap();
    // The attempt dies, and its own name of the file goes.
    drop(file);
    let found = load(&Store::open(store.dir()).unwrap()).unwrap();
    assert_eq!(found.state, b"after two");
    assert_eq!(found.outputs.len(), 2);
    assert_eq!(text_of(&found.outputs[0]), "one two");
    assert!(found.outputs[1].file.is_none());
    assert!(store.load_checkpoint(&Digest::of(b"another task")).unwrap().is_none());
}

#[test]
fn the_latest_checkpoint_counts_and_attempts_do_not_spoil_each_others() {
    let (_dir, store) = store();
    let first = save(&store, b"first", b"1");
    let second = save(&store, b"second", b"2");
    assert_eq!(load(&store).unwrap().state, b"second");
    first.file().write_all(b"scribbled").unwrap();
    drop((first, second));
    let found = load(&store).unwrap();
    assert_eq!(text_of(&found.outputs[0]), "2");
}

#[test]
fn an_attempt_saves_again_in_the_place_of_its_first() {
    let (_dir, store) = store();
    let file = store.stage_file().unwrap();
    let writer = store.checkpoint_writer(key());
    for (state, text) in [(&b"a"[..], &b"x"[..]), (b"b", b"xx"), (b"c", b"xxx")] {
        file.file().write_all(b"x").unwrap();
        let so_far = ObjectRef::of(text);
        writer.save(state, &[SavedOutput { file: Some(&file), so_far }]).unwrap();
        let found = load(&store).unwrap();
        assert_eq!(found.state, state);
        assert_eq!(text_of(&found.outputs[0]).as_bytes(), text);
    }
    store.drop_checkpoints(&key()).unwrap();
    store.drop_checkpoints(&key()).unwrap();
    assert!(load(&store).is_none());
    // Another attempt was done first; this one goes on.
    writer.save(b"d", &[SavedOutput { file: Some(&file), so_far: ObjectRef::of(b"xxx") }]).unwrap();
    assert_eq!(load(&store).unwrap().state, b"d");
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_an_older_one() {
    let (_dir, store) = store();
    let _older = save(&store, b"older", b"old text");
    let older_record = record(&store);
    let _newer = save(&store, b"newer", b"new text");
    let dir = store.dir().join("checkpoints").join(key().to_string());
    let newer_record = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().unwrap() == "record" && *path != older_record)
        .unwrap();
    let whole = fs::read(&newer_record).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&newer_record, &damaged).unwrap();
        assert_eq!(load(&store).unwrap().state, b"older", "byte {at}");
        fs::write(&newer_record, &whole[..at]).unwrap();
        assert_eq!(load(&store).unwrap().state, b"older", "cut at byte {at}");
    }
    fs::write(&newer_record, &whole).unwrap();
    assert_eq!(load(&store).unwrap().state, b"newer");
    // Its record is sound, its output is not.
    fs::write(newer_record.with_extension("0"), "new t").unwrap();
    assert_eq!(load(&store).unwrap().state, b"older");
}

#[test]
fn checkpoints_that_nobody_has_touched_for_a_day_are_removed() {
    let (_dir, store) = store();
    drop(save(&store, b"state", b"text"));
    let dir = store.dir().join("checkpoints").join(key().to_string());
    let day = std::time::Duration::from_secs(25 * 60 * 60);
    Store::open(store.dir()).unwrap();
    assert!(dir.exists());
    fs::File::open(&dir).unwrap().set_modified(std::time::SystemTime::now() - day).unwrap();
    Store::open(store.dir()).unwrap();
    assert!(!dir.exists());
}
