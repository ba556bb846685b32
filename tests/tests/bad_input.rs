//! What users do wrong, and what they are told: what, why, what to do; the right exit code; and
//! nothing half-done left behind.

use std::fs;

use bramble_tests::cluster::{Cluster, bramble, fixture, job};

fn text(path: std::path::PathBuf) -> String {
    path.into_os_string().into_string().expect("test paths are text")
}

#[test]
fn modules_that_cannot_be_jobs_are_refused_at_submit_with_the_reason() {
    let cluster = Cluster::start(1);
    let input = cluster.file("input.txt", b"1\n");
    let check = |module: &str, words: &[&str]| {
        let said = cluster.bramble(&["submit", module, "--input", &input]);
        said.fails(6, words).fails(6, &["error: ", "help: "]);
    };
    check(&cluster.file("picture.wasm", b"\x89PNG\r\n\x1a\n...."), &["not WebAssembly", "PNG"]);
    let empty = cluster.file("empty.wasm", b"");
    cluster.bramble(&["submit", &empty, "--input", &input]).fails(5, &["empty", "help: "]);
    let whole = fs::read(job("merge-sort")).unwrap();
    check(&cluster.file("half.wasm", &whole[..whole.len() / 2]), &["cut off"]);
    check(&text(fixture("no-start.wat")), &["add", "_start"]);
    check(&text(fixture("foreign-import.wat")), &["env", "fetch"]);
    check(&text(fixture("other-world.wat")), &["answer"]);
    assert!(cluster.bramble(&["jobs", "--json"]).ok().text().trim() == "[]", "no job was made");
}

#[test]
fn inputs_that_cannot_be_read_are_named() {
    let cluster = Cluster::start(1);
    let module = text(job("merge-sort"));
    let submit = |input: &str| cluster.bramble(&["submit", &module, "--input", input]);
    submit("absent.txt").fails(5, &["absent.txt", "help: "]);
    submit(&cluster.file("empty.txt", b"")).fails(5, &["empty.txt", "empty"]);
    submit(&text(cluster.dir().to_owned())).fails(5, &["directory"]);
    let missing_module = cluster.bramble(&["submit", "absent.wasm", "--input", "absent.txt"]);
    missing_module.fails(5, &["absent.wasm"]);
    assert!(cluster.bramble(&["jobs", "--json"]).ok().text().trim() == "[]", "no job was made");
}

#[test]
fn a_line_longer_than_a_chunk_says_which_and_what_helps() {
    let cluster = Cluster::start(1);
    let input = cluster.file("long.txt", format!("1\n{}\n", "9".repeat(5_000)).as_bytes());
    let module = text(job("merge-sort"));
    let args = ["submit", &module, "--input", &input, "--chunk-size", "1k"];
    cluster.bramble(&args).fails(5, &["line", "--chunk-size"]);
}

#[test]
fn an_input_that_is_no_whole_number_of_records_is_refused() {
    let cluster = Cluster::start(1);
    let input = cluster.file("numbers.u64", &[7; 20]);
    let module = text(job("merge-sort"));
    let args = ["submit", &module, "--input", &input, "--arg", "type=u64"];
    cluster.bramble(&args).fails(5, &["8 bytes of a record", "help: "]);
}

#[test]
fn parameters_a_module_does_not_have_are_named_with_those_it_has() {
    let cluster = Cluster::start(1);
    let input = cluster.file("input.txt", b"1\n");
    let module = text(job("merge-sort"));
    let with = |arg: &str| cluster.bramble(&["submit", &module, "--input", &input, "--arg", arg]);
    with("typ=u64").fails(6, &["typ", "type"]);
    with("type=u65").fails(6, &["u65", "u64"]);
    with("nonsense").fails(2, &["nonsense"]);
}

#[test]
fn guests_that_break_their_limits_end_with_the_limits_name_and_a_hint() {
    let cluster = Cluster::start(1);
    let input = cluster.file("input.txt", b"1\n");
    let check = |module: &str, extra: &[&str], words: &[&str]| {
        let module = text(fixture(module));
        let mut args = vec!["submit", &module, "--input", &input];
        args.extend(extra);
        cluster.bramble(&args).fails(1, words);
    };
    check("endless.wat", &["--cpu-time", "300ms"], &["[out-of-time]", "--cpu-time"]);
    check("grows.wat", &["--memory", "8M"], &["[out-of-memory]", "8 MiB", "--memory"]);
    check("deep.wat", &[], &["[stack-overflow]", "recursion"]);
    check("floods.wat", &["--output-limit", "1M"], &["[too-much-output]", "--output-limit"]);
    check("exits-3.wat", &[], &["[exit-status]", "3", "the third thing went wrong"]);
}

#[test]
fn a_guests_own_error_reaches_the_user_with_the_chunk() {
    let cluster = Cluster::start(1);
    let input = cluster.file("input.txt", b"1\n2\nthree\n");
    let module = text(job("merge-sort"));
    let args = ["submit", &module, "--input", &input];
    cluster.bramble(&args).fails(1, &["three", "[bad-input]", "chunk 0"]);
    let logs = cluster.bramble(&["logs", "last"]).ok();
    assert!(logs.text().contains("three"), "{}", logs.text());
}

#[test]
fn a_head_that_is_not_there_is_exit_3_with_the_way_to_start_one() {
    let nowhere = ["--cluster", "http://127.0.0.1:1"];
    for command in [&["jobs"][..], &["nodes"], &["get", "1"], &["cancel", "1"], &["watch", "1"]] {
        let output = bramble().args(nowhere).args(command).output().unwrap();
        bramble_tests::cluster::Said::from(output).fails(3, &["http://127.0.0.1:1", "bramble up"]);
    }
}

#[test]
fn unknown_jobs_and_unknown_flags_have_their_own_exit_codes() {
    let cluster = Cluster::start(1);
    for command in [&["jobs", "99"][..], &["get", "99"], &["cancel", "99"], &["logs", "99"]] {
        cluster.bramble(command).fails(5, &["99"]);
    }
    cluster.bramble(&["submit", "--no-such-flag"]).fails(2, &["--no-such-flag"]);
    cluster.bramble(&["jobs", "one"]).fails(2, &["one"]);
}

#[test]
fn a_result_does_not_overwrite_a_file_that_nobody_named() {
    let cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", b"2\n1\n");
    let module = text(job("merge-sort"));
    cluster.bramble(&["submit", &module, "--input", &input]).ok();
    let got = cluster.bramble(&["get", "last"]).ok();
    let name = fs::read_dir(cluster.dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| got.stderr.contains(name.as_str()) && name != "numbers.txt")
        .unwrap_or_else(|| panic!("the result's name is not in {}", got.stderr));
    assert_eq!(fs::read(cluster.dir().join(&name)).unwrap(), b"1\n2\n");
    fs::write(cluster.dir().join(&name), "mine").unwrap();
    let refused = cluster.bramble(&["get", "last"]);
    assert_ne!(refused.code, 0);
    assert_eq!(fs::read(cluster.dir().join(&name)).unwrap(), b"mine");
}
