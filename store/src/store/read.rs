//! Reading: every byte that leaves the store has been hashed first.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use bramble_protocol::{Digest, ObjectRef};

use super::Store;
use crate::StoreError;
use crate::error::failed;

/// How often a file is opened anew after the server has said that the handle is stale.
const REOPENINGS_MAX: u32 = 3;

impl Store {
    /// The object's bytes, verified.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`], [`StoreError::WrongSize`], or what the
    /// system says.
    pub fn get(&self, object: &ObjectRef) -> Result<Vec<u8>, StoreError> {
        reopening_if_stale(|| {
            let (mut file, _) = self.open_sized(object)?;
            self.read_verified(&mut file, object)
        })
    }

    /// The bytes of an object whose length is not known beforehand, verified.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`StoreError::TooLarge`] when it has more than `bytes_max`.
    pub fn get_by_digest(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, StoreError> {
        reopening_if_stale(|| {
            let (mut file, size) = self.open_any(digest)?;
            if size > bytes_max {
                return Err(StoreError::TooLarge { digest: *digest, bytes: size, bytes_max });
            }
            self.read_verified(&mut file, &ObjectRef { digest: *digest, size })
        })
    }

    /// The object as a file at its beginning. It is hashed once through before; it stays the same
    /// afterwards because objects are never edited.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn open_verified(&self, object: &ObjectRef) -> Result<File, StoreError> {
        let path = self.inner.layout.object(&object.digest);
        reopening_if_stale(|| {
            let (mut file, _) = self.open_sized(object)?;
            let (found, _) = hash(&mut file, &path)?;
            self.check_digest(&object.digest, found)?;
            file.rewind().map_err(failed("rewind", &path))?;
            Ok(file)
        })
    }

    /// The object's file as it is, at its beginning: for whoever hashes what he reads himself.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or what the system says.
    pub fn open_unverified(&self, digest: &Digest) -> Result<File, StoreError> {
        reopening_if_stale(|| self.open_any(digest).map(|(file, _)| file))
    }

    /// What the bytes of the object's file hash to.
    pub(super) fn digest_of_file(&self, digest: &Digest) -> Result<Digest, StoreError> {
        let path = self.inner.layout.object(digest);
        reopening_if_stale(|| {
            let (mut file, _) = self.open_any(digest)?;
            hash(&mut file, &path).map(|(found, _)| found)
        })
    }

    fn open_any(&self, digest: &Digest) -> Result<(File, u64), StoreError> {
        let path = self.inner.layout.object(digest);
        let found = self.inner.layout.find(digest, |path| File::open(path));
        let file = found.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { digest: *digest },
            _ => StoreError::from_io("open", &path, error),
        })?;
        let size = file.metadata().map_err(failed("look up", &path))?.len();
        Ok((file, size))
    }

    /// Opens an object and compares its length, which costs nothing and comes first. When it
    /// differs, the digest tells whether the file or the reference is wrong.
    fn open_sized(&self, object: &ObjectRef) -> Result<(File, u64), StoreError> {
        let (mut file, size) = self.open_any(&object.digest)?;
        if size == object.size {
            return Ok((file, size));
        }
        let (found, size) = hash(&mut file, &self.inner.layout.object(&object.digest))?;
        self.check_digest(&object.digest, found)?;
        Err(StoreError::WrongSize { digest: object.digest, expected: object.size, found: size })
    }

    fn read_verified(&self, file: &mut File, object: &ObjectRef) -> Result<Vec<u8>, StoreError> {
        let path = self.inner.layout.object(&object.digest);
        let mut bytes = Vec::new();
        usize::try_from(object.size)
            .map_err(|_| io::ErrorKind::OutOfMemory)
            .and_then(|size| bytes.try_reserve_exact(size).map_err(|_| io::ErrorKind::OutOfMemory))
            .map_err(failed("find memory for", &path))?;
        // One byte more, so that a file that has grown does not pass for the whole object.
        file.take(object.size.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(failed("read", &path))?;
        self.check_digest(&object.digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    fn check_digest(&self, expected: &Digest, found: Digest) -> Result<(), StoreError> {
        if found == *expected {
            return Ok(());
        }
        let path = self.inner.layout.object(expected);
        Err(StoreError::Corrupt { expected: *expected, found, path })
    }
}

/// Digest and length of any file.
pub(super) fn hash_file(path: &Path) -> Result<(Digest, u64), StoreError> {
    let mut file = File::open(path).map_err(failed("open", path))?;
    hash(&mut file, path)
}

fn hash(file: &mut File, path: &Path) -> Result<(Digest, u64), StoreError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(failed("read", path))?;
    Ok((hasher.finalize().into(), hasher.count()))
}

/// Runs `attempt` again, a few times, as long as it fails because an NFS server has forgotten the
/// file handle: opening the path anew gets a new one.
pub(super) fn reopening_if_stale<T>(
    mut attempt: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut reopenings = 0;
    loop {
        match attempt() {
            Err(StoreError::Io { source, .. })
                if source.kind() == io::ErrorKind::StaleNetworkFileHandle
                    && reopenings < REOPENINGS_MAX =>
            {
                reopenings += 1;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stale() -> StoreError {
        StoreError::from_io("open", Path::new("/x"), rustix::io::Errno::STALE.into())
    }

    #[test]
    fn a_stale_handle_is_opened_anew_three_times_and_no_more() {
        let mut attempts = 0;
        let opened = reopening_if_stale(|| {
            attempts += 1;
            if attempts <= 3 { Err(stale()) } else { Ok(attempts) }
        });
        assert_eq!(opened.unwrap(), 4);

        let mut attempts = 0;
        let given_up = reopening_if_stale(|| -> Result<(), _> {
            attempts += 1;
            Err(stale())
        });
        assert!(matches!(given_up, Err(StoreError::Io { .. })));
        assert_eq!(attempts, 4);
    }
}
