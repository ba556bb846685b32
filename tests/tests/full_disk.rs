//! A disk that is full: real, small filesystems in memory.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::path::Path;
use std::process::{Command, Stdio};

use bramble_tests::cluster::{Cluster, job};
use bramble_tests::data;

/// A filesystem in memory, unmounted at the end.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// `None` where this user may not mount; the test then says that it was skipped.
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "bramble-test"])
            .arg(at)
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(at));
        }
        println!("SKIPPED: mounting needs root");
        None
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn staged(store: &Path) -> usize {
    std::fs::read_dir(store.join("tmp")).unwrap().count()
}

#[test]
fn an_input_that_does_not_fit_is_refused_and_leaves_nothing_half_done() {
    let cluster = Cluster::start_on(1, |data| SmallDisk::mount(data, "4m").map(std::mem::forget));
    let Some(cluster) = cluster else { return };
    let data = cluster.data();
    let _unmount = SmallDisk(&data);
    let input = cluster.file("numbers.u64", &data::u64_bytes(1, 2_000_000));
    let module = job("merge-sort").into_os_string().into_string().unwrap();
    let args = ["submit", &module, "--input", &input, "--arg", "type=u64"];
    cluster.bramble(&args).fails(3, &["disk", "full", "help: "]);
    assert!(cluster.bramble(&["jobs", "--json"]).ok().text().trim() == "[]", "no job was made");
    assert_eq!(staged(&data.join("store")), 0);

    // What fits still works.
    let small = cluster.file("small.txt", b"2\n1\n");
    let args = ["submit", &module, "--input", &small, "-o", "-"];
    assert_eq!(cluster.bramble(&args).ok().text(), "1\n2\n");
}

#[test]
fn a_result_that_does_not_fit_leaves_no_file() {
    let cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", data::number_lines(1, 300_000).as_bytes());
    let module = job("merge-sort").into_os_string().into_string().unwrap();
    cluster.bramble(&["submit", &module, "--input", &input]).ok();
    let small = cluster.dir().join("small");
    let Some(_disk) = SmallDisk::mount(&small, "1m") else { return };
    let target = small.join("sorted.txt");
    let args = ["get", "last", "-o", target.to_str().unwrap()];
    cluster.bramble(&args).fails(3, &["the disk is full"]);
    assert_eq!(std::fs::read_dir(&small).unwrap().count(), 0);
}
