//! What is counted of a picture: exact integers, which can be added up in any order.

use bramble_guest::{JobError, JobResult};

use crate::pixels::Shape;

/// Counts over some rows of a picture and its two ciphertexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The whole picture.
    pub shape: Shape,
    /// How many of its rows are counted here.
    pub rows: u64,
    /// The picture, its ciphertext in ECB mode, and that of the cipher that was chosen.
    pub pictures: [PictureCounts; 3],
    /// What one changed bit changes in ECB mode.
    pub ecb_changes: Changes,
    /// What it changes when the same nonce is used again.
    pub same_nonce_changes: Changes,
    /// What it changes with a new nonce, as it should be done; none if the cipher has no nonce.
    pub new_nonce_changes: Option<Changes>,
}

/// Counts over some rows of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureCounts {
    /// How often each byte occurs.
    pub histogram: [u64; 256],
    /// Sums over all pairs of neighbours, by [`Direction`].
    pub pairs: [Pairs; 3],
}

/// Where the second of two neighbours lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the right.
    Horizontal,
    /// Below.
    Vertical,
    /// Below and to the right.
    Diagonal,
}

/// Sums over pairs of samples x, y.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// How many pairs.
    pub count: u128,
    /// Σx
    pub x: u128,
    /// Σy
    pub y: u128,
    /// Σx²
    pub xx: u128,
    /// Σy²
    pub yy: u128,
    /// Σxy
    pub xy: u128,
}

/// How two pictures differ, sample by sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// How many samples differ.
    pub changed: u128,
    /// The sum of their differences, without sign.
    pub difference: u128,
}

impl Counts {
    /// Nothing counted yet.
    pub fn new(shape: Shape, has_nonce: bool) -> Self {
        let none = PictureCounts { histogram: [0; 256], pairs: [Pairs::default(); 3] };
        Self {
            shape,
            rows: 0,
            pictures: [none.clone(), none.clone(), none],
            ecb_changes: Changes::default(),
            same_nonce_changes: Changes::default(),
            new_nonce_changes: has_nonce.then(Changes::default),
        }
    }

    /// Adds the counts over other rows of the same picture.
    ///
    /// # Errors
    /// When it is another picture.
    pub fn add(&mut self, other: &Self) -> JobResult {
        let mut sum = self.numbers();
        let more = other.numbers();
        if self.shape != other.shape || sum.len() != more.len() {
            return Err(JobError::failed("the parts to merge are not of one picture"));
        }
        sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        self.set_numbers(&mut sum.into_iter());
        Ok(())
    }

    /// The counts as bytes, for [`from_bytes`](Self::from_bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let Shape { width, height, channels, sample_bytes } = self.shape;
        let mut bytes = [width.to_le_bytes(), height.to_le_bytes()].concat();
        bytes.extend([channels, sample_bytes, u8::from(self.new_nonce_changes.is_some())]);
        bytes.extend(self.numbers().into_iter().flat_map(u128::to_le_bytes));
        bytes
    }

    /// The counts that [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    /// When it did not.
    pub fn from_bytes(bytes: &[u8]) -> JobResult<Self> {
        let foreign = || JobError::failed("this is no part that `analyse` wrote");
        let (&width, rest) = bytes.split_first_chunk().ok_or_else(foreign)?;
        let (&height, rest) = rest.split_first_chunk().ok_or_else(foreign)?;
        let (&[channels, sample_bytes, has_nonce], rest) =
            rest.split_first_chunk().ok_or_else(foreign)?;
        let (width, height) = (u32::from_le_bytes(width), u32::from_le_bytes(height));
        let shape = Shape::new(width, height, channels, sample_bytes)?;
        let mut counts = Self::new(shape, has_nonce == 1);
        let (numbers, left) = rest.as_chunks();
        if numbers.len() != counts.numbers().len() || !left.is_empty() {
            return Err(foreign());
        }
        counts.set_numbers(&mut numbers.iter().map(|bytes| u128::from_le_bytes(*bytes)));
        Ok(counts)
    }

    /// All that is counted, in one order.
    fn numbers(&self) -> Vec<u128> {
        let mut numbers = vec![u128::from(self.rows)];
        for picture in &self.pictures {
            numbers.extend(picture.histogram.map(u128::from));
            for Pairs { count, x, y, xx, yy, xy } in picture.pairs {
                numbers.extend([count, x, y, xx, yy, xy]);
            }
        }
        let changes =
            [Some(self.ecb_changes), Some(self.same_nonce_changes), self.new_nonce_changes];
        for Changes { changed, difference } in changes.into_iter().flatten() {
            numbers.extend([changed, difference]);
        }
        numbers
    }

    /// Takes as many numbers as [`numbers`](Self::numbers) gives.
    fn set_numbers(&mut self, numbers: &mut dyn Iterator<Item = u128>) {
        let mut next = || numbers.next().unwrap_or(0);
        self.rows = next() as u64;
        for picture in &mut self.pictures {
            picture.histogram.fill_with(|| next() as u64);
            for Pairs { count, x, y, xx, yy, xy } in &mut picture.pairs {
                [count, x, y, xx, yy, xy].into_iter().for_each(|sum| *sum = next());
            }
        }
        let changes = [&mut self.ecb_changes, &mut self.same_nonce_changes].into_iter();
        for Changes { changed, difference } in changes.chain(&mut self.new_nonce_changes) {
            (*changed, *difference) = (next(), next());
        }
    }
}

impl PictureCounts {
    /// Counts a row, and its pairs with the row above it. The row below a tile is not the tile's
    /// own: only its pairs are.
    pub fn add_row(&mut self, shape: &Shape, row: &[u8], above: Option<&[u8]>, own: bool) {
        let channels = usize::from(shape.channels);
        // A pixel further to the right, or none where the row has but one.
        let next = channels * usize::from(shape.sample_bytes);
        let mut add = |direction: Direction, x: &[u8], y: &[u8]| {
            self.pairs[direction as usize].add(shape, x, y);
        };
        if own {
            add(Direction::Horizontal, &row[..row.len() - next], &row[next..]);
        }
        if let Some(above) = above {
            add(Direction::Vertical, above, row);
            add(Direction::Diagonal, &above[..row.len() - next], &row[next..]);
        }
        if own {
            row.iter().for_each(|byte| self.histogram[usize::from(*byte)] += 1);
        }
    }
}

impl Pairs {
    /// Adds the samples of two stretches of a row, one to one.
    fn add(&mut self, shape: &Shape, x: &[u8], y: &[u8]) {
        // A row has at most 4 MiB: sums over it fit into 64 bits.
        let [mut sum_x, mut sum_y, mut sum_xx, mut sum_yy, mut sum_xy] = [0_u64; 5];
        let mut count = 0_u64;
        for_each_pair(shape, x, y, |x, y| {
            count += 1;
            sum_x += u64::from(x);
            sum_y += u64::from(y);
            sum_xx += u64::from(x * x);
            sum_yy += u64::from(y * y);
            sum_xy += u64::from(x * y);
        });
        self.count += u128::from(count);
        self.x += u128::from(sum_x);
        self.y += u128::from(sum_y);
        self.xx += u128::from(sum_xx);
        self.yy += u128::from(sum_yy);
        self.xy += u128::from(sum_xy);
    }
}

impl Changes {
    /// Compares two rows.
    pub fn add_row(&mut self, shape: &Shape, before: &[u8], after: &[u8]) {
        let (mut changed, mut difference) = (0_u64, 0_u64);
        for_each_pair(shape, before, after, |before, after| {
            changed += u64::from(before != after);
            difference += u64::from(before.abs_diff(after));
        });
        self.changed += u128::from(changed);
        self.difference += u128::from(difference);
    }
}

/// Calls `each` for the samples of two stretches of a row, one to one. Samples fit into 16 bits,
/// and so do products of two of them into 32.
#[inline]
fn for_each_pair(shape: &Shape, x: &[u8], y: &[u8], mut each: impl FnMut(u32, u32)) {
    if shape.sample_bytes == 1 {
        x.iter().zip(y).for_each(|(x, y)| each(u32::from(*x), u32::from(*y)));
    } else {
        let sample = |bytes: &[u8; 2]| u32::from(u16::from_be_bytes(*bytes));
        let (x, y) = (x.as_chunks().0, y.as_chunks().0);
        x.iter().zip(y).for_each(|(x, y)| each(sample(x), sample(y)));
    }
}
