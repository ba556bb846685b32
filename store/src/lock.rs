//! One owner for a data directory.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The most that is read of the file `lock`.
const NOTE_BYTES_MAX: u64 = 256;

/// The right to be the only one that works on a directory; ends when dropped, and with the
/// process, however it ends. The file `lock` stays, so that nobody locks one that is gone.
#[derive(Debug)]
pub struct DirectoryLock {
    file: File,
    path: PathBuf,
}

/// Why a directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error(
        "{} is in use by {who}{}",
        path.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    AlreadyHeld {
        /// The directory.
        path: PathBuf,
        /// The holder's process; unknown in the moment in which it takes the lock, and possibly
        /// on another machine when the directory is shared.
        pid: Option<u32>,
        /// What the holder said of itself.
        who: String,
    },
    /// The lock file cannot be made or locked.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file, or the directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl DirectoryLock {
    /// Locks `dir`, which is made if it is not there, at once or not at all. `who` is what the
    /// next one who tries is told, such as `bramble head`.
    ///
    /// # Errors
    /// [`LockError::AlreadyHeld`], or what the system says.
    pub fn acquire(dir: &Path, who: &str) -> Result<Self, LockError> {
        let failed = |path: &Path, source| LockError::Io { path: path.to_path_buf(), source };
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(dir)
            .map_err(|source| failed(dir, source))?;
        let path = dir.join("lock");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| failed(&path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let (pid, who) = read_note(&mut file);
                return Err(LockError::AlreadyHeld { path: dir.to_path_buf(), pid, who });
            }
            Err(errno) => return Err(failed(&path, errno.into())),
        }
        file.set_len(0)
            .and_then(|()| file.write_all(note(who).as_bytes()))
            .map_err(|source| failed(&path, source))?;
        Ok(Self { file, path })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Only a courtesy to people who look at the file: closing it is what unlocks.
        let _ = self.file.set_len(0);
    }
}

fn note(who: &str) -> String {
    let who: String = who.chars().filter(|c| !c.is_control()).take(100).collect();
    format!("{}\n{who}\n", std::process::id())
}

fn read_note(file: &mut File) -> (Option<u32>, String) {
    let mut note = Vec::new();
    // A note that cannot be read only makes the message poorer.
    let _ = file.rewind().and_then(|()| file.take(NOTE_BYTES_MAX).read_to_end(&mut note));
    let note = String::from_utf8_lossy(&note);
    let mut lines = note.lines();
    let pid = lines.next().and_then(|line| line.parse().ok());
    let who = lines.next().filter(|who| pid.is_some() && !who.is_empty());
    (pid, who.unwrap_or("another process").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_is_told_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirectoryLock::acquire(&dir.path().join("data"), "bramble head").unwrap();
        let refused = DirectoryLock::acquire(&dir.path().join("data"), "bramble up").unwrap_err();
        let LockError::AlreadyHeld { pid, ref who, .. } = refused else { panic!("{refused}") };
        assert_eq!((pid, who.as_str()), (Some(std::process::id()), "bramble head"));
        drop(held);
        DirectoryLock::acquire(&dir.path().join("data"), "bramble up").unwrap();
    }

    #[test]
    fn what_a_dead_holder_left_behind_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("lock"), "1\nsome head that was killed long ago\n").unwrap();
        let lock = DirectoryLock::acquire(dir.path(), "bramble up").unwrap();
        let note = std::fs::read_to_string(lock.path()).unwrap();
        assert_eq!(note, format!("{}\nbramble up\n", std::process::id()));
    }

    #[test]
    fn a_lock_that_says_nothing_still_gives_a_message() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::acquire(dir.path(), "bramble head").unwrap();
        std::fs::write(lock.path(), "").unwrap();
        let refused = DirectoryLock::acquire(dir.path(), "bramble up").unwrap_err();
        assert!(refused.to_string().ends_with("is in use by another process"), "{refused}");
    }
}
