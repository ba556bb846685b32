//! What tasks show of their work, through the real binary: followed while a job runs, and what is
//! too large or of no known kind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bramble_protocol::api::PreviewList;
use bramble_tests::cluster::{Cluster, Objects, bramble, job, wait_for};

fn path(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let names = entries.map(|it| it.expect("it can be read").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("names are text")).collect();
    names.sort();
    names
}

/// Width and height of a PNG file, as its specification has them: after the signature, length and
/// name of the first block.
fn png_size(bytes: &[u8]) -> (u32, u32) {
    assert_eq!(&bytes[..16], b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let number = |at: usize| bytes[at..at + 4].try_into().map(u32::from_be_bytes);
    (number(16).expect("four bytes"), number(20).expect("four bytes"))
}

#[test]
fn a_picture_is_watched_while_it_is_drawn() {
    let cluster = Cluster::start_with(2, Objects::Own);
    let module = job("mandelbrot");
    // The middle of the set, all of it black: a second of work for each of forty strips.
    let view = ["x=-0.2", "across=0.1", "width=640", "height=640", "rows=16", "iterations=60000"];
    let args = view.iter().flat_map(|arg| ["--arg", *arg]);
    let submit: Vec<&str> = ["submit", path(&module), "-d"].into_iter().chain(args).collect();
    cluster.bramble(&submit).ok();
    let dir = cluster.dir().join("shown");
    let mut watch: Command = cluster.command(&["watch", "1", "--preview", path(&dir)]);
    let mut watch =
        watch.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("bramble starts");
    let file = wait_for("a preview while the job runs", || {
        let name = names(&dir).into_iter().find(|name| name.starts_with("task-"))?;
        Some(dir.join(name))
    });
    assert!(!cluster.job("1").state.is_final(), "it came while the job ran");
    assert_eq!(png_size(&fs::read(file).expect("it is whole at any time")), (640, 16));
    cluster.bramble(&["cancel", "1"]).ok();
    let ended = watch.wait().expect("it ends with the job");
    assert_eq!(ended.code(), Some(1), "the job was cancelled");
    assert!(names(&dir).iter().all(|name| name.ends_with(".png")), "{:?}", names(&dir));
    // Nothing of it was written to the head's disk.
    let holds = |text: &str, files: Vec<PathBuf>| {
        let looked = Command::new("grep").args(["-rlaF", text]).args(files).output();
        String::from_utf8_lossy(&looked.expect("grep runs").stdout).into_owned()
    };
    let journal = cluster.data().join("journal.sqlite");
    assert!(
        !holds("mandelbrot", vec![journal.clone(), journal.with_extension("sqlite-wal")])
            .is_empty()
    );
    for trace in ["IHDR", "49484452"] {
        let files = vec![journal.clone(), journal.with_extension("sqlite-wal")];
        assert_eq!(holds(trace, files), "", "{trace}");
    }
}

#[test]
fn what_is_too_large_is_not_shown_and_what_is_unknown_is_bytes() {
    let cluster = Cluster::start(1);
    let lines = ["image/png 65536", "image/png 65537", "text/html 9", "nothing 9", "image/bmp 7"];
    let input = cluster.file("in.txt", (lines.join("\n") + "\n").as_bytes());
    let module = job("shows");
    let submit = ["submit", path(&module), "-i", &input, "-d", "--chunk-size", "16"];
    cluster.bramble(&submit).ok();
    let dir = cluster.dir().join("deep/shown");
    cluster.bramble(&["watch", "1", "--preview", path(&dir)]).ok();
    let list = format!("{}/api/v1/jobs/1/previews", cluster.url);
    let read = |url: &str| cluster.http().get(url).call().map(http::Response::into_parts);
    // A job this short may have ended before it was watched, and its previews come a little later.
    let list: PreviewList = wait_for("three previews", || {
        let (_, mut body) = read(&list).expect("the head answers");
        let text = body.read_to_string().expect("it is text");
        let list: PreviewList = serde_json::from_str(&text).expect("it is a list");
        (list.previews.len() == 3).then_some(list)
    });
    let kinds = list.previews.iter().map(|view| (view.task, &*view.media, view.bytes));
    let expected = [(0, "image/png", 65_536), (2, "text/html", 9), (4, "image/bmp", 7)];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
    cluster.bramble(&["watch", "1", "--preview", path(&dir)]).ok();
    assert_eq!(names(&dir), ["task-00000.png", "task-00002.bin", "task-00004.bmp"]);
    assert_eq!(fs::read(dir.join("task-00002.bin")).ok(), Some(b"<<<<<<<<<".to_vec()));
    for (task, media) in [(2, "application/octet-stream"), (4, "image/bmp")] {
        let url = format!("{}/api/v1/jobs/1/previews/{task}", cluster.url);
        let (head, _) = read(&url).expect("the head has it");
        assert_eq!(head.headers["content-type"], media);
        assert_eq!(head.headers["x-content-type-options"], "nosniff");
        assert_eq!(head.headers["content-security-policy"], "sandbox");
    }
    let logs = cluster.bramble(&["logs", "1"]).ok().text();
    assert!(logs.contains("a preview was not shown: it has 65537 bytes"), "{logs}");
    assert_eq!(logs.matches("was not shown").count(), 2, "{logs}");
    // They go away with the job.
    wait_for("the head to drop them", || {
        let (_, mut body) = read(&format!("{}/api/v1/jobs/1/previews", cluster.url)).ok()?;
        body.read_to_string().ok()?.contains(r#""previews":[]"#).then_some(())
    });
    let in_file = cluster.file("in the way", b"");
    cluster.bramble(&["watch", "1", "--preview", &in_file]).fails(5, &["is not a directory"]);
    cluster.bramble(&["watch", "9", "--preview", "x"]).fails(5, &["no job 9"]);
    let none = bramble().args(["--cluster", &cluster.url, "watch", "9", "--preview", "x"]).output();
    assert_eq!(none.expect("bramble starts").status.code(), Some(4), "a stranger is told nothing");
}
