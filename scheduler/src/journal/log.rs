//! SQLite's write-ahead log, looked at before SQLite does.
//!
//! SQLite takes the log up to the first frame that is not whole, and drops the rest without a
//! word: after a power cut that is right, because nobody was told of the rest. But a log damaged
//! further up would lose what was acknowledged. The difference can be seen. A transaction is begun
//! only when the one before it is synced, so that a power cut damages the last one at most: whole
//! transactions behind a damaged frame mean that the frame was good once.
//!
//! Format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;
/// What a page may measure, in bytes.
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// Says what is wrong with the log at `path`; `None` when it is whole, not there, or cut as a
/// power failure may cut it.
pub(super) fn damage(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut header = [0; HEADER_BYTES];
    if !filled(&mut reader, &mut header)? {
        return Ok(None);
    }
    let Some(mut log) = Log::new(&header) else {
        // A header is synced before the first transaction; one that is cut has none behind it.
        return behind_bad_header(&mut reader);
    };
    let mut frame = vec![0; FRAME_HEADER_BYTES + log.page_bytes];
    let mut number = 0u64;
    let mut broken_at = None;
    // Transactions that end behind the damage, and whether anything follows the last of them.
    let (mut ends, mut follows) = (0, false);
    while filled(&mut reader, &mut frame)? {
        number += 1;
        if !log.has_salts(&frame) {
            // Left from before the log was last reset. Only damage lets others follow.
            broken_at = broken_at.or(Some(number));
            continue;
        }
        if broken_at.is_none() && !log.accepts(&frame) {
            broken_at = Some(number);
        }
        if broken_at.is_some() {
            follows = ends > 0;
            ends += u32::from(word(&frame, 4) != 0);
        }
    }
    Ok(broken_at
        .filter(|_| ends > 1 || follows)
        .map(|frame| format!("its log {} is damaged at frame {frame}", path.display())))
}

fn behind_bad_header(reader: &mut impl Read) -> io::Result<Option<String>> {
    let mut rest = [0; FRAME_HEADER_BYTES];
    let any = filled(reader, &mut rest)? && rest.iter().any(|byte| *byte != 0);
    Ok(any.then(|| "the header of its log is damaged".to_owned()))
}

/// What runs through the log.
struct Log {
    big_endian: bool,
    page_bytes: usize,
    salts: [u8; 8],
    sum: (u32, u32),
}

impl Log {
    fn new(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let magic = word(header, 0);
        let page_bytes = word(header, 8);
        let mut salts = [0; 8];
        salts.copy_from_slice(&header[16..24]);
        if magic & !1 != MAGIC || !PAGE_BYTES.contains(&page_bytes) {
            return None;
        }
        let big_endian = magic & 1 == 1;
        let sum = sum((0, 0), &header[..24], big_endian);
        let log = Self { big_endian, page_bytes: page_bytes as usize, salts, sum };
        (sum == (word(header, 24), word(header, 28))).then_some(log)
    }

    fn has_salts(&self, frame: &[u8]) -> bool {
        frame[8..16] == self.salts
    }

    /// Whether the next frame is what was written.
    fn accepts(&mut self, frame: &[u8]) -> bool {
        let head = sum(self.sum, &frame[..8], self.big_endian);
        let whole = sum(head, &frame[FRAME_HEADER_BYTES..], self.big_endian);
        let accepted = whole == (word(frame, 16), word(frame, 20));
        if accepted {
            self.sum = whole;
        }
        accepted
    }
}

fn sum(from: (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    let read = |bytes: &[u8]| {
        let four = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    bytes.chunks_exact(8).fold(from, |(a, b), eight| {
        let a = a.wrapping_add(read(&eight[..4])).wrapping_add(b);
        let b = b.wrapping_add(read(&eight[4..])).wrapping_add(a);
        (a, b)
    })
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Fills the buffer; false when there is less.
fn filled(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
