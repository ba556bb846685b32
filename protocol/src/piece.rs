//! The pieces of which a module makes its chunks itself: what bounds them, and the form in which
//! they go from one process to another.

use crate::{Manifest, pack};

/// A piece of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A stretch of the input.
    Input {
        /// Where it begins, in bytes.
        offset: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// Stretches of the input of one length and one distance, one after the other.
    Rows {
        /// Where the first one begins, in bytes.
        offset: u64,
        /// Length of each in bytes.
        len: u64,
        /// From the start of one to the start of the next, in bytes; may be less than the length.
        stride: u64,
        /// How many there are.
        count: u64,
    },
}

/// All bytes that a module may give literally, in all its chunks together.
pub const LITERAL_BYTES_MAX: u64 = 16 << 20;
/// The most pieces of all chunks together.
pub const PIECES_MAX: usize = 1 << 20;
/// How often all of an input may come in the chunks: pieces may repeat, but not flood a disk.
pub const REPEATS_MAX: u64 = 64;
/// The longest form of pieces between processes, in bytes: all literal ones and the most pieces, with headers.
pub const ENCODED_BYTES_MAX: u64 = LITERAL_BYTES_MAX + 33 * PIECES_MAX as u64 + (1 << 20);

const BYTES: u8 = 0;
const INPUT: u8 = 1;
const ROWS: u8 = 2;

impl Piece {
    /// Its length in bytes; `None` when no number can hold it.
    pub fn len(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Input { len, .. } => Some(*len),
            Self::Rows { len, count, .. } => len.checked_mul(*count),
        }
    }

    /// Whether it adds nothing to its chunk.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Up to which byte it reads the input; `None` when no number can hold it.
    fn end(&self) -> Option<u64> {
        match self {
            _ if self.is_empty() => Some(0),
            Self::Bytes(_) => Some(0),
            Self::Input { offset, len } => offset.checked_add(*len),
            Self::Rows { offset, len, stride, count } => {
                offset.checked_add(stride.checked_mul(count - 1)?)?.checked_add(*len)
            }
        }
    }
}

/// What is wrong with `chunks`, each a list of pieces, of an input of `input_bytes`, in words.
pub fn fault_in(chunks: &[Vec<Piece>], input_bytes: u64) -> Option<String> {
    if chunks.is_empty() {
        return Some("no chunk: a job has at least one".into());
    }
    if chunks.len() > Manifest::CHUNKS_MAX {
        return Some(format!("{} chunks, allowed are {}", chunks.len(), Manifest::CHUNKS_MAX));
    }
    let (mut literal, mut total, mut pieces) = (0u64, 0u64, 0usize);
    for (index, chunk) in chunks.iter().enumerate() {
        let number = index + 1;
        pieces += chunk.len();
        if pieces > PIECES_MAX {
            return Some(format!("more than {PIECES_MAX} pieces"));
        }
        let mut chunk_bytes = 0u64;
        for (place, piece) in chunk.iter().enumerate() {
            let place = place + 1;
            let too_far = || {
                format!(
                    "piece {place} of chunk {number} goes beyond an input of {input_bytes} bytes"
                )
            };
            let Some(len) = piece.len() else { return Some(too_far()) };
            if piece.end().is_none_or(|end| end > input_bytes) {
                return Some(too_far());
            }
            if matches!(piece, Piece::Bytes(_)) {
                literal += len;
            }
            chunk_bytes = chunk_bytes.saturating_add(len);
        }
        if !(1..=pack::OBJECT_BYTES_MAX).contains(&chunk_bytes) {
            let allowed = pack::OBJECT_BYTES_MAX;
            return Some(format!(
                "chunk {number} has {chunk_bytes} bytes, allowed are 1 to {allowed}"
            ));
        }
        total = total.saturating_add(chunk_bytes);
    }
    if literal > LITERAL_BYTES_MAX {
        return Some(format!("{literal} literal bytes, allowed are {LITERAL_BYTES_MAX}"));
    }
    let allowed = input_bytes.saturating_mul(REPEATS_MAX).saturating_add(LITERAL_BYTES_MAX);
    (total > allowed).then(|| {
        format!("{total} bytes in all chunks; of {input_bytes} of input at most {allowed}")
    })
}

/// The form between processes of one chunk's pieces: their number (4 bytes, little-endian), then
/// of each a byte that says its kind and its numbers (8 bytes each), or length and bytes.
pub fn encode(pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&(pieces.len() as u32).to_le_bytes());
    for piece in pieces {
        let (kind, numbers): (u8, &[u64]) = match piece {
            Piece::Bytes(literal) => (BYTES, &[literal.len() as u64]),
            Piece::Input { offset, len } => (INPUT, &[*offset, *len]),
            Piece::Rows { offset, len, stride, count } => (ROWS, &[*offset, *len, *stride, *count]),
        };
        bytes.push(kind);
        numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        if let Piece::Bytes(literal) = piece {
            bytes.extend_from_slice(literal);
        }
    }
    bytes
}

/// The chunks whose pieces [`encode`] wrote, one after the other; `None` for anything else.
pub fn decode(mut bytes: &[u8]) -> Option<Vec<Vec<Piece>>> {
    let mut chunks = Vec::new();
    while !bytes.is_empty() {
        let count = u32::from_le_bytes(take(&mut bytes)?);
        // Not with that capacity: whoever wrote it may lie.
        let mut pieces = Vec::new();
        for _ in 0..count {
            let [kind] = take(&mut bytes)?;
            let mut number = || Some(u64::from_le_bytes(take(&mut bytes)?));
            pieces.push(match kind {
                BYTES => {
                    let len = usize::try_from(number()?).ok()?;
                    let (literal, rest) = bytes.split_at_checked(len)?;
                    bytes = rest;
                    Piece::Bytes(literal.to_vec())
                }
                INPUT => Piece::Input { offset: number()?, len: number()? },
                ROWS => Piece::Rows {
                    offset: number()?,
                    len: number()?,
                    stride: number()?,
                    count: number()?,
                },
                _ => return None,
            });
        }
        chunks.push(pieces);
    }
    Some(chunks)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(offset: u64, len: u64, stride: u64, count: u64) -> Piece {
        Piece::Rows { offset, len, stride, count }
    }

    #[test]
    fn pieces_within_the_input_make_chunks() {
        let input = |offset, len| Piece::Input { offset, len };
        for good in [
            vec![vec![Piece::Bytes(vec![1])]],
            vec![vec![input(0, 10)], vec![input(0, 10)], vec![input(9, 1)]],
            vec![vec![rows(0, 2, 4, 3)], vec![rows(8, 2, 0, 20)], vec![rows(0, 4, 1, 7)]],
            // An empty piece is nowhere.
            vec![vec![rows(u64::MAX, 0, u64::MAX, u64::MAX), input(99, 0), input(1, 1)]],
        ] {
            assert_eq!(fault_in(&good, 10), None, "{good:?}");
        }
    }

    #[test]
    fn what_a_hostile_module_may_answer_is_refused() {
        let input = |offset, len| Piece::Input { offset, len };
        for (bad, why) in [
            (vec![], "no chunk"),
            (vec![vec![]], "chunk 1 has 0 bytes"),
            (vec![vec![input(0, 1)], vec![input(3, 0)]], "chunk 2 has 0 bytes"),
            (vec![vec![input(5, 6)]], "piece 1 of chunk 1 goes beyond"),
            (vec![vec![input(u64::MAX, 2)]], "goes beyond"),
            (vec![vec![rows(0, 2, 4, 4)]], "goes beyond"),
            (vec![vec![rows(0, 1, u64::MAX, 3)]], "goes beyond"),
            (vec![vec![rows(0, u64::MAX, 1, 2)]], "goes beyond"),
            (vec![vec![rows(0, 1, 0, 1 << 30)]], "chunk 1 has 1073741824 bytes"),
            (vec![vec![rows(0, 10, 0, 1 << 20)]; 3], "bytes in all chunks"),
            (vec![vec![Piece::Bytes(vec![0; 1 << 20])]; 17], "literal bytes"),
            (vec![vec![input(0, 1)]; Manifest::CHUNKS_MAX + 1], "chunks, allowed"),
            (vec![vec![input(0, 0); PIECES_MAX + 1]], "more than 1048576 pieces"),
        ] {
            let fault = fault_in(&bad, 10).unwrap_or_default();
            assert!(fault.contains(why), "{why}: {fault}");
        }
    }

    #[test]
    fn pieces_survive_the_way_between_processes() {
        let chunks = vec![
            vec![Piece::Bytes(b"head".to_vec()), Piece::Input { offset: 7, len: u64::MAX }],
            vec![],
            vec![rows(1, 2, 3, 4), Piece::Bytes(vec![])],
        ];
        let bytes: Vec<u8> = chunks.iter().flat_map(|pieces| encode(pieces)).collect();
        assert_eq!(decode(&bytes), Some(chunks));
        for end in 1..bytes.len() {
            // Cut short it is either fewer whole chunks or nothing.
            assert!(decode(&bytes[..end]).is_none_or(|chunks| chunks.len() < 3), "{end}");
        }
        assert_eq!(decode(&[255; 40]), None);
        assert_eq!(decode(&[1, 0, 0, 0, 9]), None);
    }
}
