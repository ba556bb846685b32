//! Nothing is removed that somebody has just stored or been told of, whoever else is at work.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bramble_protocol::{Digest, ObjectRef};
use bramble_store::{Store, Touched};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("data")).unwrap();
    (dir, store)
}

fn file_of(store: &Store, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    store.dir().join("objects").join(&name[..2]).join(name)
}

/// Makes a file look as if nobody had used it for so long.
fn age(path: &PathBuf, age: Duration) {
    File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

fn an_hour_ago(store: &Store) -> SystemTime {
    store.clock().unwrap() - HOUR
}

/// An object that nobody has used for long.
fn old(store: &Store, bytes: &[u8]) -> ObjectRef {
    let object = store.put(bytes).unwrap();
    age(&file_of(store, &object.digest), 3 * HOUR);
    object
}

#[test]
fn what_was_not_used_for_long_is_removed_and_what_was_stays() {
    let (_dir, store) = store();
    let object = old(&store, b"unused");
    let fresh = store.put(b"fresh").unwrap();
    let cutoff = an_hour_ago(&store);
    assert_eq!(store.remove_unused(&object.digest, cutoff).unwrap(), Some(6));
    assert_eq!(store.remove_unused(&fresh.digest, cutoff).unwrap(), None);
    assert_eq!(store.remove_unused(&object.digest, cutoff).unwrap(), None, "gone already");
    assert!(!store.has(&object.digest).unwrap());
    assert_eq!(store.get(&fresh).unwrap(), b"fresh");
    assert_eq!(fs::read_dir(store.dir().join("tmp")).unwrap().count(), 0);
    assert_eq!(store.put(b"unused").unwrap(), object, "it can be stored anew");
    assert_eq!(store.get(&object).unwrap(), b"unused");
}

#[test]
fn whoever_is_told_that_an_object_is_here_finds_it() {
    let (_dir, store) = store();
    let told = old(&store, b"told");
    let again = old(&store, b"stored again");
    let staged = old(&store, b"staged again");
    let claimed = old(&store, b"claimed");
    assert_eq!(store.missing(&[told.digest]).unwrap(), []);
    store.put(b"stored again").unwrap();
    assert!(store.claim(&claimed).unwrap());
    store.commit(vec![store.stage_bytes(b"staged again").unwrap()]).unwrap();
    let cutoff = an_hour_ago(&store);
    for object in [told, again, staged, claimed] {
        assert_eq!(store.remove_unused(&object.digest, cutoff).unwrap(), None);
        assert!(store.has(&object.digest).unwrap());
    }
}

#[test]
fn an_output_that_was_written_long_before_its_task_ended_counts_as_new() {
    let (_dir, store) = store();
    let mut writer = store.stage().unwrap();
    writer.write_all(b"early words").unwrap();
    let staged = writer.finish().unwrap();
    age(&staged.path().to_path_buf(), 3 * HOUR);
    let object = staged.object();
    store.commit(vec![staged]).unwrap();
    assert_eq!(store.remove_unused(&object.digest, an_hour_ago(&store)).unwrap(), None);
}

#[test]
fn files_that_are_no_objects_are_neither_listed_nor_removed() {
    let (_dir, store) = store();
    let object = store.put(b"one").unwrap();
    let shard = file_of(&store, &object.digest).parent().unwrap().to_path_buf();
    fs::write(shard.join(".nfs000000000001"), "held").unwrap();
    fs::write(store.dir().join("objects").join("note"), "mine").unwrap();
    let listed = store.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].digest, listed[0].size_bytes), (object.digest, 3));
    assert!(listed[0].is_ours);
    store.sweep().unwrap();
    assert!(shard.join(".nfs000000000001").exists());
}

#[test]
fn leftovers_checkpoints_and_damaged_objects_go_by_their_age() {
    let (_dir, store) = store();
    let file = |path: &str, hours: u32| {
        let path = store.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "left").unwrap();
        age(&path, HOUR * hours);
        path
    };
    let old = [file("tmp/staged-old", 25), file("corrupt/old", 24 * 8)];
    let kept = [file("tmp/staged-new", 1), file("tmp/.nfs01", 99), file("corrupt/new", 24 * 6)];
    file("checkpoints/key/a.record", 99);
    age(&store.dir().join("checkpoints/key"), 25 * HOUR);
    let swept = store.sweep().unwrap();
    assert_eq!((swept.files, swept.bytes), (3, 12));
    assert!(old.iter().all(|path| !path.exists()));
    assert!(kept.iter().all(|path| path.exists()));
    assert!(!store.dir().join("checkpoints/key").exists());
}

#[test]
fn what_a_collector_left_when_it_died_is_an_object_again() {
    let (_dir, store) = store();
    let object = old(&store, b"half gone");
    let aside = store.dir().join("tmp").join(format!("collect-{}", object.digest));
    fs::rename(file_of(&store, &object.digest), &aside).unwrap();
    let store = Store::open(store.dir()).unwrap();
    assert_eq!(store.get(&object).unwrap(), b"half gone");
    assert!(!aside.exists());
}

#[test]
fn who_claims_while_another_collects_never_loses_what_he_claimed() {
    let (_dir, store) = store();
    let (stop, removed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let cutoff = an_hour_ago(&store);
    let objects: Vec<ObjectRef> =
        (0..32u32).map(|number| old(&store, &number.to_le_bytes())).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // As another machine: what it remembers is its own.
                let store = Store::open(store.dir()).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    for object in &objects {
                        let gone = store.remove_unused(&object.digest, cutoff).unwrap();
                        removed.fetch_add(usize::from(gone.is_some()), Ordering::Relaxed);
                    }
                    std::thread::yield_now();
                }
            });
        }
        while removed.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        for round in 0..100u32 {
            let number = round % 32;
            let object = &objects[number as usize];
            // One way and the other: a question before sending, and sending what is here.
            if round % 2 == 0 && store.touch(&object.digest).unwrap() == Touched::Here {
                assert_eq!(
                    store.get(object).map_err(|it| it.to_string()),
                    Ok(number.to_le_bytes().to_vec())
                );
            } else {
                store.put(&number.to_le_bytes()).unwrap();
                assert!(store.has(&object.digest).unwrap(), "round {round}");
            }
            // Long unused again, unless a collector holds it just now.
            if let Ok(file) = File::open(file_of(&store, &object.digest)) {
                file.set_modified(SystemTime::now() - 3 * HOUR).unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
