//! One slot: a thread that takes leases and has a runner process work on them, one at a time.

use std::sync::{Once, mpsc};
use std::time::{Duration, Instant};

use bramble_protocol::agent::{AttemptReport, Lease};
use bramble_protocol::preview::Preview;
use bramble_protocol::{AttemptOutcome, Confinement, Digest, error_chain};
use bramble_store::Staged;

use super::objects::Objects;
use super::queue::{Queue, Taken};
use super::simulated::Pace;
use crate::runner::{Finished, Pool};

/// A slot that has had nothing to do for so long gives up its processes, for their memory.
const IDLE: Duration = Duration::from_secs(10);
/// How long a slot that ran out of work waits before it has a spare process ready for the next
/// job: its start would take the processor from the report that somebody waits for.
const PEACE: Duration = Duration::from_millis(2);

/// An attempt that ended, with outputs that are not durable yet.
pub(super) struct Ended {
    pub(super) report: AttemptReport,
    pub(super) staged: Vec<Staged>,
    /// The task's key, when it may have checkpoints that are of no use after it has succeeded.
    pub(super) saved_as: Option<Digest>,
}

pub(super) struct Slot {
    pub(super) queue: Queue,
    pub(super) objects: Objects,
    pub(super) runners: Pool,
    pub(super) ended: mpsc::Sender<Ended>,
    /// Of a board that is simulated, how slow it is.
    pub(super) pace: Option<Pace>,
}

impl Slot {
    /// Works until the queue is closed.
    pub(super) fn run(mut self) {
        let mut has_worked = false;
        loop {
            let runners = &mut self.runners;
            let soon = if has_worked { self.queue.take_soon(PEACE) } else { Taken::Nothing };
            let lease = match soon {
                Taken::Lease(lease) => Some(*lease),
                Taken::Closed => None,
                Taken::Nothing => {
                    if has_worked {
                        runners.stock_up();
                    }
                    self.queue.take_or(IDLE, || runners.clear())
                }
            };
            let Some(lease) = lease else { return };
            has_worked = true;
            let begun = Instant::now();
            let mut finished = self.attempt(&lease);
            if let Some(pace) = &self.pace {
                let is_wanted = || self.queue.is_wanted(lease.id);
                pace.hold(begun.elapsed(), &mut finished.usage, is_wanted);
            }
            if !self.queue.ended(lease.id) {
                // Revoked: nobody waits for a report, and dropping the outputs removes them.
                continue;
            }
            let saved_as = lease.work.task_key.filter(|_| finished.has_saved);
            let report = AttemptReport {
                lease: lease.id,
                attempt: lease.attempt,
                outcome: finished.outcome,
                usage: finished.usage,
                log: finished.log,
                enough: finished.enough,
            };
            if self.ended.send(Ended { report, staged: finished.staged, saved_as }).is_err() {
                return;
            }
            if self.queue.has_waiting() {
                // Not before, nobody should wait for it; but what waits may be another job's.
                self.runners.stock_up();
            }
        }
    }

    fn attempt(&mut self, lease: &Lease) -> Finished {
        let work = &lease.work;
        let needed = std::iter::once(&work.artefact).chain(&work.inputs).chain(&work.ranges);
        if let Err(outcome) = self.objects.provide(needed) {
            return Finished::without_outputs(*outcome);
        }
        let mut process = match self.runners.take(work) {
            Ok(process) => process,
            Err(error) => {
                let message = error_chain(&error);
                return Finished::without_outputs(AttemptOutcome::NodeFault { message });
            }
        };
        if !self.queue.started(lease.id, process.killer()) {
            self.runners.put(work, process);
            return Finished::without_outputs(AttemptOutcome::Canceled);
        }
        // Only work that was begun before can have been saved.
        let finished =
            if lease.attempt.number > 1 { process.resume(work) } else { process.run(work) };
        if let AttemptOutcome::ChunkCorrupt { expected, .. } = &finished.outcome {
            self.objects.set_aside(expected);
        }
        if let Some(confinement) = process.confinement() {
            tell_once(confinement);
        }
        if let Some((media, bytes)) = process.killer().take_preview() {
            self.queue.shown(Preview { task: lease.attempt.task, media, bytes });
        }
        self.runners.put(work, process);
        finished
    }
}

/// Tells the log once in an agent's life how its runners are confined.
fn tell_once(confinement: &Confinement) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        let walls: Vec<&str> = confinement.walls.iter().map(|wall| wall.name()).collect();
        tracing::info!("runners are confined by: {}", walls.join(", "));
        for (wall, why) in &confinement.missing {
            tracing::warn!("runners lack the wall `{}`: {why}", wall.name());
        }
    });
}
