//! How much a ciphertext still tells about the picture, in numbers.
//!
//! Each task counts over its tile, exactly and in integers; a merge adds the counts up, in any
//! order and in any groups; and whoever has the counts of all rows writes the table.

mod counts;
mod table;

pub use counts::{Counts, Direction, Pairs, PictureCounts};
pub use table::write_table;

use bramble_guest::{Input, JobError, JobResult, Output};

use crate::pixels::read_tile;
use crate::view::RowCipher;

/// The ciphers that are compared.
pub struct Ciphers<'a> {
    /// In ECB mode.
    pub ecb: &'a dyn RowCipher,
    /// The one that was chosen.
    pub chosen: &'a dyn RowCipher,
    /// The same one with another nonce; none if it knows no nonce.
    pub with_new_nonce: Option<&'a dyn RowCipher>,
}

/// Counts over a tile. What is written is a part to [`merge`], or the table if the tile is the
/// whole picture.
///
/// # Errors
/// When the picture is damaged.
pub fn map(chunk: &Input<'_>, ciphers: &Ciphers<'_>, output: &mut Output<'_>) -> JobResult {
    let (tile, mut rows) = read_tile(chunk)?;
    let shape = tile.shape;
    let mut counts = Counts::new(shape, ciphers.with_new_nonce.is_some());
    let empty = || vec![0; shape.row_bytes() as usize];
    let mut above: [Vec<u8>; 3] = [empty(), empty(), empty()];
    let mut pictures = above.clone();
    let end = tile.first_row + tile.rows;
    for y in tile.first_row..end + u32::from(tile.has_row_below) {
        let [plain, ecb, chosen] = &mut pictures;
        rows.next_row(plain)?;
        ecb.copy_from_slice(plain);
        ciphers.ecb.encrypt_row(y, ecb);
        chosen.copy_from_slice(plain);
        ciphers.chosen.encrypt_row(y, chosen);
        let own = y < end;
        for (number, row) in pictures.iter().enumerate() {
            let above = (y > tile.first_row).then_some(above[number].as_slice());
            counts.pictures[number].add_row(&shape, row, above, own);
        }
        if own {
            count_changes(&mut counts, ciphers, y, &pictures);
        }
        std::mem::swap(&mut above, &mut pictures);
    }
    rows.finish()?;
    counts.rows += u64::from(tile.rows);
    write(&counts, output)
}

/// Changes one bit of the picture, the lowest of the sample in its middle, encrypts it again, and
/// counts what has become different.
fn count_changes(counts: &mut Counts, ciphers: &Ciphers<'_>, y: u32, pictures: &[Vec<u8>; 3]) {
    let [plain, ecb, chosen] = pictures;
    let shape = counts.shape;
    let mut changed = plain.clone();
    let touched = y == shape.height / 2;
    if touched {
        let sample = (shape.width / 2) as usize * usize::from(shape.channels);
        let sample_bytes = usize::from(shape.sample_bytes);
        changed[(sample + 1) * sample_bytes - 1] ^= 1;
    }
    let encrypted = |cipher: &dyn RowCipher| {
        let mut row = changed.clone();
        cipher.encrypt_row(y, &mut row);
        row
    };
    // Rows are encrypted by themselves: with the same nonce all others stay as they are.
    if touched {
        counts.ecb_changes.add_row(&shape, ecb, &encrypted(ciphers.ecb));
        counts.same_nonce_changes.add_row(&shape, chosen, &encrypted(ciphers.chosen));
    }
    if let (Some(cipher), Some(changes)) = (ciphers.with_new_nonce, &mut counts.new_nonce_changes) {
        changes.add_row(&shape, chosen, &encrypted(cipher));
    }
}

/// Adds up the counts of parts, in any order and any groups. The table is written by whoever has
/// all rows.
///
/// # Errors
/// When the parts are no parts of one picture.
pub fn merge(parts: &mut [Input<'_>], output: &mut Output<'_>) -> JobResult {
    let mut sum: Option<Counts> = None;
    for part in parts.iter_mut() {
        let bytes = part.read_all();
        if table::is_table(&bytes) {
            // The picture was a single tile.
            output.put(&bytes);
            return Ok(());
        }
        let counts = Counts::from_bytes(&bytes)?;
        match &mut sum {
            None => sum = Some(counts),
            Some(sum) => sum.add(&counts)?,
        }
    }
    let sum = sum.ok_or_else(|| JobError::failed("there are no parts to merge"))?;
    write(&sum, output)
}

fn write(counts: &Counts, output: &mut Output<'_>) -> JobResult {
    if counts.rows == u64::from(counts.shape.height) {
        write_table(counts, output)
    } else {
        output.put(&counts.to_bytes());
        Ok(())
    }
}
