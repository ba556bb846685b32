//! The head's objects on a share that this node only reads, such as a mount by NFS.
//!
//! A read of a share may take for ever, and nothing ends it. So each is made by a thread of its
//! own, for which nobody waits longer than said; after that the share is put aside, and objects
//! come over HTTP. There are few such threads: when all of them hang, the share is not asked.
//!
//! Nobody looks whether an object is there yet: a client of NFS may remember for half a minute
//! that it was not. What is wanted is opened, and if that fails it is fetched.

mod copy;
mod standing;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bramble_protocol::{ObjectRef, error_chain};
use bramble_store::{Staged, Store};

use super::ShareAccess;
use copy::{Call, Files, Missed, Mounted};
use standing::{Answer, Ask, Change, Standing};

/// A share. Clones are one.
#[derive(Clone)]
pub(super) struct Share(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    /// How long one call of the system may take.
    patience: Duration,
    files: Box<dyn Files>,
    standing: Mutex<Standing>,
}

impl Share {
    pub(super) fn new(access: &ShareAccess) -> Self {
        Self::over(access, Box::new(Mounted))
    }

    fn over(access: &ShareAccess, files: Box<dyn Files>) -> Self {
        let ShareAccess { dir, patience } = access.clone();
        let standing = Mutex::new(Standing::default());
        Self(Arc::new(Inner { dir, patience, files, standing }))
    }

    /// Whether it answers; nothing while nobody has read from it.
    pub(super) fn answers(&self) -> Option<bool> {
        self.0.standing().answers()
    }

    /// Copies an object into a file that is staged in `store`, verified. Nothing when the share
    /// does not have it, does not answer, or is not asked for the moment.
    pub(super) fn read(&self, store: &Store, object: &ObjectRef) -> Option<Staged> {
        let ask = self.0.standing().ask(Instant::now());
        if matches!(ask, Ask::No) {
            return None;
        }
        let path = Store::place_in(&self.0.dir, &object.digest);
        let (sender, receiver) = mpsc::sync_channel(1);
        let call = Arc::new(Call::default());
        let work = {
            let (inner, call) = (Arc::clone(&self.0), Arc::clone(&call));
            let (store, object) = (store.clone(), *object);
            move || {
                let files = inner.files.as_ref();
                let end = match ask {
                    Ask::Read => copy::copy(files, &path, &store, &object, &call),
                    _ => copy::probe(files, &path),
                };
                inner.returned(&end, &object);
                // Whoever waited may have given up: the staged file is then removed.
                let _ = sender.send(end.ok());
            }
        };
        if let Err(error) = thread::Builder::new().name("share".into()).spawn(work) {
            tracing::warn!("cannot start a thread to read the share: {error}");
            self.0.standing().returned(Instant::now(), Answer::None);
            return None;
        }
        match ask {
            Ask::Read => self.0.wait(&receiver, &call),
            // Nobody waits for a share that did not answer the last time.
            _ => None,
        }
    }
}

impl Inner {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for as long as calls of the system end in time, however many they are.
    fn wait(&self, receiver: &mpsc::Receiver<Option<Staged>>, call: &Call) -> Option<Staged> {
        let mut left = self.patience;
        loop {
            match receiver.recv_timeout(left) {
                Ok(end) => return end,
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            let taken = call.since().map_or(Duration::ZERO, |since| since.elapsed());
            left = self.patience.saturating_sub(taken);
            if left.is_zero() {
                call.give_up();
                let change = self.standing().overdue(Instant::now());
                self.tell(change, &format!("nothing came for {:?}", self.patience));
                return None;
            }
        }
    }

    /// Draws conclusions from what a thread came back with.
    fn returned(&self, end: &Result<Staged, Missed>, object: &ObjectRef) {
        let (answer, why) = match end {
            Ok(_) => (Answer::Good, String::new()),
            Err(Missed::Unwanted) => (Answer::Alive, String::new()),
            Err(Missed::WrongBytes { found }) => {
                let (name, found) = (object.digest.short(), found.short());
                tracing::warn!(
                    "the share at {} holds other bytes than object {name}, which hash to {found}: \
                     it is fetched from the head",
                    self.dir.display()
                );
                (Answer::Alive, String::new())
            }
            Err(Missed::NotThere) => (Answer::None, String::new()),
            Err(Missed::Here(error)) => {
                tracing::warn!("cannot keep what comes from the share: {}", error_chain(error));
                (Answer::None, String::new())
            }
            Err(Missed::Failed(error)) => (Answer::of_failure(error.kind()), error.to_string()),
        };
        let change = self.standing().returned(Instant::now(), answer);
        self.tell(change, &why);
    }

    /// Tells the log once that the share is put aside, and once that it is not any more.
    fn tell(&self, change: Change, why: &str) {
        let dir: &Path = &self.dir;
        match change {
            Change::Silent => tracing::warn!(
                "the share at {} does not answer: {why}; objects come over HTTP from the head until \
                 it does",
                dir.display()
            ),
            Change::Answers => tracing::info!("the share at {} answers again", dir.display()),
            Change::No => {}
        }
    }
}
