//! The thread that owns the journal, so that no disk ever holds up the scheduler.

use std::path::PathBuf;
use std::thread;

use bramble_protocol::JobId;
use bramble_protocol::api::LogEntry;
use tokio::sync::{mpsc, oneshot};

use super::{Group, Journal, JournalError};

/// Requests that wait for the thread.
const REQUESTS_MAX: usize = 64;

enum Request {
    Append { group: Group, done: oneshot::Sender<Result<(), JournalError>> },
    Copy { done: oneshot::Sender<Result<PathBuf, JournalError>> },
    Logs { job: JobId, reply: oneshot::Sender<Result<Vec<LogEntry>, JournalError>> },
}

/// The thread, to the driver.
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    thread: thread::JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(mut journal: Journal) -> Result<Self, JournalError> {
        let (requests, mut inbox) = mpsc::channel(REQUESTS_MAX);
        let work = move || {
            while let Some(request) = inbox.blocking_recv() {
                // Whoever does not wait for the answer any more needs none.
                match request {
                    Request::Append { group, done } => {
                        let _ = done.send(journal.append(&group));
                    }
                    Request::Copy { done } => {
                        let _ = done.send(journal.copy());
                    }
                    Request::Logs { job, reply } => {
                        let _ = reply.send(journal.logs(job));
                    }
                }
            }
        };
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(work)
            .map_err(JournalError::Thread)?;
        Ok(Self { requests, thread })
    }

    /// Hands over a group, to be told when it is on disk. At most one is under way at a time, so
    /// there is always room for it.
    pub(crate) fn append(&self, group: Group) -> oneshot::Receiver<Result<(), JournalError>> {
        let (done, written) = oneshot::channel();
        // When the thread is gone, so is `done`, and the receiver ends.
        let _ = self.requests.try_send(Request::Append { group, done });
        written
    }

    /// Asks for a copy of the journal; `None` when too much waits for the thread.
    pub(crate) fn copy(&self) -> Option<oneshot::Receiver<Result<PathBuf, JournalError>>> {
        // One place stays free for a group.
        if self.requests.capacity() <= 1 {
            return None;
        }
        let (done, copied) = oneshot::channel();
        self.requests.try_send(Request::Copy { done }).ok()?;
        Some(copied)
    }

    /// Asks for the logs of a job; `None` when too many ask at the same time.
    pub(crate) fn logs(
        &self,
        job: JobId,
    ) -> Option<oneshot::Receiver<Result<Vec<LogEntry>, JournalError>>> {
        // One place stays free for a group.
        if self.requests.capacity() <= 1 {
            return None;
        }
        let (reply, answer) = oneshot::channel();
        self.requests.try_send(Request::Logs { job, reply }).ok()?;
        Some(answer)
    }

    /// Ends the thread after what was handed over.
    pub(crate) fn stop(self) {
        drop(self.requests);
        // A panic there was reported when it happened.
        let _ = self.thread.join();
    }
}
