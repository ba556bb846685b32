//! The guest modules as `cargo xtask build-jobs` makes them: what the head finds in each.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use bramble_protocol::ModuleKind;
use bramble_protocol::api::{ModuleResponse, NodeView};
use bramble_tests::census::{children, processor_ticks};
use bramble_tests::cluster::{Cluster, Objects, job, wait_for};

fn inspected(cluster: &Cluster, name: &str) -> ModuleResponse {
    let module = std::fs::read(job(name)).unwrap();
    let url = format!("{}/api/v1/modules", cluster.url);
    let mut response =
        cluster.http().post(&url).send(&module[..]).expect("the head accepts the module");
    response.body_mut().read_json().expect("the answer is a ModuleResponse")
}

#[test]
fn every_job_of_the_repository_is_accepted_with_what_it_exports() {
    let cluster = Cluster::start(0);
    let cut_and_map = vec!["cutter", "mapper"];
    let cut_map_and_merge = vec!["cutter", "mapper", "merger"];
    let cut_pairs = vec!["cutter", "mapper-pairs", "reducer"];
    let expected = [
        ("anagrams", ModuleKind::Job, vec!["mapper-pairs", "combiner", "reducer"]),
        ("caesar", ModuleKind::Command, vec![]),
        ("gc-content", ModuleKind::Job, vec!["planner", "mapper"]),
        ("image-cipher", ModuleKind::Job, cut_map_and_merge.clone()),
        ("inverted-index", ModuleKind::Job, vec!["cutter", "mapper-pairs", "combiner", "reducer"]),
        ("mandelbrot", ModuleKind::Job, cut_map_and_merge.clone()),
        ("matrix-multiply", ModuleKind::Job, cut_pairs),
        ("merge-sort", ModuleKind::Job, vec!["partitioner", "mapper", "merger"]),
        ("miner", ModuleKind::Job, cut_and_map),
        ("monte-carlo-pi", ModuleKind::Job, cut_map_and_merge.clone()),
        ("n-queens", ModuleKind::Job, cut_map_and_merge.clone()),
        ("noop", ModuleKind::Command, vec![]),
        ("primes", ModuleKind::Job, vec!["planner", "mapper"]),
        ("shout", ModuleKind::Job, vec!["mapper-bytes"]),
        ("signal-search", ModuleKind::Job, cut_map_and_merge),
        ("word-count", ModuleKind::Job, vec!["partitioner", "mapper-pairs", "combiner", "reducer"]),
    ];
    for (name, kind, exports) in &expected {
        let found = inspected(&cluster, name).module;
        assert_eq!(found.kind, *kind, "{name}");
        let all = [
            ("planner", found.exports.planner),
            ("cutter", found.exports.cutter),
            ("partitioner", found.exports.partitioner),
            ("mapper", found.exports.mapper),
            ("mapper-bytes", found.exports.mapper_bytes),
            ("mapper-pairs", found.exports.mapper_pairs),
            ("combiner", found.exports.combiner),
            ("reducer", found.exports.reducer),
            ("merger", found.exports.merger),
        ];
        let there: Vec<_> =
            all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
        assert_eq!(there, *exports, "{name}");
    }
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../jobs")).unwrap();
    let mut jobs: Vec<String> = folders
        .map(|folder| folder.unwrap())
        .filter(|folder| folder.path().join("Cargo.toml").exists())
        .map(|folder| folder.file_name().into_string().unwrap())
        .collect();
    jobs.sort();
    let known: Vec<_> = expected.iter().map(|(name, ..)| *name).collect();
    assert_eq!(jobs, known, "a job is missing from this test");
}

#[test]
fn a_job_made_with_the_sdk_declares_its_name_and_parameters() {
    let cluster = Cluster::start(0);
    let first = inspected(&cluster, "merge-sort");
    let declared = first.module.declared;
    assert_eq!(declared.name.as_deref(), Some("merge-sort"));
    assert!(declared.params.iter().any(|param| param.name == "type"), "{:?}", declared.params);
    assert!(!first.known);
    assert!(inspected(&cluster, "merge-sort").known, "the second time it is there already");
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("test paths are text")
}

#[test]
fn a_job_that_plans_its_cut_gets_whole_sequences() {
    let cluster = Cluster::start(2);
    let mut fasta = String::new();
    let mut expected = String::new();
    for number in 0..200usize {
        let (g, a) = (number % 7, 1 + number * 13 % 50);
        fasta.push_str(&format!(">s{number} of 200\n{}\n", "G".repeat(g)));
        fasta.push_str(&"A\n".repeat(a));
        let percent = 100.0 * g as f64 / (g + a) as f64;
        if g + a >= 20 {
            expected.push_str(&format!("s{number}\t{}\t{percent:.2}\n", g + a));
        }
    }
    let input = cluster.file("sequences.fasta", fasta.as_bytes());
    let module = job("gc-content");
    let mut args = vec!["submit", path(&module), "--input", &input, "--chunk-size", "500"];
    args.extend(["--arg", "shortest=20", "-o", "-"]);
    assert_eq!(cluster.bramble(&args).ok().text(), expected);
    assert!(cluster.job("last").phases[0].total > 10, "{:?}", cluster.job("last").phases);
    assert_eq!(cluster.job("last").spec.result_name, "gc-content-sequences.tsv");
}

#[test]
fn a_job_that_could_save_gives_the_same_when_it_need_not() {
    let cluster = Cluster::start(1);
    let input = cluster.file("ranges.txt", b"0 1000000\n2 2\n");
    let module = job("primes");
    let args = ["submit", path(&module), "--input", &input, "-o", "-"];
    assert_eq!(cluster.bramble(&args).ok().text(), "0\t1000000\t78498\n2\t2\t1\n");
}

#[test]
fn words_are_counted_alike_in_any_partitions() {
    let cluster = Cluster::start(2);
    let text = bramble_tests::data::prose(7, 6_000);
    let input = cluster.file("prose.txt", text.as_bytes());
    let module = job("word-count");
    for partitions in ["1", "2", "9"] {
        let mut args = vec!["submit", path(&module), "--input", &input, "--chunk-size", "1k"];
        args.extend(["--partitions", partitions, "-o", "-"]);
        let counted = bramble_tests::data::counted_words(&text);
        assert_eq!(cluster.bramble(&args).ok().text(), counted, "{partitions} partitions");
    }
    let view = cluster.job("last");
    let phases: Vec<_> = view.phases.iter().map(|phase| phase.phase.name()).collect();
    // More than 128 chunks are merged before they are reduced.
    assert_eq!(phases, ["ranges", "map", "merge", "reduce"]);
    let args = ["submit", path(&module), "--input", &input, "-o", "-"];
    let counted = bramble_tests::data::counted_words(&text);
    assert_eq!(cluster.bramble(&args).ok().text(), counted, "one chunk is reduced too");
}

#[test]
fn a_parameter_of_the_wrong_kind_is_refused_with_what_would_do() {
    let cluster = Cluster::start(0);
    let input = cluster.file("a.fasta", b">a\nGATTACA\n");
    let module = job("gc-content");
    let args = ["submit", path(&module), "--input", &input, "--arg", "shortest=none", "--dry-run"];
    let expected = [
        "`shortest` cannot be `none`; it is a whole number from 0",
        "shortest=1  Leave out sequences with fewer letters (integer from 0)",
    ];
    cluster.bramble(&args).fails(6, &expected);
    let args = ["submit", path(&module), "--input", &input, "--dry-run"];
    let said = cluster.bramble(&args).ok();
    for expected in ["result  table, .tsv", "--arg   shortest=1", "phases  split, map"] {
        assert!(said.stderr.contains(expected), "{}", said.stderr);
    }
}

#[test]
fn keys_meet_in_one_partition_from_whatever_chunks_they_come() {
    let cluster = Cluster::start(2);
    let mut expected = Vec::new();
    let mut words = Vec::new();
    for number in 0..300u32 {
        let letter = |n: u32| char::from(b'a' + (n % 26) as u8);
        // Of three letters, the first being the least, so that two orders are two words.
        let (a, b) = (letter(number), letter(number / 26 + 13));
        if a < b {
            words.extend([format!("{a}{b}z"), format!("{a}z{b}")]);
            expected.push(format!("{a}{b}z {a}z{b}"));
        }
    }
    // The two words of a set lie far apart.
    let (first, second): (Vec<_>, Vec<_>) = words.chunks(2).map(|two| (&two[0], &two[1])).unzip();
    let all: Vec<&str> = first.into_iter().chain(second).map(String::as_str).collect();
    let input = cluster.file("words.txt", all.join("\n").as_bytes());
    expected.sort_unstable();
    let module = job("anagrams");
    for partitions in [&["--partitions", "1"][..], &["--partitions", "7"], &[]] {
        let mut args = vec!["submit", path(&module), "--input", &input, "--chunk-size", "100"];
        args.extend(partitions.iter().chain(&["-o", "-"]));
        let said = cluster.bramble(&args).ok().text();
        let mut lines: Vec<&str> = said.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, expected, "{partitions:?}");
    }
    let phases = cluster.job("last").phases;
    assert!(phases.last().is_some_and(|phase| phase.total > 1), "two for each slot: {phases:?}");
}

#[test]
fn a_task_saves_when_its_agent_is_told_to_stop_and_goes_on_from_there_after_a_restart() {
    let mut cluster = Cluster::start(1);
    wait_for("the node to be measured", || {
        let nodes: Vec<NodeView> =
            serde_json::from_slice(&cluster.bramble(&["nodes", "--json"]).stdout).ok()?;
        nodes[0].speed
    });
    let input = cluster.file("range.txt", b"1 1000000000\n");
    let module = job("primes");
    cluster.bramble(&["submit", path(&module), "--input", &input, "--detach"]).ok();
    // A fifth of a second of processor time: then the guest counts.
    wait_for("the task to run", || {
        let runners = children(cluster.agent_process(0));
        runners.into_iter().any(|runner| processor_ticks(runner) > 20).then_some(())
    });
    let checkpoints = cluster.data().join("store/checkpoints");
    let kept = || std::fs::read_dir(&checkpoints).map_or(0, Iterator::count);
    cluster.stop_agent(0);
    assert_eq!(kept(), 1, "the task has saved");
    cluster.start_agent(0, Objects::Shared);
    cluster.bramble(&["watch", "1"]).ok();
    let counted = cluster.bramble(&["get", "1", "-o", "-"]).ok().text();
    // The number of primes below 10^9.
    assert_eq!(counted, "1\t1000000000\t50847534\n");
    wait_for("the checkpoint to be removed", || (kept() == 0).then_some(()));
}
