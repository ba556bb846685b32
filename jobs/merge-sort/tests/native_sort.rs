//! Lines against the `sort` program of the system, on inputs that are awkward to sort.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use bramble_guest::local::Run;
use merge_sort::JOB;

/// What `LC_ALL=C sort -s OPTIONS` makes of `input`.
fn native(input: &[u8], options: &[&str]) -> Vec<u8> {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let name = format!("native-sort-{}", CALLS.fetch_add(1, Ordering::Relaxed));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, input).unwrap();
    let sort = Command::new("sort").arg("-s").args(options).arg(&file).env("LC_ALL", "C").output();
    let output = sort.expect("the system has a program `sort`");
    assert!(output.status.success());
    fs::remove_file(&file).unwrap();
    output.stdout
}

/// Cuts after line feeds, at about `bytes`.
fn chunks(input: &[u8], bytes: usize) -> Vec<&[u8]> {
    let mut chunks: Vec<&[u8]> = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let from = bytes.min(rest.len()) - 1;
        let end =
            rest[from..].iter().position(|b| *b == b'\n').map_or(rest.len(), |n| from + n + 1);
        chunks.push(&rest[..end]);
        rest = &rest[end..];
    }
    chunks
}

fn check(what: &str, kind: &str, input: &[u8]) {
    for (order, reverse) in [("ascending", None), ("descending", Some("-r"))] {
        let mut options: Vec<&str> = reverse.into_iter().collect();
        if kind == "number" {
            options.push("-n");
        }
        let expected = native(input, &options);
        for bytes in [7, 1000, usize::MAX] {
            let run = Run::new(&JOB).arg("type", kind).arg("order", order).partitions(3);
            let result = run.whole(&chunks(input, bytes)).unwrap();
            assert!(result == expected, "{what}, {order}, chunks of {bytes} bytes");
        }
    }
}

#[test]
fn awkward_lines_of_text_are_sorted_as_sort_does() {
    let huge = [vec![b'b'; 10 << 20], b"\na\n".to_vec(), vec![b'b'; 3 << 20], b"\nb".to_vec()];
    let cases: [(&str, Vec<u8>); 10] = [
        ("empty", Vec::new()),
        ("one line without an end", b"x".to_vec()),
        ("empty lines", b"\n\nb\n\na\n\n".to_vec()),
        ("carriage returns", b"b\r\na\nb\na\r\n\r\n".to_vec()),
        ("zero bytes", b"a\0\na\0\0\na\n\0\n\na\0b\n".to_vec()),
        ("bytes that are not UTF-8", b"\xff\n\x80\n\xc3\xa9\nz\n".to_vec()),
        ("all equal", b"the same line again\n".repeat(300)),
        ("sorted", (0..500).flat_map(|n| format!("{n:05}\n").into_bytes()).collect()),
        ("reversed", (0..500).rev().flat_map(|n| format!("{n:05}\n").into_bytes()).collect()),
        ("lines of megabytes", huge.concat()),
    ];
    for (what, input) in cases {
        check(what, "text", &input);
    }
}

#[test]
fn numbers_in_many_spellings_are_sorted_as_sort_does() {
    // `sort -n` knows no plus sign, so none is here.
    let spelt: Vec<u8> = (0..400)
        .flat_map(|n: i64| {
            let value = (n * 7919) % 41 - 20;
            let zeros = "0".repeat((n % 3) as usize);
            let sign = if value < 0 { "-" } else { "" };
            let end = ["\n", "\r\n", ".0\n", ".50\n", ".5\n"][(n % 5) as usize];
            format!("{sign}{zeros}{}{end}", value.abs()).into_bytes()
        })
        .collect();
    check("many spellings", "number", &spelt);
    check("no last line feed", "number", b"10\n9\n-1\n-1.0\n009");
    let long = format!("1{}\n2\n-1{}\n0.{}1\n", "0".repeat(9000), "0".repeat(80), "0".repeat(5000));
    check("numbers of thousands of digits", "number", long.as_bytes());
}
