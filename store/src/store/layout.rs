//! The store's directory: where things are, how it is made, what is swept away at opening.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bramble_protocol::Digest;
use bramble_protocol::version::DATA_FORMAT;
use rustix::fs::{Access, access};

use crate::StoreError;
use crate::error::failed;

/// A staged file that nobody has written to for so long belongs to a process that has died.
/// Long, because another process, perhaps on another machine, may be staging just now.
pub(super) const LEFTOVER_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// What staged files' names start with. Only such files are ever swept: NFS keeps files of its
/// own (`.nfs…`) in a directory.
pub(super) const STAGED_PREFIX: &str = "staged-";
/// Below the store's directory.
const OBJECTS: &str = "objects";
/// `f_type` of a directory mounted by NFS.
const NFS_MAGIC: u64 = 0x6969;
/// The most that is read of the file `format`.
const FORMAT_BYTES_MAX: u64 = 64;

/// Where things are. All paths are absolute.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
    pub(super) objects: PathBuf,
    pub(super) tmp: PathBuf,
    pub(super) corrupt: PathBuf,
    /// Made when the first task saves.
    pub(super) checkpoints: PathBuf,
    /// Whether another machine holds the files, which then reports a full disk only when the
    /// file is synced or closed.
    pub(super) is_remote: bool,
    /// Tells this store from every other.
    pub(super) id: String,
}

impl Layout {
    /// Opens or makes the directory. Checks the format before anything is changed.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        make_dir(dir)?;
        // One spelling, so that processes can tell that they use the same store.
        let dir = dir.canonicalize().map_err(failed("find", dir))?;
        let format = dir.join("format");
        let known = read_format(&format)?;
        let objects = dir.join(OBJECTS);
        let tmp = dir.join("tmp");
        make_dir(&tmp)?;
        check_writable(&tmp)?;
        make_dir(&objects)?;
        check_writable(&objects)?;
        if known.is_none() {
            write_file(&format, &tmp, &DATA_FORMAT.to_string())?;
            sync_dir(&dir)?;
        }
        let id = find_or_make_id(&dir, &tmp)?;
        let is_remote = rustix::fs::statfs(&tmp)
            .is_ok_and(|fs| u64::try_from(fs.f_type).is_ok_and(|kind| kind == NFS_MAGIC));
        let (corrupt, checkpoints) = (dir.join("corrupt"), dir.join("checkpoints"));
        let layout = Self { corrupt, checkpoints, dir, objects, tmp, is_remote, id };
        super::collect::restore(&layout);
        layout.sweep(LEFTOVER_AFTER)?;
        Ok(layout)
    }

    /// Opens a directory that is a store already, and makes none.
    pub(super) fn open_existing(dir: &Path) -> Result<Self, StoreError> {
        if read_format(&dir.join("format"))?.is_none() {
            return Err(StoreError::NoStore { path: dir.to_path_buf() });
        }
        Self::open(dir)
    }

    /// The directory that holds the objects whose names start like this one's.
    pub(super) fn shard(&self, digest: &Digest) -> PathBuf {
        shard_in(&self.objects, digest)
    }

    /// Where an object is stored.
    pub(super) fn object(&self, digest: &Digest) -> PathBuf {
        let mut path = self.shard(digest);
        path.push(digest.to_string());
        path
    }

    /// Does something to an object's file, wherever it is: a collector may have moved it out of
    /// its place to see whether it stays.
    pub(super) fn find<T>(
        &self,
        digest: &Digest,
        open: impl Fn(&Path) -> io::Result<T>,
    ) -> io::Result<T> {
        let place = self.object(digest);
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match open(&place) {
            Err(error) if is_gone(&error) => {}
            end => return end,
        }
        match open(&super::collect::aside(self, digest)) {
            // It may have been moved back between the two.
            Err(error) if is_gone(&error) => open(&place),
            end => end,
        }
    }

    /// Where a task's checkpoints are.
    pub(super) fn checkpoint(&self, key: &Digest) -> PathBuf {
        self.checkpoints.join(key.to_string())
    }

    /// Removes staged files and checkpoints that nobody has touched for `age`.
    fn sweep(&self, age: Duration) -> Result<(), StoreError> {
        if self.staged_files()?.is_empty() && paths_in(&self.checkpoints).is_empty() {
            return Ok(());
        }
        let now = self.clock()?;
        super::collect::sweep(self, now, age).map(drop)
    }

    /// The filesystem's own clock: a board without a battery may believe it is 1970, and a server
    /// has a clock of its own.
    pub(super) fn clock(&self) -> Result<SystemTime, StoreError> {
        tempfile::Builder::new()
            .prefix(STAGED_PREFIX)
            .tempfile_in(&self.tmp)
            .and_then(|probe| probe.as_file().metadata()?.modified())
            .map_err(failed("write to", &self.tmp))
    }

    pub(super) fn staged_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut staged = Vec::new();
        for entry in fs::read_dir(&self.tmp).map_err(failed("list", &self.tmp))? {
            let entry = entry.map_err(failed("list", &self.tmp))?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(STAGED_PREFIX)) {
                staged.push(entry.path());
            }
        }
        Ok(staged)
    }
}

/// Where the store in `dir` has an object, if it has it.
pub(super) fn place_in(dir: &Path, digest: &Digest) -> PathBuf {
    let mut path = shard_in(&dir.join(OBJECTS), digest);
    path.push(digest.to_string());
    path
}

fn shard_in(objects: &Path, digest: &Digest) -> PathBuf {
    objects.join(format!("{:02x}", digest.as_bytes()[0]))
}

/// What is in a directory; nothing when it cannot be listed.
pub(super) fn paths_in(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default()
}

pub(super) fn is_older(path: &Path, now: SystemTime, age: Duration) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|since| since > age))
}

/// Makes a directory and those above it; one that is there is left alone.
pub(super) fn make_dir(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().recursive(true).mode(0o755).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(StoreError::NotADirectory { path: path.to_path_buf() })
        }
        Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
            Err(StoreError::NotWritable { path: path.to_path_buf(), source })
        }
        Err(error) => Err(StoreError::from_io("make directory", path, error)),
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(failed("sync", path))
}

fn check_writable(path: &Path) -> Result<(), StoreError> {
    access(path, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|errno| StoreError::NotWritable { path: path.to_path_buf(), source: errno.into() })
}

/// The format the directory says it has; `None` for a new directory.
fn read_format(path: &Path) -> Result<Option<u32>, StoreError> {
    let mut text = Vec::new();
    match File::open(path).and_then(|file| file.take(FORMAT_BYTES_MAX).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::from_io("read", path, error)),
    }
    let text = String::from_utf8_lossy(&text);
    match text.trim().parse::<u32>() {
        Ok(found) if (1..=DATA_FORMAT).contains(&found) => Ok(Some(found)),
        Ok(found) if found > DATA_FORMAT => {
            Err(StoreError::NewerFormat { path: path.to_path_buf(), found, known: DATA_FORMAT })
        }
        _ => Err(StoreError::BadFormat {
            path: path.to_path_buf(),
            text: text.trim().chars().take(32).collect(),
        }),
    }
}

/// The store's name for itself, chosen at random by whoever opens it first.
fn find_or_make_id(dir: &Path, tmp: &Path) -> Result<String, StoreError> {
    let path = dir.join("id");
    let read = || match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::from_io("read", &path, error)),
    };
    if let Some(id) = read()? {
        return Ok(id);
    }
    let draw = || RandomState::new().build_hasher().finish();
    let id = format!("{:016x}{:016x}", draw(), draw());
    match write_file(&path, tmp, &id) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
        end => end?,
    }
    sync_dir(dir)?;
    // Somebody else may have been first.
    read()?.ok_or_else(|| StoreError::NoStore { path: dir.to_path_buf() })
}

/// Writes a small file that is not there yet, whole and durably.
fn write_file(path: &Path, tmp: &Path, text: &str) -> Result<(), StoreError> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix(STAGED_PREFIX).tempfile_in(tmp)?;
        writeln!(file, "{text}")?;
        rustix::fs::fchmod(file.as_file(), rustix::fs::Mode::from_raw_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error: io::Error| StoreError::from_io("write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(path: &Path, age: Duration) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn opening_removes_old_staged_files_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::open(dir.path()).unwrap();
        let day = Duration::from_secs(24 * 60 * 60);
        for (name, days) in [("staged-old", 2), ("staged-fresh", 0), (".nfs0001", 2)] {
            fs::write(layout.tmp.join(name), "half").unwrap();
            age(&layout.tmp.join(name), day * days);
        }
        Layout::open(dir.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(&layout.tmp)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".nfs0001", "staged-fresh"]);
    }

    #[test]
    fn a_newer_format_is_refused_and_nothing_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("format"), "7\n").unwrap();
        let refused = Layout::open(dir.path()).unwrap_err();
        assert!(matches!(refused, StoreError::NewerFormat { found: 7, known: DATA_FORMAT, .. }));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_store_keeps_the_id_it_was_given_and_no_other_has_it() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let ids = dirs.each_ref().map(|dir| Layout::open(dir.path()).unwrap().id);
        assert_ne!(ids[0], ids[1]);
        assert_eq!(Layout::open_existing(dirs[0].path()).unwrap().id, ids[0]);
    }

    #[test]
    fn no_store_is_made_where_one_should_be() {
        let dir = tempfile::tempdir().unwrap();
        let refused = Layout::open_existing(dir.path()).unwrap_err();
        assert!(matches!(refused, StoreError::NoStore { .. }));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_format_that_is_no_number_is_refused() {
        for text in ["", "one", "0", "-1", "1 2", "99999999999999999999"] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("format"), text).unwrap();
            let refused = Layout::open(dir.path()).unwrap_err();
            assert!(matches!(refused, StoreError::BadFormat { .. }), "{text}: {refused}");
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("data");
        fs::write(&file, "").unwrap();
        for place in [file.clone(), file.join("below")] {
            let refused = Layout::open(&place).unwrap_err();
            assert!(matches!(refused, StoreError::NotADirectory { .. }), "{refused}");
        }
    }
}
