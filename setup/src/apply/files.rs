//! Single files under a root: read with a limit, written so that nobody ever sees half of one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::ApplyError;

/// Longer files than this are none that bramble changes, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    pub(super) mode: u32,
}

/// The machine's files, or those of a test.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

/// Whether a path of a plan starts at the root and leads nowhere else.
pub(super) fn is_clear(path: &Path) -> bool {
    let mut parts = path.components();
    parts.next() == Some(Component::RootDir)
        && parts.clone().next().is_some()
        && parts.all(|part| matches!(part, Component::Normal(_)))
}

impl Tree {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where a path of a plan is.
    pub(super) fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// What is there.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Found>, ApplyError> {
        let place = self.place(path);
        let failed = |source| failed("read", path, source);
        let meta = match fs::symlink_metadata(&place) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !meta.is_file() {
            return Err(ApplyError::NotRegular(path.to_owned()));
        }
        let mut bytes = Vec::new();
        let file = File::open(&place).map_err(failed)?;
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(ApplyError::NotText(path.to_owned()));
        }
        Ok(Some(Found { bytes, mode: meta.permissions().mode() & 0o7777 }))
    }

    /// Makes the file say this. The temporary one begins with a dot: services that read all files
    /// of their directory pass it over.
    pub(super) fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), ApplyError> {
        let place = self.place(path);
        let temporary = beside(&place, "bramble-new");
        let dir = place.parent().unwrap_or(&self.root);
        self.make_dirs(path)?;
        let write = || -> io::Result<()> {
            remove_if_there(&temporary)?;
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(bytes)?;
            // FAT, where the firmware's files are, has no modes to set.
            match file.set_permissions(fs::Permissions::from_mode(mode)) {
                Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
                _ => {}
            }
            file.sync_all()?;
            fs::rename(&temporary, &place)?;
            File::open(dir)?.sync_all()
        };
        write().map_err(|source| {
            // Whether the half file could be removed changes nothing about the failure.
            let _ = fs::remove_file(&temporary);
            failed("write", path, source)
        })
    }

    /// Sees that the file is not there.
    pub(super) fn remove(&self, path: &Path) -> Result<(), ApplyError> {
        let place = self.place(path);
        let remove = || -> io::Result<()> {
            // Left by a run that was broken off, if at all. What matters is the file itself.
            let _ = fs::remove_file(beside(&place, "bramble-new"));
            remove_if_there(&place)?;
            match place.parent().map(File::open) {
                Some(Ok(dir)) => dir.sync_all(),
                _ => Ok(()),
            }
        };
        remove().map_err(|source| failed("remove", path, source))
    }

    /// The directories above a path that are not there, the highest first.
    pub(super) fn missing_dirs(&self, path: &Path) -> Vec<PathBuf> {
        let above = path.ancestors().skip(1);
        let mut missing: Vec<PathBuf> =
            above.take_while(|dir| !self.place(dir).exists()).map(Path::to_owned).collect();
        missing.reverse();
        missing
    }

    fn make_dirs(&self, path: &Path) -> Result<(), ApplyError> {
        for dir in self.missing_dirs(path) {
            let made = DirBuilder::new().mode(0o755).create(self.place(&dir));
            made.map_err(|source| failed("create", &dir, source))?;
        }
        Ok(())
    }

    /// Removes a directory that bramble made, unless somebody has put something there.
    pub(super) fn remove_dir(&self, dir: &Path) {
        // Not empty, or gone already: both are as they should be.
        let _ = fs::remove_dir(self.place(dir));
    }
}

/// The name of a file beside another, which services do not read.
pub(super) fn beside(place: &Path, ending: &str) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.{ending}"))
}

pub(super) fn failed(what: &'static str, path: &Path, source: io::Error) -> ApplyError {
    ApplyError::Io { what, path: path.to_owned(), source }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
