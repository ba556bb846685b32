//! The records of the sort benchmark, and its rules, beside what others published of them.

use merge_sort::gensort::{Kind, Record, Records, Summary};

fn summary(records: impl Iterator<Item = Record>) -> Summary {
    let bytes: Vec<u8> = records.flatten().collect();
    Summary::of(&bytes[..]).expect("they are whole")
}

/// Hadoop's TeraValidate says `checksum 7a27e2d0d55de` of the 1,000,000 records of TeraGen, which
/// follows gensort 1.1; Apache Ignite's test of TeraSort compares with it.
#[test]
fn a_million_binary_records_have_the_checksum_that_hadoop_publishes() {
    let found = summary(Records::from(0, Kind::Binary).take(1_000_000));
    assert_eq!((found.records, found.checksum), (1_000_000, 0x0007_a27e_2d0d_55de));
}

/// L. Bakst's comparison of sorts in C and Go (2014) shows what valsort says of `gensort -a 163840`.
#[test]
fn ascii_records_have_the_checksum_that_valsort_shows() {
    let mut records: Vec<Record> = Records::from(0, Kind::Ascii).take(163_840).collect();
    assert!(records.iter().all(|record| record.ends_with(b"\r\n")), "a record is a line as well");
    records.sort();
    let expected = "Records: 163840\nChecksum: 1400fed7bb2c2\nDuplicate keys: 0\n\
                    SUCCESS - all records are in order";
    assert_eq!(summary(records.into_iter()).to_string(), expected);
}

/// The first two records of `gensort -a`, as several solutions of distributed sorting courses have
/// them in their tests (POSTECH's project, among others), made by the original program.
#[test]
fn the_first_ascii_records_are_those_that_gensort_makes() {
    let records: Vec<u8> = Records::from(0, Kind::Ascii).take(2).flatten().collect();
    let expected = "AsfAGHM5om  00000000000000000000000000000000  \
                    0000222200002222000022220000222200002222000000001111\r\n\
                    ~sHd0jDv6X  00000000000000000000000000000001  \
                    77779999444488885555CCCC777755555555BBBB666644446666\r\n";
    assert_eq!(String::from_utf8(records).as_deref(), Ok(expected));
}

#[test]
fn records_may_be_made_from_any_number_on() {
    let all: Vec<Record> = Records::from(0, Kind::Binary).take(1_100).collect();
    for first in [1, 2, 3, 64, 1_000, 1_099] {
        let some: Vec<Record> = Records::from(first, Kind::Binary).take(1).collect();
        assert_eq!(some, all[first as usize..][..1], "{first}");
    }
}

#[test]
fn what_breaks_the_rules_is_told() {
    let mut records: Vec<Record> = Records::from(0, Kind::Binary).take(50).collect();
    records.sort();
    let sorted = summary(records.iter().copied());
    assert_eq!((sorted.unordered, sorted.duplicates, sorted.first_unordered), (0, 0, None));
    records.swap(20, 21);
    let swapped = summary(records.iter().copied());
    assert_eq!((swapped.unordered, swapped.first_unordered), (1, Some(21)));
    assert_eq!(swapped.checksum, sorted.checksum, "it does not depend on the order");
    let text = swapped.to_string();
    assert!(text.starts_with("First unordered record is record 21\n"), "{text}");
    assert!(text.ends_with("ERROR - there are 1 unordered records"), "{text}");
    records.sort();
    records[30] = records[31];
    let repeated = summary(records.iter().copied());
    assert_eq!((repeated.duplicates, repeated.unordered), (1, 0));
    assert_ne!(repeated.checksum, sorted.checksum, "a record was lost");
}

#[test]
fn a_cut_off_record_is_no_record() {
    let bytes: Vec<u8> = Records::from(0, Kind::Binary).take(3).flatten().collect();
    let error = Summary::of(&bytes[..250]).expect_err("50 bytes are missing");
    assert_eq!(error.to_string(), "record 2 has 50 bytes instead of 100");
    assert_eq!(Summary::of(&b""[..]).expect("nothing is wrong with it").records, 0);
}
