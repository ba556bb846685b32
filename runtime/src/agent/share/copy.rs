//! One object, from the share into this node's own store.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bramble_protocol::{Digest, ObjectRef};
use bramble_store::{Staged, Store, StoreError};

/// How much is read at a time: what the slowest link brings in far less than the deadline.
const BUFFER_BYTES: usize = 256 << 10;
/// How often a file is opened anew, from the root on, after the server has said that its handle is
/// stale.
const REOPENINGS_MAX: u32 = 3;

/// How files of a share are opened: a seam for tests, whose files hang and fail.
pub(super) trait Files: Send + Sync {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read>>;
}

/// A share that is mounted here.
pub(super) struct Mounted;

impl Files for Mounted {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(path)?))
    }
}

/// Why an object did not come from the share.
#[derive(Debug, thiserror::Error)]
pub(super) enum Missed {
    #[error("it is not there")]
    NotThere,
    #[error("the share failed")]
    Failed(#[source] io::Error),
    #[error("the share holds other bytes, which hash to {}", .found.short())]
    WrongBytes { found: Digest },
    #[error("it cannot be kept here")]
    Here(#[source] StoreError),
    #[error("nobody waits for it any more")]
    Unwanted,
}

impl From<io::Error> for Missed {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotThere,
            _ => Self::Failed(error),
        }
    }
}

/// What the thread that reads and the one that waits share.
#[derive(Default)]
pub(super) struct Call {
    /// Since when the share is being asked; none while something else is done.
    since: Mutex<Option<Instant>>,
    is_given_up: AtomicBool,
}

impl Call {
    pub(super) fn since(&self) -> Option<Instant> {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// Asks the share.
    fn timed<T>(&self, ask: impl FnOnce() -> T) -> T {
        let set = |since| *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
        set(Some(Instant::now()));
        let answer = ask();
        set(None);
        answer
    }
}

/// Copies an object into a staged file.
///
/// # Errors
/// Why not; the staged file is then removed.
pub(super) fn copy(
    files: &dyn Files,
    path: &Path,
    store: &Store,
    object: &ObjectRef,
    call: &Call,
) -> Result<Staged, Missed> {
    let mut reopenings = 0;
    loop {
        match copy_once(files, path, store, object, call) {
            Err(Missed::Failed(error))
                if error.kind() == io::ErrorKind::StaleNetworkFileHandle
                    && reopenings < REOPENINGS_MAX =>
            {
                reopenings += 1;
            }
            end => return end,
        }
    }
}

fn copy_once(
    files: &dyn Files,
    path: &Path,
    store: &Store,
    object: &ObjectRef,
    call: &Call,
) -> Result<Staged, Missed> {
    let mut file = call.timed(|| files.open(path))?;
    let mut staged = store.stage().map_err(Missed::Here)?;
    // One byte more than expected shows a file that is too long.
    let mut left = object.size.saturating_add(1);
    let mut buffer = vec![0; BUFFER_BYTES];
    while left > 0 {
        let most = usize::try_from(left).map_or(BUFFER_BYTES, |left| left.min(BUFFER_BYTES));
        let got = match call.timed(|| file.read(&mut buffer[..most])) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            got => got?,
        };
        if call.is_given_up.load(Ordering::Relaxed) {
            return Err(Missed::Unwanted);
        }
        if got == 0 {
            break;
        }
        if let Err(error) = staged.write_all(&buffer[..got]) {
            return Err(Missed::Here(StoreError::from_io("write", staged.path(), error)));
        }
        left -= got as u64;
    }
    // A file is closed with the server's knowledge.
    call.timed(|| drop(file));
    let staged = staged.finish().map_err(Missed::Here)?;
    let found = staged.object();
    if found != *object {
        return Err(Missed::WrongBytes { found: found.digest });
    }
    Ok(staged)
}

/// Sees whether the share gives the beginning of a file, which somebody fetches meanwhile.
///
/// # Errors
/// Always, because nothing is copied: [`Missed::Unwanted`] when it does.
pub(super) fn probe(files: &dyn Files, path: &Path) -> Result<Staged, Missed> {
    let mut block = [0; 4096];
    // However little it is, even nothing.
    let _length = files.open(path)?.read(&mut block)?;
    Err(Missed::Unwanted)
}
