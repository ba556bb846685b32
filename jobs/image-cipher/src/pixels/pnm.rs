//! PGM and PPM, the binary forms (P5 and P6).
//!
//! Source: the manual pages pgm(5) and ppm(5) of Netpbm, <https://netpbm.sourceforge.net/doc/>.

use bramble_guest::{Input, JobError, JobResult};

use super::Shape;
use super::stored::{Samples, Stored};

/// The longest header, comments included.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Reads the header.
pub(super) fn open(input: &Input<'_>) -> JobResult<Stored> {
    let start = input.read_at(0, HEADER_BYTES_MAX);
    let mut header = Header { bytes: &start, at: 2 };
    let channels = match &start[..start.len().min(2)] {
        b"P5" => 1,
        b"P6" => 3,
        b"P2" | b"P3" => {
            return Err(JobError::bad_input(
                "this is a PGM or PPM in plain text (P2, P3): make it binary (P5, P6), by \
                 `pnmtopnm` of netpbm for instance",
            ));
        }
        other => {
            return Err(JobError::bad_input(format!(
                "the input starts with {}, which is neither P5 (PGM) nor P6 (PPM)",
                bramble_guest::quote(&String::from_utf8_lossy(other))
            )));
        }
    };
    let width = header.number("the width", u32::MAX)?;
    let height = header.number("the height", u32::MAX)?;
    let white = header.number("the largest value of a sample", 65_535)? as u16;
    if white == 0 {
        return Err(JobError::bad_input("the header says that the largest value of a sample is 0"));
    }
    header.one_space()?;
    let shape = Shape::new(width, height, channels, if white > 255 { 2 } else { 1 })?;
    let samples = Samples { channels_stored: channels, white, little_endian: false };
    Stored::to_the_end(shape, samples, header.at as u64, input.size())
}

struct Header<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Header<'_> {
    fn number(&mut self, what: &str, max: u32) -> JobResult<u32> {
        self.skip_space()?;
        let start = self.at;
        let digits = self.bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        if digits == 0 {
            return Err(match self.bytes.get(start) {
                Some(byte) => JobError::bad_input(format!(
                    "the header has `{}` at byte {start}, where {what} should be",
                    byte.escape_ascii()
                )),
                None => JobError::bad_input(format!("the header ends before {what}")),
            });
        }
        let text = String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned();
        text.parse().ok().filter(|number| *number <= max).ok_or_else(|| {
            let text = bramble_guest::quote(&text);
            JobError::bad_input(format!(
                "{what} at byte {start} is {text}: at most {max} is allowed"
            ))
        })
    }

    /// Skips white space, of which there must be some, and comments, which go to the line's end.
    fn skip_space(&mut self) -> JobResult {
        let start = self.at;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.at += end.unwrap_or(rest.len());
                }
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                _ => break,
            }
        }
        if self.at == HEADER_BYTES_MAX {
            return Err(JobError::bad_input(format!(
                "the header has more than {HEADER_BYTES_MAX} bytes"
            )));
        }
        if self.at == start && self.at < self.bytes.len() {
            return Err(JobError::bad_input(format!(
                "the header has `{}` at byte {start}, where white space should be",
                self.bytes[start].escape_ascii()
            )));
        }
        Ok(())
    }

    /// What divides the header from the samples.
    fn one_space(&mut self) -> JobResult {
        match self.bytes.get(self.at) {
            Some(byte) if byte.is_ascii_whitespace() || *byte == 0x0b => {
                self.at += 1;
                Ok(())
            }
            Some(byte) => Err(JobError::bad_input(format!(
                "the header has `{}` at byte {}, where one white space and then the samples \
                 should be",
                byte.escape_ascii(),
                self.at
            ))),
            None => Err(JobError::bad_input("the picture ends after its header")),
        }
    }
}
