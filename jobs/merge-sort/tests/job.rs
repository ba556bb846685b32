//! The whole job against the standard library's sort, natively.

use bramble_guest::{JobError, local::Run};
use merge_sort::JOB;
use proptest::prelude::*;

/// Cuts `lines` into chunks of `per_chunk`, as a client would.
fn chunks_of(lines: &[String], per_chunk: usize) -> Vec<String> {
    lines.chunks(per_chunk).map(<[_]>::concat).collect()
}

fn sorted(run: &Run, chunks: &[String]) -> Result<String, JobError> {
    let borrowed: Vec<&[u8]> = chunks.iter().map(String::as_bytes).collect();
    Ok(String::from_utf8(run.whole(&borrowed)?).expect("all lines are text"))
}

fn run(kind: &str) -> Run {
    Run::new(&JOB).arg("type", kind)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn numbers_are_sorted_stably_over_chunks_and_ranges(
        values in prop::collection::vec((-60i32..60, "[ \t]?", "(\\.0)?[ \r]?"), 0..200),
        per_chunk in 1usize..60,
        partitions in 1u32..6,
        block_bytes in 1usize..40,
        is_descending: bool,
    ) {
        let lines: Vec<String> = values
            .iter()
            .map(|(value, before, after)| format!("{before}{value}{after}\n"))
            .collect();
        let mut expected: Vec<(i32, &String)> =
            values.iter().map(|value| value.0).zip(&lines).collect();
        // A stable sort by the reversed key, not the reverse of a sort.
        expected.sort_by_key(|(value, _)| if is_descending { -value } else { *value });
        let expected: String = expected.into_iter().map(|(_, line)| line.as_str()).collect();
        let run = run("number")
            .arg("order", if is_descending { "descending" } else { "ascending" })
            .partitions(partitions)
            .block_bytes(block_bytes);
        prop_assert_eq!(sorted(&run, &chunks_of(&lines, per_chunk)).unwrap(), expected);
    }

    #[test]
    fn text_is_sorted_by_its_bytes(
        mut lines in prop::collection::vec("[ab\0é]{0,12}\r?", 0..120),
        per_chunk in 1usize..60,
        partitions in 1u32..6,
        is_descending: bool,
    ) {
        let chunks: Vec<String> = {
            let ended: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
            chunks_of(&ended, per_chunk)
        };
        lines.sort();
        if is_descending {
            lines.reverse();
        }
        let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let run = run("text")
            .arg("order", if is_descending { "descending" } else { "ascending" })
            .partitions(partitions);
        prop_assert_eq!(sorted(&run, &chunks).unwrap(), expected);
    }

    #[test]
    fn binary_numbers_are_sorted_by_value(
        bits: Vec<u64>,
        per_chunk in 1usize..60,
        partitions in 1u32..6,
        is_descending: bool,
    ) {
        let order = if is_descending { "descending" } else { "ascending" };
        let whole = |kind: &str, records: Vec<Vec<u8>>| {
            let chunks: Vec<Vec<u8>> =
                records.chunks(per_chunk).map(<[_]>::concat).collect();
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            run(kind).arg("order", order).partitions(partitions).whole(&chunks).unwrap()
        };
        macro_rules! check {
            ($kind:literal, $values:expr, $compare:expr) => {
                let mut values: Vec<_> = $values;
                let records = values.iter().map(|value| value.to_le_bytes().to_vec()).collect();
                let result = whole($kind, records);
                values.sort_by($compare);
                if is_descending {
                    values.reverse();
                }
                let expected: Vec<u8> =
                    values.iter().flat_map(|value| value.to_le_bytes()).collect();
                prop_assert_eq!(result, expected, $kind);
            };
        }
        check!("u64", bits.clone(), Ord::cmp);
        check!("i64", bits.iter().map(|bits| bits.cast_signed()).collect(), Ord::cmp);
        check!("u32", bits.iter().map(|bits| *bits as u32).collect(), Ord::cmp);
        check!("f32", bits.iter().map(|bits| f32::from_bits(*bits as u32)).collect(), f32::total_cmp);
        check!("f64", bits.iter().map(|bits| f64::from_bits(*bits)).collect(), f64::total_cmp);
    }
}

#[test]
fn an_input_without_records_gives_an_empty_result() {
    for kind in ["number", "text", "u32", "u64", "i64", "f32", "f64", "record"] {
        assert_eq!(run(kind).partitions(3).whole(&[b""]).unwrap(), b"", "{kind}");
        assert_eq!(run(kind).whole(&[]).unwrap(), b"", "{kind}");
        assert_eq!(run(kind).merge(&[]).unwrap(), b"", "{kind}");
    }
}

#[test]
fn a_last_line_without_a_line_feed_gets_one() {
    let run = run("number").partitions(2);
    assert_eq!(run.whole(&[b"3\n2\n", b"10\n1"]).unwrap(), b"1\n2\n3\n10\n");
    assert_eq!(run.whole(&[b"1"]).unwrap(), b"1\n");
}

#[test]
fn equal_keys_fall_into_one_range_however_they_are_spelt() {
    let run = run("number").partitions(3);
    let sample = b"1\n1\n1\n2\n2.0\n02\n3\n3\n3\n";
    let splitters = run.ranges(sample).unwrap();
    assert_eq!(splitters, b"2\n3\n");
    let parts = run.with_ranges(&splitters).map(b"3\n02\n1.5\n2\n+2\n1\n3.0\n").unwrap();
    assert_eq!(parts, [b"1\n1.5\n".to_vec(), b"02\n2\n+2\n".to_vec(), b"3\n3.0\n".to_vec()]);
}

#[test]
fn a_line_that_is_no_number_is_named_with_its_place() {
    let error = run("number").whole(&[b"1\n22\n", b"3\ntwelve\n"]).unwrap_err();
    let JobError::BadInput(message) = error else { panic!("{error:?}") };
    assert!(message.starts_with("`twelve` is not a number: line"), "{message}");
    let error = run("number").map(b"1\n22\n\n4\n").unwrap_err();
    assert_eq!(
        error,
        JobError::bad_input("`` is not a number: line 3 of chunk 0, at byte 5 of the input")
    );
}

#[test]
fn a_cut_record_and_unknown_parameters_are_refused() {
    let error = run("u32").map(b"12345").unwrap_err();
    assert!(matches!(error, JobError::BadInput(message) if message.contains("1 bytes")));
    let error = run("u16").map(b"").unwrap_err();
    assert!(matches!(error, JobError::BadParam(message) if message.contains("`u16`")));
    let error = run("text").arg("order", "random").map(b"").unwrap_err();
    assert!(matches!(error, JobError::BadParam(message) if message.contains("`random`")));
}

#[test]
fn a_chunk_of_more_lines_than_are_sorted_at_once_comes_out_whole() {
    // Two batches and a bit; the values repeat, so stability shows in the spelling.
    let lines: Vec<String> = (0..1_100_000u64)
        .map(|place| format!("{}{}\n", "0".repeat((place % 3) as usize), place * 7919 % 1000))
        .collect();
    let mut expected = lines.clone();
    expected.sort_by_key(|line| line.trim().parse::<u64>().unwrap());
    let run = run("number").partitions(2).with_ranges(b"500\n");
    let parts = run.map(lines.concat().as_bytes()).unwrap();
    assert!(parts[0].ends_with(b"499\n") && !parts[1].starts_with(b"499"));
    assert!(parts.concat() == expected.concat().into_bytes());
}
