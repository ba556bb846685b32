//! What a map task gets of a picture: a header and the bytes of some rows, or a whole file that
//! only can be decoded from its start.

use std::io::Read;

use bramble_guest::{Input, JobError, JobResult};

use super::stored::Samples;
use super::window::Window;
use super::{Coder, Rows, Shape};

/// Which rows of which picture a task works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The whole picture.
    pub shape: Shape,
    /// The first row of the tile, from 0.
    pub first_row: u32,
    /// How many rows it has.
    pub rows: u32,
    /// Whether the row after them follows, to be looked at only: it belongs to the next tile.
    pub has_row_below: bool,
}

impl Tile {
    /// The whole picture as one tile.
    pub(super) fn whole(shape: Shape) -> Self {
        Self { shape, first_row: 0, rows: shape.height, has_row_below: false }
    }

    /// How many rows follow the header.
    pub(super) fn rows_stored(&self) -> u32 {
        self.rows + u32::from(self.has_row_below)
    }
}

/// What follows the header of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Rows as they are in the input.
    Stored(Samples),
    /// Rows as the job wants them.
    Rows,
    /// A file of this format.
    File(Coder),
}

/// Each field of the header is a `u32`, the least significant byte first.
const FIELDS: usize = 11;
const HEADER_BYTES: usize = 4 * FIELDS;

/// The header of a chunk.
pub(super) fn header(tile: &Tile, content: Content) -> Vec<u8> {
    let (kind, samples) = match content {
        Content::Rows => (0, None),
        Content::Stored(samples) => (1, Some(samples)),
        Content::File(Coder::Png) => (2, None),
        Content::File(Coder::Tiff) => (3, None),
    };
    let Shape { width, height, channels, sample_bytes } = tile.shape;
    let fields: [u32; FIELDS] = [
        kind,
        width,
        height,
        channels.into(),
        sample_bytes.into(),
        tile.first_row,
        tile.rows,
        tile.has_row_below.into(),
        samples.map_or(0, |samples| samples.channels_stored.into()),
        samples.map_or(0, |samples| samples.white.into()),
        samples.map_or(0, |samples| samples.little_endian.into()),
    ];
    fields.iter().flat_map(|field| field.to_le_bytes()).collect()
}

/// Reads the header of a chunk, and gives what reads its rows.
///
/// # Errors
/// When the chunk was not made by this job's `cut`, or the file in it is damaged.
pub fn read_tile<'a>(chunk: &'a Input<'_>) -> JobResult<(Tile, Box<dyn Rows + 'a>)> {
    let foreign = || JobError::failed("the chunk was not made by the `cut` of this job");
    let bytes = chunk.read_at(0, HEADER_BYTES);
    if bytes.len() < HEADER_BYTES {
        return Err(foreign());
    }
    let content = Window::new(chunk, HEADER_BYTES as u64);
    let mut fields = [0; FIELDS];
    for (field, bytes) in fields.iter_mut().zip(bytes.as_chunks().0) {
        *field = u32::from_le_bytes(*bytes);
    }
    let [
        kind,
        width,
        height,
        channels,
        sample_bytes,
        first_row,
        rows,
        below,
        stored,
        white,
        little,
    ] = fields;
    let shape = Shape::new(width, height, channels as u8, sample_bytes as u8)?;
    let tile = Tile { shape, first_row, rows, has_row_below: below == 1 };
    let coder = match kind {
        0 => return Ok((tile, Box::new(MadeRows(content)))),
        1 => {
            let samples = Samples {
                channels_stored: stored as u8,
                white: white as u16,
                little_endian: little == 1,
            };
            let line = vec![0; samples.row_bytes(&shape) as usize];
            return Ok((
                tile,
                Box::new(StoredRows { content, shape, samples, y: first_row, line }),
            ));
        }
        2 => Coder::Png,
        3 => Coder::Tiff,
        _ => return Err(foreign()),
    };
    let (_, rows) = coder.rows(content)?;
    Ok((tile, rows))
}

/// Rows that `cut` made.
struct MadeRows<'a>(Window<'a>);

impl Rows for MadeRows<'_> {
    fn next_row(&mut self, row: &mut [u8]) -> JobResult {
        Ok(self.0.read_exact(row)?)
    }
}

/// Rows as they are in the input.
struct StoredRows<'a> {
    content: Window<'a>,
    shape: Shape,
    samples: Samples,
    y: u32,
    line: Vec<u8>,
}

impl Rows for StoredRows<'_> {
    fn next_row(&mut self, row: &mut [u8]) -> JobResult {
        self.content.read_exact(&mut self.line)?;
        self.samples.convert(&self.shape, self.y, &self.line, row)?;
        self.y += 1;
        Ok(())
    }
}
