//! Removing objects that nobody needs, while others store and rely on objects.
//!
//! A file's time of change says when its object was used last: storing an object that is here
//! already, and telling somebody that it is here, sets it anew. Whoever collects spares what was
//! used lately, and looks once more after the file has left its place:
//!
//! ```text
//! collector                         somebody else
//! rename objects/X to tmp/collect-X
//!                                   touch objects/X: either before the rename, and the collector
//! look at the time of tmp/collect-X sees it and moves the file back; or after it, and X is not
//! remove it, or move it back        here: it is stored again
//! ```
//!
//! While it is out of its place, readers find it there: see [`Layout::find`]. Nothing is locked, so
//! this holds also where several machines share the directory. Files of
//! other users, which cannot be touched, are left alone, and so is what NFS keeps under `.nfs…`.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bramble_protocol::{Digest, ObjectRef};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

use super::Store;
use super::layout::{self, LEFTOVER_AFTER, Layout, paths_in};
use crate::StoreError;
use crate::error::failed;

/// What a file on its way out is called in `tmp/`, before its digest.
const COLLECTED_PREFIX: &str = "collect-";
/// One that was used so lately need not be touched again.
const FRESH: Duration = Duration::from_secs(60);
/// So long a damaged object is kept for whoever wants to know what happened to it.
const CORRUPT_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What came of [`Store::touch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// It is here and counts as used now.
    Here,
    /// It is here and belongs to another user, who alone may remove it.
    NotOurs,
    /// It is not here.
    Missing,
}

/// One object's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The object.
    pub digest: Digest,
    /// Length of the file in bytes.
    pub size_bytes: u64,
    /// When it was used last, by the filesystem's clock.
    pub used: SystemTime,
    /// Whether this process may remove it.
    pub is_ours: bool,
}

/// What was cleaned up beside the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files and directories removed: staged files, checkpoints, damaged objects.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Makes an object count as used now.
    ///
    /// # Errors
    /// When the directory cannot be searched.
    pub fn touch(&self, digest: &Digest) -> Result<Touched, StoreError> {
        let path = self.inner.layout.object(digest);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(Touched::Missing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Touched::Missing),
            Err(error) => return Err(StoreError::from_io("look up", &path, error)),
        };
        if is_fresh(&metadata) {
            return Ok(Touched::Here);
        }
        match set_used(&path) {
            Ok(()) => Ok(Touched::Here),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Ok(Touched::Missing),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Ok(Touched::NotOurs)
                }
                _ => Err(StoreError::from_io("touch", &path, error)),
            },
        }
    }

    /// Whether an object of this length is here. If so, it counts as used now.
    ///
    /// # Errors
    /// When the directory cannot be searched.
    pub fn claim(&self, object: &ObjectRef) -> Result<bool, StoreError> {
        let is_here = self.size_of(&object.digest)? == Some(object.size);
        Ok(is_here && self.touch(&object.digest)? != Touched::Missing)
    }

    /// What time it is by the clock that objects are dated by.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn clock(&self) -> Result<SystemTime, StoreError> {
        self.inner.layout.clock()
    }

    /// Free space of the store's filesystem for this user, and all of it, in bytes.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn disk(&self) -> Result<(u64, u64), StoreError> {
        let dir = &self.inner.layout.dir;
        let found = rustix::fs::statvfs(dir).map_err(failed("look up", dir))?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok((bytes(found.f_bavail), bytes(found.f_blocks)))
    }

    /// All objects, in no order. What comes or goes meanwhile may be listed or not.
    ///
    /// # Errors
    /// When the directory cannot be searched.
    pub fn list(&self) -> Result<Vec<Stored>, StoreError> {
        let objects = &self.inner.layout.objects;
        let own = rustix::process::geteuid();
        let mut found = Vec::new();
        for shard in fs::read_dir(objects).map_err(failed("list", objects))? {
            let shard = shard.map_err(failed("list", objects))?.path();
            let entries = match fs::read_dir(&shard) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
                Err(error) => return Err(StoreError::from_io("list", &shard, error)),
            };
            for entry in entries {
                let entry = entry.map_err(failed("list", &shard))?;
                let name = entry.file_name();
                let Some(digest) = name.to_str().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                // Somebody else may have removed it a moment ago.
                let Ok(file) = entry.metadata() else { continue };
                let Ok(used) = file.modified() else { continue };
                if file.is_file() {
                    let is_ours = own.is_root() || file.uid() == own.as_raw();
                    found.push(Stored { digest, size_bytes: file.len(), used, is_ours });
                }
            }
        }
        Ok(found)
    }

    /// Removes an object, unless it was used after `unused_since`, and says how many bytes that
    /// were; `None` when it stays, or is not here.
    ///
    /// # Errors
    /// When the file cannot be moved or removed.
    pub fn remove_unused(
        &self,
        digest: &Digest,
        unused_since: SystemTime,
    ) -> Result<Option<u64>, StoreError> {
        let layout = &self.inner.layout;
        let (from, aside) = (layout.object(digest), aside(layout, digest));
        let is_unused = |path: &Path| match fs::symlink_metadata(path) {
            Ok(file) => Ok((file.modified().is_ok_and(|it| it <= unused_since), file.len())),
            Err(error) => Err(error),
        };
        let gone = |error: io::Error, what, path: &Path| match error.kind() {
            io::ErrorKind::NotFound => Ok(None),
            _ => Err(StoreError::from_io(what, path, error)),
        };
        match is_unused(&from) {
            Ok((true, _)) => {}
            Ok((false, _)) => return Ok(None),
            Err(error) => return gone(error, "look up", &from),
        }
        self.durable().names.remove(digest);
        if let Err(error) = fs::rename(&from, &aside) {
            return gone(error, "move away", &from);
        }
        match is_unused(&aside) {
            Ok((true, size)) => match fs::remove_file(&aside) {
                Ok(()) => Ok(Some(size)),
                Err(error) => gone(error, "remove", &aside),
            },
            Ok((false, _)) => match move_back(&aside, &from) {
                Ok(()) => Ok(None),
                Err(error) => gone(error, "move back", &aside),
            },
            // Somebody opened the store and has moved it back.
            Err(error) => gone(error, "look up", &aside),
        }
    }

    /// Removes what was left alone for long beside the objects: staged files and checkpoints
    /// after a day, damaged objects after a week. Nothing is an error that will go next time.
    ///
    /// # Errors
    /// When the directory cannot be searched.
    pub fn sweep(&self) -> Result<Swept, StoreError> {
        let layout = &self.inner.layout;
        let now = layout.clock()?;
        let mut swept = sweep(layout, now, LEFTOVER_AFTER)?;
        for path in paths_in(&layout.corrupt) {
            remove_old(&path, now, CORRUPT_AFTER, &mut swept);
        }
        Ok(swept)
    }
}

/// Makes a file count as used now, unless it was used a moment ago: for one that is about to
/// become an object, and was perhaps written long ago.
pub(super) fn freshen(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if is_fresh(metadata) { Ok(()) } else { set_used(path) }
}

fn is_fresh(metadata: &Metadata) -> bool {
    let since = metadata.modified().map(|used| SystemTime::now().duration_since(used));
    matches!(since, Ok(Ok(since)) if since < FRESH)
}

fn set_used(path: &Path) -> io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    Ok(utimensat(CWD, path, &times, AtFlags::empty())?)
}

/// Where an object's file stands while it is decided whether it stays.
pub(super) fn aside(layout: &Layout, digest: &Digest) -> PathBuf {
    layout.tmp.join(format!("{COLLECTED_PREFIX}{digest}"))
}

/// Gives a file its place again, unless somebody has stored the object anew meanwhile.
fn move_back(aside: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(aside, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(aside, to),
        _ => fs::remove_file(aside),
    }
}

/// Moves objects back that a collector left when it died: whether they were used it did not say.
pub(super) fn restore(layout: &Layout) {
    for path in paths_in(&layout.tmp) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let digest = name.strip_prefix(COLLECTED_PREFIX).and_then(|name| name.parse().ok());
        if let Some(digest) = digest {
            // A collector that lives may have removed it by now.
            let _ = move_back(&path, &layout.object(&digest));
        }
    }
}

/// Removes staged files and checkpoints that nobody has touched for `age`.
pub(super) fn sweep(layout: &Layout, now: SystemTime, age: Duration) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    for path in layout.staged_files()?.into_iter().chain(paths_in(&layout.checkpoints)) {
        remove_old(&path, now, age, &mut swept);
    }
    Ok(swept)
}

/// Removes a file or a directory of files that nobody has touched for `age`. Somebody else may do
/// so at the same time, and what stays does no harm.
fn remove_old(path: &Path, now: SystemTime, age: Duration, swept: &mut Swept) {
    let is_kept_by_nfs =
        path.file_name().and_then(|name| name.to_str()).is_none_or(|name| name.starts_with(".nfs"));
    if is_kept_by_nfs || !layout::is_older(path, now, age) {
        return;
    }
    let size = |path: &Path| fs::symlink_metadata(path).map_or(0, |file| file.len());
    let (bytes, removed) = if path.is_dir() {
        (paths_in(path).iter().map(|path| size(path)).sum(), fs::remove_dir_all(path))
    } else {
        (size(path), fs::remove_file(path))
    };
    if removed.is_ok() {
        swept.files += 1;
        swept.bytes += bytes;
    }
}
