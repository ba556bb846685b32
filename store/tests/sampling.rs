//! Samples are whole records, spread evenly, bounded, and the same each time.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::collections::BTreeSet;

use bramble_protocol::SplitRule;
use bramble_store::cut::{CutOptions, Cutter};
use proptest::prelude::*;

fn sample(input: &[u8], rule: SplitRule, chunk_bytes: u64, bytes_max: u64) -> Option<Vec<u8>> {
    let options = CutOptions { rule, chunk_bytes, sample_bytes_max: bytes_max };
    let mut cutter = Cutter::new(input, options).unwrap();
    assert!(cutter.by_ref().all(|chunk| chunk.is_ok()));
    cutter.into_sample()
}

fn numbered_lines(count: u32) -> Vec<u8> {
    (0..count).flat_map(|i| format!("{i:07}\n").into_bytes()).collect()
}

/// The numbers in the sample of `numbered_lines(count)`.
fn numbers(sample: &[u8]) -> Vec<u32> {
    let text = std::str::from_utf8(sample).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn a_small_input_is_sampled_whole() {
    let input = numbered_lines(1000);
    assert_eq!(sample(&input, SplitRule::Lines, 900, 8000).unwrap(), input);
    let records = SplitRule::Records { bytes: 8 };
    assert_eq!(sample(&input, records, 900, 8000).unwrap(), input);
}

#[test]
fn a_line_without_a_line_feed_gets_one() {
    assert_eq!(sample(b"a\nb", SplitRule::Lines, 2, 100).unwrap(), b"a\nb\n");
    assert_eq!(sample(b"b", SplitRule::Lines, 2, 2).unwrap(), b"b\n");
}

#[test]
fn bytes_have_no_records_to_sample() {
    assert!(sample(b"abc", SplitRule::Bytes, 2, 100).is_none());
    assert!(sample(b"a\nb\n", SplitRule::Lines, 2, 0).is_none());
    assert!(sample(b"abcd", SplitRule::Records { bytes: 2 }, 2, 0).is_none());
}

#[test]
fn a_long_input_is_sampled_evenly_to_its_end() {
    let count = 200_000;
    let input = numbered_lines(count);
    for rule in [SplitRule::Lines, SplitRule::Records { bytes: 8 }] {
        let sample = sample(&input, rule, 64 << 10, 16 << 10).unwrap();
        assert!(sample.len() > 6 << 10 && sample.len() <= 16 << 10, "{} bytes", sample.len());
        let numbers = numbers(&sample);
        let gaps: BTreeSet<u32> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps.len(), 1, "{rule}: {gaps:?}");
        assert_eq!(numbers[0], 0);
        assert!(count - numbers.last().unwrap() <= *gaps.first().unwrap(), "{rule}");
    }
}

#[test]
fn long_records_are_left_out() {
    let long = "x".repeat(5000);
    let input = format!("a\n{long}\nb\n{long}\n{long}\nc\n");
    assert_eq!(sample(input.as_bytes(), SplitRule::Lines, 6000, 1000).unwrap(), b"a\nb\nc\n");
    let input = vec![0; 50_000];
    assert!(sample(&input, SplitRule::Records { bytes: 5000 }, 5000, 1 << 20).is_none());
    assert!(sample(long.as_bytes(), SplitRule::Lines, 6000, 1 << 20).is_none());
}

#[test]
fn each_quarter_of_lines_of_mixed_length_has_its_share_of_bytes() {
    let line = |i: u32| format!("{i} {}\n", "y".repeat((i * 7919 % 300) as usize)).into_bytes();
    let input: Vec<u8> = (0..40_000).flat_map(line).collect();
    let sample = sample(&input, SplitRule::Lines, 256 << 10, 64 << 10).unwrap();
    let text = std::str::from_utf8(&sample).unwrap();
    let mut quarters = [0u32; 4];
    for line in text.lines() {
        let number: usize = line.split(' ').next().unwrap().parse().unwrap();
        quarters[number / 10_000] += 1;
    }
    let (least, most) = (quarters.iter().min().unwrap(), quarters.iter().max().unwrap());
    assert!(*least > 50 && most - least <= most / 10, "{quarters:?}");
}

proptest! {
    #[test]
    fn samples_are_lines_of_the_input_in_order_within_the_bound(
        input in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 1..3000),
        bytes_max in 1..200u64,
    ) {
        let whole = sample(&input, SplitRule::Lines, 3000, bytes_max);
        let Some(whole) = whole else { return Ok(()) };
        prop_assert!(whole.len() as u64 <= bytes_max);
        prop_assert!(whole.ends_with(b"\n"));
        let mut lines = input.split(|byte| *byte == b'\n');
        for sampled in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            prop_assert!(lines.any(|line| line == sampled));
        }
    }

    #[test]
    fn samples_do_not_depend_on_the_size_of_chunks(
        lines in prop::collection::vec("[a-z]{0,12}", 1..300),
        chunk_bytes in 13..500u64,
        bytes_max in 1..400u64,
    ) {
        let input = lines.join("\n").into_bytes();
        prop_assume!(!input.is_empty());
        let whole = sample(&input, SplitRule::Lines, 1 << 20, bytes_max);
        prop_assert_eq!(sample(&input, SplitRule::Lines, chunk_bytes, bytes_max), whole);
    }
}
