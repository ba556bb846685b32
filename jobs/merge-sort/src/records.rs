//! Sorting numbers of a fixed size, little-endian.

use std::cmp::Reverse;

use bramble_guest::prelude::*;
use bramble_guest::{Partition, Run};

use crate::sort::merge_sort;

/// A number as it is compared. The record is all key, so that equal records cannot be told apart.
pub(crate) trait Value: Copy + Ord {
    /// The next record of an input. None at the end.
    fn next(input: &mut Input<'_>) -> JobResult<Option<Self>>;
    /// The record.
    fn bytes(self) -> impl AsRef<[u8]>;
}

/// A type of record: its name, the number it is stored as, and the number it is compared as.
macro_rules! value {
    ($(#[$doc:meta])* $name:ident: $stored:ty, $compared:ty, $encode:expr, $decode:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name($compared);

        impl Value for $name {
            #[inline]
            fn next(input: &mut Input<'_>) -> JobResult<Option<Self>> {
                let encode: fn($stored) -> $compared = $encode;
                Ok(input.next_record()?.map(|bytes| Self(encode(<$stored>::from_le_bytes(bytes)))))
            }

            #[inline]
            fn bytes(self) -> impl AsRef<[u8]> {
                let decode: fn($compared) -> $stored = $decode;
                decode(self.0).to_le_bytes()
            }
        }
    };
}

value!(
    /// Unsigned, 4 bytes.
    U32: u32, u32, |value| value, |value| value
);
value!(
    /// Unsigned, 8 bytes.
    U64: u64, u64, |value| value, |value| value
);
value!(
    /// Signed, 8 bytes.
    I64: i64, i64, |value| value, |value| value
);
value!(
    /// Floating point, 4 bytes, in the total order of IEEE 754: −NaN, −∞, … −0, 0, … ∞, NaN.
    F32: u32, i32,
    |bits| flip_below_zero_f32(bits.cast_signed()),
    |value| flip_below_zero_f32(value).cast_unsigned()
);
value!(
    /// Floating point, 8 bytes, in the same order.
    F64: u64, i64,
    |bits| flip_below_zero_f64(bits.cast_signed()),
    |value| flip_below_zero_f64(value).cast_unsigned()
);

/// Among negative floating-point numbers the larger bits are the lower numbers, so all bits but
/// the sign are inverted there. Doing it twice undoes it.
fn flip_below_zero_f32(bits: i32) -> i32 {
    bits ^ ((bits >> 31) & i32::MAX)
}

/// As [`flip_below_zero_f32`].
fn flip_below_zero_f64(bits: i64) -> i64 {
    bits ^ ((bits >> 63) & i64::MAX)
}

impl<V: Value> Value for Reverse<V> {
    #[inline]
    fn next(input: &mut Input<'_>) -> JobResult<Option<Self>> {
        Ok(V::next(input)?.map(Self))
    }

    #[inline]
    fn bytes(self) -> impl AsRef<[u8]> {
        self.0.bytes()
    }
}

/// Sorts a chunk and writes each record to the partition of its range.
pub(crate) fn map<V: Value>(input: &mut Input<'_>, output: &mut Output<'_>) -> JobResult {
    let mut values = read_all::<V>(input)?;
    merge_sort(&mut values, |a, b| a < b);
    let mut splitters = read_all::<V>(&mut Input::from_bytes(host::ranges()))?;
    splitters.truncate(output.partitions() - 1);
    let mut rest = &values[..];
    for (partition, splitter) in splitters.iter().enumerate() {
        // Equal values belong above the splitter.
        let below = rest.partition_point(|value| value < splitter);
        put_all(&rest[..below], &mut output.to(partition));
        rest = &rest[below..];
    }
    put_all(rest, &mut output.to(splitters.len()));
    Ok(())
}

fn put_all<V: Value>(values: &[V], partition: &mut Partition<'_, '_>) {
    for value in values {
        partition.put(value.bytes().as_ref());
    }
}

fn read_all<V: Value>(input: &mut Input<'_>) -> JobResult<Vec<V>> {
    let mut values = Vec::with_capacity(input.size() as usize / size_of::<V>());
    while let Some(value) = V::next(input)? {
        values.push(value);
    }
    Ok(values)
}

/// Chooses splitters from a sample. They are records, as the input is.
pub(crate) fn ranges<V: Value>(task: &Task, sample: &mut Input<'_>) -> JobResult<Vec<u8>> {
    let splitters = choose_splitters(&mut read_all::<V>(sample)?, task.partitions);
    Ok(splitters.iter().flat_map(|splitter| splitter.bytes().as_ref().to_vec()).collect())
}

/// Merges sorted parts of one range.
pub(crate) fn merge<V: Value>(inputs: Vec<Input<'_>>, output: &mut Output<'_>) -> JobResult {
    let runs = inputs.into_iter().map(|input| SortedRecords { input, at: None }).collect();
    let mut partition = output.to(0);
    merge_sorted(runs, |run: &SortedRecords<'_, V>| {
        if let Some(value) = run.at {
            partition.put(value.bytes().as_ref());
        }
        Ok(())
    })
}

struct SortedRecords<'a, V> {
    input: Input<'a>,
    at: Option<V>,
}

impl<V: Value> Run for SortedRecords<'_, V> {
    #[inline]
    fn advance(&mut self) -> JobResult<bool> {
        self.at = V::next(&mut self.input)?;
        Ok(self.at.is_some())
    }

    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        self.at < other.at
    }
}
