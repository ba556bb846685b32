//! Programs that nobody wrote for bramble: what each function of WASI preview 1 does in the
//! sandbox, and how a program's statuses and merging are declared.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bramble_tests::cluster::{Cluster, Said, bramble, fixture};

/// A program of `fixtures/wasi`, compiled; `None` where there is no compiler for it.
fn program(name: &str) -> Option<PathBuf> {
    let wasm = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("wasm");
    // Tests run at the same time, and each compiles to a file of its own.
    let own = tempfile::Builder::new().suffix(".wasm").tempfile_in(env!("CARGO_TARGET_TMPDIR"));
    let own = own.unwrap();
    let mut rustc = Command::new("rustc");
    rustc.args(["--target", "wasm32-wasip1", "--edition", "2024", "-Copt-level=1", "-o"]);
    let compiled = rustc.arg(own.path()).arg(fixture("wasi").join(name)).output();
    let said = compiled.map(|output| (output.status.success(), output.stderr));
    match said {
        Ok((true, _)) => {
            own.persist(&wasm).unwrap();
            return Some(wasm);
        }
        Ok((false, said)) => {
            let said = String::from_utf8_lossy(&said);
            // Anything else is a fault of the program, and of this test.
            assert!(said.contains("can't find crate for"), "{said}");
        }
        Err(_) => {}
    }
    println!("SKIPPED: there is no Rust compiler with the target wasm32-wasip1");
    None
}

fn test(args: &[&str]) -> Said {
    bramble().arg("test").args(args).output().unwrap().into()
}

/// Runs a group of the probe on `input` and compares what it writes.
fn group(words: &[&str], input: &str, expected: &str) {
    let Some(probe) = program("probe.rs") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (input_file, expect_file) = (dir.path().join("input"), dir.path().join("expect"));
    fs::write(&input_file, input).unwrap();
    fs::write(&expect_file, expected).unwrap();
    let said: Said = bramble()
        .arg("test")
        .arg(probe)
        .args(["--arg", "greeting=hello there", "--chunk-size", "1M", "--expect"])
        .args([&expect_file, Path::new("--input"), &input_file])
        .arg("--")
        .args(words)
        .output()
        .unwrap()
        .into();
    said.ok();
}

#[test]
fn arguments_and_environment_are_those_of_the_job_and_no_others() {
    group(
        &["args", "two words", ""],
        "x",
        "[\"args\", \"two words\", \"\"]\n\
         [\"BRAMBLE_COUNT\", \"BRAMBLE_INDEX\", \"BRAMBLE_PARAM_GREETING\", \"BRAMBLE_PHASE\", \
         \"BRAMBLE_SEED\"]\n\
         Ok(\"hello there\")\n",
    );
}

#[test]
fn there_are_two_clocks_which_only_the_guest_moves() {
    // 8 is `badf`: there is no clock of processor time, which would differ from node to node.
    group(
        &["clocks"],
        "x",
        "clock_res_get 0\nclock_time_get 0\nclock_res_get 0\nclock_time_get 0\n\
         clock_res_get 8\nclock_time_get 8\nclock_res_get 8\nclock_time_get 8\n\
         clock_time_get 0\nclock_time_get 0\nlater true\n",
    );
}

#[test]
fn random_numbers_are_there() {
    group(&["random"], "x", "random_get 0\nrandom true\nmap 81\n");
}

#[test]
fn standard_streams_can_be_read_and_written_and_have_no_places() {
    // 70 is `spipe`: a stream cannot be moved in. 8 is `badf`: it is no file.
    let stream = "fd_fdstat_get 0\ntype 0\nfd_filestat_get 0\nfd_seek 70\n";
    let expected = format!(
        "HI\n{stream}{stream}{stream}fd_tell 70\nfd_fdstat_set_flags 8\nfd_fdstat_get 8\n\
         fd_pread 70\nfd_pwrite 70\nfd_advise 8\nfd_allocate 8\nfd_datasync 8\nfd_sync 8\n\
         fd_filestat_set_size 8\nfd_filestat_set_times 8\nfd_fdstat_set_rights 8\n\
         fd_renumber 8\nfd_close 8\nsched_yield 0\n"
    );
    group(&["streams"], "hi\n", &expected);
}

#[test]
fn there_are_no_files() {
    let calls = [
        "fd_prestat_get",
        "fd_prestat_dir_name",
        "fd_readdir",
        "path_open",
        "path_open",
        "path_create_directory",
        "path_filestat_get",
        "path_filestat_set_times",
        "path_link",
        "path_readlink",
        "path_remove_directory",
        "path_rename",
        "path_symlink",
        "path_unlink_file",
    ];
    let expected: String = calls.iter().map(|call| format!("{call} 8\n")).collect();
    group(&["files"], "x", &expected);
}

#[test]
fn there_are_no_sockets() {
    // 57 is `notsock`.
    let calls = ["sock_accept", "sock_recv", "sock_send", "sock_shutdown"];
    let answers = [57, 8].map(|answer| calls.map(|call| format!("{call} {answer}\n")).concat());
    group(&["sockets"], "x", &answers.concat());
}

#[test]
fn waiting_takes_no_time_and_streams_are_always_ready() {
    group(&["poll"], "x", "slept 1\npoll_oneoff 0\nevents 1\npoll_oneoff 28\n");
}

#[test]
fn a_program_that_wants_a_computer_of_its_own_is_told_no_and_goes_on() {
    group(
        &["std"],
        "x",
        "file Err(NotFound)\nmade Err(NotFound)\ndir Err(NotFound)\nnet Err(Unsupported)\n\
         thread true\ncpus true\nprocess Err(Unsupported)\n",
    );
}

#[test]
fn only_declared_statuses_mean_success() {
    let Some(probe) = program("probe.rs") else { return };
    let (probe, input) = (probe.to_str().unwrap(), fixture("exits-3.wat"));
    let input = input.to_str().unwrap();
    let ended = |flags: &[&str], status: &str| {
        test(
            &[&[probe, "--input", input, "--chunk-size", "1M"], flags, &["--", "exit", status]]
                .concat(),
        )
    };
    ended(&[], "0").ok();
    ended(&["--ok-status", "1,3"], "3").ok();
    ended(&["--ok-status", "1,3"], "2").fails(1, &["exit status 2", "[exit-status]"]);
    // Its lowest byte is 0, which is what a shell would see.
    ended(&["--ok-status", "1,3"], "256").fails(1, &["exit status 256"]);
    ended(&["--ok-status", "65"], "65").ok();
}

#[test]
fn a_missing_merge_is_told_with_the_place_where_results_differ() {
    let Some(lines) = program("lines.rs") else { return };
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("in");
    fs::write(&input, "a line\n".repeat(100)).unwrap();
    let all = [lines.to_str().unwrap(), "--input", input.to_str().unwrap()];
    test(&[&all[..], &["--", "--count"]].concat()).fails(
        1,
        &[
            "the result depends on how the input is cut: 1 chunk and 2 chunks",
            "first at byte 0, line 1",
            "a merge is missing",
            "--merge-arg",
            "[test-failed]",
        ],
    );
    test(&[&all[..], &["--merge-arg", "--add", "--", "--count"]].concat()).ok();
    // Merged by something that is no merge.
    test(&[&all[..], &["--merge-arg", "--count", "--", "--count"]].concat())
        .fails(1, &["the program merges, but gives something else for other parts"]);
}

#[test]
fn a_cluster_merges_by_the_program_itself_in_a_tree() {
    let Some(lines) = program("lines.rs") else { return };
    let cluster = Cluster::start(2);
    let text: String = (0..1000).map(|i| format!("{:04}\n", i * 7919 % 1000)).collect();
    let input = cluster.file("in.txt", text.as_bytes());
    let base = ["submit", lines.to_str().unwrap(), "--input", &input, "-o", "-"];
    let run = |flags: &[&str]| cluster.bramble(&[&base, flags].concat());

    // 250 chunks: two merges, and one of their results.
    let small = ["--chunk-size", "20"];
    let counted = run(&[&small[..], &["--merge-arg", "--add", "--", "--count"]].concat()).ok();
    assert_eq!(counted.text(), "1000\n");
    assert_eq!(cluster.job("last").phases.last().unwrap().total, 3);

    let mut sorted: Vec<&str> = text.lines().collect();
    sorted.sort_unstable();
    let merged = run(&[&small[..], &["--merge", "--", "--sort"]].concat()).ok();
    assert_eq!(merged.text().lines().collect::<Vec<_>>(), sorted);

    let halves = ["--chunk-size", "2500", "--merge-arg", "--parts", "--", "--sort"];
    assert_eq!(run(&halves).ok().text(), "2500,2500\n");

    // Half of the chunks do not have the line.
    run(&["--chunk-size", "2500", "--", "0999"]).fails(1, &["exit status 1", "[exit-status]"]);
    let found = run(&["--chunk-size", "2500", "--ok-status", "1", "--", "0999"]).ok();
    assert_eq!(found.text(), "0999\n");
}

#[test]
fn a_job_made_with_the_sdk_has_no_statuses_and_no_merge_arguments() {
    let cluster = Cluster::start(0);
    let input = cluster.file("in.txt", b"text\n");
    let module = bramble_tests::cluster::job("word-count");
    for flags in [&["--merge"][..], &["--ok-status", "1"]] {
        let words = [&["submit", module.to_str().unwrap(), "--input", &input], flags].concat();
        cluster.bramble(&words).fails(6, &["has no exit status", "[bad-job]"]);
    }
}
