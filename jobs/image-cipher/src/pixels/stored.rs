//! Pictures whose rows lie in the file as they are: PGM, PPM, raw samples, uncompressed TIFF.

use bramble_guest::{JobError, JobResult};

use super::Shape;

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Samples {
    /// Channels of a pixel in the file: those that are kept, and maybe transparency after them.
    pub(super) channels_stored: u8,
    /// The value that means white.
    pub(super) white: u16,
    /// Whether the less significant byte of two comes first.
    pub(super) little_endian: bool,
}

/// Rows that follow each other in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Where the first of them starts, in bytes.
    pub(super) offset: u64,
    /// How many there are.
    pub(super) rows: u32,
}

/// A picture whose rows can be read one by one.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) shape: Shape,
    pub(super) samples: Samples,
    /// All rows, from the top.
    pub(super) stretches: Vec<Stretch>,
}

impl Stored {
    /// One whose rows all follow each other from `offset` to the end of the file.
    ///
    /// # Errors
    /// When the file is shorter or longer than its rows.
    pub(super) fn to_the_end(
        shape: Shape,
        samples: Samples,
        offset: u64,
        size: u64,
    ) -> JobResult<Self> {
        let stored =
            Self { shape, samples, stretches: vec![Stretch { offset, rows: shape.height }] };
        let (wanted, found) =
            (stored.row_bytes() * u64::from(shape.height), size.saturating_sub(offset));
        let Shape { width, height, .. } = shape;
        let what = format!(
            "{width} x {height} pixels of {} bytes take {wanted} bytes from byte {offset} on",
            stored.row_bytes() / u64::from(width)
        );
        match found {
            _ if found < wanted => Err(JobError::bad_input(format!(
                "the picture is cut short: {what}, and there are {found}"
            ))),
            _ if found > wanted => Err(JobError::bad_input(format!(
                "there is more than one picture in the input, or its size is wrong: {what}, and \
                 there are {found}"
            ))),
            _ => Ok(stored),
        }
    }

    /// Bytes of a row in the file.
    pub(super) fn row_bytes(&self) -> u64 {
        self.samples.row_bytes(&self.shape)
    }
}

impl Samples {
    /// Bytes of a row in the file.
    pub(super) fn row_bytes(self, shape: &Shape) -> u64 {
        shape.row_bytes() / u64::from(shape.channels) * u64::from(self.channels_stored)
    }

    /// Turns a row as it is in the file, number `y` of the picture, into one as the job wants it.
    ///
    /// # Errors
    /// When a sample is larger than the picture's white, with where it is.
    pub(super) fn convert(self, shape: &Shape, y: u32, stored: &[u8], row: &mut [u8]) -> JobResult {
        let sample_bytes = usize::from(shape.sample_bytes);
        let kept = usize::from(shape.channels) * sample_bytes;
        let pixel_bytes = usize::from(self.channels_stored) * sample_bytes;
        if kept == pixel_bytes {
            row.copy_from_slice(stored);
        } else {
            for (to, from) in row.chunks_exact_mut(kept).zip(stored.chunks_exact(pixel_bytes)) {
                to.copy_from_slice(&from[..kept]);
            }
        }
        if self.little_endian && sample_bytes == 2 {
            row.chunks_exact_mut(2).for_each(|sample| sample.swap(0, 1));
        }
        let white = u32::from(self.white);
        if white == shape.white() {
            return Ok(());
        }
        for (at, sample) in row.chunks_exact_mut(sample_bytes).enumerate() {
            let value = sample.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
            if value > white {
                let x = at / usize::from(shape.channels);
                return Err(JobError::bad_input(format!(
                    "the pixel at column {x} of row {y} has the value {value}, and the header \
                     says that the largest is {white}"
                )));
            }
            // Rounded to the nearest, as netpbm does.
            let scaled = (value * shape.white() + white / 2) / white;
            sample.copy_from_slice(&scaled.to_be_bytes()[4 - sample_bytes..]);
        }
        Ok(())
    }
}
