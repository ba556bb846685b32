//! The store itself: what it holds, and how an object gets in.

mod checkpoint;
mod collect;
mod commit;
mod layout;
mod read;
mod stage;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bramble_protocol::{Digest, ObjectRef};

pub use checkpoint::{Checkpoint, CheckpointWriter, SavedOutput};
pub use collect::{Stored, Swept, Touched};
pub use stage::{Staged, StagedFile, StagedWriter};

use crate::StoreError;
use crate::error::failed;
use commit::Durable;
use layout::Layout;

/// A directory of objects. Cloning is cheap; all clones are one store.
///
/// Several processes, also on several machines, may use one directory at the same time: a file
/// appears complete or not at all, and two that write the same object write the same bytes.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layout: Layout,
    /// Held open for `syncfs`, which tells of lost writes since this was opened.
    tmp: File,
    durable: Mutex<Durable>,
}

impl Store {
    /// Opens the store in `dir`, or makes one. Removes staged files which have been left alone
    /// for a day.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`] and [`StoreError::BadFormat`] leave the directory as it was;
    /// [`StoreError::NotADirectory`], [`StoreError::NotWritable`], or what the system says.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::over(Layout::open(dir)?)
    }

    /// Opens the store in `dir`, and makes none where there is none: a shared directory that is
    /// not mounted is an empty one.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`StoreError::NoStore`].
    pub fn open_existing(dir: &Path) -> Result<Self, StoreError> {
        Self::over(Layout::open_existing(dir)?)
    }

    fn over(layout: Layout) -> Result<Self, StoreError> {
        let tmp = File::open(&layout.tmp).map_err(failed("open", &layout.tmp))?;
        let durable = Mutex::new(Durable::nothing());
        let inner = Arc::new(Inner { layout, tmp, durable });
        Ok(Self { inner })
    }

    /// Where a store in `dir` has an object, if it has it: for whoever may only read there. The
    /// file's bytes are not verified.
    pub fn place_in(dir: &Path, digest: &Digest) -> PathBuf {
        layout::place_in(dir, digest)
    }

    /// What tells this store from every other, wherever it is mounted.
    pub fn id(&self) -> &str {
        &self.inner.layout.id
    }

    /// The directory, as an absolute path.
    pub fn dir(&self) -> &Path {
        &self.inner.layout.dir
    }

    /// Whether there is a file for the object. Only reading tells whether it is sound.
    ///
    /// # Errors
    /// When the directory cannot be searched.
    pub fn has(&self, digest: &Digest) -> Result<bool, StoreError> {
        self.size_of(digest).map(|size| size.is_some())
    }

    /// Those of `digests` that are not here: in their order, each once. The others count as used
    /// now, so that whoever relies on the answer finds them.
    ///
    /// # Errors
    /// When the directory cannot be searched.
    pub fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        let mut seen = HashSet::with_capacity(digests.len());
        let mut missing = Vec::new();
        for digest in digests {
            if seen.insert(*digest) && self.touch(digest)? == Touched::Missing {
                missing.push(*digest);
            }
        }
        Ok(missing)
    }

    /// Length in bytes of the object's file; `None` when there is none.
    ///
    /// # Errors
    /// When the directory cannot be searched.
    pub fn size_of(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let path = self.inner.layout.object(digest);
        let find = || self.inner.layout.find(digest, |path| fs::metadata(path));
        read::reopening_if_stale(|| match find() {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::from_io("look up", &path, error)),
        })
    }

    /// Stores `bytes`, durably on return. Writes nothing when the object is here already.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system says.
    pub fn put(&self, bytes: &[u8]) -> Result<ObjectRef, StoreError> {
        let object = ObjectRef::of(bytes);
        if self.claim(&object)? {
            self.keep(&object.digest)?;
        } else {
            let staged = Staged::from_bytes(&self.inner.layout, object, bytes)?;
            self.commit(vec![staged])?;
        }
        Ok(object)
    }

    /// Starts an object whose bytes come piece by piece.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system says.
    pub fn stage(&self) -> Result<StagedWriter, StoreError> {
        StagedWriter::new(&self.inner.layout)
    }

    /// Stages a small object whose bytes are all here. One that is known to be stored durably
    /// gets no file, so that tasks which all give the same little result cost little.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system says.
    pub fn stage_bytes(&self, bytes: &[u8]) -> Result<Staged, StoreError> {
        let object = ObjectRef::of(bytes);
        if self.durable().names.contains(&object.digest) && self.claim(&object)? {
            return Ok(Staged::stored(object));
        }
        Staged::from_bytes(&self.inner.layout, object, bytes)
    }

    /// Starts an object that another process writes, through a descriptor that it is given.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system says.
    pub fn stage_file(&self) -> Result<StagedFile, StoreError> {
        StagedFile::new(&self.inner.layout)
    }

    /// Moves an object's file to `corrupt/`, so that the next [`put`](Self::put) writes it anew,
    /// and says where it is now. A sound file is left alone, because somebody else may have
    /// replaced the bad one meanwhile: then, and when there is no file, the answer is `None`.
    ///
    /// # Errors
    /// What the system says.
    pub fn quarantine(&self, digest: &Digest) -> Result<Option<PathBuf>, StoreError> {
        let found = match self.digest_of_file(digest) {
            Ok(found) => found,
            Err(StoreError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if found == *digest {
            return Ok(None);
        }
        let Layout { corrupt, dir, .. } = &self.inner.layout;
        layout::make_dir(corrupt)?;
        let from = self.inner.layout.object(digest);
        let to = corrupt.join(digest.to_string());
        match fs::rename(&from, &to) {
            Ok(()) => self.durable().names.remove(digest),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::from_io("move away", &from, error)),
        };
        for touched in [corrupt, dir, &self.inner.layout.shard(digest)] {
            layout::sync_dir(touched)?;
        }
        Ok(Some(to))
    }
}
