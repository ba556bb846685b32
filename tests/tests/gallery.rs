//! The gallery through the real binary: every job on one node and on two, shared in several ways,
//! against results from elsewhere.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::collections::BTreeMap;

use bramble_protocol::api::JobState;
use bramble_tests::cluster::{Cluster, Said, job};
use bramble_tests::data;

/// Submits a job, and gives its result.
fn submitted(cluster: &Cluster, name: &str, more: &[&str]) -> Said {
    let module = job(name);
    let words = ["submit", module.to_str().unwrap(), "--no-cache", "-o", "-"];
    cluster.bramble(&[&words[..], more].concat())
}

/// The result of each way to run a job, which must be the same.
fn same(cluster: &Cluster, name: &str, base: &[&str], ways: &[&[&str]]) -> Vec<u8> {
    let mut results = ways.iter().map(|way| {
        let words = [base, way].concat();
        (way, submitted(cluster, name, &words).ok().stdout)
    });
    let (_, first) = results.next().unwrap();
    for (way, result) in results {
        assert!(result == first, "{name} gives another result with {way:?}");
    }
    first
}

/// That a job ends with an error that says all of `words`.
#[track_caller]
fn refused(cluster: &Cluster, name: &str, more: &[&str], words: &[&str]) {
    let said = submitted(cluster, name, more);
    assert_ne!(said.code, 0, "{name} {more:?}");
    for word in words {
        assert!(said.stderr.contains(word), "`{word}` is not in:\n{}", said.stderr);
    }
}

#[test]
fn pi_is_the_same_however_the_points_are_shared() {
    let cluster = Cluster::start(2);
    let ways: [&[&str]; 4] = [
        &["--arg", "tasks=1"],
        &["--arg", "tasks=40"],
        &["--arg", "tasks=7", "--nodes", "1"],
        // More parts than one merge takes.
        &["--arg", "tasks=300", "--nodes", "2"],
    ];
    let found = same(&cluster, "monte-carlo-pi", &["--arg", "points=100000"], &ways);
    // python3 jobs/monte-carlo-pi/tests/pi.py 100000 1
    let start = "points\t100000\ninside\t78475\npi\t3.1390000000\nstandard error\t0.00519";
    let found = String::from_utf8(found).unwrap();
    assert!(found.starts_with(start), "{found}");
    refused(&cluster, "monte-carlo-pi", &["--arg", "points=0"], &["`points` must be at least 1"]);
    refused(&cluster, "monte-carlo-pi", &["--arg", "points=many"], &["`points`"]);
    refused(&cluster, "monte-carlo-pi", &["--arg", "pionts=1"], &["`pionts`", "points"]);
}

#[test]
fn queens_are_counted_by_tasks_of_any_depth() {
    let cluster = Cluster::start(2);
    let ways: [&[&str]; 3] =
        [&["--arg", "depth=1"], &["--arg", "depth=2"], &["--arg", "depth=3", "--nodes", "1"]];
    let found = same(&cluster, "n-queens", &["--arg", "queens=11"], &ways);
    // OEIS A000170(11).
    let found = String::from_utf8(found).unwrap();
    assert!(
        found.starts_with("queens\t11\nsolutions\t2680\nboard\t1 3 5 7 9 11 2 4 6 8 10\n"),
        "{found}"
    );
    refused(&cluster, "n-queens", &["--arg", "queens=25"], &["`queens` goes from 1 to 24"]);
}

#[test]
fn a_coin_is_mined_and_the_other_tasks_are_stopped() {
    let cluster = Cluster::start(2);
    let base = ["--arg", "header=6272616d626c65", "--arg", "bits=12"];
    let ways: [&[&str]; 3] =
        [&[], &["--arg", "tasks=5000", "--nodes", "1"], &["--arg", "nonces=6000"]];
    let found = same(&cluster, "miner", &base, &ways);
    // python3 jobs/miner/tests/mine.py 6272616d626c65 12
    let hash = "0006d16b39f79405bf5c749c75c4808da06340bcb1f7412fe75f7002c69ac795";
    assert_eq!(String::from_utf8(found).unwrap(), format!("nonce\t5163\nhash\t{hash}\n"));
    // Bitcoin's first block.
    let satoshi = ["--arg", "from=2083200000", "--arg", "bits=43", "--arg", "tasks=2000"];
    let found = submitted(&cluster, "miner", &satoshi).ok().text();
    assert!(found.starts_with("nonce\t2083236893\nhash\t000000000019d668"), "{found}");
    // All nonces are half an hour of work, of which nearly nothing was done.
    assert_eq!(cluster.job("last").state, JobState::Done);
    refused(&cluster, "miner", &["--arg", "header=xyz"], &["pairs of digits"]);
}

#[test]
fn the_mandelbrot_set_is_drawn_in_any_strips() {
    let cluster = Cluster::start(2);
    let base = ["--arg", "width=150", "--arg", "height=140", "--arg", "iterations=300"];
    let ways: [&[&str]; 4] = [
        &["--arg", "rows=140"],
        &["--arg", "rows=16"],
        &["--arg", "rows=9", "--nodes", "1"],
        // More parts than one merge takes.
        &["--arg", "rows=1"],
    ];
    let png = same(&cluster, "mandelbrot", &base, &ways);
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xaeB`\x82"));
    assert_eq!(png[16..24], [0, 0, 0, 150, 0, 0, 0, 140], "width and height");
    refused(&cluster, "mandelbrot", &["--arg", "width=0"], &["`width` goes from 1"]);
    let input = cluster.file("input.txt", b"x");
    refused(&cluster, "mandelbrot", &["--input", &input], &["no input"]);
}

#[test]
fn matrices_are_multiplied_in_any_blocks() {
    let cluster = Cluster::start(2);
    let (rows, inner, columns) = (31_usize, 45, 22);
    let number = |n: usize| (n * n * 31 + n * 17) as i64 % 2003 - 1001;
    let numbers: Vec<i64> = (0..inner * (rows + columns)).map(number).collect();
    let mut file = format!("matrices i64 {rows} {inner} {columns}\n").into_bytes();
    file.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    let (left, right) = numbers.split_at(rows * inner);
    let mut expected = format!("matrix i64 {rows} {columns}\n").into_bytes();
    for place in 0..rows * columns {
        let products = (0..inner)
            .map(|k| left[place / columns * inner + k] * right[k * columns + place % columns]);
        expected.extend(products.sum::<i64>().to_le_bytes());
    }
    let input = cluster.file("two.matrices", &file);
    let ways: [&[&str]; 3] =
        [&[], &["--arg", "block=10"], &["--arg", "block=7", "--nodes", "1", "--partitions", "3"]];
    assert!(same(&cluster, "matrix-multiply", &["--input", &input], &ways) == expected);
    let short = cluster.file("short.matrices", &file[..file.len() - 8]);
    refused(&cluster, "matrix-multiply", &["--input", &short], &["should have"]);
    let other = cluster.file("other.txt", b"no matrices\n");
    refused(&cluster, "matrix-multiply", &["--input", &other], &["matrices f64"]);
}

#[test]
fn an_index_has_every_line_of_every_word() {
    let cluster = Cluster::start(2);
    let text = data::prose(5, 800);
    let mut lines: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.to_lowercase();
        for word in line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let found = lines.entry(word.to_owned()).or_default();
            if found.last() != Some(&number) {
                found.push(number);
            }
        }
    }
    let expected: String = lines
        .iter()
        .map(|(word, lines)| {
            let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
            format!("{word}\t{}\n", lines.join(" "))
        })
        .collect();
    let input = cluster.file("prose.txt", text.as_bytes());
    let ways: [&[&str]; 3] = [
        &["--chunk-size", "4k"],
        &["--chunk-size", "1M"],
        &["--chunk-size", "16k", "--nodes", "1", "--partitions", "7"],
    ];
    let found = same(&cluster, "inverted-index", &["--input", &input], &ways);
    assert!(found == expected.as_bytes());
}

#[test]
fn a_program_in_c_counts_letters_and_adds_the_counts() {
    let jobs = job("noop");
    if !jobs.with_file_name("letters.wasm").exists() {
        eprintln!("skipped: there is no letters.wasm, because nothing here compiles C");
        return;
    }
    let cluster = Cluster::start(2);
    let text = data::prose(6, 500);
    let count =
        |letter: char| text.chars().filter(|found| found.to_ascii_lowercase() == letter).count();
    let expected: String =
        ('a'..='z').map(|letter| format!("{letter}\t{}\n", count(letter))).collect();
    let input = cluster.file("prose.txt", text.as_bytes());
    let ways: [&[&str]; 3] = [
        &["--chunk-size", "100"],
        &["--chunk-size", "1M"],
        &["--chunk-size", "2k", "--nodes", "1"],
    ];
    let base = ["--input", input.as_str(), "--merge-arg", "--add"];
    let found = same(&cluster, "letters", &base, &ways);
    assert_eq!(String::from_utf8(found).unwrap(), expected);
    let first = submitted(&cluster, "letters", &["--input", &input, "--chunk-size", "1M"]).ok();
    assert_eq!(first.text(), expected, "one chunk needs no merge");
    refused(&cluster, "letters", &["--input", &input, "--", "--add"], &["[bad-input]"]);
}
