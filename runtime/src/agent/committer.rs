//! Makes the outputs of ended attempts durable in groups, then hands the reports on.
//!
//! One `fsync` for many small outputs is what lets a node finish more than a thousand tasks a
//! second on a disk that syncs two hundred times a second.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bramble_protocol::agent::AttemptReport;
use bramble_protocol::{AttemptOutcome, error_chain};
use tokio::sync::mpsc as async_mpsc;

use super::objects::Objects;
use super::queue::Queue;
use super::slot::Ended;

/// The most attempts whose outputs are made durable together.
const GROUP_MAX: usize = 256;
/// How long reports are gathered while the slots have plenty to do. Short tasks end several
/// thousand times a second, and a message for each would cost head and node more than the tasks.
const GATHER: Duration = Duration::from_millis(4);
/// Leases that wait for each slot at work when there is plenty: of tasks so short that gathering
/// matters, more than are done meanwhile.
const PLENTY: usize = 24;

/// Works until all slots are gone or nobody wants reports any more.
pub(super) fn run(
    queue: &Queue,
    objects: &Objects,
    ended: &mpsc::Receiver<Ended>,
    reports: &async_mpsc::Sender<Vec<AttemptReport>>,
) {
    while let Ok(first) = ended.recv() {
        let mut group = vec![first];
        if queue.has_plenty(PLENTY) {
            // Asleep, and not woken by each that ends.
            thread::sleep(GATHER);
        }
        group.extend(ended.try_iter().take(GROUP_MAX - 1));
        if reports.blocking_send(publish(objects, group)).is_err() {
            return;
        }
    }
}

fn publish(objects: &Objects, group: Vec<Ended>) -> Vec<AttemptReport> {
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
        return reports;
    }
    if let Err(error) = objects.publish(staged) {
        let message = format!("outputs could not be stored: {}", error_chain(&error));
        tracing::error!(attempts = reports.len(), "{message}");
        for report in &mut reports {
            let had_outputs = matches!(
                &report.outcome,
                AttemptOutcome::Succeeded { outputs } if !outputs.is_empty()
            );
            if had_outputs {
                report.outcome = AttemptOutcome::NodeFault { message: message.clone() };
            }
        }
        return reports;
    }
    // Only now, with the outputs in the store, can nobody want to go on from there.
    saved.iter().for_each(|key| objects.forget_checkpoints(key));
    reports
}
