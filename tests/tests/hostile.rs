//! A cluster under attack: every hostile module ends as it must and in its time, jobs beside it
//! get their right result, and nothing stays behind.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use bramble_protocol::JobSpec;
use bramble_protocol::api::{JobList, JobState, JobView, LogEntry, LogList, SubmitRequest};
use bramble_tests::census::{self, Holdings};
use bramble_tests::cluster::{Cluster, Said, fixture, job, wait_for};
use bramble_tests::data;
use bramble_tests::hostile::{Case, Expected, GRACE_US, LIMITS, corpus, fixture_names};

/// The whole corpus is through by then, or hangs.
const HARD_DEADLINE: Duration = Duration::from_secs(240);

/// What is said about a module that is refused, whatever names are in it.
const REFUSAL_BYTES_MAX: usize = 8 << 10;

#[test]
fn every_fixture_is_part_of_the_corpus_and_no_name_is_used_twice() {
    let files: BTreeSet<String> = fs::read_dir(fixture("hostile"))
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let known: BTreeSet<String> = fixture_names().into_iter().collect();
    assert_eq!(files, known);
    let names: BTreeSet<String> = corpus().into_iter().map(|case| case.name).collect();
    assert_eq!(names.len(), corpus().len());
}

/// A case that was submitted.
struct Submitted {
    case: Case,
    said: Said,
}

impl Submitted {
    fn job(&self) -> Option<&str> {
        let id = std::str::from_utf8(&self.said.stdout).unwrap().trim();
        (self.said.code == 0).then_some(id)
    }
}

fn submit(cluster: &Cluster, case: Case, input: &str) -> Submitted {
    let module = cluster.file(&format!("{}.wasm", case.name), &case.module);
    let mut args = vec!["submit", &module, "--input", input, "--detach", "--no-cache"];
    let overridden = |limit: &&str| {
        let flag = limit.split('=').next().unwrap();
        case.flags.iter().any(|own| own.starts_with(flag))
    };
    args.extend(LIMITS.iter().copied().filter(|limit| !overridden(limit)));
    args.extend(case.flags);
    let said = cluster.bramble(&args);
    fs::remove_file(module).unwrap();
    Submitted { case, said }
}

fn get<T: serde::de::DeserializeOwned>(cluster: &Cluster, path: &str) -> T {
    let url = format!("{}/api/v1/{path}", cluster.url);
    cluster.http().get(&url).call().unwrap().body_mut().read_json().unwrap()
}

/// All jobs, once none of them runs or waits any more.
fn wait_for_all(cluster: &Cluster) -> Vec<JobView> {
    let begun = Instant::now();
    loop {
        let jobs = get::<JobList>(cluster, "jobs").jobs;
        if jobs.iter().all(|job| job.state.is_final()) {
            return jobs;
        }
        let left = || jobs.iter().filter(|job| !job.state.is_final()).map(|job| &job.spec.name);
        assert!(begun.elapsed() < HARD_DEADLINE, "not done: {:?}", left().collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How a job ended, in one word.
fn end_of(view: &JobView) -> &'static str {
    match &view.failure {
        Some(failure) => failure.outcome.slug(),
        None => view.state.name(),
    }
}

/// What is wrong with the end of a case, if anything.
fn fault(cluster: &Cluster, submitted: &Submitted) -> Option<String> {
    let Submitted { case, said } = submitted;
    let Some(id) = submitted.job() else {
        return refusal_fault(case.expected, said);
    };
    let view: JobView = get(cluster, &format!("jobs/{id}"));
    let end = end_of(&view);
    let message = view.failure.as_ref().map(|failure| failure.outcome.message());
    let found = || format!("ended as {end}: {message:?} {:?}", view.note);
    let logs: LogList = get(cluster, &format!("jobs/{id}/logs"));
    // For whoever wants to look: `cargo test … -- --nocapture`.
    let cpu_us: u64 = logs.entries.iter().map(|entry| entry.usage.cpu_us).sum();
    let first = message.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
    println!("{}: {end}, {} ms: {first}", case.name, cpu_us / 1000);
    match case.expected {
        Expected::Refused(_) => return Some(found()),
        Expected::Fails(slugs) if !slugs.contains(&end) => return Some(found()),
        Expected::Done(_) | Expected::Ends if end != "done" => return Some(found()),
        Expected::Contained if matches!(end, "node-fault" | "node-lost" | "timed-out") => {
            return Some(found());
        }
        Expected::Done(expected) => {
            let result = cluster.bramble(&["get", id, "-o", "-"]).ok().stdout;
            if result != expected {
                return Some(format!("gave {:?}", String::from_utf8_lossy(&result)));
            }
        }
        _ => {}
    }
    logs.entries.iter().find_map(|entry| overstay(&view, entry))
}

fn refusal_fault(expected: Expected, said: &Said) -> Option<String> {
    match expected {
        Expected::Refused(words) => {
            let complete = said.code == 6
                && said.stderr.len() < REFUSAL_BYTES_MAX
                && said.stderr.contains("error: ")
                && words.iter().all(|word| said.stderr.contains(word));
            (!complete).then(|| format!("refused with {}: {:.2000}", said.code, said.stderr))
        }
        Expected::Contained if said.code == 6 => None,
        _ => Some(format!("refused with {}: {:.2000}", said.code, said.stderr)),
    }
}

/// Whether an attempt ran for longer than it may.
fn overstay(view: &JobView, entry: &LogEntry) -> Option<String> {
    let limits = &view.spec.limits;
    let over = |what: &str, used: u64, limit_ms: u64| {
        (used > limit_ms * 1000 + GRACE_US)
            .then(|| format!("used {used} us of {what}, its limit is {limit_ms} ms"))
    };
    over("processor time", entry.usage.cpu_us, limits.cpu_ms_max).or(over(
        "time",
        entry.usage.wall_us,
        limits.wall_ms_max,
    ))
}

/// Head and agents at one time, and the files that are being written.
fn holdings(cluster: &Cluster, agents: usize) -> (Vec<Holdings>, usize) {
    let agents = (0..agents).map(|index| cluster.agent_process(index));
    let processes = std::iter::once(cluster.head_process()).chain(agents);
    let staged = fs::read_dir(cluster.data().join("store/tmp")).unwrap().count();
    (processes.map(census::holdings).collect(), staged)
}

/// How much more memory a head may use afterwards: its threads' allocators each keep about as much
/// as the largest module took, which is 10 MiB.
const HEAD_BYTES: u64 = 64 << 20;
/// The same for an agent, which never holds a module or a chunk.
const AGENT_BYTES: u64 = 8 << 20;
/// What a runner may hold in all when it is idle: the code of the last few modules, and what its
/// allocator keeps of larger ones. It stays below this however often the corpus is run.
const RUNNER_BYTES: u64 = 256 << 20;

/// Waits until head and agents hold no more than `before`.
fn wait_until_nothing_is_left(cluster: &Cluster, before: &[Holdings]) {
    let start = Instant::now();
    loop {
        let (now, staged) = holdings(cluster, before.len() - 1);
        let within = |place: usize| {
            let (now, before) = (&now[place], &before[place]);
            let more_bytes = if place == 0 { HEAD_BYTES } else { AGENT_BYTES };
            now.descriptors <= before.descriptors
                && now.children <= before.children
                && now.resident_bytes <= before.resident_bytes + more_bytes
        };
        if staged == 0 && (0..before.len()).all(within) {
            break;
        }
        let late = start.elapsed() > Duration::from_secs(30);
        assert!(!late, "before: {before:#?}\nnow: {now:#?}\nfiles in tmp: {staged}");
        std::thread::sleep(Duration::from_millis(100));
    }
    for index in 0..before.len() - 1 {
        for runner in census::children(cluster.agent_process(index)) {
            let bytes = census::resident_bytes(runner);
            assert!(bytes < RUNNER_BYTES, "runner {runner} holds {bytes} bytes");
        }
    }
}

#[test]
fn every_hostile_module_ends_as_it_must_and_nobody_else_notices() {
    let cluster = Cluster::start(2);
    let prose = data::prose(1, 40_000);
    let text = cluster.file("prose.txt", prose.as_bytes());
    let counting = job("word-count").into_os_string().into_string().unwrap();
    let count = ["submit", &counting, "--input", &text, "--chunk-size", "64k", "--no-cache"];
    // Once before, so that all that is kept for good jobs is there already.
    let count_now = [&count[..], &["-o", "before.txt"]].concat();
    cluster.bramble(&count_now).ok();
    let (before, _) = holdings(&cluster, 2);

    let input = cluster.file("input.txt", b"1\n2\n3\n");
    let mut good = Vec::new();
    let mut submitted = Vec::new();
    for (place, case) in corpus().into_iter().enumerate() {
        if place % 40 == 10 {
            let said = cluster.bramble(&[&count[..], &["--detach", "--name", "good"]].concat());
            good.push(said.ok().text().trim().to_owned());
        }
        submitted.push(submit(&cluster, case, &input));
    }
    wait_for_all(&cluster);

    let faults: Vec<String> = submitted
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.case.name, fault(&cluster, one)?)))
        .collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), submitted.len(), faults.join("\n"));
    let long = submitted.iter().find(|one| one.case.name == "name-of-60-kib").unwrap();
    let long: JobView = get(&cluster, &format!("jobs/{}", long.job().unwrap()));
    let message = long.failure.unwrap().outcome.message();
    assert!(message.starts_with("call stack exhausted"), "cut off at the wrong end: {message:.50}");
    let expected = data::counted_words(&prose);
    for id in good {
        let result = cluster.bramble(&["get", &id, "-o", "-"]).ok();
        assert!(result.text() == expected, "job {id} was disturbed");
    }
    wait_until_nothing_is_left(&cluster, &before);
}

/// What is in a text and could steer a terminal or disguise what it says.
fn steering(text: &str) -> Vec<char> {
    let steers = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(steers).collect()
}

#[track_caller]
fn assert_harmless(said: &Said) {
    for text in [said.text(), said.stderr.clone()] {
        assert_eq!(steering(&text), Vec::<char>::new(), "in {text:?}");
        // A line of the guest's that looks like one of bramble's own.
        let faked = text.lines().find(|line| {
            line.starts_with("error: your password") || line.starts_with("   Finished all is well")
        });
        assert_eq!(faked, None, "in {text:?}");
    }
}

#[test]
fn no_name_message_or_log_of_a_guest_reaches_a_terminal_as_a_command_to_it() {
    let cluster = Cluster::start(1);
    let input = cluster.file("input.txt", b"1\n2\n3\n");
    let mut jobs = Vec::new();
    for case in corpus().into_iter().filter(|case| case.name.contains("steers")) {
        let submitted = submit(&cluster, case, &input);
        assert_harmless(&submitted.said);
        jobs.extend(submitted.job().map(str::to_owned));
    }
    assert!(jobs.len() >= 3, "{jobs:?}");
    wait_for_all(&cluster);
    jobs.push(submit_named_by_an_attacker(&cluster, &jobs[0]));
    wait_for_all(&cluster);
    for id in &jobs {
        for args in [&["jobs", id][..], &["logs", id], &["watch", id], &["get", id]] {
            for format in [&[][..], &["--plain"], &["--json"]] {
                assert_harmless(&cluster.bramble(&[args, format].concat()));
            }
        }
    }
    for args in [&["jobs"][..], &["jobs", "--plain"], &["jobs", "--json"], &["nodes"]] {
        assert_harmless(&cluster.bramble(args));
    }
    for name in ["head", "node-1"] {
        let log = cluster.logged(name);
        assert_eq!(steering(&log), Vec::<char>::new(), "in {log:?}");
    }
}

/// Submits the work of job `id` again, past the command line, with names as an attacker would
/// choose them.
fn submit_named_by_an_attacker(cluster: &Cluster, id: &str) -> String {
    let mut spec = get::<JobView>(cluster, &format!("jobs/{id}")).spec;
    spec.name = "\x1b[2J\x1b]0;x\x07a\rb\nc\u{9b}31m\u{202e}d".into();
    spec.result_name = "../../\x1b[31m.bashrc".into();
    spec.args = vec!["\x1b[5m".into(), "a\nb".into()];
    spec.params = [("p".to_owned(), "\x1b[2J\r\nfaked: line\u{202e}".to_owned())].into();
    let url = format!("{}/api/v1/jobs", cluster.url);
    let mut answer = cluster
        .http()
        .post(&url)
        .send_json(SubmitRequest { spec, secrets: Default::default() })
        .unwrap();
    let view: JobView = answer.body_mut().read_json().unwrap();
    assert!(!view.spec.result_name.contains(['/', '\x1b']), "{:?}", view.spec.result_name);
    view.id.to_string()
}

fn named(name: &str) -> Case {
    corpus().into_iter().find(|case| case.name == name).unwrap()
}

/// Runs a case to its end and gives its result.
fn result_of(cluster: &Cluster, name: &str, input: &str) -> (JobView, Vec<u8>) {
    let submitted = submit(cluster, named(name), input);
    let id = submitted.job().unwrap_or_else(|| panic!("{:?}", submitted.said)).to_owned();
    wait_for_all(cluster);
    let view = get(cluster, &format!("jobs/{id}"));
    (view, cluster.bramble(&["get", &id, "-o", "-"]).ok().stdout)
}

#[test]
fn a_guest_can_measure_no_time_and_draws_the_same_numbers_in_every_run() {
    let cluster = Cluster::start(2);
    let input = cluster.file("input.txt", b"1\n");
    let (view, readings) = result_of(&cluster, "probes-time", &input);
    let clocks: Vec<u64> = readings
        .chunks_exact(8)
        .map(|reading| u64::from_le_bytes(reading.try_into().unwrap()))
        .collect();
    assert_eq!(clocks.len(), 5, "two readings of the wall's clock and three others");
    // Milliseconds since 1970 against nanoseconds.
    assert_eq!(clocks[0] / 1_000_000, JobSpec::CLOCK_MS, "it starts where all jobs' clocks do");
    assert_eq!(view.state, JobState::Done);
    let (after, before) = (clocks[1], clocks[0]);
    assert!(after - before < 10_000, "{} ns passed while it worked", after - before);
    assert!(clocks[2] < 10_000, "the steady clock shows {} ns", clocks[2]);

    let (_, first) = result_of(&cluster, "probes-random", &input);
    let (_, second) = result_of(&cluster, "probes-random", &input);
    assert_eq!(first, second);
    assert!(first[..64].iter().collect::<BTreeSet<_>>().len() > 8, "random bytes differ");
    let environment = String::from_utf8(first[64..].to_vec()).unwrap();
    let names = environment.split_terminator('\0').map(|pair| pair.split('=').next().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["BRAMBLE_COUNT", "BRAMBLE_INDEX", "BRAMBLE_PHASE", "BRAMBLE_SEED"]
    );
}

#[test]
fn machine_code_that_bramble_itself_has_compiled_is_refused_from_a_user() {
    let cluster = Cluster::start(1);
    let input = cluster.file("input.txt", b"1\n");
    result_of(&cluster, "exits-in-start", &input);
    let compiled = wait_for("an artefact in the store", || {
        stored(&cluster).into_iter().find(|bytes| bytes.starts_with(b"bramble\x01"))
    });
    let module = cluster.file("mine.wasm", &compiled);
    cluster.bramble(&["submit", &module, "--input", &input]).fails(6, &[".cwasm", "help: "]);
    // Nor by its digest, which anybody can compute.
    let mut spec = get::<JobList>(&cluster, "jobs").jobs[0].spec.clone();
    spec.module = bramble_protocol::Digest::of(&compiled);
    let url = format!("{}/api/v1/jobs", cluster.url);
    let refused = cluster
        .http()
        .post(&url)
        .send_json(SubmitRequest { spec, secrets: Default::default() })
        .unwrap_err();
    assert!(matches!(refused, ureq::Error::StatusCode(400..=422)), "{refused}");
}

/// The bytes of all objects.
fn stored(cluster: &Cluster) -> Vec<Vec<u8>> {
    let shards = fs::read_dir(cluster.data().join("store/objects")).unwrap();
    let files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}
