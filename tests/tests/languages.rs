//! Every language from `bramble new` to a result on a cluster, by its own toolchain. A language
//! whose toolchain is not installed is skipped, and says so.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bramble_tests::cluster::{Cluster, Said, bramble};

/// A project in a directory that is removed after the test.
struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    fn new(language: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made: Said =
            command(dir.path()).args(["new", "trial", "--lang", language]).output().unwrap().into();
        made.ok();
        let project = Self { dir };
        if language == "rust" {
            // The versions that the repository's own jobs are built with are here already.
            let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
            fs::copy(lock, project.path().join("Cargo.lock")).unwrap();
        }
        project
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("trial")
    }

    fn run(&self, args: &[&str]) -> Said {
        command(&self.path()).args(args).output().unwrap().into()
    }

    /// Builds it; `None` when this machine cannot, for want of a tool or of the network.
    fn build(&self) -> Option<Said> {
        let said = self.run(&["build"]);
        let offline = [
            "ENOTFOUND",
            "EAI_AGAIN",
            "ECONNREFUSED",
            "ETIMEDOUT",
            "E404",
            "Could not resolve host",
            "failed to download",
        ];
        let missing = said.stderr.contains("[missing-tool]");
        if missing || offline.iter().any(|sign| said.stderr.contains(sign)) {
            println!("SKIPPED: {}", said.stderr.trim());
            return None;
        }
        Some(said.ok())
    }
}

/// A command in a directory. Crates of projects share one target directory, so that the second
/// run finds what the first has compiled.
fn command(dir: &Path) -> Command {
    let mut command = bramble();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("languages");
    command.current_dir(dir).env("CARGO_TARGET_DIR", target);
    // Without a network npm is to say so soon.
    command.env("npm_config_fetch_retries", "0").env("npm_config_fetch_timeout", "60000");
    command
}

/// From a template to a result: `bramble new`, `build`, `test`, `submit`.
fn works(language: &str, kind: &str) {
    let project = Project::new(language);
    let Some(built) = project.build() else { return };
    assert!(built.stderr.contains(kind), "{}", built.stderr);
    let tested = project.run(&["test"]).ok();
    assert!(tested.text().contains("as expected"), "{}", tested.text());

    let cluster = Cluster::start(1);
    let dir = project.path();
    let submitted: Said = cluster
        .command(&["submit", "trial.wasm", "--input", "input/words.txt", "-o", "-"])
        .args(["--chunk-size", "64", "--memory", "128M", "--name", language])
        .current_dir(&dir)
        .output()
        .unwrap()
        .into();
    let expected = fs::read(dir.join("expect/words.txt")).unwrap();
    assert_eq!(submitted.ok().stdout, expected);
    assert!(cluster.job("last").phases[0].total > 1, "one chunk shows little");
}

#[test]
fn rust_with_the_sdk() {
    works("rust", "job · map");
}

#[test]
fn c_as_a_plain_program() {
    works("c", "WASI command");
}

#[test]
fn c_through_the_header() {
    works("c-job", "job · map, merge");
}

#[test]
fn assemblyscript_as_a_plain_program() {
    works("assemblyscript", "WASI command");
}

#[test]
fn javascript_in_quickjs() {
    works("javascript", "job · map");
}

#[test]
fn typescript_in_quickjs() {
    works("typescript", "job · map");
}

#[test]
fn python_in_cpython() {
    works("python", "job · map");
}

#[test]
fn go_as_a_plain_program() {
    works("go", "WASI command");
}

#[test]
fn zig_as_a_plain_program() {
    works("zig", "WASI command");
}

#[test]
fn webassembly_text_needs_no_toolchain() {
    works("wat", "WASI command");
}

/// A job that echoes its chunk, logs its place, and refuses the parameter `mode=bad`: everything
/// that a function can do beside its result.
fn speaks_with_the_host(language: &str, source_file: &str, source: &str) {
    let project = Project::new(language);
    let job = project.path().join(source_file);
    // The template names the version of the interface.
    let wit = fs::read_to_string(project.path().join("wit/world.wit")).unwrap_or_default();
    let version =
        wit.lines().find_map(|line| line.trim().strip_prefix("include bramble:job/imports@"));
    let version = version.unwrap_or_default().trim_end_matches(';');
    fs::write(job, source.replace("WIT", version)).unwrap();
    // With declared parameters no others could be given.
    let manifest = project.path().join("bramble.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("params")).collect();
    fs::write(manifest, lines.join("\n")).unwrap();
    if project.build().is_none() {
        return;
    }
    let input = project.path().join("input/words.txt");
    let trial = ["test", "trial.wasm", "--memory", "128M", "--input", "input/words.txt"];
    let test = |mode: &str, more: &[&str]| {
        project.run(&[&trial[..], &["--arg", &format!("mode={mode}")], more].concat())
    };
    test("good", &["--expect", input.to_str().unwrap()]).ok();
    test("bad", &[]).fails(1, &["mode cannot be bad", "log of task 0", "[bad-param]"]);
}

/// Everything of `bramble.h` that the template does not use.
const STREAMS_IN_C: &str = r#"
#include "bramble.h"
#include <stdio.h>

BRAMBLE_MAP(task, input, output) {
    char line[40];
    snprintf(line, sizeof line, "log of task %u", (unsigned)task.index);
    bramble_log(BRAMBLE_INFO, line);
    if (bramble_param_is("mode", "bad")) return bramble_bad_param("mode cannot be bad");
    uint64_t size = bramble_size(input), done = 0;
    if (bramble_read_at(input, size - 1, 9).len != 1) return bramble_fail("the last byte is one");
    for (;;) {
        bramble_bytes bytes = bramble_read(input, 7);
        if (bytes.len == 0) break;
        bramble_write_to(output, 0, bytes.data, bytes.len);
        bramble_progress(done += bytes.len, size);
        free(bytes.data);
    }
    return done == size && !bramble_stopping() ? bramble_done() : bramble_bad_input("short");
}
"#;

#[test]
fn c_streams_and_speaks_with_the_host() {
    speaks_with_the_host("c-job", "job.c", STREAMS_IN_C);
}

#[test]
fn javascript_speaks_with_the_host() {
    let source = r#"
        import { log, param, progress } from "bramble:job/host@WIT";
        export const mapperBytes = {
          run(task, chunk) {
            log("info", `log of task ${task.index}`);
            progress(1, 2);
            if (param("mode") === "bad") throw { tag: "bad-param", val: "mode cannot be bad" };
            return chunk;
          },
        };"#;
    speaks_with_the_host("javascript", "job.js", source);
}

#[test]
fn python_speaks_with_the_host() {
    let source = r#"
from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import host
from wit_world.imports.types import JobError_BadParam

class MapperBytes(exports.MapperBytes):
    def run(self, task, chunk):
        host.log(host.Level.INFO, f"log of task {task.index}")
        host.progress(1, 2)
        if host.param("mode") == "bad":
            raise Err(JobError_BadParam("mode cannot be bad"))
        return bytes(chunk)
"#;
    speaks_with_the_host("python", "app.py", source);
}

#[test]
fn a_module_declares_what_the_project_says() {
    let project = Project::new("wat");
    let manifest = project.path().join("bramble.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace(
        "split = { always = \"lines\" }",
        "split = { always = \"bytes\" }\nparams = [{ name = \"level\", choices = [\"1\", \"2\"] }]",
    );
    fs::write(manifest, text).unwrap();
    project.build().unwrap();
    let shown = project.run(&["inspect", "trial.wasm"]).ok().text();
    for words in ["trial: Turns text into capitals.", "--arg level=1|2", "split      bytes"] {
        assert!(shown.contains(words), "`{words}` in {shown}");
    }
    project
        .run(&["test", "--arg", "level=3"])
        .fails(6, &["`level` cannot be `3`; choose from: 1, 2"]);
}

#[test]
fn a_wrong_expectation_is_shown_and_can_be_replaced() {
    let project = Project::new("wat");
    let expect = project.path().join("expect/words.txt");
    let right = fs::read_to_string(&expect).unwrap();
    fs::write(&expect, right.replace("BERRIES", "BERRYS")).unwrap();
    project.run(&["test"]).fails(
        1,
        &["not as expected", "line 2", "AND OF BERRYS", "AND OF BERRIES", "[test-failed]"],
    );
    let json = project.run(&["test", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(answer[0]["differences"][0]["suspect"], "expectation");
    assert_eq!(answer[0]["differences"][0]["line"], 2);
    project.run(&["test", "--update"]).ok();
    assert_eq!(fs::read_to_string(&expect).unwrap(), right);
    project.run(&["test"]).ok();
}

#[test]
fn what_fails_in_a_task_is_shown_with_its_log_and_backtrace() {
    let project = Project::new("wat");
    let source = project.path().join("job.wat");
    let text = fs::read_to_string(&source).unwrap();
    let text = text
        .replace("(loop $blocks", "(call $broken) (loop $blocks")
        .replace("(func $check", "(func $broken unreachable) (func $check");
    fs::write(&source, text).unwrap();
    // It is older than its source, so it is built without being told.
    project.run(&["test"]).fails(1, &["Building", "chunk 0 failed", "broken", "[trapped]"]);
}

#[test]
fn a_missing_tool_is_named_with_what_to_install() {
    let project = Project::new("go");
    let said: Said =
        command(&project.path()).arg("build").env("PATH", project.path()).output().unwrap().into();
    said.fails(5, &["go is not installed", "apt install golang-go", "[missing-tool]"]);
}

#[test]
fn a_compilers_own_words_are_shown() {
    let project = Project::new("wat");
    fs::write(project.path().join("job.wat"), "(module (func $x)").unwrap();
    project.run(&["build"]).fails(6, &["job.wat:1:18", "[bad-module]"]);
}
