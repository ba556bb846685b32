//! A runner process as other threads see it: to be killed, asked to stop, looked at.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::socket;
use super::wire::ToRunner;

/// How long a guest that was asked to stop may go on.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Acts on a runner from another thread than the one that waits for its task.
#[derive(Clone, Debug)]
pub struct Killer(pub(super) Arc<Shared>);

/// What the waiting thread and the others share.
#[derive(Debug)]
pub(super) struct Shared {
    child: Mutex<Child>,
    killed: AtomicBool,
    socket: OwnedFd,
    /// Held while a frame is sent.
    sending: Mutex<()>,
    task: Mutex<TaskState>,
}

/// Of the task that runs.
#[derive(Debug, Default)]
pub(super) struct TaskState {
    pub(super) progress: Option<(u64, u64)>,
    /// What its guest has shown, and nobody has taken yet: media type and bytes.
    pub(super) preview: Option<(String, Vec<u8>)>,
    /// Once it was asked to stop: when it is killed.
    pub(super) stop_by: Option<Instant>,
}

impl Killer {
    /// Kills the process, if it still runs. The task ends as `Canceled`.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Lets the guest know that it should end early, and kills the process a few seconds later
    /// unless the task has ended.
    pub fn ask_to_stop(&self) {
        self.0.task().stop_by.get_or_insert_with(|| Instant::now() + STOP_GRACE);
        self.0.hint(&ToRunner::Stop);
    }

    /// Lets the guest know that it should save, because power may go soon.
    pub fn ask_to_save(&self) {
        self.0.hint(&ToRunner::SaveSoon);
    }

    /// How far the guest of the present or last task says it is: done, and out of how much.
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.0.task().progress
    }

    /// What the guest has shown last, unless it was taken already: media type and bytes.
    pub fn take_preview(&self) -> Option<(String, Vec<u8>)> {
        self.0.task().preview.take()
    }
}

impl Shared {
    pub(super) fn new(child: Child, socket: OwnedFd) -> Self {
        Self {
            child: Mutex::new(child),
            killed: AtomicBool::new(false),
            socket,
            sending: Mutex::default(),
            task: Mutex::default(),
        }
    }

    // What these locks guard is consistent after each statement, so that a panic elsewhere does
    // not spoil it.

    pub(super) fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn task(&self) -> MutexGuard<'_, TaskState> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(super) fn send<R: Serialize>(
        &self,
        message: &ToRunner<R>,
        raw: &[u8],
        files: &[BorrowedFd<'_>],
    ) -> std::io::Result<()> {
        let _one_at_a_time = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        socket::send(self.socket(), message, raw, files)
    }

    /// A runner that is gone needs no hint.
    fn hint(&self, message: &ToRunner) {
        let _ = self.send(message, &[], &[]);
    }

    pub(super) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    pub(super) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        // Harmless when it has been waited for: std remembers that.
        let _ = self.child().kill();
    }
}
