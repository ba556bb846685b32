//! A disk that is full, for real: a small filesystem in memory, where the tests may mount one.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bramble_protocol::{ObjectRef, pack};
use bramble_store::pack::{PackError, PackWriter, receive};
use bramble_store::{Store, StoreError};

const DISK_BYTES: u64 = 512 << 10;

struct SmallDisk {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl SmallDisk {
    /// `None`, with a note in the test's output, where this user may not mount.
    fn mount(access: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk");
        fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("{access},size={DISK_BYTES}"), "tmpfs"])
            .arg(&path)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { _dir: dir, path }),
            refused => {
                eprintln!("SKIPPED: a small filesystem cannot be mounted here: {refused:?}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

fn staged_files(disk: &Path) -> usize {
    fs::read_dir(disk.join("tmp")).unwrap().count()
}

#[test]
fn a_full_disk_is_named_leaves_nothing_half_done_and_recovers() {
    let Some(disk) = SmallDisk::mount("rw") else { return };
    let store = Store::open(&disk.path).unwrap();
    let kept = store.put(b"written before").unwrap();
    let too_much = vec![1; 2 * DISK_BYTES as usize];

    let refused = store.put(&too_much).unwrap_err();
    assert!(refused.is_disk_full(), "{refused}");
    assert!(refused.to_string().starts_with("the disk is full: "), "{refused}");
    assert_eq!(staged_files(&disk.path), 0);

    let mut writer = store.stage().unwrap();
    let error = writer.write_all(&too_much).unwrap_err();
    assert!(StoreError::from_io("write", writer.path(), error).is_disk_full());
    drop(writer);
    assert_eq!(staged_files(&disk.path), 0);

    assert_eq!(store.get(&kept).unwrap(), b"written before");
    // The kernel counts what was freed a moment later.
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = store.put(b"written after") {
        assert!(error.is_disk_full() && Instant::now() < deadline, "{error}");
        std::thread::yield_now();
    }
}

#[test]
fn a_pack_that_fills_the_disk_is_told_from_a_bad_pack() {
    let Some(disk) = SmallDisk::mount("rw") else { return };
    let store = Store::open(&disk.path).unwrap();
    let mut writer = PackWriter::new(Vec::new()).unwrap();
    for i in 0..20u8 {
        let bytes = vec![i; 100_000];
        writer.push(&ObjectRef::of(&bytes), &bytes).unwrap();
    }
    let packed = writer.finish().unwrap();
    assert!(packed.len() > pack::MAGIC.len());

    let refused = receive(&store, &packed[..]).unwrap_err();
    assert!(!refused.is_malformed());
    let PackError::Store(refused) = refused else { panic!("{refused}") };
    assert!(refused.is_disk_full(), "{refused}");
    assert_eq!(staged_files(&disk.path), 0);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let Some(disk) = SmallDisk::mount("ro") else { return };
    for dir in [disk.path.clone(), disk.path.join("new")] {
        let refused = Store::open(&dir).unwrap_err();
        assert!(matches!(refused, StoreError::NotWritable { .. }), "{refused}");
        assert!(refused.to_string().ends_with("is not writable"), "{refused}");
    }
}
