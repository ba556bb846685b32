//! Where the segments of a file lie, before and after it is sealed. All follows from its length.

use bramble_guest::{JobError, JobResult};

use super::{Construction, PREFIX_BYTES, Suite};

/// A file to be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextShape {
    /// Bytes of text.
    pub bytes: u64,
    /// How many segments there will be.
    pub segments: u64,
}

impl TextShape {
    /// That of a text of so many bytes.
    ///
    /// # Errors
    /// When it is too long for the cipher.
    pub fn new(suite: &Suite, bytes: u64) -> JobResult<Self> {
        if bytes > suite.text_bytes_max {
            return Err(JobError::bad_input(format!(
                "the file has {bytes} bytes; {} is not safe for more than {}: choose another cipher",
                suite.name, suite.text_bytes_max
            )));
        }
        let segment_bytes = suite.segment_bytes as u64;
        let segments = match suite.construction {
            Construction::C2sp => bytes / segment_bytes + 1,
            Construction::Stream => bytes.div_ceil(segment_bytes).max(1),
        };
        Ok(Self { bytes, segments })
    }
}

/// A sealed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedShape {
    /// Bytes of segments and tags, behind header, salt and commitment.
    pub bytes: u64,
    /// How many segments there are.
    pub segments: u64,
}

impl SealedShape {
    /// That of a file with so many bytes behind the prefix.
    ///
    /// # Errors
    /// When no sealed file has that length.
    pub fn new(suite: &Suite, bytes: u64) -> JobResult<Self> {
        let (whole, tag) = (suite.sealed_segment_bytes() as u64, suite.tag_bytes as u64);
        let (count, rest) = (bytes / whole, bytes % whole);
        let cut_short = |why: &str| {
            let all = bytes + PREFIX_BYTES as u64;
            Err(JobError::bad_input(format!(
                "the file was cut short, or bytes were added: it has {all} bytes, and {why}"
            )))
        };
        let short_last = suite.construction == Construction::C2sp;
        match rest {
            0 if short_last => cut_short("its last, shorter segment is missing"),
            0 if count == 0 => cut_short("no segment"),
            0 => Ok(Self { bytes, segments: count }),
            _ if rest < tag => cut_short(&format!("the last {rest} are less than a tag's {tag}")),
            _ if rest == tag && count > 0 && !short_last => {
                cut_short("an empty segment at the end, which only an empty file has")
            }
            _ => Ok(Self { bytes, segments: count + 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::SUITES;

    #[test]
    fn a_sealed_file_has_as_many_segments_as_its_text() {
        for suite in &SUITES {
            let (segment, tag) = (suite.segment_bytes as u64, suite.tag_bytes as u64);
            for bytes in [0, 1, segment - 1, segment, segment + 1, 2 * segment, 7 * segment + 9] {
                let text = TextShape::new(suite, bytes).expect("it is short");
                let sealed = SealedShape::new(suite, bytes + text.segments * tag);
                assert_eq!(sealed.expect("it is one").segments, text.segments);
            }
        }
    }

    #[test]
    fn lengths_that_no_file_has_are_refused() {
        let c2sp = Suite::named("aes-256-gcm").expect("it is there");
        for bytes in [0, 15, 16_400, 16_415, 2 * 16_400] {
            assert!(SealedShape::new(c2sp, bytes).is_err(), "{bytes}");
        }
        let stream = Suite::named("chacha20-poly1305").expect("it is there");
        for bytes in [0, 15, 65_553, 65_552 + 15, 65_552 + 16] {
            assert!(SealedShape::new(stream, bytes).is_err(), "{bytes}");
        }
    }

    #[test]
    fn magma_is_for_short_files() {
        let magma = Suite::named("magma-mgm").expect("it is there");
        assert!(TextShape::new(magma, 256 << 20).is_ok());
        assert!(TextShape::new(magma, (256 << 20) + 1).is_err());
    }
}
