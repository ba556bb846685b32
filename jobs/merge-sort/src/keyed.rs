//! Sorting records of 100 bytes by the key in their first 10, as the sort benchmark has them.
//!
//! Source of the format: <http://www.ordinal.com/gensort.html>. Keys are compared byte by byte;
//! records with equal keys stay in the order of the input.

use bramble_guest::prelude::*;
use bramble_guest::{Run, choose_splitters, merge_sorted};

use crate::sort::merge_sort;

/// Length of a record in bytes.
pub(crate) const RECORD_BYTES: usize = 100;
pub(crate) const KEY_BYTES: usize = 10;
const KEY_BITS: u32 = 80;
/// Bits below the key that hold a record's place in its chunk while the chunk is sorted.
const PLACE_BITS: u32 = 32;

/// A key as one number, so that it is compared in one step. Inverted for a descending order.
type Key = u128;

fn key(record: &[u8], is_descending: bool) -> Key {
    let mut bytes = [0; 16];
    bytes[16 - KEY_BYTES..].copy_from_slice(&record[..KEY_BYTES]);
    let key = Key::from_be_bytes(bytes);
    if is_descending { invert(key) } else { key }
}

fn invert(key: Key) -> Key {
    key ^ ((1 << KEY_BITS) - 1)
}

/// Sorts a chunk and writes each record to the partition of its range.
///
/// Only keys and places move while sorting: 16 bytes of each record instead of 100.
pub(crate) fn map(
    is_descending: bool,
    task: &Task,
    input: &mut Input<'_>,
    output: &mut Output<'_>,
) -> JobResult {
    let chunk = input.read_all();
    let (records, rest) = chunk.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() {
        return Err(JobError::bad_input(format!(
            "the last record, at byte {} of the input, has {} bytes instead of {RECORD_BYTES}",
            task.offset + (chunk.len() - rest.len()) as u64,
            rest.len(),
        )));
    }
    // No two are equal, as places differ; that is what keeps the order stable.
    let mut order: Vec<u128> = (0u32..)
        .zip(records)
        .map(|(place, record)| key(record, is_descending) << PLACE_BITS | u128::from(place))
        .collect();
    merge_sort(&mut order, |a, b| a < b);
    let splitters = read_splitters(is_descending, output.partitions() - 1);
    let mut partition = 0;
    for item in order {
        while splitters.get(partition).is_some_and(|next| *next <= item >> PLACE_BITS) {
            partition += 1;
        }
        let place = item as u32 as usize;
        output.to(partition).put(&records[place]);
    }
    Ok(())
}

fn read_splitters(is_descending: bool, count_max: usize) -> Vec<Key> {
    let bytes = host::ranges();
    let (keys, _) = bytes.as_chunks::<KEY_BYTES>();
    keys.iter().take(count_max).map(|bytes| key(bytes, is_descending)).collect()
}

/// Chooses splitters from a sample. They are keys, one after the other.
pub(crate) fn ranges(
    is_descending: bool,
    task: &Task,
    sample: &mut Input<'_>,
) -> JobResult<Vec<u8>> {
    let mut keys = Vec::new();
    while let Some(record) = sample.next_record::<RECORD_BYTES>()? {
        keys.push(key(&record, is_descending));
    }
    let splitters = choose_splitters(&mut keys, task.partitions);
    Ok(splitters
        .into_iter()
        .flat_map(|splitter| {
            let key = if is_descending { invert(splitter) } else { splitter };
            key.to_be_bytes()[16 - KEY_BYTES..].to_vec()
        })
        .collect())
}

/// Merges sorted parts of one range.
pub(crate) fn merge(
    is_descending: bool,
    inputs: Vec<Input<'_>>,
    output: &mut Output<'_>,
) -> JobResult {
    let runs = inputs
        .into_iter()
        .map(|input| SortedRecords { is_descending, input, key: 0, record: [0; RECORD_BYTES] })
        .collect();
    merge_sorted(runs, |run: &SortedRecords<'_>| {
        output.put(&run.record);
        Ok(())
    })
}

struct SortedRecords<'a> {
    is_descending: bool,
    input: Input<'a>,
    key: Key,
    record: [u8; RECORD_BYTES],
}

impl Run for SortedRecords<'_> {
    #[inline]
    fn advance(&mut self) -> JobResult<bool> {
        let Some(record) = self.input.next_record()? else { return Ok(false) };
        self.key = key(&record, self.is_descending);
        self.record = record;
        Ok(true)
    }

    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        self.key < other.key
    }
}
