//! Records of 100 bytes, and floating-point numbers that are no ordinary ones.

use bramble_guest::{JobError, local::Run};
use merge_sort::JOB;
use proptest::prelude::*;

fn run(kind: &str, order: &str) -> Run {
    Run::new(&JOB).arg("type", kind).arg("order", order)
}

/// A record with this key, and its number as the rest, so that stability shows.
fn record(key: [u8; 10], number: usize) -> Vec<u8> {
    format!("{number:090}").bytes().fold(key.to_vec(), |mut record, byte| {
        record.push(byte);
        record
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn records_are_sorted_stably_by_the_bytes_of_their_keys(
        // Few values, so that keys repeat and differ in any of their bytes.
        keys in prop::collection::vec(prop::array::uniform10(prop::sample::select(vec![0u8, 10, 255])), 0..150),
        repeated in 1usize..4,
        per_chunk in 1usize..60,
        partitions in 1u32..6,
        block_bytes in 1usize..300,
        is_descending: bool,
    ) {
        let mut records: Vec<Vec<u8>> = keys
            .iter()
            .cycle()
            .take(keys.len() * repeated)
            .enumerate()
            .map(|(number, key)| record(*key, number))
            .collect();
        let chunks: Vec<Vec<u8>> = records.chunks(per_chunk).map(<[_]>::concat).collect();
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        // The expected order is that of the standard library's stable sort.
        records.sort_by(|a, b| {
            let ascending = a[..10].cmp(&b[..10]);
            if is_descending { ascending.reverse() } else { ascending }
        });
        let result = run("record", if is_descending { "descending" } else { "ascending" })
            .partitions(partitions)
            .block_bytes(block_bytes)
            .whole(&chunks)
            .unwrap();
        prop_assert_eq!(result, records.concat());
    }
}

#[test]
fn splitters_of_records_are_keys_and_equal_keys_share_a_range() {
    let sample: Vec<u8> = (0..40).flat_map(|n| record([n as u8 / 10; 10], n)).collect();
    let splitters = run("record", "ascending").partitions(2).ranges(&sample).unwrap();
    assert_eq!(splitters, [2; 10]);
    let parts = run("record", "ascending").partitions(2).with_ranges(&splitters);
    let parts = parts.map(&sample).unwrap();
    assert_eq!(parts, [sample[..2000].to_vec(), sample[2000..].to_vec()]);
    let splitters = run("record", "descending").partitions(2).ranges(&sample).unwrap();
    assert_eq!(splitters, [1; 10]);
}

#[test]
fn a_cut_record_is_refused_with_its_place_and_length() {
    let error = run("record", "ascending").map(&[7; 250]).unwrap_err();
    assert_eq!(
        error,
        JobError::bad_input(
            "the last record, at byte 200 of the input, has 50 bytes instead of 100"
        )
    );
}

#[test]
fn nan_and_the_zeros_have_their_places_in_the_total_order() {
    // The order of totalOrder in IEEE 754-2008, section 5.10, as bits from low to high.
    let ordered_f32: [u32; 8] = [
        0xffc0_0000, // NaN with a sign
        0xff80_0000, // −∞
        0xbf80_0000, // −1
        0x8000_0000, // −0
        0x0000_0000, // 0
        0x0000_0001, // the smallest above
        0x7f80_0000, // ∞
        0x7fc0_0000, // NaN
    ];
    let ordered_f64 = [
        0xfff8 << 48,
        0xfff0 << 48,
        0xbff0 << 48,
        0x8000 << 48,
        0u64,
        1,
        0x7ff0 << 48,
        0x7ff8 << 48,
    ];
    let f32s: Vec<Vec<u8>> = ordered_f32.iter().map(|bits| bits.to_le_bytes().to_vec()).collect();
    let f64s: Vec<Vec<u8>> = ordered_f64.iter().map(|bits| bits.to_le_bytes().to_vec()).collect();
    for (kind, ascending) in [("f32", f32s), ("f64", f64s)] {
        let mut descending = ascending.clone();
        descending.reverse();
        let chunks: Vec<&[u8]> = descending.iter().map(Vec::as_slice).collect();
        let sorted = run(kind, "ascending").partitions(3).whole(&chunks).unwrap();
        assert_eq!(sorted, ascending.concat(), "{kind}");
        let chunks: Vec<&[u8]> = ascending.iter().map(Vec::as_slice).collect();
        let sorted = run(kind, "descending").partitions(3).whole(&chunks).unwrap();
        assert_eq!(sorted, descending.concat(), "{kind}");
    }
}
