//! Objects on their way in: files in `tmp/` that vanish unless they are committed.

use std::collections::HashSet;
use std::fmt;
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
    pub(super) fn new(layout: &Layout, label: &str) -> Result<Self, StoreError> {
        Ok(Self {
            file: new_file(layout, label)?,
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
        Staged::seal(self.file, object, self.is_remote)
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

/// A complete object in `tmp/`. Dropped before it is committed, it removes the file.
#[derive(Debug)]
pub struct Staged {
    object: ObjectRef,
    /// Empty once the file is somebody else's.
    path: PathBuf,
}

impl Staged {
    pub(super) fn from_bytes(
        layout: &Layout,
        label: &str,
        object: ObjectRef,
        bytes: &[u8],
    ) -> Result<Self, StoreError> {
        let mut file = new_file(layout, label)?;
        file.write_all(bytes).map_err(failed("write", file.path()))?;
        Self::seal(file, object, layout.is_remote)
    }

    fn seal(file: NamedTempFile, object: ObjectRef, is_remote: bool) -> Result<Self, StoreError> {
        rustix::fs::fchmod(file.as_file(), Mode::RUSR | Mode::RGRP | Mode::ROTH)
            .map_err(failed("protect", file.path()))?;
        if is_remote {
            // The server takes the bytes at closing anyway, but only this reports that it is full.
            file.as_file().sync_all().map_err(failed("sync", file.path()))?;
        }
        let path = file.into_temp_path().keep().expect("on Unix nothing is done to keep a file");
        Ok(Self { object, path })
    }

    /// Name and length of the object.
    pub fn object(&self) -> ObjectRef {
        self.object
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file away, to another process that commits it. It is not removed any more by
    /// this one; a store that is opened a day later does so.
    pub fn into_parts(mut self) -> (ObjectRef, PathBuf) {
        (self.object, std::mem::take(&mut self.path))
    }

    /// Takes over a file that another process staged in the same store. Its place and length are
    /// checked when it is committed; that its bytes match the digest is believed until they are
    /// read, unless [`verify`](Self::verify) is called. Only a file that is named like a staged
    /// one is removed on dropping, whatever the other process said.
    pub fn from_parts(object: ObjectRef, path: PathBuf) -> Self {
        Self { object, path }
    }

    /// Hashes the file and compares, for parts that come from a process which is not trusted.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the bytes are not the object's, or what the system says.
    pub fn verify(&self) -> Result<(), StoreError> {
        let (found, _) = super::read::hash_file(&self.path)?;
        if found != self.object.digest {
            let path = self.path.clone();
            return Err(StoreError::Corrupt { expected: self.object.digest, found, path });
        }
        Ok(())
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

fn new_file(layout: &Layout, label: &str) -> Result<NamedTempFile, StoreError> {
    tempfile::Builder::new()
        .prefix(&format!("{STAGED_PREFIX}{label}-"))
        // Several machines may draw names for one directory.
        .rand_bytes(16)
        .tempfile_in(&layout.tmp)
        .map_err(failed("write to", &layout.tmp))
}

/// Removes what a process that has died has staged in the store at `dir` through a handle with
/// this label, but for the files named in `keep`: those are another process's now.
///
/// # Errors
/// When the directory cannot be searched. A file that is gone already is no error.
pub fn remove_staged(dir: &Path, label: &str, keep: &HashSet<String>) -> Result<(), StoreError> {
    let tmp = dir.join("tmp");
    let prefix = format!("{STAGED_PREFIX}{label}-");
    for entry in std::fs::read_dir(&tmp).map_err(failed("list", &tmp))? {
        let name = entry.map_err(failed("list", &tmp))?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with(&prefix) && !keep.contains(name) {
            let path = tmp.join(name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::from_io("remove", &path, error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
