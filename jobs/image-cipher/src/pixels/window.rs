//! An input, or what comes after a header in it, as the decoders of picture files want it: a
//! stream with a place that can be moved.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use bramble_guest::Input;

const BLOCK_BYTES: usize = 64 << 10;

/// The input from some place on. Only one block of it is in memory at a time.
pub(super) struct Window<'a> {
    input: &'a Input<'a>,
    start: u64,
    at: u64,
    block: Vec<u8>,
    block_start: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(input: &'a Input<'a>, start: u64) -> Self {
        Self { input, start, at: 0, block: Vec::new(), block_start: 0 }
    }

    /// Length of the part in bytes.
    pub(super) fn size(&self) -> u64 {
        self.input.size().saturating_sub(self.start)
    }
}

impl BufRead for Window<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let held = self.block_start..self.block_start + self.block.len() as u64;
        if !held.contains(&self.at) {
            self.block_start = self.at;
            self.block = self.input.read_at(self.start.saturating_add(self.at), BLOCK_BYTES);
        }
        Ok(self.block.get((self.at - self.block_start) as usize..).unwrap_or(&[]))
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes as u64;
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let found = self.fill_buf()?;
        let take = found.len().min(buffer.len());
        buffer[..take].copy_from_slice(&found[..take]);
        self.consume(take);
        Ok(take)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size().checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_reads_and_seeks_within_its_part_of_the_input() {
        let input = Input::from_bytes(b"head0123456789".to_vec());
        let mut window = Window::new(&input, 4);
        let mut three = [0; 3];
        window.read_exact(&mut three).unwrap();
        assert_eq!(&three, b"012");
        window.seek(SeekFrom::End(-2)).unwrap();
        window.read_exact(&mut three[..2]).unwrap();
        assert_eq!(&three[..2], b"89");
        assert_eq!(window.read(&mut three).unwrap(), 0);
        window.seek(SeekFrom::Start(1)).unwrap();
        window.seek(SeekFrom::Current(1)).unwrap();
        window.read_exact(&mut three).unwrap();
        assert_eq!(&three, b"234");
        window.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(window.read(&mut three).unwrap(), 0);
        assert!(window.seek(SeekFrom::Current(-1)).is_ok());
        assert!(window.seek(SeekFrom::End(-11)).is_err());
    }
}
