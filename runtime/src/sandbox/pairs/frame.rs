//! The bytes of pairs: frames as guests give and take them, and runs as parts are made of.
//!
//! A *frame* is one pair: the lengths of key and value (4 bytes each, little-endian), the key, the
//! value. A *part*, which is what a task writes for one partition, is a sequence of *segments*: 8
//! bytes of heading, then whole frames in the order of their keys. A segment starts a sorted *run*
//! or goes on with the one before it. So a part can be written in one go, nothing of it need be
//! known beforehand, and one that was cut off after any segment can be gone on with.

use bramble_protocol::{AttemptOutcome, TrapKind};

/// The longest key, in bytes. Merging keeps one of each run in memory.
pub(crate) const KEY_BYTES_MAX: usize = 64 << 10;
/// The longest value, in bytes. What is larger is better kept in the output of a plain map.
pub(crate) const VALUE_BYTES_MAX: usize = 4 << 20;
/// Bytes before the key of a frame.
pub(super) const FRAME_HEADING_BYTES: usize = 8;
/// Bytes before the frames of a segment: a mark, and their length in bytes (little-endian).
pub(super) const SEGMENT_HEADING_BYTES: usize = 8;
/// About as many bytes of frames as a segment of a long run has.
pub(super) const SEGMENT_BYTES: usize = 256 << 10;

/// Marks a segment that starts a run. The last byte is the version of this form.
const STARTS_RUN: [u8; 4] = *b"BPR1";
/// Marks a segment that goes on with a run.
const GOES_ON: [u8; 4] = *b"BPC1";

/// What stands before a segment of `len` bytes.
pub(super) fn segment_heading(starts_run: bool, len: usize) -> [u8; SEGMENT_HEADING_BYTES] {
    let len = u32::try_from(len).expect("segments are far shorter than 4 GiB");
    let mut heading = [0; SEGMENT_HEADING_BYTES];
    heading[..4].copy_from_slice(if starts_run { &STARTS_RUN } else { &GOES_ON });
    heading[4..].copy_from_slice(&len.to_le_bytes());
    heading
}

/// Whether a segment starts a run, and its length in bytes. `None` for what is no heading.
pub(super) fn read_segment_heading(bytes: &[u8]) -> Option<(bool, u64)> {
    let (mark, rest) = bytes.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*rest.first_chunk::<4>()?);
    match *mark {
        STARTS_RUN => Some((true, len.into())),
        GOES_ON => Some((false, len.into())),
        _ => None,
    }
}

/// Length of the key and of the value of the frame that starts here. `None` when there are not
/// even enough bytes to say so.
#[inline]
pub(super) fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let (key, rest) = bytes.split_first_chunk::<4>()?;
    let value = rest.first_chunk::<4>()?;
    Some((u32::from_le_bytes(*key) as usize, u32::from_le_bytes(*value) as usize))
}

/// The first key of a block of frames and the length of its whole frame; `None` at the end.
///
/// # Errors
/// With the outcome of a guest that gave a frame which is cut off or too long.
#[inline]
pub(super) fn first(block: &[u8]) -> Result<Option<(&[u8], usize)>, AttemptOutcome> {
    if block.is_empty() {
        return Ok(None);
    }
    let Some((key, value)) = lengths(block) else { return Err(cut_off(block.len(), 8)) };
    if key > KEY_BYTES_MAX || value > VALUE_BYTES_MAX {
        let (what, len, max) = if key > KEY_BYTES_MAX {
            ("key", key, KEY_BYTES_MAX)
        } else {
            ("value", value, VALUE_BYTES_MAX)
        };
        return Err(malformed(&format!("a {what} has {len} bytes, allowed are {max}")));
    }
    let whole = FRAME_HEADING_BYTES + key + value;
    if block.len() < whole {
        return Err(cut_off(block.len(), whole));
    }
    Ok(Some((&block[FRAME_HEADING_BYTES..FRAME_HEADING_BYTES + key], whole)))
}

fn cut_off(left: usize, whole: usize) -> AttemptOutcome {
    malformed(&format!("a block of frames ends {left} bytes into a frame of {whole}"))
}

/// The outcome of a guest that gave something which is not as `bramble:job/io` says.
pub(super) fn malformed(why: &str) -> AttemptOutcome {
    AttemptOutcome::Trapped { trap: TrapKind::Other, message: format!("malformed pairs: {why}") }
}

/// The first eight bytes of a key as a number that compares as they do. Missing ones count as 0,
/// so equal numbers decide nothing.
#[inline]
pub(super) fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first[..key.len()].copy_from_slice(key);
            u64::from_be_bytes(first)
        }
    }
}

/// A frame, for tests.
#[cfg(test)]
pub(super) fn frame(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut frame = (key.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(&(value.len() as u32).to_le_bytes());
    frame.extend_from_slice(key);
    frame.extend_from_slice(value);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_taken_apart_frame_by_frame() {
        let mut block = [frame(b"key", b"value"), frame(b"", b"")].concat();
        let (key, len) = first(&block).unwrap().unwrap();
        assert_eq!((key, len), (&b"key"[..], 16));
        block.drain(..16);
        assert_eq!(first(&block).unwrap(), Some((&b""[..], 8)));
        assert_eq!(first(&[]).unwrap(), None);
    }

    #[test]
    fn a_frame_that_lies_about_its_length_is_refused() {
        let whole = frame(b"key", b"value");
        for cut in 1..whole.len() {
            let error = first(&whole[..cut]).unwrap_err();
            assert!(error.message().contains("ends"), "{error:?}");
        }
        let mut long = whole;
        long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(first(&long).unwrap_err().message().contains("allowed are 4194304"));
        long[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(first(&long).unwrap_err().message().contains("allowed are 65536"));
    }

    #[test]
    fn a_prefix_compares_as_its_key() {
        let keys: [&[u8]; 6] = [b"", b"a", b"a\0b", b"ab", b"abcdefgh", b"b"];
        assert!(keys.is_sorted_by_key(|key| prefix(key)));
        assert_eq!(prefix(b"abcdefgh1"), prefix(b"abcdefgh2"));
    }
}
