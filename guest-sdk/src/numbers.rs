//! Numbers as records: little-endian, one after the other.

use crate::{Input, JobError, JobResult, Output};

/// A number of fixed size, little-endian in inputs and outputs.
pub trait Number: Copy + Sized {
    /// The next number of an input. None at the end; a number that is cut off is bad input.
    ///
    /// # Errors
    /// [`JobError::BadInput`](crate::JobError::BadInput).
    fn read(input: &mut Input<'_>) -> JobResult<Option<Self>>;

    /// Adds the number to the first partition of an output.
    fn write(self, output: &mut Output<'_>);
}

macro_rules! numbers {
    ($($type:ty)*) => { $(
        impl Number for $type {
            #[inline]
            fn read(input: &mut Input<'_>) -> JobResult<Option<Self>> {
                Ok(input.next_record()?.map(Self::from_le_bytes))
            }

            #[inline]
            fn write(self, output: &mut Output<'_>) {
                output.put(&self.to_le_bytes());
            }
        }
    )* };
}

numbers! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 }

impl Input<'_> {
    /// The input as numbers, little-endian. Cut such an input by
    /// [`Split::Records`](crate::Split::Records), so that no number is cut.
    ///
    /// ```
    /// # use bramble_guest::prelude::*;
    /// fn double(_: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    ///     for number in input.numbers::<u32>() {
    ///         output.number(number?.wrapping_mul(2));
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn numbers<T: Number>(&mut self) -> impl Iterator<Item = JobResult<T>> {
        std::iter::from_fn(move || T::read(self).transpose())
    }

    /// All numbers of a chunk that [`Piece::numbers`](crate::Piece::numbers) made.
    ///
    /// # Errors
    /// [`JobError::BadInput`](crate::JobError::BadInput) when there are not `N` of them.
    pub fn all_numbers<const N: usize>(&mut self) -> JobResult<[u64; N]> {
        let numbers = self.numbers().collect::<JobResult<Vec<u64>>>()?;
        let count = numbers.len();
        numbers.try_into().map_err(|_| {
            JobError::bad_input(format!("the chunk has {count} numbers and should have {N}"))
        })
    }
}

impl Output<'_> {
    /// Adds a number, little-endian, to the first partition.
    #[inline]
    pub fn number(&mut self, number: impl Number) {
        number.write(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobError, local};

    #[test]
    fn numbers_are_little_endian_and_a_cut_one_is_bad_input() {
        let mut input = local::input(&[1, 0, 0xff, 0xff, 7], 3);
        let numbers: Vec<JobResult<i16>> = input.numbers().collect();
        assert_eq!(numbers[..2], [Ok(1), Ok(-1)]);
        assert!(matches!(numbers[2], Err(JobError::BadInput(_))));
    }
}
