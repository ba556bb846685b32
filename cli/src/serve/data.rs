//! A data directory: made, locked, opened, each failure with what to do.

use bramble_protocol::error_chain;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use bramble_store::lock::{DirectoryLock, LockError};
use bramble_store::{Store, StoreError};
use bramble_tls::{Identity, IdentityError};

use crate::error::{CliError, CliResult, Slug};
use crate::{local, paths};

/// Where a data directory's objects are.
pub(crate) const STORE_DIR: &str = "store";

/// The head's key, in its data directory.
pub(crate) const KEY_FILE: &str = "head.key";
/// The head's key for TLS, in its data directory.
pub(crate) const TLS_FILE: &str = "tls.key";
/// Who people are, in a head's data directory.
#[cfg(feature = "head")]
pub(crate) const ACCOUNTS_FILE: &str = "accounts.sqlite";
/// The keys of the heads that an agent knows, in its data directory.
pub(crate) const HEADS_FILE: &str = "heads";

/// Makes the directory if it is not there, and sees that it can be written.
///
/// # Errors
/// When it is no directory, or cannot be made or written.
pub(crate) fn prepare(dir: &Path) -> CliResult<()> {
    let shown = paths::shown(dir);
    let unusable = |what: String| {
        CliError::new(Slug::DataUnusable, what).help("choose another directory: --data DIR")
    };
    // Objects, names and keys are nobody else's business, though a server for NFS, which is root,
    // may still hand out what is in there.
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(dir) {
        return Err(match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                CliError::file("create", dir, &error)
            }
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                unusable(format!("the data directory {shown} is a file, or lies in one"))
            }
            _ => unusable(format!("cannot create the data directory {shown}")).because(&error),
        });
    }
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).map_err(
        |error| unusable(format!("the data directory {shown} cannot be written")).because(&error),
    )
}

/// Takes the right to be the only one there.
///
/// # Errors
/// When somebody else has it: who, and where to reach it.
pub(crate) fn lock(dir: &Path, place: &Path, who: &str) -> CliResult<DirectoryLock> {
    DirectoryLock::acquire(place, who).map_err(|error| match error {
        LockError::AlreadyHeld { pid, who, .. } => {
            let url = local::running_up(dir)
                .and_then(|up| up.url)
                .or_else(|| local::running_head(dir).map(|head| head.url));
            let process = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
            let at = url.map_or_else(String::new, |url| format!(", at {url}"));
            let what = format!("the data directory {} is in use", paths::shown(dir));
            CliError::new(Slug::DataLocked, what)
                .why(format!("{who}{process} runs there{at}"))
                .help("use that one, stop it with `bramble down`, or choose another: --data DIR")
        }
        LockError::Io { .. } => {
            CliError::new(Slug::DataUnusable, "the data directory cannot be locked").because(&error)
        }
    })
}

/// Opens the objects of a data directory.
///
/// # Errors
/// When they belong to a newer version, or cannot be used.
pub(crate) fn open_store(dir: &Path) -> CliResult<Store> {
    let dir = dir.join(STORE_DIR);
    Store::open(&dir).map_err(|error| store_error(&dir, &error))
}

/// The key for TLS in a file, made when there is none.
///
/// # Errors
/// When others may read it, it is none, or it cannot be read or written.
pub(crate) fn identity(path: &Path) -> CliResult<Identity> {
    Identity::load_or_create(path).map_err(|error| {
        let what = "the key for TLS cannot be used";
        let shown = CliError::new(Slug::DataUnusable, what).why(error_chain(&error));
        match error {
            IdentityError::Open { .. } => {
                shown.help(format!("if nobody else has read it: chmod 600 {}", paths::shown(path)))
            }
            _ => shown,
        }
    })
}

/// Stores what nodes are measured by.
///
/// # Errors
/// When the store cannot be written.
#[cfg(feature = "head")]
pub(super) fn calibration(store: &Store) -> CliResult<bramble_scheduler::core::Calibration> {
    let put = |bytes: &[u8]| store.put(bytes).map_err(|error| store_error(store.dir(), &error));
    let module = put(bramble_runtime::CALIBRATION.as_bytes())?.digest;
    Ok(bramble_scheduler::core::Calibration { module, input: put(b"")? })
}

/// A failure of the store, for people.
pub(crate) fn store_error(dir: &Path, error: &StoreError) -> CliError {
    let slug = match error {
        StoreError::DiskFull { .. } => Slug::DiskFull,
        StoreError::NewerFormat { .. } => Slug::DataNewer,
        StoreError::NotADirectory { .. }
        | StoreError::NoStore { .. }
        | StoreError::NotWritable { .. }
        | StoreError::BadFormat { .. } => Slug::DataUnusable,
        StoreError::Corrupt { .. } => Slug::Corrupt,
        StoreError::Missing { .. }
        | StoreError::WrongSize { .. }
        | StoreError::TooLarge { .. }
        | StoreError::NotStaged { .. }
        | StoreError::Io { .. } => Slug::Local,
    };
    let what = format!("cannot use the object store in {}", paths::shown(dir));
    let help = match slug {
        Slug::DataNewer => "use the newer bramble that wrote it, or another directory: --data DIR",
        Slug::DiskFull => "free some space, then try again",
        _ if matches!(error, StoreError::NoStore { .. }) => {
            "is the head's directory mounted there? without --store, objects come over the network"
        }
        _ => "choose another directory: --data DIR",
    };
    CliError::new(slug, what).why(error_chain(error)).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_in_the_place_of_the_directory_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        for place in [file.clone(), file.join("deeper")] {
            assert_eq!(prepare(&place).unwrap_err().slug(), Some(Slug::DataUnusable));
        }
    }

    #[test]
    fn the_second_one_is_told_who_is_there_and_where() {
        let dir = tempfile::tempdir().unwrap();
        let _held = lock(dir.path(), dir.path(), "bramble head").unwrap();
        let record = local::HeadRecord {
            schema: "bramble.head-record/1".into(),
            process: local::ProcessMark::own(),
            url: "http://127.0.0.1:4711".into(),
            listen: ([127, 0, 0, 1], 4711).into(),
            fingerprint: None,
        };
        local::write(dir.path(), local::HEAD_FILE, &record).unwrap();
        let error = lock(dir.path(), dir.path(), "bramble head").unwrap_err();
        assert_eq!(error.code(), 6);
        let CliError::Shown(report) = error else { panic!("shown") };
        assert!(report.why[0].contains("bramble head (process "), "{report:?}");
        assert!(report.why[0].contains("http://127.0.0.1:4711"), "{report:?}");
    }

    #[test]
    fn a_store_of_a_newer_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(open_store(dir.path()).unwrap());
        let format = dir.path().join(STORE_DIR).join("format");
        fs::write(&format, "999\n").unwrap();
        assert_eq!(open_store(dir.path()).unwrap_err().slug(), Some(Slug::DataNewer));
        assert_eq!(fs::read_to_string(&format).unwrap(), "999\n");
    }
}
