//! A process that is killed in the midst of writing leaves whole objects and nothing else.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bramble_protocol::Digest;
use bramble_store::Store;
use bramble_store::lock::{DirectoryLock, LockError};

/// Tells the test below that it is the process to be killed, and where to write.
const DIR_VARIABLE: &str = "BRAMBLE_TEST_WRITER_DIR";
const MARK: &str = "committed ";

/// Does nothing as a test: it is the body of the process that the other test kills.
#[test]
fn writer() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    let _lock = DirectoryLock::acquire(Path::new(&dir), "writer").unwrap();
    let store = Store::open(Path::new(&dir)).unwrap();
    for round in 0u64.. {
        let mut staged = Vec::new();
        for i in 0..round % 12 + 1 {
            let mut writer = store.stage().unwrap();
            writer.write_all(&(round * 100 + i).to_le_bytes().repeat(10_000)).unwrap();
            staged.push(writer.finish().unwrap());
        }
        let digests: Vec<Digest> = staged.iter().map(|staged| staged.object().digest).collect();
        store.commit(staged).unwrap();
        for digest in digests {
            println!("{MARK}{digest}");
        }
    }
}

fn start_writer(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture"])
        .env(DIR_VARIABLE, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn object_files(store: &Store) -> Vec<PathBuf> {
    let shards = fs::read_dir(store.dir().join("objects")).unwrap();
    shards
        .flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect()
}

#[test]
fn whatever_was_acknowledged_before_a_kill_is_there_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..6usize {
        let mut child = start_writer(dir.path());
        // Held to the end: the writer would stop by itself if nobody listened.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged: Vec<Digest> = lines
            .by_ref()
            .map(|line| line.unwrap())
            .filter_map(|line| line.strip_prefix(MARK)?.parse().ok())
            .take(round * 7)
            .collect();
        let refused = DirectoryLock::acquire(dir.path(), "test").unwrap_err();
        let LockError::AlreadyHeld { pid, .. } = refused else { panic!("{refused}") };
        assert_eq!(pid, Some(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        drop(lines);

        drop(DirectoryLock::acquire(dir.path(), "test").unwrap());
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(acknowledged.len(), round * 7);
        assert!(store.missing(&acknowledged).unwrap().is_empty());
        for path in object_files(&store) {
            let name: Digest = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            assert_eq!(store.get_by_digest(&name, 1 << 20).unwrap().len(), 80_000);
        }
    }
}
