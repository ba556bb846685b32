//! What goes into a store comes out unchanged, or not at all.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bramble_protocol::{Digest, ObjectRef};
use bramble_store::{Staged, Store, StoreError};
use proptest::prelude::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("data")).unwrap();
    (dir, store)
}

fn file_of(store: &Store, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    store.dir().join("objects").join(&name[..2]).join(name)
}

fn staged_files(store: &Store) -> usize {
    fs::read_dir(store.dir().join("tmp")).unwrap().count()
}

fn stage(store: &Store, bytes: &[u8]) -> Staged {
    let mut writer = store.stage().unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// Writes to an object's file although it is protected, as a failing disk would.
fn damage(path: &Path, bytes: &[u8]) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_object_is_a_read_only_file_named_by_its_digest() {
    let (_dir, store) = store();
    let object = store.put(b"some bytes").unwrap();
    assert_eq!(object, ObjectRef::of(b"some bytes"));
    let path = file_of(&store, &object.digest);
    assert_eq!(fs::read(&path).unwrap(), b"some bytes");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
    let shard = path.parent().unwrap();
    assert_eq!(fs::metadata(shard).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read_to_string(store.dir().join("format")).unwrap(), "1\n");
    assert_eq!(staged_files(&store), 0);
}

#[test]
fn what_was_put_is_found_read_and_survives_reopening() {
    let (_dir, store) = store();
    let empty = store.put(b"").unwrap();
    let some = store.put(b"some").unwrap();
    let other = Digest::of(b"other");
    let store = Store::open(store.dir()).unwrap();
    assert!(store.has(&some.digest).unwrap() && !store.has(&other).unwrap());
    assert_eq!(store.size_of(&some.digest).unwrap(), Some(4));
    assert_eq!(store.size_of(&other).unwrap(), None);
    assert_eq!(store.get(&empty).unwrap(), b"");
    assert_eq!(store.get_by_digest(&some.digest, 4).unwrap(), b"some");
    assert_eq!(
        store.missing(&[other, some.digest, other, empty.digest]).unwrap(),
        [other],
        "each once"
    );
}

#[test]
fn an_object_that_is_there_is_not_written_again() {
    let (_dir, store) = store();
    let object = store.put(b"same").unwrap();
    let path = file_of(&store, &object.digest);
    let first = fs::metadata(&path).unwrap();
    store.put(b"same").unwrap();
    store.commit(vec![stage(&store, b"same"), stage(&store, b"same")]).unwrap();
    let second = fs::metadata(&path).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(first.ino(), second.ino());
    assert_eq!(staged_files(&store), 0);
}

#[test]
fn objects_that_are_not_there_are_missing_in_every_way_of_reading() {
    let (_dir, store) = store();
    let object = ObjectRef::of(b"never stored");
    let is_missing =
        |error| matches!(error, StoreError::Missing { digest } if digest == object.digest);
    assert!(is_missing(store.get(&object).unwrap_err()));
    assert!(is_missing(store.get_by_digest(&object.digest, 100).unwrap_err()));
    assert!(is_missing(store.open_verified(&object).unwrap_err()));
    assert!(store.quarantine(&object.digest).unwrap().is_none());
}

#[test]
fn a_damaged_object_is_never_returned() {
    let (_dir, store) = store();
    for bad in [&b"some bytez"[..], b"some", b"", b"some bytes and more"] {
        let object = store.put(b"some bytes").unwrap();
        let path = file_of(&store, &object.digest);
        damage(&path, bad);
        let is_corrupt = |error| {
            matches!(error, StoreError::Corrupt { expected, found, path: at }
                if expected == object.digest && found == Digest::of(bad) && at == path)
        };
        assert!(is_corrupt(store.get(&object).unwrap_err()));
        assert!(is_corrupt(store.get_by_digest(&object.digest, 100).unwrap_err()));
        assert!(is_corrupt(store.open_verified(&object).unwrap_err()));
        store.quarantine(&object.digest).unwrap().unwrap();
    }
}

#[test]
fn a_quarantined_object_is_kept_aside_and_written_anew() {
    let (_dir, store) = store();
    let object = store.put(b"some bytes").unwrap();
    damage(&file_of(&store, &object.digest), b"some bytez");
    store.put(b"some bytes").unwrap();
    assert!(store.get(&object).is_err(), "putting trusts a file of the right length");

    let aside = store.quarantine(&object.digest).unwrap().unwrap();
    assert_eq!(aside, store.dir().join("corrupt").join(object.digest.to_string()));
    assert_eq!(fs::read(aside).unwrap(), b"some bytez");
    assert!(!store.has(&object.digest).unwrap());
    store.put(b"some bytes").unwrap();
    assert_eq!(store.get(&object).unwrap(), b"some bytes");
    assert!(store.quarantine(&object.digest).unwrap().is_none(), "a sound object stays");
    assert!(store.has(&object.digest).unwrap());
}

#[test]
fn a_file_of_another_length_is_replaced_by_putting() {
    let (_dir, store) = store();
    let object = store.put(b"some bytes").unwrap();
    for commit in [false, true] {
        damage(&file_of(&store, &object.digest), b"some");
        if commit {
            store.commit(vec![stage(&store, b"some bytes")]).unwrap();
        } else {
            store.put(b"some bytes").unwrap();
        }
        assert_eq!(store.get(&object).unwrap(), b"some bytes");
    }
}

#[test]
fn a_reference_with_a_wrong_length_is_told_from_a_damaged_object() {
    let (_dir, store) = store();
    let object = store.put(b"some bytes").unwrap();
    for size in [0, 9, 11, u64::MAX] {
        let wrong = store.get(&ObjectRef { size, ..object }).unwrap_err();
        assert!(
            matches!(wrong, StoreError::WrongSize { expected, found: 10, .. } if expected == size)
        );
    }
}

#[test]
fn an_object_above_the_readers_limit_is_refused_before_it_is_read() {
    let (_dir, store) = store();
    let object = store.put(b"some bytes").unwrap();
    let refused = store.get_by_digest(&object.digest, 9).unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { bytes: 10, bytes_max: 9, .. }));
}

#[test]
fn a_verified_file_is_at_its_beginning() {
    let (_dir, store) = store();
    let bytes = vec![7; 1_000_000];
    let object = store.put(&bytes).unwrap();
    let mut read = Vec::new();
    store.open_verified(&object).unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, bytes);
}

#[test]
fn many_objects_are_committed_together() {
    let (_dir, store) = store();
    let objects: Vec<Vec<u8>> = (0..300u32).map(|i| i.to_le_bytes().repeat(20)).collect();
    let staged = objects.iter().map(|bytes| stage(&store, bytes)).collect();
    store.commit(staged).unwrap();
    for bytes in &objects {
        assert_eq!(&store.get(&ObjectRef::of(bytes)).unwrap(), bytes);
    }
    assert_eq!(staged_files(&store), 0);
}

#[test]
fn staged_objects_that_are_dropped_leave_nothing() {
    let (_dir, store) = store();
    let mut unfinished = store.stage().unwrap();
    unfinished.write_all(&[1; 200_000]).unwrap();
    let uncommitted = stage(&store, b"never committed");
    assert_eq!(staged_files(&store), 2);
    assert!(!store.has(&uncommitted.object().digest).unwrap());
    drop((unfinished, uncommitted));
    assert_eq!(staged_files(&store), 0);
}

#[test]
fn an_object_that_another_process_writes_is_committed_once_it_is_sealed() {
    let (_dir, store) = store();
    let file = store.stage_file().unwrap();
    // As another process would, through a descriptor of its own.
    file.file().try_clone().unwrap().write_all(b"from a runner").unwrap();
    let object = ObjectRef::of(b"from a runner");
    let staged = file.seal(object).unwrap();
    staged.verify().unwrap();
    store.commit(vec![staged]).unwrap();
    assert_eq!(store.get(&object).unwrap(), b"from a runner");
    assert_eq!(staged_files(&store), 0);
}

#[test]
fn an_object_that_was_staged_in_another_store_is_not_taken() {
    let ((_dir, store), (_other_dir, other)) = (store(), store());
    let refused = other.commit(vec![stage(&store, b"mine")]).unwrap_err();
    assert!(matches!(refused, StoreError::NotStaged { .. }), "{refused}");
    assert!(!other.has(&Digest::of(b"mine")).unwrap());
}

#[test]
fn a_lie_about_staged_bytes_is_found() {
    let (_dir, store) = store();
    let file = || {
        let file = store.stage_file().unwrap();
        file.file().write_all(b"bytes").unwrap();
        file
    };
    let longer = file().seal(ObjectRef { size: 6, ..ObjectRef::of(b"bytes") });
    assert!(matches!(longer, Err(StoreError::NotStaged { .. })));
    let other = file().seal(ObjectRef::of(b"bytez")).unwrap();
    assert!(matches!(
        other.verify(),
        Err(StoreError::Corrupt { found, .. }) if found == Digest::of(b"bytes")
    ));
    let cut = file().seal(ObjectRef::of(b"bytes")).unwrap();
    fs::remove_file(cut.path()).unwrap();
    assert!(matches!(store.commit(vec![cut]), Err(StoreError::NotStaged { .. })));
    drop(other);
    assert_eq!(staged_files(&store), 0);
}

#[test]
fn bytes_that_are_stored_already_need_no_file() {
    let (_dir, store) = store();
    let first = store.stage_bytes(b"little").unwrap();
    assert_eq!(staged_files(&store), 1);
    let object = first.object();
    store.commit(vec![first]).unwrap();
    let again = store.stage_bytes(b"little").unwrap();
    assert_eq!(staged_files(&store), 0);
    store.commit(vec![again]).unwrap();
    let again = store.stage_bytes(b"little").unwrap();
    fs::remove_file(file_of(&store, &object.digest)).unwrap();
    assert!(matches!(store.commit(vec![again]), Err(StoreError::Missing { .. })));
}

#[test]
fn threads_and_stores_that_put_the_same_objects_do_not_disturb_each_other() {
    let (_dir, store) = store();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store =
                if thread % 2 == 0 { store.clone() } else { Store::open(store.dir()).unwrap() };
            scope.spawn(move || {
                for i in 0..40u8 {
                    let bytes = vec![i; 5000];
                    let object = store.put(&bytes).unwrap();
                    assert_eq!(store.get(&object).unwrap(), bytes);
                }
            });
        }
    });
    assert_eq!(staged_files(&store), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pieces_of_any_length_make_the_object_of_their_sum(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70_000), 0..6),
    ) {
        let (_dir, store) = store();
        let mut writer = store.stage().unwrap();
        for piece in &pieces {
            writer.write_all(piece).unwrap();
        }
        let whole = pieces.concat();
        prop_assert_eq!(writer.size(), whole.len() as u64);
        let staged = writer.finish().unwrap();
        let object = staged.object();
        prop_assert_eq!(object, ObjectRef::of(&whole));
        store.commit(vec![staged]).unwrap();
        prop_assert_eq!(store.get(&object).unwrap(), whole);
    }

    #[test]
    fn objects_are_kept_apart(contents in prop::collection::btree_set(".{0,8}", 1..20)) {
        let (_dir, store) = store();
        let contents: BTreeSet<String> = contents;
        let staged = contents.iter().map(|text| stage(&store, text.as_bytes())).collect();
        store.commit(staged).unwrap();
        for text in &contents {
            let object = ObjectRef::of(text.as_bytes());
            prop_assert_eq!(store.get(&object).unwrap(), text.as_bytes());
        }
    }
}
