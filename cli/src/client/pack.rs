//! Objects as the body of one request, without a copy of them.

use std::io::{self, Read};

use bramble_protocol::{ObjectRef, pack};

/// Reads as a pack: the mark, then head and bytes of each object.
pub(crate) struct PackReader<'a> {
    objects: &'a [(ObjectRef, &'a [u8])],
    moved: &'a mut dyn FnMut(u64),
    head: Vec<u8>,
    head_read: usize,
    /// The object whose head was last put into `head`, and how much of its bytes is read.
    body: &'a [u8],
    next: usize,
}

impl<'a> PackReader<'a> {
    /// Calls `moved` with the count of object bytes as they are taken.
    pub(crate) fn new(objects: &'a [(ObjectRef, &'a [u8])], moved: &'a mut dyn FnMut(u64)) -> Self {
        Self { objects, moved, head: pack::MAGIC.to_vec(), head_read: 0, body: &[], next: 0 }
    }

    /// Bytes of the whole pack.
    pub(crate) fn length(&self) -> u64 {
        let objects = self.objects.iter().map(|(object, _)| object.size);
        let heads = self.objects.len() * pack::ENTRY_BYTES + pack::MAGIC.len();
        objects.sum::<u64>() + heads as u64
    }
}

impl Read for PackReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.head_read < self.head.len() {
                let count = (&self.head[self.head_read..]).read(buffer)?;
                self.head_read += count;
                return Ok(count);
            }
            if !self.body.is_empty() {
                let count = self.body.read(buffer)?;
                (self.moved)(count as u64);
                return Ok(count);
            }
            let Some((object, bytes)) = self.objects.get(self.next) else { return Ok(0) };
            self.next += 1;
            self.head = pack::entry(object).to_vec();
            self.head_read = 0;
            self.body = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_read_as_the_protocol_says() {
        let texts: [&[u8]; 3] = [b"one", b"", b"three"];
        let objects: Vec<_> = texts.iter().map(|text| (ObjectRef::of(text), *text)).collect();
        let mut expected = pack::MAGIC.to_vec();
        for (object, text) in &objects {
            expected.extend(pack::entry(object));
            expected.extend(*text);
        }
        let mut moved = 0;
        let mut count = |bytes| moved += bytes;
        let mut reader = PackReader::new(&objects, &mut count);
        assert_eq!(reader.length(), expected.len() as u64);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read, expected);
        assert_eq!(moved, 8);
    }
}
