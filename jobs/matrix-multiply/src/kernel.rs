//! The product of two matrices in memory.
//!
//! Each number of the product is the sum of its products from the first to the last, whatever the
//! sizes of tiles, so that the result has the same bits however the matrices are cut.

use bramble_guest::Number;

/// A tile of the product whose sums stay in registers: of 16 that hold two numbers each, it takes
/// 8, and leaves some for what is multiplied.
const TILE_ROWS: usize = 4;
const TILE_COLUMNS: usize = 4;
/// So many rows of the second matrix are used at a time, so that they stay in a cache: with 256
/// columns they are 128 KiB.
const DEPTH: usize = 64;

/// A number of a matrix.
pub(crate) trait Element: Number + Default {
    /// `self + a * b`.
    fn add_product(self, a: Self, b: Self) -> Self;

    /// Its bytes in the result, little-endian.
    fn bytes(self) -> [u8; 8];

    /// The product of two matrices that are given row by row. `None` when a number of it cannot
    /// be told.
    fn product(left: &[Self], right: &[Self], inner: usize) -> Option<Vec<Self>>;
}

impl Element for f64 {
    #[inline]
    fn add_product(self, a: Self, b: Self) -> Self {
        self + a * b
    }

    fn bytes(self) -> [u8; 8] {
        // Which of the many NaNs comes out depends on the processor.
        let number = if self.is_nan() { Self::from_bits(0x7ff8 << 48) } else { self };
        number.to_le_bytes()
    }

    fn product(left: &[Self], right: &[Self], inner: usize) -> Option<Vec<Self>> {
        Some(tiled(left, right, inner))
    }
}

impl Element for i64 {
    #[inline]
    fn add_product(self, a: Self, b: Self) -> Self {
        self.wrapping_add(a.wrapping_mul(b))
    }

    fn bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }

    fn product(left: &[Self], right: &[Self], inner: usize) -> Option<Vec<Self>> {
        let largest = |numbers: &[Self]| {
            numbers.iter().map(|number| number.unsigned_abs()).max().unwrap_or(0)
        };
        let product = u128::from(largest(left)) * u128::from(largest(right));
        if product.saturating_mul(inner as u128) <= Self::MAX as u128 {
            // No sum can be too large.
            return Some(tiled(left, right, inner));
        }
        exact(left, right, inner)
    }
}

/// The same for numbers whose sums may be too large, slowly.
fn exact(left: &[i64], right: &[i64], inner: usize) -> Option<Vec<i64>> {
    let columns = right.len() / inner;
    let sum = |row: &[i64], column: usize| {
        let others = right[column..].iter().step_by(columns);
        let mut products = row.iter().zip(others).map(|(a, b)| i128::from(*a) * i128::from(*b));
        let sum = products.try_fold(0_i128, i128::checked_add)?;
        i64::try_from(sum).ok()
    };
    let rows = left.chunks(inner);
    rows.flat_map(|row| (0..columns).map(move |column| sum(row, column))).collect()
}

/// The product tile by tile.
fn tiled<T: Element>(left: &[T], right: &[T], inner: usize) -> Vec<T> {
    let (rows, columns) = (left.len() / inner, right.len() / inner);
    let mut product = vec![T::default(); rows * columns];
    for start in (0..inner).step_by(DEPTH) {
        let end = inner.min(start + DEPTH);
        let right = &right[start * columns..end * columns];
        for row in (0..rows).step_by(TILE_ROWS) {
            let height = TILE_ROWS.min(rows - row);
            // A tile that is less high reads its last row again and drops the sums.
            let left = std::array::from_fn(|tile_row| {
                let row = row + tile_row.min(height - 1);
                &left[row * inner + start..row * inner + end]
            });
            for column in (0..columns).step_by(TILE_COLUMNS) {
                let width = TILE_COLUMNS.min(columns - column);
                let mut tile = [[T::default(); TILE_COLUMNS]; TILE_ROWS];
                let place = |tile_row: usize| (row + tile_row) * columns + column;
                for (tile_row, sums) in tile.iter_mut().enumerate().take(height) {
                    sums[..width].copy_from_slice(&product[place(tile_row)..][..width]);
                }
                if width == TILE_COLUMNS {
                    add_products(&mut tile, left, &right[column..], columns);
                } else {
                    add_products_of_narrow(&mut tile, left, &right[column..], columns, width);
                }
                for (tile_row, sums) in tile.iter().enumerate().take(height) {
                    product[place(tile_row)..][..width].copy_from_slice(&sums[..width]);
                }
            }
        }
    }
    product
}

type Tile<T> = [[T; TILE_COLUMNS]; TILE_ROWS];

/// Adds to a tile what some columns of its rows and some rows of its columns contribute. `right`
/// starts at the tile's first column.
#[inline]
fn add_products<T: Element>(
    tile: &mut Tile<T>,
    left: [&[T]; TILE_ROWS],
    right: &[T],
    columns: usize,
) {
    let mut sums = *tile;
    for (depth, right) in right.chunks(columns).enumerate().take(left[0].len()) {
        let Some(right) = right.first_chunk::<TILE_COLUMNS>() else { break };
        for (sums, left) in sums.iter_mut().zip(left) {
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = sum.add_product(left[depth], *right);
            }
        }
    }
    *tile = sums;
}

/// The same for the last columns, when there are fewer than a tile has.
fn add_products_of_narrow<T: Element>(
    tile: &mut Tile<T>,
    left: [&[T]; TILE_ROWS],
    right: &[T],
    columns: usize,
    width: usize,
) {
    for (depth, right) in right.chunks(columns).enumerate().take(left[0].len()) {
        for (sums, left) in tile.iter_mut().zip(left) {
            for (sum, right) in sums.iter_mut().zip(&right[..width]) {
                *sum = sum.add_product(left[depth], *right);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a textbook has it.
    fn simple<T: Element>(left: &[T], right: &[T], inner: usize) -> Vec<T> {
        let columns = right.len() / inner;
        let rows = left.chunks(inner);
        rows.flat_map(|row| {
            (0..columns).map(|column| {
                (0..inner).fold(T::default(), |sum, depth| {
                    sum.add_product(row[depth], right[depth * columns + column])
                })
            })
        })
        .collect()
    }

    #[test]
    fn tiles_of_any_shape_give_the_bits_of_the_textbook() {
        for (rows, inner, columns) in
            [(1, 1, 1), (4, 64, 4), (5, 65, 7), (3, 200, 9), (17, 1, 33), (1, 129, 6), (8, 8, 1)]
        {
            let numbers = |count: usize, seed: usize| -> Vec<f64> {
                (0..count).map(|n| ((n * 7919 + seed) % 1013) as f64 / 997.0 - 0.5).collect()
            };
            let (left, right) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
            let bits = |numbers: &[f64]| numbers.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
            let found = f64::product(&left, &right, inner).unwrap();
            assert_eq!(
                bits(&found),
                bits(&simple(&left, &right, inner)),
                "{rows} {inner} {columns}"
            );
        }
    }

    #[test]
    fn whole_numbers_are_exact_or_refused() {
        let big = 1 << 62;
        // 2⁶² + 2⁶² − 2⁶² fits, though a sum on the way does not.
        assert_eq!(i64::product(&[big, big, -big], &[1, 1, 1], 3), Some(vec![big]));
        assert_eq!(i64::product(&[big, big], &[1, 1], 2), None);
        assert_eq!(i64::product(&[-big, -big], &[1, 1], 2), Some(vec![i64::MIN]));
        assert_eq!(i64::product(&[i64::MIN], &[1], 1), Some(vec![i64::MIN]));
        assert_eq!(i64::product(&[i64::MIN; 3], &[i64::MIN; 3], 3), None);
        let (left, right) = ([3, -4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6]);
        assert_eq!(exact(&left, &right, 3), Some(simple(&left, &right, 3)));
        assert_eq!(i64::product(&left, &right, 3), exact(&left, &right, 3));
    }

    #[test]
    fn a_nan_has_one_form_in_the_result() {
        for nan in [f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)] {
            assert_eq!(nan.bytes(), [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]);
        }
        assert_eq!((-0.0_f64).bytes(), [0, 0, 0, 0, 0, 0, 0, 0x80]);
        let infinite = f64::product(&[f64::INFINITY], &[0.0], 1).unwrap()[0];
        assert!(infinite.is_nan());
    }
}
