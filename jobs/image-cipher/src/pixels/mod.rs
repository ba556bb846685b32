//! Pictures as rows of samples, whatever file they come in: PGM, PPM, PNG, TIFF or raw bytes.
//!
//! What the rest of the job sees of a picture is its [`Shape`] and its rows from the top. A row
//! holds the samples of its pixels from the left, gray or red, green, blue; a sample has one byte,
//! or two with the more significant one first, and its largest value is white. Transparency is
//! left out.

mod cut;
mod png;
mod pnm;
mod raw;
mod stored;
mod tiff;
mod tile;
mod window;

pub use cut::{Border, cut};
pub use raw::RawShape;
pub use tile::{Tile, read_tile};

use bramble_guest::{Input, JobError, JobResult};
use stored::Stored;
use window::Window;

/// The longest row, in bytes: a task holds several of them in its 64 MiB.
pub const ROW_BYTES_MAX: u64 = 4 << 20;
/// The most samples of a picture. With them, sums of squares of all samples stay exact.
pub const SAMPLES_MAX: u64 = 1 << 36;
/// The most memory that is given to what a decoder holds at once: an interlaced PNG, a strip or a
/// row of tiles of a TIFF.
pub const DECODED_BYTES_MAX: usize = 24 << 20;

/// Size and kind of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 1 (gray) or 3 (red, green, blue).
    pub channels: u8,
    /// Bytes of a sample, 1 or 2.
    pub sample_bytes: u8,
}

impl Shape {
    /// A picture of this size.
    ///
    /// # Errors
    /// When it has no pixels or more than a task can hold, with the bounds.
    pub fn new(width: u32, height: u32, channels: u8, sample_bytes: u8) -> JobResult<Self> {
        let shape = Self { width, height, channels, sample_bytes };
        let size = format!("the picture is {width} x {height} pixels");
        if width == 0 || height == 0 {
            return Err(JobError::bad_input(format!("{size}: both must be at least 1")));
        }
        if shape.row_bytes() > ROW_BYTES_MAX {
            let bytes = shape.row_bytes();
            return Err(JobError::bad_input(format!(
                "{size}: a row of it has {bytes} bytes, and at most {ROW_BYTES_MAX} fit a task"
            )));
        }
        if shape.samples() > SAMPLES_MAX {
            return Err(JobError::bad_input(format!(
                "{size}: that is {} samples, and at most {SAMPLES_MAX} can be worked on",
                shape.samples()
            )));
        }
        Ok(shape)
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.channels) * u64::from(self.sample_bytes)
    }

    /// Samples of the whole picture: pixels times channels.
    pub fn samples(&self) -> u64 {
        // Cannot overflow: 2^32 x 2^32 pixels would, but rows are bounded first.
        let row = u64::from(self.width) * u64::from(self.channels);
        row.saturating_mul(u64::from(self.height))
    }

    /// Bytes of the whole picture.
    pub fn bytes(&self) -> u64 {
        self.row_bytes().saturating_mul(u64::from(self.height))
    }

    /// The largest value of a sample: 255 or 65,535.
    pub fn white(&self) -> u32 {
        (1 << (8 * u32::from(self.sample_bytes))) - 1
    }
}

/// Gives the rows of a picture from the top.
pub trait Rows {
    /// Puts the next row into `row`, which must be as long as a row is.
    ///
    /// # Errors
    /// When the picture is damaged or ends too early, with where.
    fn next_row(&mut self, row: &mut [u8]) -> JobResult;

    /// Called after the last row: whether what comes after it is as it should be.
    ///
    /// # Errors
    /// When the file is damaged after its pixels.
    fn finish(&mut self) -> JobResult {
        Ok(())
    }
}

/// How the rows of a picture are found in its file.
enum Picture {
    /// They lie there as they are, so that any of them can be read by itself.
    Stored(Stored),
    /// They are compressed in one go.
    Coded(Coder, Shape),
}

/// The formats that are decoded from their start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coder {
    Png,
    Tiff,
}

impl Coder {
    /// The rows of a whole file.
    fn rows<'a>(self, file: Window<'a>) -> JobResult<(Shape, Box<dyn Rows + 'a>)> {
        Ok(match self {
            Self::Png => {
                let rows = png::PngRows::new(file)?;
                (rows.shape(), Box::new(rows))
            }
            Self::Tiff => {
                let rows = tiff::TiffRows::new(file)?;
                (rows.shape(), Box::new(rows))
            }
        })
    }
}

/// Looks at the start of the input. It is raw if the user said how large it is.
fn open(input: &Input<'_>, raw: Option<RawShape>) -> JobResult<Picture> {
    const START_BYTES: usize = 8;
    if let Some(raw) = raw {
        return raw.stored(input.size()).map(Picture::Stored);
    }
    let start = input.read_at(0, START_BYTES);
    match start.as_slice() {
        [] => Err(JobError::bad_input("the input is empty: it should be a picture")),
        [0x89, b'P', b'N', b'G', ..] => {
            let (shape, _) = Coder::Png.rows(Window::new(input, 0))?;
            Ok(Picture::Coded(Coder::Png, shape))
        }
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => tiff::open(input),
        [b'P', ..] => pnm::open(input).map(Picture::Stored),
        other => Err(JobError::bad_input(format!(
            "the input starts with the bytes {other:02x?}, which is none of PGM (P5), PPM (P6), \
             PNG and TIFF; for raw samples say how large the picture is: --arg width=… \
             --arg height=…"
        ))),
    }
}
