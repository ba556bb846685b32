//! The head's objects on a share, read with patience that ends: an NFS server that hangs takes a
//! few threads along, and no task.
//!
//! What is read is copied into the node's own store, where its digest is checked. Nobody asks the
//! share whether an object is there: NFS may deny for half a minute what another machine has just
//! made. What cannot be had from here comes over the network.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bramble_protocol::ObjectRef;
use bramble_store::{Staged, Store, StoreError};

/// A read in which nothing came for so long is left alone.
const STALL: Duration = Duration::from_secs(5);
/// Threads that read, with those that hang.
const READERS_MAX: u32 = 4;
/// How often a file is opened again whose handle the server has forgotten.
const REOPENINGS_MAX: u32 = 3;
/// How long the share is left alone after a fault: first, and at most. Twice as long each time.
const ASIDE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));
/// How much is read at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Why an object did not come from the share.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShareError {
    #[error("the share is left alone for a while")]
    Aside,
    #[error("too many reads of the share hang")]
    Busy,
    #[error("nothing came from the share for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("the share does not have it")]
    Missing,
    #[error("the share has other bytes than object {}", .expected.digest.short())]
    WrongBytes { expected: ObjectRef },
    #[error("cannot read {}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot store what the share has")]
    Store(#[source] StoreError),
    #[error("cannot start a thread that reads the share")]
    Thread(#[source] io::Error),
}

impl ShareError {
    /// Whether it is the server's or the mount's doing, so that the next object would fare no
    /// better.
    const fn is_fault(&self) -> bool {
        matches!(self, Self::Stalled(_) | Self::Busy | Self::Read { .. })
    }
}

/// Opens a file of the share.
type Open = dyn Fn(&Path) -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// The share.
#[derive(Clone)]
pub(super) struct Share {
    dir: PathBuf,
    stall: Duration,
    open: Arc<Open>,
    /// Threads that read.
    readers: Arc<AtomicU32>,
    trust: Arc<Mutex<Trust>>,
}

/// Whether the share is asked.
#[derive(Debug, Default)]
struct Trust {
    /// Not before this time.
    aside_until: Option<Instant>,
    /// How long it is left alone after the next fault.
    wait: Option<Duration>,
    /// Whether somebody tries it after a fault: the others do without meanwhile.
    on_trial: bool,
}

impl Share {
    /// The head's objects, mounted in a directory. It is not touched before it is needed.
    pub(super) fn new(dir: PathBuf) -> Self {
        let open = |path: &Path| Ok(Box::new(File::open(path)?) as Box<dyn Read + Send>);
        Self::with(dir, STALL, Arc::new(open))
    }

    fn with(dir: PathBuf, stall: Duration, open: Arc<Open>) -> Self {
        Self { dir, stall, open, readers: Arc::default(), trust: Arc::default() }
    }

    /// Whether it is left alone because it did not answer, or answered with faults.
    pub(super) fn is_silent(&self) -> bool {
        self.trust().aside_until.is_some()
    }

    /// Copies an object into a store, not yet durably.
    ///
    /// # Errors
    /// When it does not come, comes too slowly, or is something else.
    pub(super) fn copy(&self, object: &ObjectRef, store: &Store) -> Result<Staged, ShareError> {
        self.admit()?;
        let copied = self.read(object, store);
        self.judge(&copied);
        copied
    }

    fn trust(&self) -> std::sync::MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self) -> Result<(), ShareError> {
        let mut trust = self.trust();
        match trust.aside_until {
            Some(until) if trust.on_trial || Instant::now() < until => Err(ShareError::Aside),
            Some(_) => {
                trust.on_trial = true;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn judge(&self, copied: &Result<Staged, ShareError>) {
        let mut trust = self.trust();
        trust.on_trial = false;
        match copied {
            Err(error) if error.is_fault() => {
                let wait = trust.wait.unwrap_or(ASIDE.0);
                if trust.aside_until.is_none() {
                    tracing::warn!(
                        share = %self.dir.display(),
                        "{}; objects come over the network, and the share is tried again now and then",
                        bramble_protocol::error_chain(error)
                    );
                }
                trust.aside_until = Some(Instant::now() + wait);
                trust.wait = Some((wait * 2).min(ASIDE.1));
            }
            // This node's own disk says nothing of the share.
            Err(ShareError::Store(_) | ShareError::Thread(_) | ShareError::Aside) => {}
            answered => {
                if let Err(error @ ShareError::WrongBytes { .. }) = answered {
                    tracing::warn!(share = %self.dir.display(), "{error}; it comes over the network");
                }
                if trust.aside_until.is_some() {
                    tracing::info!(share = %self.dir.display(), "the share answers again");
                }
                (trust.aside_until, trust.wait) = (None, None);
            }
        }
    }

    fn read(&self, object: &ObjectRef, store: &Store) -> Result<Staged, ShareError> {
        let place = Place::take(&self.readers).ok_or(ShareError::Busy)?;
        let read = Arc::new(AtomicU64::new(0));
        let (answer, answered) = mpsc::sync_channel(1);
        let (open, counter) = (Arc::clone(&self.open), Arc::clone(&read));
        let path = bramble_store::object_path(&self.dir, &object.digest);
        let (object, store) = (*object, store.clone());
        let work = move || {
            let _place = place;
            // Whoever asked may have given up.
            drop(answer.send(fetch(&*open, &path, &object, &store, &counter)));
        };
        let named = thread::Builder::new().name("share".into());
        named.spawn(work).map_err(ShareError::Thread)?;
        let mut seen = 0;
        loop {
            match answered.recv_timeout(self.stall) {
                Ok(copied) => return copied,
                Err(RecvTimeoutError::Timeout) => {
                    let now = read.load(Ordering::Relaxed);
                    if now == seen {
                        return Err(ShareError::Stalled(self.stall));
                    }
                    seen = now;
                }
                // It panicked, and has said so.
                Err(RecvTimeoutError::Disconnected) => return Err(ShareError::Busy),
            }
        }
    }
}

/// One of the threads that may read.
struct Place(Arc<AtomicU32>);

impl Place {
    fn take(readers: &Arc<AtomicU32>) -> Option<Self> {
        let more = |count: u32| (count < READERS_MAX).then_some(count + 1);
        let taken = readers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Self(Arc::clone(readers)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Copies a file, from its beginning again where the server has forgotten it meanwhile.
fn fetch(
    open: &Open,
    path: &Path,
    object: &ObjectRef,
    store: &Store,
    read: &AtomicU64,
) -> Result<Staged, ShareError> {
    let mut reopenings = 0;
    loop {
        let mut staged = store.stage().map_err(ShareError::Store)?;
        let copied = open(path).and_then(|file| copy(file, &mut staged, object.size, read));
        match copied {
            Ok(Copied::All) => {
                let staged = staged.finish().map_err(ShareError::Store)?;
                if staged.object() != *object {
                    return Err(ShareError::WrongBytes { expected: *object });
                }
                return Ok(staged);
            }
            Ok(Copied::OwnDisk(error)) => {
                let failed = StoreError::from_io("write to", store.dir(), error);
                return Err(ShareError::Store(failed));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ShareError::Missing);
            }
            Err(error)
                if error.kind() == io::ErrorKind::StaleNetworkFileHandle
                    && reopenings < REOPENINGS_MAX =>
            {
                reopenings += 1;
            }
            Err(source) => return Err(ShareError::Read { path: path.to_owned(), source }),
        }
    }
}

enum Copied {
    All,
    /// The node's own disk failed.
    OwnDisk(io::Error),
}

fn copy(
    file: Box<dyn Read + Send>,
    staged: &mut impl Write,
    size: u64,
    read: &AtomicU64,
) -> io::Result<Copied> {
    // One byte more than announced shows a file that is too long.
    let mut file = file.take(size.saturating_add(1));
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => return Ok(Copied::All),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        read.fetch_add(count as u64, Ordering::Relaxed);
        if let Err(error) = staged.write_all(&buffer[..count]) {
            return Ok(Copied::OwnDisk(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use bramble_protocol::Digest;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const BYTES: &[u8] = b"a chunk of a few bytes";

    fn share(
        open: impl Fn(&Path) -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
    ) -> (Share, Store, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("own")).unwrap();
        (Share::with("/share".into(), SOON, Arc::new(open)), store, dir)
    }

    fn give(bytes: &'static [u8]) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(bytes))
    }

    #[test]
    fn an_object_is_copied_and_checked_and_the_next_one_too() {
        let head = tempfile::tempdir().unwrap();
        let object = Store::open(head.path()).unwrap().put(BYTES).unwrap();
        let own = tempfile::tempdir().unwrap();
        let store = Store::open(own.path()).unwrap();
        let share = Share::new(head.path().to_owned());
        let staged = share.copy(&object, &store).unwrap();
        store.commit(vec![staged]).unwrap();
        assert_eq!(store.get(&object).unwrap(), BYTES);
        let other = ObjectRef::of(b"never made");
        assert!(matches!(share.copy(&other, &store), Err(ShareError::Missing)));
        assert!(!share.is_silent(), "NFS says so of what is new");
        assert!(share.copy(&object, &store).is_ok());
    }

    #[test]
    fn a_server_that_hangs_stalls_nobody_for_long_and_is_left_alone() {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let held = Arc::clone(&gate);
        let (share, store, _dir) = share(move |_| {
            let (open, opened) = &*held;
            let mut is_open = open.lock().unwrap();
            while !*is_open {
                is_open = opened.wait(is_open).unwrap();
            }
            give(BYTES)
        });
        let object = ObjectRef::of(BYTES);
        assert!(matches!(share.copy(&object, &store), Err(ShareError::Stalled(_))));
        assert!(share.is_silent());
        assert!(matches!(share.copy(&object, &store), Err(ShareError::Aside)), "at once");
        // Those that try it again hang too, but never more than a few.
        for _ in 1..READERS_MAX {
            share.trust().aside_until = Some(Instant::now());
            assert!(matches!(share.copy(&object, &store), Err(ShareError::Stalled(_))));
        }
        share.trust().aside_until = Some(Instant::now());
        assert!(matches!(share.copy(&object, &store), Err(ShareError::Busy)));
        // It answers again, and those that hung come home.
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        let deadline = Instant::now() + Duration::from_secs(10);
        while share.readers.load(Ordering::Relaxed) > 0 {
            assert!(Instant::now() < deadline, "the threads did not end");
            thread::yield_now();
        }
        share.trust().aside_until = Some(Instant::now());
        assert_eq!(share.copy(&object, &store).unwrap().object(), object);
        assert!(!share.is_silent());
    }

    #[test]
    fn a_slow_server_is_waited_for_as_long_as_something_comes() {
        struct Slow(Vec<u8>);
        impl Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                thread::sleep(SOON / 3);
                let Some(byte) = self.0.pop() else { return Ok(0) };
                buffer[0] = byte;
                Ok(1)
            }
        }
        let backwards: Vec<u8> = BYTES.iter().rev().copied().collect();
        let (share, store, _dir) = share(move |_| Ok(Box::new(Slow(backwards.clone()))));
        assert!(share.copy(&ObjectRef::of(BYTES), &store).is_ok());
    }

    #[test]
    fn a_forgotten_handle_is_opened_again_a_few_times() {
        for (times, works) in [(1, true), (REOPENINGS_MAX, true), (REOPENINGS_MAX + 1, false)] {
            let opened = AtomicU32::new(0);
            let (share, store, _dir) = share(move |_| {
                let stale = opened.fetch_add(1, Ordering::Relaxed) < times;
                if stale { Err(io::ErrorKind::StaleNetworkFileHandle.into()) } else { give(BYTES) }
            });
            assert_eq!(share.copy(&ObjectRef::of(BYTES), &store).is_ok(), works, "{times}");
            assert_eq!(share.is_silent(), !works);
        }
    }

    #[test]
    fn what_is_wrong_too_short_or_too_long_does_not_pass_for_the_object() {
        for bytes in
            [&b"other bytes of that size"[..22], &BYTES[..5], b"a chunk of a few bytes, and more"]
        {
            let (share, store, _dir) = share(move |_| give(bytes));
            let object = ObjectRef::of(BYTES);
            let copied = share.copy(&object, &store);
            assert!(matches!(copied, Err(ShareError::WrongBytes { .. })), "{copied:?}");
            assert_eq!(store.has(&Digest::of(BYTES)).unwrap(), false);
            assert!(!share.is_silent());
        }
    }

    #[test]
    fn a_fault_of_the_disk_behind_it_has_the_share_left_alone() {
        // EIO.
        let (share, store, _dir) = share(|_| Err(io::Error::from_raw_os_error(5)));
        let copied = share.copy(&ObjectRef::of(BYTES), &store);
        assert!(matches!(copied, Err(ShareError::Read { .. })), "{copied:?}");
        assert!(share.is_silent());
    }
}
