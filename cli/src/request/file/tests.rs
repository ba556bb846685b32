//! Job files, sound and not.

use bramble_protocol::JobId;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::args::ProgressStyle;
use crate::output::Format;

fn parse(text: &str) -> CliResult<Vec<Step>> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("job.wasm"), "module").unwrap();
    fs::write(dir.path().join("in.txt"), "line\n").unwrap();
    let path = dir.path().join("jobs.toml");
    fs::write(&path, text).unwrap();
    let progress = ProgressStyle::None;
    let output = Output { format: Format::Human, quiet: true, verbose: false, progress };
    read(&path, &output)
}

/// What is said of a file that is wrong, without the directory.
fn fault(text: &str) -> (String, Vec<String>) {
    let CliError::Shown(report) = parse(text).unwrap_err() else { panic!("shown") };
    (report.what.split_once("jobs.toml:").unwrap().1.to_owned(), report.help)
}

fn job(name: &str, more: &str) -> String {
    format!("[[job]]\nname = \"{name}\"\nmodule = \"job.wasm\"\n{more}\n")
}

#[test]
fn jobs_come_in_an_order_in_which_each_follows_what_it_waits_for() {
    let text = job("last", "input = \"@middle\"\nafter = [\"first\"]")
        + &job("middle", "input = \"@first\"")
        + &job("first", "input = \"in.txt\"\nmemory = \"128M\"\nparams = { level = 3 }");
    let steps = parse(&text).unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["first", "middle", "last"]);
    assert_eq!((steps[2].from, steps[2].after.clone()), (Some(1), vec![0]));
    assert_eq!(steps[0].request.limits.memory_bytes_max, 128 << 20);
    assert_eq!(steps[0].request.params["level"], "3");
    assert_eq!(steps[1].request.policy.input_from, Some(JobId(1)));
}

#[test]
fn a_key_that_is_not_known_is_told_with_its_line_and_the_nearest() {
    let (what, help) = fault(&job("a", "inptu = \"in.txt\""));
    assert!(what.starts_with("4: there is no key `inptu`"), "{what}");
    assert_eq!(help, ["did you mean `input`?"]);
}

#[test]
fn names_that_are_not_there_or_twice_are_told_with_their_line() {
    let (what, help) = fault(&(job("sort", "input = \"in.txt\"") + &job("b", "input = \"@srot\"")));
    assert!(what.starts_with("8: no job of this file is called \"srot\""), "{what}");
    assert_eq!(help, ["did you mean \"sort\"?"]);
    let (what, _) = fault(&(job("a", "input = \"in.txt\"") + &job("a", "input = \"in.txt\"")));
    assert!(what.starts_with("5: another job is called \"a\""), "{what}");
}

#[test]
fn a_cycle_is_shown_as_what_it_is() {
    let text =
        job("a", "input = \"@b\"") + &job("b", "input = \"@c\"") + &job("c", "input = \"@a\"");
    let CliError::Shown(report) = parse(&text).unwrap_err() else { panic!("shown") };
    assert!(report.what.ends_with("wait for each other: a → b → c → a"), "{}", report.what);
    assert!(parse(&job("a", "input = \"@a\"")).is_err());
}

#[test]
fn every_flag_of_submit_that_says_something_of_a_job_is_a_key() {
    let input = "input = \"in.txt\"\n";
    let steps = parse(&job("a", &format!("{input}verify = 2\nmax-fails = 3"))).unwrap();
    assert_eq!((steps[0].request.policy.quorum, steps[0].request.policy.max_fails), (2, 3));
    let steps = parse(&job("a", &format!("{input}verify = true\ncache = false"))).unwrap();
    assert_eq!((steps[0].request.policy.quorum, steps[0].request.policy.cache), (1, false));
    for key in ["detach = true", "output = \"x\"", "dry-run = true", "no-cache = true"] {
        assert!(fault(&job("a", &format!("{input}{key}"))).0.starts_with("5: there is no key"));
    }
    let keys = keys();
    assert!(["memory", "verify", "clock", "after"].iter().all(|key| keys.contains(&(*key).into())));
}

#[test]
fn files_and_values_that_cannot_be_used_are_told_before_anything_is_sent() {
    let (what, _) = fault(&job("a", "input = \"none.txt\""));
    assert!(what.starts_with("1: job \"a\": no such file"), "{what}");
    let (what, _) = fault(&job("a", "input = \"in.txt\"\nmemory = \"much\""));
    assert!(what.contains("job \"a\": invalid value 'much'"), "{what}");
    let (what, _) = fault(&job("a", "input = \"in.txt\"\nmerge = 3"));
    assert!(what.starts_with("5: `merge` must be true or false"), "{what}");
    assert!(fault("").0.starts_with("1: there is no job"));
    assert!(fault("[[job]]\nmodule = \"job.wasm\"\n").0.contains("has no name"));
    assert!(fault("[[job]]\nname = \n").0.starts_with("2: "));
    assert!(fault("[jobs]\n").0.starts_with("1: "));
}

/// A job file with every kind of key.
const WHOLE: &str = r#"[[job]]
name = "first"
module = "job.wasm"
input = "in.txt"
memory = "128M"
cache = false
params = { level = 3, mode = "fast" }
[[job]]
name = "last"
module = "job.wasm"
input = "@first"
after = ["first"]
args = ["-n", "2"]
"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_changed_job_file_is_read_or_told_with_a_line(
        changes in vec((any::<Index>(), select(TEXT.chars().collect::<Vec<_>>())), 1..4),
        cut in prop_oneof![9 => Just(usize::MAX), 1 => 0..WHOLE.len()],
    ) {
        let mut text: Vec<char> = WHOLE.chars().collect();
        for (at, with) in changes {
            let at = at.index(text.len());
            text[at] = with;
        }
        let text: String = text.into_iter().take(cut).collect();
        if let Err(error) = parse(&text) {
            let CliError::Shown(report) = error else { panic!("{text}") };
            prop_assert!(!report.what.is_empty(), "{}", text);
        }
    }
}

/// What means something in TOML, and something else.
const TEXT: &str = "[]{}=\"'\\,.#@\n\r\t -_0a9\u{0}ж\u{202e}";
