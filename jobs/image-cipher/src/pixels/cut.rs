//! Cutting a picture into tiles: whole rows, so that each can be worked on by itself.
//!
//! Rows that lie in the file as they are go to the tasks as pieces of the input, which costs
//! nothing. A compressed file is decoded here if that is not too much; a larger one is a single
//! chunk, because nobody can start in the middle of it.

use bramble_guest::{Input, JobError, JobResult, Piece};

use super::stored::Stored;
use super::tile::{Content, Tile, header};
use super::{Coder, Picture, RawShape, Shape, Window, open};

/// The most chunks: the host takes up to 65,536.
const CHUNKS_MAX: u32 = 60_000;
/// The most bytes of rows that are decoded here: all chunks together may have 16 MiB of bytes of
/// their own, and the headers of many tiles take their share.
const DECODED_HERE_BYTES_MAX: u64 = 12 << 20;
/// The most bytes of a chunk that the host takes.
const CHUNK_BYTES_MAX: u64 = 64 << 20;
/// The most bytes of a tile of several rows: larger ones gain nothing, and a header and the row
/// below come on top.
const TILE_BYTES_MAX: u64 = 32 << 20;

/// What a tile is given beside its own rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Nothing.
    None,
    /// The row below the last one, if there is one.
    RowBelow,
}

/// Cuts a picture into tiles of about so many bytes of the input.
///
/// # Errors
/// When the input is no picture, or a damaged one, as far as that is seen here.
pub fn cut(
    input: &Input<'_>,
    raw: Option<RawShape>,
    wanted_bytes: u64,
    border: Border,
) -> JobResult<Vec<Vec<Piece>>> {
    let wanted_bytes = wanted_bytes.min(TILE_BYTES_MAX);
    match open(input, raw)? {
        Picture::Stored(stored) => {
            let content = Content::Stored(stored.samples);
            let rows = wanted_bytes / stored.row_bytes();
            let tiles = tiles(stored.shape, rows, border).into_iter();
            Ok(tiles
                .map(|tile| {
                    let mut pieces = vec![Piece::Bytes(header(&tile, content))];
                    pieces.extend(stored_rows(&stored, &tile));
                    pieces
                })
                .collect())
        }
        Picture::Coded(coder, shape) => {
            let bytes_of_a_row = (input.size() / u64::from(shape.height)).max(1);
            let tiles = tiles(shape, wanted_bytes / bytes_of_a_row, border);
            let rows: u64 = tiles.iter().map(|tile| u64::from(tile.rows_stored())).sum();
            if tiles.len() > 1 && rows * shape.row_bytes() <= DECODED_HERE_BYTES_MAX {
                decoded(input, coder, &tiles)
            } else {
                single(input, coder, shape)
            }
        }
    }
}

/// Tiles of so many rows each, or more where there would be too many tiles.
fn tiles(shape: Shape, rows: u64, border: Border) -> Vec<Tile> {
    let most = u64::from(shape.height);
    let rows = rows.clamp(u64::from(shape.height.div_ceil(CHUNKS_MAX)), most) as u32;
    let mut tiles = Vec::new();
    let mut first_row = 0;
    while first_row < shape.height {
        let rows = rows.min(shape.height - first_row);
        let last = first_row + rows == shape.height;
        let has_row_below = border == Border::RowBelow && !last;
        tiles.push(Tile { shape, first_row, rows, has_row_below });
        first_row += rows;
    }
    tiles
}

/// Where the rows of a tile lie in the input.
fn stored_rows(stored: &Stored, tile: &Tile) -> Vec<Piece> {
    let row_bytes = stored.row_bytes();
    let (start, end) = (tile.first_row, tile.first_row + tile.rows_stored());
    let mut pieces = Vec::new();
    let mut above = 0;
    for stretch in &stored.stretches {
        let below = above + stretch.rows;
        let (from, to) = (start.max(above), end.min(below));
        if from < to {
            pieces.push(Piece::Input {
                offset: stretch.offset + u64::from(from - above) * row_bytes,
                len: u64::from(to - from) * row_bytes,
            });
        }
        above = below;
    }
    pieces
}

/// Decodes the file and gives each tile its rows.
fn decoded(input: &Input<'_>, coder: Coder, tiles: &[Tile]) -> JobResult<Vec<Vec<Piece>>> {
    let (shape, mut rows) = coder.rows(Window::new(input, 0))?;
    let mut row = vec![0; shape.row_bytes() as usize];
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    for tile in tiles {
        let mut chunk = header(tile, Content::Rows);
        // The row below the tile before is this one's first: it was read there.
        if !chunks.is_empty() && tiles[chunks.len() - 1].has_row_below {
            chunk.extend_from_slice(&row);
        } else {
            rows.next_row(&mut row)?;
            chunk.extend_from_slice(&row);
        }
        for _ in 1..tile.rows_stored() {
            rows.next_row(&mut row)?;
            chunk.extend_from_slice(&row);
        }
        chunks.push(chunk);
    }
    rows.finish()?;
    Ok(chunks.into_iter().map(|chunk| vec![Piece::Bytes(chunk)]).collect())
}

/// The whole file as one chunk.
fn single(input: &Input<'_>, coder: Coder, shape: Shape) -> JobResult<Vec<Vec<Piece>>> {
    let header = header(&Tile::whole(shape), Content::File(coder));
    let len = input.size();
    if len + header.len() as u64 > CHUNK_BYTES_MAX {
        return Err(JobError::bad_input(format!(
            "a compressed picture cannot be cut, and this one has {len} bytes: at most \
             {CHUNK_BYTES_MAX} fit a task; save it as PPM, PGM or a TIFF without compression"
        )));
    }
    Ok(vec![vec![Piece::Bytes(header), Piece::Input { offset: 0, len }]])
}
