//! Reading a pack, with its lengths and digests checked.

use std::io::{self, Read, Write};

use bramble_protocol::{Manifest, ObjectRef, pack};

use super::PackError;

/// Objects one pack may carry: the chunks of a manifest, and a few more.
const OBJECTS_MAX: u64 = Manifest::CHUNKS_MAX as u64 + 1000;
/// Objects are read in pieces of this many bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Reads objects one after the other, in memory bounded by one piece of an object.
#[derive(Debug)]
pub struct PackReader<R> {
    input: R,
    piece: Vec<u8>,
    /// Complete objects read.
    objects: u64,
    /// Bytes of the current object that were not read yet.
    left: u64,
}

/// An object whose bytes are still to be read. What is left of them when it is dropped is skipped.
#[derive(Debug)]
pub struct Entry<'a, R> {
    reader: &'a mut PackReader<R>,
    object: ObjectRef,
}

impl<R: Read> PackReader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`PackError::NotAPack`], [`PackError::Truncated`], [`PackError::Read`].
    pub fn new(input: R) -> Result<Self, PackError> {
        let mut reader = Self { input, piece: Vec::new(), objects: 0, left: 0 };
        let mut magic = [0u8; pack::MAGIC.len()];
        let read = reader.fill(&mut magic)?;
        if magic[..read] != pack::MAGIC[..read] {
            return Err(PackError::NotAPack);
        }
        if read < magic.len() {
            return Err(PackError::Truncated { objects: 0 });
        }
        Ok(reader)
    }

    /// The next object; `None` at the end of the pack.
    ///
    /// # Errors
    /// [`PackError::ObjectTooLarge`], [`PackError::TooManyObjects`], [`PackError::Truncated`],
    /// [`PackError::Read`]. Nothing sensible follows after an error.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, R>>, PackError> {
        while self.left > 0 {
            self.read_piece()?;
        }
        let mut head = [0u8; pack::ENTRY_BYTES];
        let read = self.fill(&mut head)?;
        if read == 0 {
            return Ok(None);
        }
        if read < head.len() {
            return Err(PackError::Truncated { objects: self.objects });
        }
        let object = pack::parse_entry(&head);
        let ObjectRef { digest, size } = object;
        if size > pack::OBJECT_BYTES_MAX {
            return Err(PackError::ObjectTooLarge { digest, size });
        }
        if self.objects == OBJECTS_MAX {
            return Err(PackError::TooManyObjects { objects_max: OBJECTS_MAX });
        }
        self.left = size;
        if size == 0 {
            self.objects += 1;
        }
        Ok(Some(Entry { reader: self, object }))
    }

    /// Reads on within the object, into `piece`.
    fn read_piece(&mut self) -> Result<(), PackError> {
        let mut piece = std::mem::take(&mut self.piece);
        let wanted = self.left.min(PIECE_BYTES as u64);
        piece.clear();
        let outcome = self.input.by_ref().take(wanted).read_to_end(&mut piece);
        self.piece = piece;
        let read = outcome.map_err(|source| PackError::Read { objects: self.objects, source })?;
        if (read as u64) < wanted {
            return Err(PackError::Truncated { objects: self.objects });
        }
        self.left -= wanted;
        if self.left == 0 {
            self.objects += 1;
        }
        Ok(())
    }

    /// Fills `bytes` as far as the input goes.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, PackError> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.input.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(PackError::Read { objects: self.objects, source }),
            }
        }
        Ok(filled)
    }
}

impl<R: Read> Entry<'_, R> {
    /// Name and length as the pack gives them.
    pub fn object(&self) -> ObjectRef {
        self.object
    }

    /// Copies the bytes to `out`. They are verified only at the end: on an error, `out` holds
    /// something else.
    ///
    /// # Errors
    /// [`PackError::WrongDigest`], [`PackError::Truncated`], [`PackError::Read`],
    /// [`PackError::Write`].
    pub fn copy_to(self, out: &mut impl Write) -> Result<(), PackError> {
        let expected = self.object.digest;
        let mut hasher = blake3::Hasher::new();
        while self.reader.left > 0 {
            self.reader.read_piece()?;
            hasher.update(&self.reader.piece);
            out.write_all(&self.reader.piece)
                .map_err(|source| PackError::Write { digest: expected, source })?;
        }
        let found = hasher.finalize().into();
        if found != expected {
            return Err(PackError::WrongDigest { expected, found });
        }
        Ok(())
    }

    /// The bytes, verified.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub fn read_all(self) -> Result<Vec<u8>, PackError> {
        // Grows as bytes come: a pack may claim more than it has.
        let mut bytes = Vec::new();
        self.copy_to(&mut bytes)?;
        Ok(bytes)
    }
}
