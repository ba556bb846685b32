//! Makes the outputs of ended attempts durable in groups, then hands the reports on.
//!
//! One `fsync` for many small outputs is what lets a node finish more than a thousand tasks a
//! second on a disk that syncs two hundred times a second.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bramble_protocol::agent::AttemptReport;
use bramble_protocol::{AttemptOutcome, ObjectRef, error_chain};
use tokio::sync::mpsc as async_mpsc;

use super::objects::{Objects, TransferError};
use super::queue::Queue;
use super::slot::Ended;
use super::spool::Spool;

/// The most attempts whose outputs are made durable together.
const GROUP_MAX: usize = 256;
/// How long reports are gathered while the slots have plenty to do. Short tasks end several
/// thousand times a second, and a message for each would cost head and node more than the tasks.
const GATHER: Duration = Duration::from_millis(4);
/// Leases that wait for each slot at work when there is plenty: of tasks so short that gathering
/// matters, more than are done meanwhile.
const PLENTY: usize = 24;

/// What it works with.
pub(super) struct Committer {
    pub(super) queue: Queue,
    pub(super) objects: Objects,
    pub(super) spool: Spool,
}

/// Works until all slots are gone or nobody wants reports any more. Begins with what a process
/// before this one has left.
pub(super) fn run(
    committer: &Committer,
    inherited: Vec<AttemptReport>,
    ended: &mpsc::Receiver<Ended>,
    reports: &async_mpsc::Sender<Vec<AttemptReport>>,
) {
    if !inherited.is_empty() {
        let Some(inherited) = committer.deliver(inherited) else { return };
        if reports.blocking_send(inherited).is_err() {
            return;
        }
    }
    while let Ok(first) = ended.recv() {
        let mut group = vec![first];
        if committer.queue.has_plenty(PLENTY) {
            // Asleep, and not woken by each that ends.
            thread::sleep(GATHER);
        }
        group.extend(ended.try_iter().take(GROUP_MAX - 1));
        let Some(group) = committer.publish(group) else { return };
        if reports.blocking_send(group).is_err() {
            return;
        }
    }
}

impl Committer {
    /// The reports of a group whose outputs the head can read, or why not. `None` when the agent
    /// ends first; the reports are in the spool then.
    fn publish(&self, group: Vec<Ended>) -> Option<Vec<AttemptReport>> {
        let mut staged = Vec::new();
        let mut reports = Vec::with_capacity(group.len());
        let mut saved = Vec::new();
        for ended in group {
            staged.extend(ended.staged);
            if let (Some(key), AttemptOutcome::Succeeded { .. }) =
                (ended.saved_as, &ended.report.outcome)
            {
                saved.push(key);
            }
            reports.push(ended.report);
        }
        if staged.is_empty() {
            return Some(reports);
        }
        if let Err(error) = self.objects.keep(staged) {
            return Some(without_outputs(reports, &error));
        }
        let reports = self.deliver(reports)?;
        // Only now, with the outputs in the store, can nobody want to go on from there.
        saved.iter().for_each(|key| self.objects.forget_checkpoints(key));
        Some(reports)
    }

    /// The same, for reports whose outputs are on this node. Who has to wait for the head writes
    /// them down first, and this takes as long as the head is away.
    fn deliver(&self, reports: Vec<AttemptReport>) -> Option<Vec<AttemptReport>> {
        let outputs: Vec<ObjectRef> = reports.iter().flat_map(outputs_of).copied().collect();
        let offered = self.objects.offer(&outputs, || {
            self.spool.keep(reports.iter());
            !self.queue.is_closed()
        });
        match offered {
            Ok(()) => Some(reports),
            Err(TransferError::Request { .. }) => None,
            Err(error) => Some(without_outputs(reports, &error)),
        }
    }
}

fn outputs_of(report: &AttemptReport) -> &[ObjectRef] {
    match &report.outcome {
        AttemptOutcome::Succeeded { outputs } => outputs,
        _ => &[],
    }
}

fn without_outputs(mut reports: Vec<AttemptReport>, error: &TransferError) -> Vec<AttemptReport> {
    let message = format!("outputs could not be stored: {}", error_chain(error));
    tracing::error!(attempts = reports.len(), "{message}");
    for report in &mut reports {
        if !outputs_of(report).is_empty() {
            report.outcome = AttemptOutcome::NodeFault { message: message.clone() };
        }
    }
    reports
}
