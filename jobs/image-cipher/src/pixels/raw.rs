//! Samples without a header, of which the user says how many there are.

use bramble_guest::{JobError, JobResult};

use super::Shape;
use super::stored::{Samples, Stored};

/// What the user says of a raw picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawShape {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Channels of a pixel: 1 (gray), 3 (red, green, blue) or 4 (these and one to leave out).
    pub channels: u8,
    /// Bits of a sample: 8, or 16 with the more significant byte first.
    pub bits: u8,
}

impl RawShape {
    /// The picture, if the parameters say that the input is raw: by both `width` and `height`.
    ///
    /// # Errors
    /// When only one of the two is there, or a value is not possible.
    pub fn from_params(
        width: Option<u32>,
        height: Option<u32>,
        channels: u8,
        bits: u8,
    ) -> JobResult<Option<Self>> {
        let raw = match (width, height) {
            (None, None) => return Ok(None),
            (Some(width), Some(height)) => Self { width, height, channels, bits },
            _ => {
                return Err(JobError::bad_param(
                    "`width` and `height` belong together: give both for raw samples, and none \
                     for PGM, PPM, PNG and TIFF",
                ));
            }
        };
        if !matches!(channels, 1 | 3 | 4) {
            return Err(JobError::bad_param(format!("`channels` is {channels}: use 1, 3 or 4")));
        }
        if !matches!(bits, 8 | 16) {
            return Err(JobError::bad_param(format!("`bits` is {bits}: use 8 or 16")));
        }
        Ok(Some(raw))
    }

    pub(super) fn stored(self, size: u64) -> JobResult<Stored> {
        let shape = Shape::new(self.width, self.height, self.channels.min(3), self.bits / 8)?;
        let samples = Samples {
            channels_stored: self.channels,
            white: shape.white() as u16,
            little_endian: false,
        };
        Stored::to_the_end(shape, samples, 0, size)
    }
}
