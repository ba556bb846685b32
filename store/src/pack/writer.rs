//! Writing a pack.

use std::io::Write;

use bramble_protocol::{ObjectRef, pack};

use super::PackError;

/// Writes objects one after the other.
#[derive(Debug)]
pub struct PackWriter<W> {
    out: W,
}

impl<W: Write> PackWriter<W> {
    /// Begins a pack.
    ///
    /// # Errors
    /// [`PackError::Begin`].
    pub fn new(mut out: W) -> Result<Self, PackError> {
        out.write_all(pack::MAGIC).map_err(PackError::Begin)?;
        Ok(Self { out })
    }

    /// Adds an object. Its length is checked, its digest is not: the receiver does that.
    ///
    /// # Errors
    /// [`PackError::WrongSize`], [`PackError::ObjectTooLarge`], [`PackError::Write`].
    pub fn push(&mut self, object: &ObjectRef, bytes: &[u8]) -> Result<(), PackError> {
        let &ObjectRef { digest, size } = object;
        let found = bytes.len() as u64;
        if found != size {
            return Err(PackError::WrongSize { digest, expected: size, found });
        }
        if size > pack::OBJECT_BYTES_MAX {
            return Err(PackError::ObjectTooLarge { digest, size });
        }
        self.out
            .write_all(&pack::entry(object))
            .and_then(|()| self.out.write_all(bytes))
            .map_err(|source| PackError::Write { digest, source })
    }

    /// Ends the pack and gives back what it was written to.
    ///
    /// # Errors
    /// [`PackError::End`].
    pub fn finish(mut self) -> Result<W, PackError> {
        self.out.flush().map_err(PackError::End)?;
        Ok(self.out)
    }
}
