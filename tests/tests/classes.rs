//! Nodes of several kinds in one cluster: machine code of this computer, the interpreter, and a
//! 64-bit board's agent in an emulator. Whatever runs a job, its result is the same bytes.
//!
//! The emulated agent needs `cargo xtask cross`, which builds it, and `qemu-aarch64-static`;
//! without them its part is skipped, and says so.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bramble_protocol::Mode;
use bramble_protocol::api::NodeView;
use bramble_tests::cluster::{Cluster, Said, cross_program, fixture, job, program, wait_for};
use bramble_tests::data;

/// 64-bit boards: what rustc calls them, and what runs their programs here.
const BOARD: (&str, &str) = ("aarch64-unknown-linux-gnu", "qemu-aarch64-static");
/// 32-bit boards; `cargo xtask cross armv7` builds for them.
const OLD_BOARD: (&str, &str) = ("armv7-unknown-linux-gnueabihf", "qemu-arm-static");

/// A script that runs a program for another machine: what an agent starts as its runners must be
/// one file.
fn emulated(dir: &Path, (target, qemu): (&str, &str)) -> Option<PathBuf> {
    let skipped = |why: String| {
        eprintln!("skipped: no agent for {target} beside the others, because {why}");
        None
    };
    let Some(program) = cross_program(target) else {
        return skipped("there is no program: run `cargo xtask cross`".into());
    };
    let works = Command::new(qemu).arg(&program).arg("version").output();
    if !works.is_ok_and(|output| output.status.success()) {
        return skipped(format!("{qemu} is missing, or a library for the program"));
    }
    let script = dir.join(format!("bramble-{target}"));
    fs::write(&script, format!("#!/bin/sh\nexec {qemu} {} \"$@\"\n", program.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    Some(script)
}

fn classes(cluster: &Cluster) -> BTreeMap<String, String> {
    let said = cluster.bramble(&["nodes", "--json"]).ok();
    let nodes: Vec<NodeView> = serde_json::from_slice(&said.stdout).unwrap();
    nodes.into_iter().map(|node| (node.name, node.class.name().to_owned())).collect()
}

/// The result of a job that only `node` may run.
fn result_on(cluster: &Cluster, node: &str, arguments: &[&str]) -> Vec<u8> {
    let pinned = ["submit", "--no-cache", "--nodes", node, "--chunk-size", "4k", "-o", "-"];
    let said = cluster.bramble(&[&pinned[..], arguments].concat());
    assert_eq!(said.code, 0, "{node}: {arguments:?}\n{}\n{}", said.stderr, cluster.logged(node));
    said.stdout
}

/// Every job of the repository with an input and its arguments.
fn jobs(cluster: &Cluster) -> Vec<Vec<String>> {
    let text = cluster.file("prose.txt", data::prose(1, 300).as_bytes());
    let lines = cluster.file("numbers.txt", data::number_lines(2, 2_000).as_bytes());
    let binary = cluster.file("numbers.u64", &data::u64_bytes(3, 2_000));
    let mut two = b"matrices f64 20 30 10\n".to_vec();
    two.extend((0..900_u32).flat_map(|n| f64::from(n).sqrt().to_le_bytes()));
    let matrices = cluster.file("two.matrices", &two);
    let module = |name: &str| job(name).to_str().unwrap().to_owned();
    let with = |name: &str, input: &str, more: &[&str]| {
        let mut words = vec![module(name), "--input".into(), input.to_owned()];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    };
    let without = |name: &str, params: &[&str]| {
        let params = params.iter().flat_map(|param| ["--arg".to_owned(), (*param).to_owned()]);
        [module(name)].into_iter().chain(params).collect::<Vec<String>>()
    };
    vec![
        with("caesar", &text, &["--arg", "shift=3"]),
        with("merge-sort", &lines, &[]),
        with("merge-sort", &binary, &["--arg", "type=u64"]),
        with("noop", &text, &[]),
        with("shout", &text, &[]),
        with("word-count", &text, &[]),
        with("inverted-index", &text, &[]),
        with("matrix-multiply", &matrices, &["--arg", "block=7"]),
        without("mandelbrot", &["width=64", "height=40", "iterations=300", "rows=9"]),
        without("miner", &["bits=10", "nonces=5000", "tasks=5"]),
        without("monte-carlo-pi", &["points=20000", "tasks=3"]),
        without("n-queens", &["queens=8", "depth=1"]),
    ]
}

#[test]
fn every_job_gives_the_same_bytes_on_every_kind_of_node() {
    let mut cluster = Cluster::start(0);
    let mut nodes = vec!["pc", "interpreter"];
    cluster.add_agent("pc", &program(), &[]);
    cluster.add_agent("interpreter", &program(), &["--class", "pulley64"]);
    if let Some(script) = emulated(cluster.dir(), BOARD) {
        let runners = ["--program", script.to_str().unwrap()];
        cluster.add_agent("board", &script, &runners);
        // As on a kernel without room for reservations by the gigabyte.
        let narrow = [&runners[..], &["--class", "aarch64-narrow"]].concat();
        cluster.add_agent("narrow-board", &script, &narrow);
        nodes.extend(["board", "narrow-board"]);
        let head = Command::new(&script).arg("head").output().unwrap();
        Said::from(head).fails(2, &["built for nodes", "help: "]);
    }
    if let Some(script) = emulated(cluster.dir(), OLD_BOARD) {
        cluster.add_agent("old-board", &script, &["--program", script.to_str().unwrap()]);
        nodes.push("old-board");
    }
    cluster.wait_for_nodes(nodes.len());
    let found = classes(&cluster);
    let expected = [
        ("interpreter", "pulley64"),
        ("board", "aarch64"),
        ("narrow-board", "aarch64-narrow"),
        ("old-board", "pulley32"),
    ];
    for (node, class) in expected {
        assert!(found.get(node).is_none_or(|found| found == class), "{found:?}");
    }
    let mut compared = 0;
    for arguments in jobs(&cluster) {
        for mode in [&[][..], &["--verify"]] {
            let words: Vec<&str> =
                arguments.iter().map(String::as_str).chain(mode.iter().copied()).collect();
            let results: Vec<Vec<u8>> =
                nodes.iter().map(|node| result_on(&cluster, node, &words)).collect();
            for (node, result) in nodes.iter().zip(&results).skip(1) {
                assert!(*result == results[0], "{node} gives other bytes than pc: {words:?}");
                compared += 1;
            }
        }
    }
    println!("{compared} results of {nodes:?} are the same as those of {}", nodes[0]);
    let nans = fixture("nans.wat");
    let input = cluster.file("nothing.txt", b"x\n");
    let words = [nans.to_str().unwrap(), "--input", &input, "--verify"];
    let results: Vec<_> = nodes.iter().map(|node| result_on(&cluster, node, &words)).collect();
    let canonical = 0x7ff8_u64 << 48;
    assert_eq!(results[0][..8], canonical.to_le_bytes(), "a verified NaN has one form");
    for (node, result) in nodes.iter().zip(&results) {
        assert_eq!(*result, results[0], "{node}");
    }
    if cfg!(target_arch = "x86_64") {
        let fast = result_on(&cluster, "pc", &words[..words.len() - 1]);
        assert_ne!(fast, results[0], "a PC's own NaNs have the sign set");
    }
}

#[test]
fn a_verified_job_is_shown_as_such() {
    let cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", b"3\n1\n2\n");
    let module = job("merge-sort");
    let args = ["submit", module.to_str().unwrap(), "--input", &input, "--verify", "-q"];
    let id = cluster.bramble(&args).ok().text().trim().to_owned();
    assert_eq!(cluster.job(&id).spec.mode, Mode::Verify);
    let shown = cluster.bramble(&["jobs", &id]).ok().text();
    assert!(shown.contains("verify"), "{shown}");
}

#[test]
fn a_class_of_another_machine_is_refused_with_those_of_this_one() {
    let cluster = Cluster::start(0);
    let mut command = cluster.command(&[]);
    command.args(cluster.agent_args("board")).args(["--class", "pulley32"]);
    Said::from(command.output().unwrap()).fails(2, &["cannot run", "pulley64"]);
}

#[test]
fn an_agent_refuses_a_head_whose_key_has_changed_and_says_what_to_do() {
    let mut cluster = Cluster::start_with(1, bramble_tests::cluster::Objects::Own);
    let heads = cluster.dir().join("node-1/heads");
    wait_for("the key to be remembered", || heads.exists().then_some(()));
    cluster.kill_agent(0);
    cluster.kill_head();
    fs::remove_file(cluster.data().join("head.key")).unwrap();
    cluster.start_head();
    let args = cluster.agent_args("node-1");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = cluster.bramble(&args);
    said.fails(6, &["key", "node-1/heads", "remove the line"]);
    // As told.
    fs::remove_file(&heads).unwrap();
    cluster.start_agent(0, bramble_tests::cluster::Objects::Own);
    let input = cluster.file("numbers.txt", b"3\n1\n2\n");
    let module = job("merge-sort");
    let args = ["submit", module.to_str().unwrap(), "--input", &input, "-o", "-"];
    assert_eq!(cluster.bramble(&args).ok().text(), "1\n2\n3\n");
}

#[test]
fn the_key_of_a_head_is_its_own() {
    let cluster = Cluster::start(0);
    let mode = fs::metadata(cluster.data().join("head.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!cluster.data().join("store/head.key").exists());
}
