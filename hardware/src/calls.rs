//! What a machine tells only to who asks its kernel, rather than in files.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::linux::disk::Space;
use crate::linux::mailbox;

/// Questions to a kernel. Each may take long, but for the time.
pub(crate) trait Calls: Debug + Send + Sync {
    /// What the firmware answers to a command.
    fn firmware(&self, command: &str) -> Option<String>;
    /// How much room there is around a path.
    fn space(&self, path: &Path) -> Option<Space>;
    /// Milliseconds since 1970.
    fn time_ms(&self) -> Option<u64>;
}

/// The machine that this process runs on.
#[derive(Debug)]
pub(crate) struct Live;

impl Calls for Live {
    fn firmware(&self, command: &str) -> Option<String> {
        mailbox::ask(Path::new("/"), command)
    }

    fn space(&self, path: &Path) -> Option<Space> {
        let space = rustix::fs::statvfs(path).ok()?;
        Some(Space {
            bytes_total: space.f_blocks.checked_mul(space.f_frsize)?,
            bytes_available: space.f_bavail.checked_mul(space.f_frsize)?,
            files_total: space.f_files,
            files_available: space.f_favail,
        })
    }

    fn time_ms(&self) -> Option<u64> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since_1970.as_millis()).ok()
    }
}

/// Answers that lie beside the files of a recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    dir: PathBuf,
}

/// Where they lie under the root of a recording.
pub(crate) const DIR: &str = "calls";
pub(crate) const SPACE: &str = "statvfs";
pub(crate) const TIME: &str = "time_ms";

/// The file for an answer of the firmware.
pub(crate) fn file_of(command: &str) -> String {
    format!("vcgencmd_{}", command.replace(' ', "_"))
}

impl Recorded {
    pub(crate) fn new(root: &Path) -> Self {
        Self { dir: root.join(DIR) }
    }

    fn text(&self, file: &str) -> Option<String> {
        let bytes = std::fs::read(self.dir.join(file)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Calls for Recorded {
    fn firmware(&self, command: &str) -> Option<String> {
        self.text(&file_of(command))
    }

    fn space(&self, _: &Path) -> Option<Space> {
        Space::parse(&self.text(SPACE)?)
    }

    fn time_ms(&self) -> Option<u64> {
        self.text(TIME)?.trim().parse().ok()
    }
}
