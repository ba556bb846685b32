//! Chunks that a module made itself, gathered from pieces of a file.

use std::fs::File;
use std::os::unix::fs::FileExt;

use bramble_protocol::{Piece, piece};

use super::CutError;

/// Rows with less than this many bytes between them are read together with what lies between.
const GAP_BYTES_MAX: u64 = 16 << 10;
/// The most that is read at a time for rows, in bytes, unless a row is longer.
const WINDOW_BYTES: u64 = 1 << 20;

/// Gathers chunks from the pieces of a file, yielding them in order. After an error nothing more
/// is yielded. Holds one chunk, and of a file up to [`WINDOW_BYTES`] more.
#[derive(Debug)]
pub struct PieceCutter<'f> {
    /// The input, if there is one.
    file: Option<&'f File>,
    chunks: std::vec::IntoIter<Vec<Piece>>,
    is_done: bool,
}

impl<'f> PieceCutter<'f> {
    /// Checks that `chunks` lie within `input_bytes` and the bounds of
    /// [`piece::fault_in`]; nothing is read yet.
    ///
    /// # Errors
    /// [`CutError::BadPieces`].
    pub fn new(input: Option<(&'f File, u64)>, chunks: Vec<Vec<Piece>>) -> Result<Self, CutError> {
        let input_bytes = input.map_or(0, |(_, bytes)| bytes);
        match piece::fault_in(&chunks, input_bytes) {
            Some(reason) => Err(CutError::BadPieces { reason }),
            None => {
                let file = input.map(|(file, _)| file);
                Ok(Self { file, chunks: chunks.into_iter(), is_done: false })
            }
        }
    }

    fn gather(&self, pieces: Vec<Piece>) -> Result<Vec<u8>, CutError> {
        let bytes = pieces.iter().filter_map(Piece::len).sum::<u64>();
        let mut chunk = Vec::with_capacity(size(bytes));
        for piece in pieces {
            match piece {
                Piece::Bytes(literal) => chunk.extend_from_slice(&literal),
                Piece::Input { offset, len } => self.read(offset, size(len), &mut chunk)?,
                Piece::Rows { len: 0, .. } => {}
                Piece::Rows { offset, len, stride, count } if stride == len => {
                    self.read(offset, size(len * count), &mut chunk)?;
                }
                Piece::Rows { offset, len, stride, count } => {
                    self.rows((offset, len, stride, count), &mut chunk)?;
                }
            }
        }
        Ok(chunk)
    }

    /// Adds rows to `chunk`: near ones from windows read at once, far ones each by itself.
    fn rows(
        &self,
        (offset, len, stride, count): (u64, u64, u64, u64),
        chunk: &mut Vec<u8>,
    ) -> Result<(), CutError> {
        let is_far = stride.saturating_sub(len) > GAP_BYTES_MAX;
        let at_once = match stride {
            _ if is_far => 1,
            0 => count,
            _ => (WINDOW_BYTES.saturating_sub(len) / stride + 1).min(count),
        };
        let mut window = Vec::new();
        let mut row = 0;
        while row < count {
            let rows = at_once.min(count - row);
            let start = offset + row * stride;
            if rows == 1 {
                self.read(start, size(len), chunk)?;
            } else {
                window.clear();
                self.read(start, size((rows - 1) * stride + len), &mut window)?;
                for place in (0..rows).map(|row| size(row * stride)) {
                    chunk.extend_from_slice(&window[place..place + size(len)]);
                }
            }
            row += rows;
        }
        Ok(())
    }

    /// Adds a stretch of the input to `bytes`.
    fn read(&self, offset: u64, len: usize, bytes: &mut Vec<u8>) -> Result<(), CutError> {
        let Some(file) = self.file.filter(|_| len > 0) else { return Ok(()) };
        let start = bytes.len();
        bytes.resize(start + len, 0);
        file.read_exact_at(&mut bytes[start..], offset)
            .map_err(|source| CutError::Read { offset, source })
    }
}

impl Iterator for PieceCutter<'_> {
    type Item = Result<Vec<u8>, CutError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let chunk = self.chunks.next().map(|pieces| self.gather(pieces));
        self.is_done = !matches!(chunk, Some(Ok(_)));
        chunk
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).expect("checked: 64 MiB fit into any address space")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn cut(bytes: &[u8], chunks: Vec<Vec<Piece>>) -> Vec<Vec<u8>> {
        let file = file(bytes);
        let cutter = PieceCutter::new(Some((&file, bytes.len() as u64)), chunks).unwrap();
        cutter.map(Result::unwrap).collect()
    }

    #[test]
    fn chunks_are_gathered_in_order_and_may_repeat_and_overlap() {
        let chunks = vec![
            vec![
                Piece::Bytes(b"head:".to_vec()),
                Piece::Rows { offset: 1, len: 2, stride: 4, count: 3 },
                Piece::Input { offset: 10, len: 2 },
            ],
            vec![Piece::Rows { offset: 3, len: 3, stride: 1, count: 3 }],
            vec![Piece::Rows { offset: 3, len: 2, stride: 0, count: 2 }],
            vec![Piece::Rows { offset: 0, len: 3, stride: 3, count: 4 }],
        ];
        let found = cut(b"0123456789ab", chunks);
        assert_eq!(found, [&b"head:12569aab"[..], b"345456567", b"3434", b"0123456789ab"]);
    }

    #[test]
    fn near_and_far_rows_are_the_bytes_that_they_say() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|at| ((at * 31) >> 5) as u8).collect();
        for (offset, len, stride, count) in [
            (7, 1, 3, 900_000),
            (0, 100, 16_484, 150),
            (5, 100, 16_485, 150),
            (0, 10, 100_000, 29),
            (1, 2_000_000, 7, 20),
            (11, 5_000, 2, 10_000),
        ] {
            let piece = Piece::Rows { offset, len, stride, count };
            let expected: Vec<u8> = (0..count)
                .flat_map(|row| &bytes[(offset + row * stride) as usize..][..len as usize])
                .copied()
                .collect();
            assert!(cut(&bytes, vec![vec![piece.clone()]]) == [expected], "{piece:?}");
        }
    }

    #[test]
    fn a_job_without_input_has_chunks_of_bytes_only() {
        let chunks = vec![vec![Piece::Bytes(b"one".to_vec())], vec![Piece::Bytes(b"two".to_vec())]];
        let found: Vec<_> = PieceCutter::new(None, chunks).unwrap().map(Result::unwrap).collect();
        assert_eq!(found, [b"one", b"two"]);
        let beyond = vec![vec![Piece::Input { offset: 0, len: 1 }]];
        assert!(matches!(PieceCutter::new(None, beyond), Err(CutError::BadPieces { .. })));
    }

    #[test]
    fn a_file_that_was_cut_short_meanwhile_is_an_error_and_the_last_thing() {
        let file = file(b"0123");
        let chunks = vec![vec![Piece::Input { offset: 2, len: 4 }], vec![Piece::Bytes(vec![1])]];
        let mut cutter = PieceCutter::new(Some((&file, 6)), chunks).unwrap();
        assert!(matches!(cutter.next(), Some(Err(CutError::Read { offset: 2, .. }))));
        assert!(cutter.next().is_none());
    }
}
