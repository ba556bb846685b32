//! Never the same work twice, and jobs that wait for jobs, through the real binary.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::path::Path;

use bramble_protocol::api::JobState;
use bramble_tests::cluster::{Cluster, job};
use bramble_tests::data;

fn path(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

fn overwrite(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_same_job_again_runs_no_task_not_even_after_a_restart_without_a_node() {
    let mut cluster = Cluster::start(2);
    let text = data::prose(3, 4_000);
    let input = cluster.file("prose.txt", text.as_bytes());
    let module = job("word-count");
    let args = ["submit", path(&module), "--input", &input, "--chunk-size", "8k", "-o", "-"];
    let first = cluster.bramble(&args).ok();
    assert!(!first.stderr.contains("done before"), "{}", first.stderr);
    let total = cluster.job("last").tasks.total;
    cluster.kill_head();
    cluster.kill_agent(0);
    cluster.kill_agent(1);
    cluster.start_head();
    let again = cluster.bramble(&args).ok();
    assert_eq!(again.text(), data::counted_words(&text));
    let expected = format!("{total} of {total} tasks were done before, saved ");
    assert!(again.stderr.contains(&expected), "{}", again.stderr);
    assert_eq!(cluster.job("last").usage.cpu_us, 0);
}

#[test]
fn a_kept_result_that_is_damaged_is_made_again_when_the_job_is() {
    let cluster = Cluster::start(1);
    let text = data::prose(4, 200);
    let input = cluster.file("prose.txt", text.as_bytes());
    let module = job("shout");
    let submit = ["submit", path(&module), "--input", &input, "-o", "-"];
    assert_eq!(cluster.bramble(&submit).ok().text(), text.to_uppercase());
    let name = bramble_protocol::Digest::of(text.to_uppercase().as_bytes()).to_string();
    let object = cluster.data().join("store/objects").join(&name[..2]).join(&name);
    for is_gone in [false, true] {
        if is_gone {
            fs::remove_file(&object).unwrap();
        } else {
            overwrite(&object, text.as_bytes());
        }
        // Nobody knows before somebody reads it.
        cluster.bramble(&submit);
        let again = cluster.bramble(&submit).ok();
        assert_eq!(again.text(), text.to_uppercase());
        assert!(!again.stderr.contains("done before"), "{}", again.stderr);
    }
}

#[test]
fn a_job_works_on_the_result_of_another_that_is_not_done_yet() {
    let cluster = Cluster::start(2);
    let numbers = data::number_lines(5, 20_000);
    let input = cluster.file("numbers.txt", numbers.as_bytes());
    let (sort, shout) = (job("merge-sort"), job("shout"));
    let first = ["submit", path(&sort), "--input", &input, "--chunk-size", "16k", "-d", "-q"];
    let first = cluster.bramble(&first).ok().text().trim().to_owned();
    let from = format!("job:{first}");
    let second = ["submit", path(&shout), "--input", &from, "-o", "-", "--after", &first];
    assert!(cluster.bramble(&second).ok().text() == data::sorted_number_lines(&numbers));
    cluster.bramble(&["submit", path(&shout), "--input", "job:99"]).fails(5, &["no job 99"]);
}

const PIPELINE: &str = r#"
[[job]]
name = "loud"
module = "MODULES/shout.wasm"
input = "@moved"

[[job]]
name = "moved"
module = "MODULES/caesar.wasm"
input = "text.txt"
chunk-size = "1k"
params = { shift = SHIFT }

[[job]]
name = "count"
module = "MODULES/word-count.wasm"
input = "text.txt"
after = ["loud"]
"#;

#[test]
fn a_file_of_jobs_runs_and_run_again_does_only_what_changed() {
    let cluster = Cluster::start(2);
    let text = data::prose(9, 500);
    cluster.file("text.txt", text.as_bytes());
    let modules = job("shout").parent().unwrap().to_owned();
    let write = |shift: &str| {
        let jobs = PIPELINE.replace("MODULES", path(&modules)).replace("SHIFT", shift);
        cluster.file("pipeline.toml", jobs.as_bytes())
    };
    let file = write("0");
    let shown = cluster.bramble(&["run", &file, "--dry-run"]).ok().text();
    let names: Vec<&str> = shown.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(names, ["moved", "loud", "count"]);
    assert_eq!(cluster.bramble(&["jobs", "--json"]).ok().text().trim(), "[]");

    let first = cluster.bramble(&["run", &file, "-o", "results"]).ok();
    assert!(!first.stderr.contains("Saved"), "{}", first.stderr);
    let results = cluster.dir().join("results");
    let found = |name: &str| {
        let mut files = fs::read_dir(&results).unwrap().map(|entry| entry.unwrap().path());
        let file = files.find(|file| file.file_name().unwrap().to_str().unwrap().starts_with(name));
        file.map(|file| fs::read_to_string(file).unwrap())
    };
    assert_eq!(found("loud"), Some(text.to_uppercase()));
    assert_eq!(found("count"), Some(data::counted_words(&text)));
    assert_eq!(found("moved"), None, "another job works on it");

    let again = cluster.bramble(&["run", &file, "-o", "results"]).ok();
    assert!(again.stderr.contains("3 jobs unchanged"), "{}", again.stderr);

    // One parameter: what does not depend on it is not run again.
    let changed = cluster.bramble(&["run", &write("13"), "-o", "results"]).ok();
    assert!(changed.stderr.contains("1 of 3 jobs unchanged"), "{}", changed.stderr);
    assert_ne!(found("loud"), Some(text.to_uppercase()));
}

#[test]
fn a_file_that_cannot_work_is_refused_before_anything_is_sent() {
    let cluster = Cluster::start(0);
    let file = cluster.file("bad.toml", b"[[job]]\nname = \"a\"\ninptu = \"x\"\n");
    cluster.bramble(&["run", &file]).fails(5, &["bad.toml:3", "`inptu`", "did you mean `input`"]);
    cluster.bramble(&["run", "none.toml"]).fails(5, &["none.toml"]);
    assert_eq!(cluster.bramble(&["jobs", "--json"]).ok().text().trim(), "[]");
}

#[test]
fn a_retry_runs_what_is_left_and_only_jobs_that_failed_are_tried_again() {
    let cluster = Cluster::start(1);
    // The last chunk holds what is no number.
    let numbers = format!("{}three\n", "12345678901234\n".repeat(10));
    let input = cluster.file("numbers.txt", numbers.as_bytes());
    let module = job("merge-sort");
    let args = ["submit", path(&module), "--input", &input, "--chunk-size", "15"];
    let flags = ["--no-cache", "--partitions", "1"];
    cluster.bramble(&[&args[..], &flags].concat()).fails(1, &["[bad-input]"]);
    let failed = cluster.job("last");
    let said = cluster.bramble(&["retry", "last"]);
    let done = failed.tasks.succeeded;
    let expected = format!("job 2 retries job 1: {done} of {} tasks", failed.tasks.total);
    said.fails(1, &[&expected, "[bad-input]"]);
    cluster.bramble(&["retry", "99"]).fails(5, &["99"]);
    let fine = cluster.file("fine.txt", b"2\n1\n");
    cluster.bramble(&["submit", path(&module), "--input", &fine]).ok();
    assert_eq!(cluster.job("last").state, JobState::Done);
    cluster.bramble(&["retry", "last"]).fails(6, &["done", "nothing to try again"]);
}
