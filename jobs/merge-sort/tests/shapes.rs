//! Inputs of awkward shapes and lengths, for every kind of record of a fixed size. The expected
//! order is that of the standard library's stable sort.

use bramble_guest::{JobError, local::Run};
use merge_sort::JOB;

/// Each kind with the length of its records.
const KINDS: [(&str, usize); 6] =
    [("u32", 4), ("u64", 8), ("i64", 8), ("f32", 4), ("f64", 8), ("record", 100)];

/// Around the sizes at which sorting and merging do something else, and odd ones.
const LENGTHS: [usize; 12] = [0, 1, 2, 3, 15, 16, 17, 31, 33, 127, 129, 1001];

fn run(kind: &str, order: &str) -> Run {
    Run::new(&JOB).arg("type", kind).arg("order", order)
}

/// The record of the number `value`, which is the `place`th.
fn record(kind: &str, value: i32, place: usize) -> Vec<u8> {
    match kind {
        "u32" => value.cast_unsigned().to_le_bytes().to_vec(),
        "u64" => (i64::from(value).cast_unsigned() << 7).to_le_bytes().to_vec(),
        "i64" => (i64::from(value) << 31).to_le_bytes().to_vec(),
        "f32" => (value as f32 / 8.0).to_le_bytes().to_vec(),
        "f64" => (f64::from(value) / 8.0).to_le_bytes().to_vec(),
        // The key is in its last bytes; the place shows stability.
        _ => format!("{:>10}{place:090}", value.cast_unsigned()).into_bytes(),
    }
}

/// Sorts as the documentation says, by the standard library.
fn expected(kind: &str, is_descending: bool, mut records: Vec<Vec<u8>>) -> Vec<u8> {
    fn array<const N: usize>(record: &[u8]) -> [u8; N] {
        record.try_into().expect("records have their length")
    }
    records.sort_by(|a, b| {
        let ascending = match kind {
            "u32" => u32::from_le_bytes(array(a)).cmp(&u32::from_le_bytes(array(b))),
            "u64" => u64::from_le_bytes(array(a)).cmp(&u64::from_le_bytes(array(b))),
            "i64" => i64::from_le_bytes(array(a)).cmp(&i64::from_le_bytes(array(b))),
            "f32" => f32::from_le_bytes(array(a)).total_cmp(&f32::from_le_bytes(array(b))),
            "f64" => f64::from_le_bytes(array(a)).total_cmp(&f64::from_le_bytes(array(b))),
            _ => a[..10].cmp(&b[..10]),
        };
        if is_descending { ascending.reverse() } else { ascending }
    });
    records.concat()
}

fn check(what: &str, value: impl Fn(usize, usize) -> i32) {
    for (kind, _) in KINDS {
        for length in LENGTHS {
            let records: Vec<Vec<u8>> =
                (0..length).map(|place| record(kind, value(place, length), place)).collect();
            for (order, is_descending) in [("ascending", false), ("descending", true)] {
                let expected = expected(kind, is_descending, records.clone());
                for (per_chunk, partitions) in [(1, 1), (7, 5), (100, 2), (usize::MAX, 3)] {
                    let chunks: Vec<Vec<u8>> =
                        records.chunks(per_chunk).map(<[_]>::concat).collect();
                    let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
                    let run = run(kind, order).partitions(partitions).block_bytes(101);
                    let sorted = run.whole(&chunks).expect("nothing is wrong with it");
                    assert!(
                        sorted == expected,
                        "{what}: {length} of {kind}, {order}, {per_chunk} to a chunk"
                    );
                }
            }
        }
    }
}

#[test]
fn equal_records_are_sorted_and_keep_their_order() {
    check("all equal", |_, _| 7);
    check("all but the last equal", |place, length| i32::from(place + 1 != length));
    check("two values in turn", |place, _| -((place % 2) as i32));
}

#[test]
fn records_in_order_and_in_reverse_are_sorted() {
    check("sorted", |place, _| place as i32);
    check("reversed", |place, length| (length - place) as i32);
    check("up and down", |place, length| place.min(length - place) as i32);
    check("sorted but for the first", |place, _| if place == 0 { i32::MAX } else { place as i32 });
}

#[test]
fn records_on_both_sides_of_zero_are_sorted() {
    check("saw", |place, _| (place * 7919 % 41) as i32 - 20);
    let ends = [i32::MIN, -1, 0, 1, i32::MAX];
    check("the ends of the range", |place, _| ends[place * 3 % 5]);
}

#[test]
fn input_that_is_no_whole_number_of_records_is_refused_at_every_length() {
    for (kind, width) in KINDS {
        for rest in 1..width {
            for whole in [0, 2] {
                let input = vec![0; whole * width + rest];
                let told = format!("has {rest} bytes");
                let refused = |error: JobError| match error {
                    JobError::BadInput(message) => assert!(message.contains(&told), "{message}"),
                    other => panic!("{kind} of {} bytes: {other:?}", input.len()),
                };
                let run = run(kind, "ascending").partitions(2);
                refused(run.map(&input).expect_err("a map would lose the rest"));
                refused(run.ranges(&input).expect_err("a sample is of records"));
                let part = vec![0; width];
                refused(run.merge(&[&part, &input]).expect_err("a merge would lose the rest"));
            }
        }
    }
}

/// Every NaN is a value of its own in the total order, signalling ones too: no bit may change.
#[test]
fn nans_keep_their_bits_and_their_order() {
    // By section 5.10 of IEEE 754-2008: with a sign first, the larger payload further from zero.
    let ascending: [u64; 8] = [
        0xffff_ffff_ffff_ffff,
        0xfff8_0000_0000_0001,
        0xfff0_0000_0000_0001, // signalling
        0x8000_0000_0000_0000, // -0
        0x0000_0000_0000_0000, // 0
        0x7ff0_0000_0000_0001, // signalling
        0x7ff8_0000_0000_0001,
        0x7fff_ffff_ffff_ffff,
    ];
    let bytes = |bits: &[u64]| bits.iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<u8>>();
    let mixed: Vec<u64> = (0..800).map(|place| ascending[place * 5 % 8]).collect();
    let expected: Vec<u64> = ascending.iter().flat_map(|bits| [*bits; 100]).collect();
    let chunks: Vec<Vec<u8>> = mixed.chunks(33).map(bytes).collect();
    let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    let sorted = run("f64", "ascending").partitions(4).whole(&chunks).expect("they are f64");
    assert!(sorted == bytes(&expected));
}

#[test]
fn words_for_what_is_no_number_are_refused_as_lines() {
    for word in ["NaN", "nan", "inf", "-Infinity", "1e5", "0x10", "\u{2212}1", "1\x001"] {
        let input = format!("1\n{word}\n2\n");
        let error = run("number", "ascending").map(input.as_bytes()).expect_err(word);
        assert!(
            matches!(&error, JobError::BadInput(told) if told.contains("line 2 of chunk 0")),
            "{word}: {error:?}"
        );
    }
}

#[test]
fn numbers_of_a_million_digits_are_compared_to_the_last() {
    let long = |last: char| format!("{}{last}\n", "7".repeat(1 << 20));
    let chunks = [format!("{}1\n{}", long('3'), long('1')), format!("{}-{}", long('2'), long('9'))];
    let chunks: Vec<&[u8]> = chunks.iter().map(String::as_bytes).collect();
    let expected = format!("-{}1\n{}{}{}", long('9'), long('1'), long('2'), long('3'));
    for partitions in [1, 3] {
        let run = run("number", "ascending").partitions(partitions);
        assert!(run.whole(&chunks).expect("all are numbers") == expected.as_bytes());
    }
}

/// A line that spells `NaN` a million times fails with a message that can be read.
#[test]
fn a_huge_line_that_is_no_number_is_not_shown_whole() {
    let input = format!("1\n{}\n", "NaN".repeat(1 << 20));
    let error = run("number", "ascending").map(input.as_bytes()).expect_err("no number");
    let JobError::BadInput(told) = error else { panic!("{error:?}") };
    assert!(told.len() < 500 && told.contains("line 2 of chunk 0"), "{} bytes", told.len());
}
