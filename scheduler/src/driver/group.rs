//! Group commit: what is to be written, and what waits until it is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bramble_protocol::api::LogEntry;
use bramble_protocol::{JobId, error_chain};
use tokio::sync::oneshot;

use super::command::Reply;
use crate::core::{Action, Record, RequestToken};
use crate::handle::CommandError;
use crate::journal::{Group, JournalError, Writer};

/// Records after which no more commands are taken until the group before is written.
const RECORDS_MAX: usize = 20_000;

type Written = oneshot::Receiver<Result<(), JournalError>>;

/// Something to be done when all records before it are on disk.
pub(super) enum Deferred {
    /// An action of the core.
    Action(Action),
    /// An answer that was worked out from the state at that point.
    Answer(Box<dyn FnOnce() + Send>),
    /// A question to the journal itself.
    Logs { job: JobId, reply: oneshot::Sender<Result<Vec<LogEntry>, CommandError>> },
}

/// At most one group is being written; the next one is collected meanwhile.
pub(super) struct Committer {
    writer: Writer,
    group: Group,
    deferred: Vec<Deferred>,
    writing: Option<(Written, Vec<Deferred>)>,
}

impl Committer {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer, group: Group::default(), deferred: Vec::new(), writing: None }
    }

    pub(super) fn record(&mut self, at_ms: u64, record: Record) {
        self.group.records.push((at_ms, record));
    }

    pub(super) fn log(&mut self, job: JobId, entry: LogEntry) {
        self.group.logs.push((job, entry));
    }

    /// Keeps something until the records so far are on disk. Hands it back when they are.
    #[must_use]
    pub(super) fn defer(&mut self, deferred: Deferred) -> Option<Deferred> {
        if self.is_idle() {
            return Some(deferred);
        }
        self.deferred.push(deferred);
        None
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.writing.is_none() && self.group.is_empty() && self.deferred.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.group.records.len() < RECORDS_MAX
    }

    /// Hands the collected group to the journal, unless one is being written.
    pub(super) fn start_group(&mut self) {
        if self.writing.is_none() && !(self.group.is_empty() && self.deferred.is_empty()) {
            let written = self.writer.append(std::mem::take(&mut self.group));
            self.writing = Some((written, std::mem::take(&mut self.deferred)));
        }
    }

    /// Waits until the group is on disk and gives what waited for it. Cancel safe.
    pub(super) async fn written(&mut self) -> Result<Vec<Deferred>, JournalError> {
        let Some((written, _)) = &mut self.writing else { return Ok(Vec::new()) };
        let result = written.await.unwrap_or(Err(JournalError::Gone));
        let deferred = self.writing.take().map(|(_, deferred)| deferred).unwrap_or_default();
        match result {
            Ok(()) => Ok(deferred),
            Err(failure) => {
                // Their answers are errors now.
                self.deferred.splice(0..0, deferred);
                Err(failure)
            }
        }
    }

    /// Asks the journal for logs and answers when it does.
    pub(super) fn ask_logs(
        &self,
        job: JobId,
        reply: oneshot::Sender<Result<Vec<LogEntry>, CommandError>>,
    ) {
        let Some(answer) = self.writer.logs(job) else {
            let reason = "too many ask for logs at the same time".to_owned();
            // Whoever asked may have gone; here and below.
            let _ = reply.send(Err(CommandError::Busy { reason }));
            return;
        };
        tokio::spawn(async move {
            let answer = answer.await.unwrap_or(Err(JournalError::Gone));
            let answer =
                answer.map_err(|error| CommandError::Journal { message: error_chain(&error) });
            let _ = reply.send(answer);
        });
    }

    /// Has the journal copied and answers when it is.
    pub(super) fn ask_copy(&self, reply: oneshot::Sender<Result<PathBuf, CommandError>>) {
        let Some(copied) = self.writer.copy() else {
            let reason = "too many ask for the journal at the same time".to_owned();
            // Whoever asked may have gone; here and below.
            let _ = reply.send(Err(CommandError::Busy { reason }));
            return;
        };
        tokio::spawn(async move {
            let copied = copied.await.unwrap_or(Err(JournalError::Gone));
            let _ = reply.send(
                copied.map_err(|error| CommandError::Backup { message: error_chain(&error) }),
            );
        });
    }

    /// Tells all who wait for an answer that there will be none.
    pub(super) fn fail_all(
        &mut self,
        failure: &JournalError,
        replies: &mut BTreeMap<RequestToken, Reply>,
    ) {
        self.deferred.clear();
        for (_, reply) in std::mem::take(replies) {
            let _ = reply.send(Err(CommandError::Journal { message: error_chain(failure) }));
        }
    }

    /// Ends the journal's thread. Blocks for as long as one write may take.
    pub(super) fn stop(self) {
        self.writer.stop();
    }
}
