//! One slot: a thread that takes leases and has a runner process work on them, one at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};

use bramble_protocol::agent::{AttemptReport, Lease};
use bramble_protocol::{AttemptOutcome, error_chain};
use bramble_store::Staged;

use super::objects::Objects;
use super::queue::Queue;
use crate::artefact::Trust;
use crate::runner::{Finished, RunnerProcess};

/// An attempt that ended, with outputs that are not durable yet.
pub(super) struct Ended {
    pub(super) report: AttemptReport,
    pub(super) staged: Vec<Staged>,
}

pub(super) struct Slot {
    pub(super) queue: Queue,
    pub(super) objects: Objects,
    pub(super) program: PathBuf,
    /// Known once the head has said welcome.
    pub(super) trust: Arc<OnceLock<Trust>>,
    pub(super) ended: mpsc::Sender<Ended>,
}

impl Slot {
    /// Works until the queue is closed.
    pub(super) fn run(self) {
        let mut runner = None;
        while let Some(lease) = self.queue.take() {
            let finished = self.attempt(&mut runner, &lease);
            if !self.queue.ended(lease.id) {
                // Revoked: nobody waits for a report, and dropping the outputs removes them.
                continue;
            }
            let report = AttemptReport {
                lease: lease.id,
                attempt: lease.attempt,
                outcome: finished.outcome,
                usage: finished.usage,
                log: finished.log,
            };
            if self.ended.send(Ended { report, staged: finished.staged }).is_err() {
                return;
            }
        }
    }

    fn attempt(&self, runner: &mut Option<RunnerProcess>, lease: &Lease) -> Finished {
        let work = &lease.work;
        let needed = std::iter::once(&work.artefact).chain(&work.inputs).chain(&work.ranges);
        if let Err(outcome) = self.objects.provide(needed) {
            return Finished::without_outputs(*outcome);
        }
        // A runner may have been killed for a lease that was revoked just as it ended.
        let idle = runner.take().filter(RunnerProcess::is_alive);
        let mut process = match idle.map_or_else(|| self.spawn(), Ok) {
            Ok(process) => process,
            Err(message) => {
                return Finished::without_outputs(AttemptOutcome::NodeFault { message });
            }
        };
        if !self.queue.started(lease.id, process.killer()) {
            *runner = Some(process);
            return Finished::without_outputs(AttemptOutcome::Canceled);
        }
        let finished = process.run(work);
        if let AttemptOutcome::ChunkCorrupt { expected, .. } = &finished.outcome {
            self.objects.set_aside(expected);
        }
        // A runner that was killed or has died is not used again.
        if process.is_alive() {
            *runner = Some(process);
        }
        finished
    }

    fn spawn(&self) -> Result<RunnerProcess, String> {
        let store: &Path = self.objects.store().dir();
        let trust = self.trust.get().ok_or(
            "the head has not said by which key it signs artefacts: it is older than this agent",
        )?;
        RunnerProcess::spawn(&self.program, store, trust).map_err(|error| error_chain(&error))
    }
}
