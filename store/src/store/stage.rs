//! Objects on their way in: files in `tmp/` that vanish unless they are committed.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bramble_protocol::{Digest, ObjectRef};
use rustix::fs::Mode;
use tempfile::NamedTempFile;

use super::layout::{Layout, STAGED_PREFIX};
use crate::StoreError;
use crate::error::failed;

/// Small writes are gathered up to this many bytes, which is also what blake3 hashes fast.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes one object to a file in `tmp/` and hashes it on the way. Dropped before
/// [`finish`](Self::finish), it removes the file.
pub struct StagedWriter {
    file: NamedTempFile,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    is_remote: bool,
}

impl StagedWriter {
    pub(super) fn new(layout: &Layout) -> Result<Self, StoreError> {
        Ok(Self {
            file: new_file(layout)?,
            buffer: Vec::new(),
            hasher: blake3::Hasher::new(),
            is_remote: layout.is_remote,
        })
    }

    /// How many bytes were written until now.
    pub fn size(&self) -> u64 {
        self.hasher.count() + self.buffer.len() as u64
    }

    /// Where the file is while it is written, for messages.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Ends the object. It is not durable before it is committed.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system says; the file is removed.
    pub fn finish(mut self) -> Result<Staged, StoreError> {
        self.flush().map_err(failed("write", self.file.path()))?;
        let object =
            ObjectRef { digest: Digest::from(self.hasher.finalize()), size: self.hasher.count() };
        Staged::seal(self.file, object, self.is_remote, true)
    }

    fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }
}

impl Write for StagedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.write_through(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.write_through(&buffer);
        buffer.clear();
        self.buffer = buffer;
        written
    }
}

impl fmt::Debug for StagedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagedWriter")
            .field("path", &self.file.path())
            .field("size", &self.size())
            .finish()
    }
}

/// A file in `tmp/` that another process writes through a descriptor. Dropped before it is
/// [sealed](Self::seal), it removes the file.
#[derive(Debug)]
pub struct StagedFile {
    file: NamedTempFile,
    is_remote: bool,
}

impl StagedFile {
    pub(super) fn new(layout: &Layout) -> Result<Self, StoreError> {
        Ok(Self { file: new_file(layout)?, is_remote: layout.is_remote })
    }

    /// The open file, for reading and writing.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Ends the object, which the other process says is `object`. Only its length is checked
    /// here; see [`Staged::verify`].
    ///
    /// # Errors
    /// [`StoreError::NotStaged`] when the length differs, or what the system says.
    pub fn seal(self, object: ObjectRef) -> Result<Staged, StoreError> {
        let found = self.file().metadata().map_err(failed("look up", self.path()))?.len();
        if found != object.size {
            let path = self.path().to_path_buf();
            return Err(StoreError::NotStaged { path, expected: object.size });
        }
        Staged::seal(self.file, object, self.is_remote, false)
    }
}

/// A complete object in `tmp/`. Dropped before it is committed, it removes the file.
#[derive(Debug)]
pub struct Staged {
    object: ObjectRef,
    /// Empty when there is no file to move, or it has been moved.
    path: PathBuf,
    /// Whether this process has hashed the bytes that it wrote.
    is_hashed: bool,
}

impl Staged {
    pub(super) fn from_bytes(
        layout: &Layout,
        object: ObjectRef,
        bytes: &[u8],
    ) -> Result<Self, StoreError> {
        let mut file = new_file(layout)?;
        file.write_all(bytes).map_err(failed("write", file.path()))?;
        Self::seal(file, object, layout.is_remote, true)
    }

    /// An object that is stored already.
    pub(super) fn stored(object: ObjectRef) -> Self {
        Self { object, path: PathBuf::new(), is_hashed: true }
    }

    fn seal(
        file: NamedTempFile,
        object: ObjectRef,
        is_remote: bool,
        is_hashed: bool,
    ) -> Result<Self, StoreError> {
        rustix::fs::fchmod(file.as_file(), Mode::RUSR | Mode::RGRP | Mode::ROTH)
            .map_err(failed("protect", file.path()))?;
        if is_remote {
            // The server takes the bytes at closing anyway, but only this reports that it is full.
            file.as_file().sync_all().map_err(failed("sync", file.path()))?;
        }
        let path = file.into_temp_path().keep().expect("on Unix nothing is done to keep a file");
        Ok(Self { object, path, is_hashed })
    }

    /// Name and length of the object.
    pub fn object(&self) -> ObjectRef {
        self.object
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hashes the file and compares, for bytes that a process wrote which is not trusted. What
    /// this process has hashed itself is not read again.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the bytes are not the object's, or what the system says.
    pub fn verify(&self) -> Result<(), StoreError> {
        if self.is_hashed {
            return Ok(());
        }
        let (found, _) = super::read::hash_file(&self.path)?;
        if found != self.object.digest {
            let path = self.path.clone();
            return Err(StoreError::Corrupt { expected: self.object.digest, found, path });
        }
        Ok(())
    }

    /// Whether there is no file, because the object was stored durably before.
    pub(super) fn is_stored(&self) -> bool {
        self.path.as_os_str().is_empty()
    }

    /// Moves the file into place. The file is removed when that fails.
    pub(super) fn rename(mut self, to: &Path) -> Result<(), io::Error> {
        std::fs::rename(&self.path, to)?;
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let name = self.path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(STAGED_PREFIX)) {
            // A leftover does no harm, and is swept a day later.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

pub(super) fn new_file(layout: &Layout) -> Result<NamedTempFile, StoreError> {
    tempfile::Builder::new()
        .prefix(STAGED_PREFIX)
        // Several machines may draw names for one directory.
        .rand_bytes(16)
        .tempfile_in(&layout.tmp)
        .map_err(failed("write to", &layout.tmp))
}
