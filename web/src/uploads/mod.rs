//! Files on their way in from browsers, piece by piece: they survive a broken connection and a
//! restart of the head, and nobody but who sends them knows of them.
//!
//! A file is `ID.part` beside a note `ID.json`. How much of it is here is how long it is.

mod error;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

pub(crate) use error::UploadError;

/// Files that one account may have on their way.
const OF_ONE_MAX: usize = 16;
/// Files in all.
const ALL_MAX: usize = 1_024;
/// The longest file, in bytes: as a pack.
pub(crate) const BYTES_MAX: u64 = crate::limits::PACK_BYTES_MAX;
/// What nobody has touched for this long is removed.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// The longest name of a file that is kept, in characters.
const NAME_CHARS_MAX: usize = 100;
/// How much is copied at a time, in bytes.
const COPY_BYTES: usize = 128 << 10;

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upload {
    /// By which it is called.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) owner: String,
    /// What its sender calls it; empty when nothing was said.
    pub(crate) name: String,
    /// How long it will be, in bytes.
    pub(crate) length: u64,
}

/// The directory with the files.
#[derive(Debug)]
pub(crate) struct Uploads {
    dir: PathBuf,
    /// Those that somebody writes or reads now.
    taken: Arc<Mutex<HashSet<String>>>,
}

type Result<T> = std::result::Result<T, UploadError>;

impl Uploads {
    /// Files in `dir`, which is made when the first comes.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, taken: Arc::default() }
    }

    fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.dir.join(format!("{id}.{ending}"))
    }

    /// Begins a file. Blocks.
    ///
    /// # Errors
    /// When it is too long, its owner has too many, or the disk fails.
    pub(crate) fn begin(&self, owner: &str, name: &str, length: u64) -> Result<Upload> {
        if length > BYTES_MAX {
            return Err(UploadError::TooLong { length });
        }
        self.make_dir()?;
        self.sweep(SystemTime::now());
        let (own, all) = self.count(owner);
        if own >= OF_ONE_MAX || all >= ALL_MAX {
            return Err(UploadError::TooMany { own: own >= OF_ONE_MAX });
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(UploadError::Random)?;
        let id = random.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let name = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        let upload = Upload { id, owner: owner.to_owned(), name, length };
        let note = serde_json::to_vec(&upload).expect("a note holds nothing that JSON cannot");
        self.create(&self.path(&upload.id, "part"), &[])?;
        self.create(&self.path(&upload.id, "json"), &note)?;
        Ok(upload)
    }

    fn make_dir(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        made.map_err(|source| UploadError::file("make", &self.dir, source))
    }

    fn create(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let failed = |source| UploadError::file("write", path, source);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file.as_mut().map_err(|error| failed(io::Error::new(error.kind(), error.to_string())))?;
        file.and_then(|mut file| file.write_all(bytes)).map_err(failed)
    }

    /// A file of somebody. Blocks.
    ///
    /// # Errors
    /// [`UploadError::Unknown`] also when it is another's.
    pub(crate) fn find(&self, owner: &str, id: &str) -> Result<Upload> {
        let is_id = id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit());
        let read = || serde_json::from_slice(&fs::read(self.path(id, "json")).ok()?).ok();
        let known: Option<Upload> = if is_id { read() } else { None };
        known.filter(|upload| upload.owner == owner).ok_or(UploadError::Unknown)
    }

    /// How much of a file is here, in bytes. Blocks.
    ///
    /// # Errors
    /// When its file cannot be looked at.
    pub(crate) fn offset(&self, upload: &Upload) -> Result<u64> {
        let path = self.path(&upload.id, "part");
        let metadata = fs::metadata(&path);
        metadata.map(|it| it.len()).map_err(|source| UploadError::file("read", &path, source))
    }

    /// Takes a file for as long as the answer lives.
    fn take(&self, upload: &Upload) -> Result<Taken> {
        let mut taken = lock(&self.taken);
        if !taken.insert(upload.id.clone()) {
            return Err(UploadError::Taken);
        }
        Ok(Taken { all: Arc::clone(&self.taken), id: upload.id.clone() })
    }

    /// Adds what `from` gives to a file of which `offset` bytes are here, and says how many there
    /// are then. What came before a failure is kept. Blocks.
    ///
    /// # Errors
    /// When another number of bytes is here, more comes than the file is long, somebody else
    /// writes it, or either end fails.
    pub(crate) fn append(&self, upload: &Upload, offset: u64, mut from: impl Read) -> Result<u64> {
        let _taken = self.take(upload)?;
        let path = self.path(&upload.id, "part");
        let here = self.offset(upload)?;
        if here != offset {
            return Err(UploadError::Offset { here });
        }
        let opened = OpenOptions::new().append(true).open(&path);
        let mut file = opened.map_err(|source| UploadError::file("write", &path, source))?;
        let mut buffer = vec![0; COPY_BYTES];
        let mut end = here;
        loop {
            let length = from.read(&mut buffer).map_err(UploadError::Body)?;
            if length == 0 {
                return Ok(end);
            }
            if end + length as u64 > upload.length {
                return Err(UploadError::TooMuch { length: upload.length });
            }
            let written = file.write_all(&buffer[..length]);
            written.map_err(|source| UploadError::file("write", &path, source))?;
            end += length as u64;
        }
    }

    /// Says that a file whose length nobody knew is all here. Blocks.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn end_at(&self, upload: &Upload, length: u64) -> Result<Upload> {
        let upload = Upload { length, ..upload.clone() };
        let note = serde_json::to_vec(&upload).expect("a note holds nothing that JSON cannot");
        let (path, new) = (self.path(&upload.id, "json"), self.path(&upload.id, "new"));
        self.create(&new, &note)?;
        fs::rename(&new, &path).map_err(|source| UploadError::file("write", &path, source))?;
        Ok(upload)
    }

    /// Takes a file that is whole, to be read. Blocks.
    ///
    /// # Errors
    /// When it is not whole, or somebody else has it.
    pub(crate) fn whole(&self, upload: &Upload) -> Result<Whole> {
        let taken = self.take(upload)?;
        let here = self.offset(upload)?;
        if here != upload.length {
            return Err(UploadError::NotWhole { here, length: upload.length });
        }
        let path = self.path(&upload.id, "part");
        let file = File::open(&path).map_err(|source| UploadError::file("read", &path, source))?;
        Ok(Whole { path, file, _taken: taken })
    }

    /// Removes a file. Blocks.
    pub(crate) fn remove(&self, upload: &Upload) {
        // The note first: what has none does not exist, and is swept.
        for ending in ["json", "part"] {
            // What cannot be removed now is swept later.
            let _ = fs::remove_file(self.path(&upload.id, ending));
        }
    }

    fn count(&self, owner: &str) -> (usize, usize) {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let notes = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "json"));
        let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
        let uploads: Vec<Upload> = notes.filter_map(|entry| read(entry.path())).collect();
        (uploads.iter().filter(|upload| upload.owner == owner).count(), uploads.len())
    }

    /// Removes what nobody has touched for a day.
    fn sweep(&self, now: SystemTime) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let touched = entry.metadata().and_then(|it| it.modified());
            let is_old = touched.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > KEPT));
            let id = entry.path().file_stem().map(|id| id.to_string_lossy().into_owned());
            // A note is as old as its beginning, its file as what came last.
            let part = id.map(|id| self.path(&id, "part"));
            let is_alive = part.and_then(|part| fs::metadata(part).ok()?.modified().ok());
            let is_alive =
                is_alive.is_some_and(|at| now.duration_since(at).is_ok_and(|age| age <= KEPT));
            if is_old && !is_alive {
                // What cannot be removed now is swept later.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// A file that nobody else may write or read.
#[derive(Debug)]
struct Taken {
    all: Arc<Mutex<HashSet<String>>>,
    id: String,
}

impl Drop for Taken {
    fn drop(&mut self) {
        lock(&self.all).remove(&self.id);
    }
}

/// A file that is whole.
#[derive(Debug)]
pub(crate) struct Whole {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its bytes.
    pub(crate) file: File,
    _taken: Taken,
}

fn lock(taken: &Mutex<HashSet<String>>) -> MutexGuard<'_, HashSet<String>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uploads() -> (tempfile::TempDir, Uploads) {
        let dir = tempfile::tempdir().unwrap();
        let uploads = Uploads::new(dir.path().join("uploads"));
        (dir, uploads)
    }

    #[test]
    fn a_file_that_breaks_off_goes_on_where_it_was_also_after_a_restart() {
        struct Breaks;
        impl Read for Breaks {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let (dir, uploads) = uploads();
        let upload = uploads.begin("anna", "numbers.txt", 10).unwrap();
        let broken = uploads.append(&upload, 0, b"0123".chain(Breaks));
        assert!(matches!(broken, Err(UploadError::Body(_))), "{broken:?}");
        drop(uploads);
        let uploads = Uploads::new(dir.path().join("uploads"));
        let upload = uploads.find("anna", &upload.id).unwrap();
        assert_eq!(uploads.offset(&upload).unwrap(), 4);
        assert!(matches!(uploads.whole(&upload), Err(UploadError::NotWhole { here: 4, .. })));
        let wrong = uploads.append(&upload, 3, &b"x"[..]);
        assert!(matches!(wrong, Err(UploadError::Offset { here: 4 })), "{wrong:?}");
        assert_eq!(uploads.append(&upload, 4, &b"456789"[..]).unwrap(), 10);
        let much = uploads.append(&upload, 10, &b"x"[..]);
        assert!(matches!(much, Err(UploadError::TooMuch { length: 10 })), "{much:?}");
        assert_eq!(fs::read(uploads.whole(&upload).unwrap().path).unwrap(), b"0123456789");
        uploads.remove(&upload);
        assert!(matches!(uploads.find("anna", &upload.id), Err(UploadError::Unknown)));
    }

    #[test]
    fn anothers_file_does_not_exist_and_nobody_has_too_many() {
        let (_dir, uploads) = uploads();
        let upload = uploads.begin("anna", "", 1).unwrap();
        assert!(matches!(uploads.find("boris", &upload.id), Err(UploadError::Unknown)));
        for id in ["", "../../etc/passwd", &"z".repeat(32)] {
            assert!(matches!(uploads.find("anna", id), Err(UploadError::Unknown)), "{id}");
        }
        let more = (0..OF_ONE_MAX).map_while(|_| uploads.begin("anna", "", 1).ok()).count();
        assert_eq!(more, OF_ONE_MAX - 1);
        uploads.begin("boris", "", 1).unwrap();
        assert!(matches!(uploads.begin("boris", "", u64::MAX), Err(UploadError::TooLong { .. })));
    }

    #[test]
    fn one_writes_at_a_time_and_what_nobody_touches_for_a_day_is_gone() {
        let (_dir, uploads) = uploads();
        let upload = uploads.begin("anna", "", 1).unwrap();
        let taken = uploads.take(&upload).unwrap();
        assert!(matches!(uploads.append(&upload, 0, &b"x"[..]), Err(UploadError::Taken)));
        drop(taken);
        uploads.sweep(SystemTime::now() + KEPT / 2);
        assert!(uploads.find("anna", &upload.id).is_ok());
        uploads.sweep(SystemTime::now() + KEPT * 2);
        assert!(uploads.find("anna", &upload.id).is_err());
        assert_eq!(fs::read_dir(&uploads.dir).unwrap().count(), 0);
    }
}
