//! `bramble up` and `bramble down`: a whole cluster on one computer by one command.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use bramble_tests::cluster::{Said, bramble, job, wait_for};
use tempfile::TempDir;

/// A cluster that `bramble up` started in the background; `bramble down` ends it in any case.
struct Up {
    dir: TempDir,
}

impl Up {
    fn start(extra: &[&str]) -> Self {
        let up = Self { dir: TempDir::new().unwrap() };
        let said = up.run(&["up", "--detach", "--listen", "127.0.0.1:0"], extra).ok();
        assert!(said.stderr.contains("http://127.0.0.1:"), "{}", said.stderr);
        up
    }

    fn command(&self, args: &[&str], extra: &[&str]) -> Command {
        let mut command = bramble();
        command.args(args).args(extra).env("BRAMBLE_DATA", self.dir.path());
        command.current_dir(self.dir.path());
        command
    }

    fn run(&self, args: &[&str], extra: &[&str]) -> Said {
        self.command(args, extra).output().unwrap().into()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.run(&["down"], &[]);
    }
}

#[test]
fn one_command_gives_a_cluster_that_sorts_and_another_ends_it() {
    let up = Up::start(&["--nodes", "2"]);
    let input = up.dir.path().join("numbers.txt");
    fs::write(&input, "3\n1\n2\n").unwrap();
    let module = job("merge-sort");
    // No --cluster: the data directory says where the head listens.
    let args = ["submit", module.to_str().unwrap(), "--input", input.to_str().unwrap(), "-o", "-"];
    assert_eq!(up.run(&args, &[]).ok().text(), "1\n2\n3\n");
    up.run(&["down"], &[]).ok();
    up.run(&["jobs"], &[]).fails(3, &["bramble up"]);
    // Down again is no error.
    up.run(&["down"], &[]).ok();
}

#[test]
fn a_cluster_that_comes_up_again_still_has_its_jobs() {
    let up = Up::start(&["--nodes", "1"]);
    let input = up.dir.path().join("numbers.txt");
    fs::write(&input, "3\n1\n2\n").unwrap();
    let module = job("merge-sort");
    up.run(&["submit", module.to_str().unwrap(), "--input", input.to_str().unwrap()], &[]).ok();
    up.run(&["down"], &[]).ok();
    up.run(&["up", "--detach", "--listen", "127.0.0.1:0", "--nodes", "1"], &[]).ok();
    assert_eq!(up.run(&["get", "1", "-o", "-"], &[]).ok().text(), "1\n2\n3\n");
}

#[test]
fn a_node_that_is_removed_leaves_the_others_and_joins_anew_with_the_next_start() {
    let up = Up::start(&["--nodes", "2"]);
    let connected = |up: &Up| {
        let nodes = up.run(&["nodes", "--json"], &[]).ok().text();
        nodes.matches("\"idle\"").count()
    };
    up.run(&["nodes", "remove", "node-1"], &[]).ok();
    wait_for("the node to be gone", || (connected(&up) == 1).then_some(()));
    // Also without the last of them there is a head.
    up.run(&["nodes", "remove", "node-2"], &[]).ok();
    wait_for("the other node to be gone", || (connected(&up) == 0).then_some(()));
    let log = up.dir.path().join("log").join("up.log");
    wait_for("both to be given up", || {
        let log = fs::read_to_string(&log).ok()?;
        (log.matches("was refused, and is not started again").count() == 2).then_some(())
    });
    up.run(&["jobs"], &[]).ok();
    up.run(&["down"], &[]).ok();
    up.run(&["up", "--detach", "--listen", "127.0.0.1:0", "--nodes", "2"], &[]).ok();
    assert_eq!(connected(&up), 2);
}

#[test]
fn two_clusters_cannot_share_a_data_directory() {
    let up = Up::start(&["--nodes", "1"]);
    let second = up.run(&["up", "--detach", "--listen", "127.0.0.1:0"], &[]);
    second.fails(6, &["in use", "bramble down"]);
    // The first is unharmed.
    up.run(&["nodes"], &[]).ok();
}

#[test]
fn a_port_in_use_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = TempDir::new().unwrap();
    for command in ["head", "up"] {
        let mut process = bramble();
        process.args([command, "--listen", &address, "--data"]).arg(dir.path().join(command));
        Said::from(process.output().unwrap()).fails(6, &[&address, "--listen"]);
    }
}

#[test]
fn a_data_directory_of_a_newer_version_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    fs::create_dir(&store).unwrap();
    fs::write(store.join("format"), "999\n").unwrap();
    let mut process = bramble();
    process.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(dir.path());
    Said::from(process.output().unwrap()).fails(6, &["newer"]);
    assert_eq!(fs::read_to_string(store.join("format")).unwrap(), "999\n");
    assert!(!listing(dir.path()).iter().any(|name| name.contains("journal")));
}

fn listing(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_data_directory_that_is_a_file_is_refused() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("data");
    fs::write(&file, "mine").unwrap();
    let mut process = bramble();
    process.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(&file);
    let said = Said::from(process.output().unwrap());
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("error: ") && said.stderr.contains("data"), "{}", said.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn nodes_that_die_are_started_again() {
    let up = Up::start(&["--nodes", "1"]);
    let seen = |up: &Up| -> Option<u64> {
        let said = up.run(&["nodes", "--json"], &[]);
        let nodes: serde_json::Value = serde_json::from_slice(&said.stdout).ok()?;
        (nodes[0]["state"] == "idle").then(|| nodes[0]["seen_at_ms"].as_u64())?
    };
    wait_for("the node to be idle", || seen(&up));
    // A runner that it is about to start looks like an agent for a moment.
    let agents = wait_for("one agent process", || {
        let now = agents_of(up.dir.path());
        (now.len() == 1).then_some(now)
    });
    let killed = Command::new("kill").args(["-9", &agents[0]]).status().unwrap();
    assert!(killed.success());
    wait_for("another agent process", || {
        let now = agents_of(up.dir.path());
        (now.len() == 1 && now != agents).then_some(())
    });
    wait_for("the node to be idle again", || seen(&up));
}

/// Process ids of the agents whose command line names `dir`.
fn agents_of(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| {
            let id = process.file_name().into_string().ok()?;
            id.parse::<u32>().ok()?;
            let line = fs::read(process.path().join("cmdline")).ok()?;
            let words: Vec<_> = line.split(|byte| *byte == 0).collect();
            let text = String::from_utf8_lossy(&line);
            (words.contains(&&b"agent"[..]) && text.contains(dir)).then_some(id)
        })
        .collect()
}
