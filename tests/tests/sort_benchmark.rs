//! Sorting as the sort benchmark has it, and as the textbook has it, through the real binary.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;

use bramble_tests::cluster::{Cluster, Said, job};
use bramble_tests::data;
use merge_sort::gensort::{Kind, Records, Summary};

fn sort(cluster: &Cluster, input: &str, more: &[&str]) -> Said {
    let module = job("merge-sort");
    let words = ["submit", module.to_str().unwrap(), "-i", input, "--no-cache", "-o", "sorted"];
    cluster.bramble(&[&words[..], more].concat())
}

/// Tasks of each phase of the last job.
fn phases(cluster: &Cluster) -> Vec<(&'static str, u32)> {
    let view = cluster.job("last");
    view.phases.iter().map(|phase| (phase.phase.name(), phase.total)).collect()
}

#[test]
fn records_are_sorted_by_the_rules_of_the_benchmark() {
    let cluster = Cluster::start(2);
    for (kind, checksum) in [(Kind::Binary, None), (Kind::Ascii, Some(0x1_400f_ed7b_b2c2))] {
        // With a hundred records twice, so that keys repeat.
        let records = Records::from(0, kind).take(163_840);
        let more = Records::from(0, kind).take(if checksum.is_some() { 0 } else { 100 });
        let bytes: Vec<u8> = records.chain(more).flatten().collect();
        let before = Summary::of(&bytes[..]).unwrap();
        assert_ne!(before.unordered, 0);
        let input = cluster.file("records.dat", &bytes);
        sort(&cluster, &input, &["--arg", "type=record"]).ok();
        let after = Summary::of(&fs::read(cluster.dir().join("sorted")).unwrap()[..]).unwrap();
        assert_eq!((after.records, after.checksum), (before.records, before.checksum));
        assert_eq!(after.unordered, 0, "{after}");
        match checksum {
            // As valsort shows it, see the job's own tests.
            Some(checksum) => assert_eq!((after.checksum, after.duplicates), (checksum, 0)),
            None => assert_eq!(after.duplicates, 100),
        }
    }
}

#[test]
fn the_textbook_s_plan_is_a_chunk_for_each_slot_and_one_merge() {
    let cluster = Cluster::start(2);
    let numbers = data::number_lines(3, 80_000);
    let input = cluster.file("numbers.txt", numbers.as_bytes());
    let expected = data::sorted_number_lines(&numbers);
    let sorted = || fs::read_to_string(cluster.dir().join("sorted")).unwrap();
    for (nodes, tasks) in [("2", vec![("map", 2), ("merge", 1)]), ("node-1", vec![("map", 1)])] {
        sort(&cluster, &input, &["--plan", "textbook", "--nodes", nodes]).ok();
        assert!(sorted() == expected, "on {nodes}");
        let found = phases(&cluster);
        assert!(found.starts_with(&tasks) && found.len() <= 2, "{found:?} on {nodes}");
    }
    sort(&cluster, &input, &["--plan", "ranges"]).ok();
    assert!(sorted() == expected);
    assert!(phases(&cluster).iter().any(|(phase, total)| *phase == "merge" && *total > 1));
}

#[test]
fn a_dry_run_shows_the_textbook_s_plan_and_the_job_its_serial_tail() {
    let cluster = Cluster::start(2);
    let input = cluster.file("numbers.txt", data::number_lines(4, 60_000).as_bytes());
    let module = job("merge-sort");
    let words = ["submit", module.to_str().unwrap(), "-i", &input, "--plan", "textbook"];
    let dry = |more: &[&str]| cluster.bramble(&[&words[..], &["--dry-run"], more].concat()).ok();
    let plan: serde_json::Value = serde_json::from_str(&dry(&["--json"]).text()).unwrap();
    assert_eq!(
        (plan["chunks"].as_u64(), plan["partitions"].as_u64()),
        (Some(2), Some(1)),
        "{plan}"
    );
    let dry = dry(&[]).text();
    assert!(dry.contains("in 2 chunks, to become 1 part,"), "{dry}");
    assert!(cluster.bramble(&["jobs", "--json"]).ok().text().trim() == "[]", "no job was made");
    sort(&cluster, &input, &["--plan", "textbook"]).ok();
    let shown = cluster.bramble(&["jobs", "last"]).ok().text();
    for (phase, tasks) in [("map", "2/2"), ("merge", "1/1")] {
        let line = shown.lines().find(|line| line.trim_start().starts_with(phase)).unwrap();
        assert!(line.contains(tasks) && line.contains("took "), "{line}");
    }
}

/// What the sandbox might change, were a number ever taken for one: the payloads of NaNs.
#[test]
fn nans_and_zeros_come_through_the_sandbox_bit_for_bit() {
    let cluster = Cluster::start(2);
    // Ascending by section 5.10 of IEEE 754-2008; the second and the last but one are signalling.
    let ascending: [u32; 6] =
        [0xffff_ffff, 0xff80_0001, 0x8000_0000, 0x0000_0000, 0x7f80_0001, 0x7fff_ffff];
    let bytes = |places: &mut dyn Iterator<Item = usize>| -> Vec<u8> {
        places.flat_map(|place| ascending[place].to_le_bytes()).collect()
    };
    let input = cluster.file("odd.f32", &bytes(&mut (0..60_000).map(|n| n * 5 % 6)));
    sort(&cluster, &input, &["--arg", "type=f32", "--chunk-size", "10k"]).ok();
    let sorted = fs::read(cluster.dir().join("sorted")).unwrap();
    assert!(sorted == bytes(&mut (0..60_000).map(|n| n / 10_000)));
}

#[test]
fn a_cut_off_record_is_refused_before_anything_is_sent() {
    let cluster = Cluster::start(1);
    let bytes: Vec<u8> = Records::from(0, Kind::Binary).take(30).flatten().collect();
    let input = cluster.file("records.dat", &bytes[..2_999]);
    sort(&cluster, &input, &["--arg", "type=record"])
        .fails(5, &["100 bytes of a record", "help: "]);
    assert!(cluster.bramble(&["jobs", "--json"]).ok().text().trim() == "[]", "no job was made");
}

/// Lines far longer than the blocks in which they are read, and than what a sample holds.
#[test]
fn lines_of_megabytes_are_sorted_on_the_cluster() {
    let cluster = Cluster::start(2);
    let line = |first: char, last: char| format!("{first}{}{last}\n", "x".repeat(1 << 20));
    let short = "short\n".repeat(100);
    let input = [line('b', '2'), short.clone(), line('a', '1'), line('b', '1')].concat();
    let input = cluster.file("lines.txt", input.as_bytes());
    sort(&cluster, &input, &["--arg", "type=text", "--chunk-size", "2m"]).ok();
    let sorted = fs::read_to_string(cluster.dir().join("sorted")).unwrap();
    assert!(sorted == [line('a', '1'), line('b', '1'), line('b', '2'), short].concat());
}

#[test]
fn a_textbook_s_plan_that_cannot_be_is_refused() {
    let cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", b"3\n1\n2\n");
    let refused = |name: &str, more: &[&str], code: i32, words: &[&str]| {
        let module = job(name);
        let base = ["submit", module.to_str().unwrap(), "--plan", "textbook"];
        cluster.bramble(&[&base[..], more].concat()).fails(code, words);
    };
    refused("word-count", &["-i", &input], 6, &["no textbook plan", "does not merge"]);
    refused("mandelbrot", &[], 6, &["no textbook plan", "cuts its input itself"]);
    refused("merge-sort", &["-i", &input, "--nodes", "nobody"], 6, &["no node to plan for"]);
    refused("merge-sort", &["-i", &input, "--chunk-size", "1k"], 2, &["cannot be used with"]);
    // 65 MiB for one slot, where a chunk has at most 64.
    let long = cluster.dir().join("long");
    fs::File::create(&long).unwrap().set_len(65 << 20).unwrap();
    let words = ["a chunk would have", "at most 64 MiB", "use more nodes"];
    refused("merge-sort", &["-i", long.to_str().unwrap()], 6, &words);
}
