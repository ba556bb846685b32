//! Packs arrive whole, or as far as their last complete group.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::io::{self, Read};

use bramble_protocol::{Digest, ObjectRef, pack};
use bramble_store::Store;
use bramble_store::pack::{PackError, PackReader, PackWriter, receive};
use proptest::prelude::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

fn packed<'a>(objects: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut writer = PackWriter::new(Vec::new()).unwrap();
    for bytes in objects {
        writer.push(&ObjectRef::of(bytes), bytes).unwrap();
    }
    writer.finish().unwrap()
}

fn staged_files(store: &Store) -> usize {
    std::fs::read_dir(store.dir().join("tmp")).unwrap().count()
}

#[test]
fn every_object_of_a_pack_is_stored() {
    let (_dir, store) = store();
    let objects: Vec<Vec<u8>> =
        (0..150u32).map(|i| vec![i as u8; i as usize * 5000 % 300_001]).collect();
    let pack = packed(objects.iter().map(Vec::as_slice));
    assert_eq!(receive(&store, &pack[..]).unwrap(), 150);
    for bytes in &objects {
        assert_eq!(&store.get(&ObjectRef::of(bytes)).unwrap(), bytes);
    }
    assert_eq!(receive(&store, &pack[..]).unwrap(), 150, "once more does no harm");
    assert_eq!(staged_files(&store), 0);
}

#[test]
fn a_pack_without_objects_is_fine() {
    let (_dir, store) = store();
    assert_eq!(receive(&store, &packed([])[..]).unwrap(), 0);
}

#[test]
fn what_is_no_pack_is_refused() {
    let (_dir, store) = store();
    for bad in [&b"bramble-pack/2\n"[..], b"PK\x03\x04", b"{\"objects\": []}"] {
        let refused = receive(&store, bad).unwrap_err();
        assert!(matches!(refused, PackError::NotAPack), "{refused}");
        assert!(refused.is_malformed());
    }
}

#[test]
fn a_pack_cut_short_anywhere_is_refused_and_leaves_nothing_of_its_group() {
    let (_dir, store) = store();
    let whole = packed([&b"first"[..], b"", b"second"]);
    let ends = [15, 15 + 45, 15 + 45 + 40, whole.len()];
    for len in 0..=whole.len() {
        let received = receive(&store, &whole[..len]);
        if let Some(complete) = ends.iter().position(|end| *end == len) {
            assert_eq!(received.unwrap(), complete as u64);
        } else {
            let complete = ends.iter().filter(|end| **end <= len).count().saturating_sub(1) as u64;
            let refused = received.unwrap_err();
            assert!(
                matches!(refused, PackError::Truncated { objects } if objects == complete),
                "{len}: {refused}"
            );
        }
        assert_eq!(staged_files(&store), 0);
    }
}

#[test]
fn groups_before_a_fault_are_kept_and_the_rest_is_not() {
    let (_dir, store) = store();
    let objects: Vec<Vec<u8>> = (0..100u8).map(|i| vec![i; 10]).collect();
    let mut pack = packed(objects.iter().map(Vec::as_slice));
    let last = pack.len() - 1;
    pack[last] ^= 1;
    let refused = receive(&store, &pack[..]).unwrap_err();
    let expected = Digest::of(&objects[99]);
    assert!(
        matches!(refused, PackError::WrongDigest { expected: digest, .. } if digest == expected)
    );
    let stored: Vec<bool> =
        objects.iter().map(|bytes| store.has(&Digest::of(bytes)).unwrap()).collect();
    assert!(stored[..64].iter().all(|is_there| *is_there));
    assert!(!stored[64..].iter().any(|is_there| *is_there));
    assert_eq!(staged_files(&store), 0);
}

#[test]
fn an_object_that_claims_too_much_is_refused_before_its_bytes_are_read() {
    let (_dir, store) = store();
    let claim = ObjectRef { digest: Digest::of(b"x"), size: pack::OBJECT_BYTES_MAX + 1 };
    let body = [&pack::MAGIC[..], &pack::entry(&claim)].concat();
    let endless = body.chain(io::repeat(0));
    let refused = receive(&store, endless).unwrap_err();
    assert!(matches!(refused, PackError::ObjectTooLarge { size, .. } if size == claim.size));
}

#[test]
fn a_connection_that_breaks_is_not_the_packs_fault() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let (_dir, store) = store();
    let whole = packed([&b"first"[..], b"second"]);
    let refused = receive(&store, whole[..70].chain(Broken)).unwrap_err();
    assert!(matches!(refused, PackError::Read { objects: 1, .. }), "{refused}");
    assert!(!refused.is_malformed());
}

#[test]
fn a_writer_refuses_bytes_of_another_length() {
    let mut writer = PackWriter::new(Vec::new()).unwrap();
    let refused = writer.push(&ObjectRef::of(b"four"), b"fives").unwrap_err();
    assert!(matches!(refused, PackError::WrongSize { expected: 4, found: 5, .. }));
}

#[test]
fn entries_may_be_skipped_and_read() {
    let big = vec![9; 1_000_000];
    let whole = packed([&big[..], b"small", b""]);
    let mut reader = PackReader::new(&whole[..]).unwrap();
    assert_eq!(reader.next_entry().unwrap().unwrap().object(), ObjectRef::of(&big));
    assert_eq!(reader.next_entry().unwrap().unwrap().read_all().unwrap(), b"small");
    assert_eq!(reader.next_entry().unwrap().unwrap().read_all().unwrap(), b"");
    assert!(reader.next_entry().unwrap().is_none());
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(mut body in prop::collection::vec(any::<u8>(), 0..300), real in any::<bool>()) {
        let (_dir, store) = store();
        if real {
            body.splice(0..0, *pack::MAGIC);
        }
        if receive(&store, &body[..]).is_err() {
            prop_assert_eq!(staged_files(&store), 0);
        }
    }
}
