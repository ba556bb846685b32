//! A picture of the ciphertext: what somebody sees who intercepts it.
//!
//! Each row of samples is encrypted by itself and shown as samples again. The result has the size
//! of the picture; it is to be looked at and cannot be decrypted. With a cipher in ECB mode equal
//! blocks stay equal and the picture shines through; with any other it is noise.

use bramble_guest::{Input, JobResult, Output};

use crate::pixels::{Shape, Tile, read_tile};

/// Encrypts a picture row by row.
///
/// What becomes of a row depends on nothing but the key, the nonce, the row's number and its
/// bytes, so that rows can be worked on anywhere in any order.
pub trait RowCipher {
    /// Encrypts row `y` in place. It keeps its length.
    fn encrypt_row(&self, y: u32, row: &mut [u8]);
}

impl<F: Fn(u32, &mut [u8])> RowCipher for F {
    fn encrypt_row(&self, y: u32, row: &mut [u8]) {
        self(y, row);
    }
}

/// What is in the picture, from left to right.
pub enum View<'a> {
    /// The ciphertext.
    Ciphertext(&'a dyn RowCipher),
    /// The picture itself, its ciphertext in ECB mode, and that of the cipher that was chosen.
    SideBySide {
        /// In ECB mode.
        ecb: &'a dyn RowCipher,
        /// The one that was chosen.
        chosen: &'a dyn RowCipher,
    },
}

impl View<'_> {
    fn panels(&self) -> u32 {
        match self {
            Self::Ciphertext(_) => 1,
            Self::SideBySide { .. } => 3,
        }
    }
}

/// Writes the rows of a tile as a PGM or PPM, with its header if they are the first ones: the
/// outputs of all tiles one after the other are one picture.
///
/// # Errors
/// When the picture is damaged.
pub fn map(chunk: &Input<'_>, view: &View<'_>, output: &mut Output<'_>) -> JobResult {
    let (Tile { shape, first_row, rows: count, .. }, mut rows) = read_tile(chunk)?;
    if first_row == 0 {
        output.put(pnm_header(&shape, view.panels()).as_bytes());
    }
    let mut row = vec![0; shape.row_bytes() as usize];
    let mut encrypted = row.clone();
    for y in first_row..first_row + count {
        rows.next_row(&mut row)?;
        match view {
            View::Ciphertext(cipher) => cipher.encrypt_row(y, &mut row),
            View::SideBySide { ecb, chosen } => {
                output.put(&row);
                encrypted.copy_from_slice(&row);
                ecb.encrypt_row(y, &mut encrypted);
                output.put(&encrypted);
                chosen.encrypt_row(y, &mut row);
            }
        }
        output.put(&row);
    }
    rows.finish()
}

fn pnm_header(shape: &Shape, panels: u32) -> String {
    let kind = if shape.channels == 1 { "P5" } else { "P6" };
    let width = u64::from(shape.width) * u64::from(panels);
    format!("{kind}\n{width} {}\n{}\n", shape.height, shape.white())
}
