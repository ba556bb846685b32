//! What is recorded of a board, and what is not.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use bramble_hardware::{RecordError, Sensors, Watched, record};
use bramble_protocol::NodeStatus;

use support::{BOARDS, Tree, watched};

/// A recording of a board, and the directory that holds it.
fn recorded(tree: &Tree) -> (tempfile::TempDir, PathBuf, Vec<PathBuf>) {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("recording");
    let files = record(tree.root(), &watched(), &dir).unwrap();
    (parent, dir, files)
}

fn read(root: &Path, watched: Watched) -> NodeStatus {
    Sensors::of_board(root, watched).read()
}

#[test]
fn a_recorded_board_reads_like_the_board() {
    for name in BOARDS.into_iter().chain(["hostile"]) {
        let tree = Tree::of(name);
        let (_parent, dir, files) = recorded(&tree);
        assert!(!files.is_empty());
        let original = read(tree.root(), watched());
        assert_eq!(read(&dir, Watched::in_recording()), original, "{name}");
    }
}

#[test]
fn a_recording_of_a_recording_is_the_same() {
    let tree = Tree::of("pi-3b");
    let (parent, dir, _) = recorded(&tree);
    let again = parent.path().join("again");
    record(&dir, &Watched::in_recording(), &again).unwrap();
    let names = Watched::in_recording();
    assert_eq!(read(&again, names.clone()), read(&dir, names));
}

#[test]
fn a_recording_tells_which_machines_differ_but_not_which_they_are() {
    let tree = Tree::of("pi-3b");
    let (_parent, dir, _) = recorded(&tree);
    let of = |root: &Path| bramble_hardware::machine_id(root);
    assert!(of(&dir).is_some());
    assert_ne!(of(&dir), of(tree.root()));
    let tree = Tree::of("x86");
    tree.remove("sys/class/dmi/id/product_serial");
    let (_parent, dir, _) = recorded(&tree);
    assert!(of(&dir).is_some(), "by a made-up address");
    assert_ne!(of(&dir), of(tree.root()));
}

#[test]
fn nothing_that_tells_whose_board_it_is_gets_recorded() {
    let secrets = [
        ("pi-zero-w", "100000005a1b2c3d"),
        ("pi-zero-w", "b8:27:eb:4e:11:22"),
        ("pi-zero-2w", "head.lab.example"),
        ("pi-zero-2w", "10.66.0.1"),
        ("pi-3b", "10000000a3b1c2d4"),
        ("pi-3b", "a3b1c2d4"),
        ("pi-3b", "b827eb12ab34"),
        ("pi-3b", "b8:27:eb:12:ab:34"),
        ("x86", "pc0xyz99"),
        ("x86", "50:0d:2b:11:22:33"),
    ];
    for (name, secret) in secrets {
        let tree = Tree::of(name);
        assert!(holds(tree.root(), secret), "{name} has no {secret}");
        let (_parent, dir, _) = recorded(&tree);
        assert!(!holds(&dir, secret), "{name} tells {secret}");
    }
}

#[test]
fn other_files_mounts_and_lines_are_left_behind() {
    let tree = Tree::of("pi-4b");
    tree.write("etc/hostname", "graces-board\n");
    tree.write("etc/machine-id", "b08dfa6083e7567a1921a715000001fb\n");
    tree.write("proc/version", "Linux version 6.6 (grace@graces-board)\n");
    tree.write(
        "proc/self/mountinfo",
        "22 1 179:2 / / rw - ext4 /dev/mapper/grace-root rw\n\
         23 22 0:9 / /home/grace/secret rw - cifs //graces-board/home rw,username=grace\n",
    );
    let (_parent, dir, files) = recorded(&tree);
    assert!(!holds(&dir, "grace"));
    assert!(files.iter().all(|file| !file.starts_with("etc")));
}

#[test]
fn a_file_that_quotes_the_serial_number_is_left_behind() {
    let tree = Tree::of("pi-4b");
    tree.write("proc/device-tree/model", "Raspberry Pi 4 (100000000BADCAFE)\0");
    let (_parent, dir, _) = recorded(&tree);
    assert!(!holds(&dir, "0badcafe"));
    assert!(!dir.join("proc/device-tree/model").exists());
}

#[test]
fn two_adapters_named_by_their_addresses_stay_two() {
    let tree = Tree::of("pi-3b");
    let dir = "sys/class/net/enxb827eb99ab34";
    tree.write(&format!("{dir}/statistics/rx_bytes"), "5\n");
    tree.write(&format!("{dir}/address"), "b8:27:eb:99:ab:34\n");
    let (_parent, recording, _) = recorded(&tree);
    assert_eq!(read(&recording, Watched::in_recording()), read(tree.root(), watched()));
    assert!(!holds(&recording, "b827eb99ab34"));
}

#[test]
fn nothing_is_written_over() {
    let tree = Tree::of("x86");
    let dir = tempfile::tempdir().unwrap();
    let refused = record(tree.root(), &watched(), dir.path());
    assert!(matches!(refused, Err(RecordError::Make { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_machine_under_this_test_can_be_recorded() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("recording");
    let watched = Watched { data_dir: Some(std::env::current_dir().unwrap()), share: None };
    record(Path::new("/"), &watched, &dir).unwrap();
    let live = Sensors::of_board(Path::new("/"), watched).read().board.unwrap();
    let replayed = Sensors::of_board(&dir, Watched::in_recording()).read().board.unwrap();
    assert_eq!(replayed.identity.kernel, live.identity.kernel);
    let filesystem = |board: bramble_protocol::BoardStatus| board.disk.unwrap().filesystem;
    assert_eq!(filesystem(*replayed), filesystem(*live));
}

/// Whether a text stands in a file or a name under `dir`, in whatever case.
fn holds(dir: &Path, text: &str) -> bool {
    fs::read_dir(dir).unwrap().map(Result::unwrap).any(|entry| {
        let named = entry.file_name().to_string_lossy().to_lowercase().contains(text);
        let kind = entry.file_type().unwrap();
        named
            || (kind.is_dir() && holds(&entry.path(), text))
            || (kind.is_file() && {
                let content = fs::read(entry.path()).unwrap();
                String::from_utf8_lossy(&content).to_lowercase().contains(text)
            })
    })
}
