//! What can go wrong in a store.

use std::io;
use std::path::{Path, PathBuf};

use bramble_protocol::Digest;

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The filesystem has no room left, or the user's quota is used up.
    #[error("the disk is full: no room to write {}", path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store's place is taken by something that is not a directory.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The place.
        path: PathBuf,
    },
    /// The directory exists but this user may not write there.
    #[error("{} is not writable", path.display())]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no store in the directory, and none was to be made.
    #[error("there is no object store in {}", path.display())]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// The directory belongs to a later release. Nothing in it was changed.
    #[error(
        "{} has data format {found}, newer than the {known} this release knows: \
         use the release that wrote it, or another directory",
        path.display()
    )]
    NewerFormat {
        /// The file `format`.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// The file `format` is not one this program writes. Nothing was changed.
    #[error(
        "{} says `{text}`, which is not a data format: this may not be a data directory of bramble",
        path.display()
    )]
    BadFormat {
        /// The file `format`.
        path: PathBuf,
        /// The beginning of what it holds.
        text: String,
    },
    /// No such object.
    #[error("object {digest} is not in the store")]
    Missing {
        /// The object's name.
        digest: Digest,
    },
    /// The stored bytes are not the object's.
    #[error("object {expected} is corrupt: the bytes in {} hash to {found}", path.display())]
    Corrupt {
        /// The object's name.
        expected: Digest,
        /// What its bytes hash to.
        found: Digest,
        /// Where it is stored.
        path: PathBuf,
    },
    /// The object is sound but not as long as the reference to it says: the reference is wrong.
    #[error("object {digest} is {found} bytes long, not {expected}")]
    WrongSize {
        /// The object's name.
        digest: Digest,
        /// Length in bytes as the caller gave it.
        expected: u64,
        /// Its true length in bytes.
        found: u64,
    },
    /// The object is longer than the caller wants to hold in memory.
    #[error("object {digest} is {bytes} bytes long, more than the {bytes_max} allowed here")]
    TooLarge {
        /// The object's name.
        digest: Digest,
        /// Its length in bytes.
        bytes: u64,
        /// The caller's limit in bytes.
        bytes_max: u64,
    },
    /// A file was offered for commit that was not staged in this store, or was changed since.
    #[error("{} is not the {expected} bytes staged in this store", path.display())]
    NotStaged {
        /// The file.
        path: PathBuf,
        /// Length in bytes it should have.
        expected: u64,
    },
    /// Any other failure of the filesystem.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// Sorts a failure of the filesystem: a full disk and a read-only directory are told apart
    /// from the rest. Also for errors that came out of [`StagedWriter`](crate::StagedWriter) as
    /// plain `io::Error`.
    pub fn from_io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, source }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::NotWritable { path, source },
            io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            _ => Self::Io { doing, path, source },
        }
    }

    /// Whether the same call may succeed once there is room on the disk.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::DiskFull { .. })
    }
}

/// For `map_err`: says what was being done to which path.
pub(crate) fn failed<'a, E: Into<io::Error>>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(E) -> StoreError + 'a {
    move |source| StoreError::from_io(doing, path, source.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(errno: rustix::io::Errno) -> StoreError {
        StoreError::from_io("write", Path::new("/data/x"), errno.into())
    }

    #[test]
    fn a_full_disk_and_a_used_up_quota_are_told_apart_from_other_errors() {
        assert!(sorted(rustix::io::Errno::NOSPC).is_disk_full());
        assert!(sorted(rustix::io::Errno::DQUOT).is_disk_full());
        assert!(!sorted(rustix::io::Errno::IO).is_disk_full());
        assert!(matches!(sorted(rustix::io::Errno::ROFS), StoreError::NotWritable { .. }));
        assert!(matches!(sorted(rustix::io::Errno::NOTDIR), StoreError::NotADirectory { .. }));
        assert_eq!(sorted(rustix::io::Errno::IO).to_string(), "cannot write /data/x");
    }
}
