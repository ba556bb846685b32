//! Jobs that are cut short: a task says that no task of a later chunk is needed.
//!
//! The earliest chunk whose task says so decides, whichever says it first: tasks of earlier chunks
//! still run, and may cut the job again. So the result is the same whatever the order in which
//! tasks end. It counts only in jobs that map and do nothing else, where a task's number is that
//! of its chunk; in others a merge could not know which of its inputs are to come.

use bramble_protocol::api::Enough;
use bramble_protocol::{PhaseKind, TaskId};

use super::Scheduler;
use super::event::Timestamp;
use super::job::{Job, OpenJob, counter};
use super::mutant::{Mutant, mutated};
use super::task::TaskState;
use super::trial::Lent;

/// What the log of a task says that said so for nothing.
const IGNORED: &str = "`enough` is ignored: it counts only in jobs that map and do nothing else";

impl Scheduler {
    /// Whether it counts that a task said so. Where it does not, the first log of the job says it.
    pub(super) fn heed_enough(
        &mut self,
        task: TaskId,
        enough: bool,
        mut log: String,
    ) -> (bool, String) {
        let open = self.jobs.get_mut(&task.job).and_then(Job::open_mut).filter(|_| enough);
        let Some(open) = open else { return (false, log) };
        let is_map = open.plan.phase(task.index).kind() == PhaseKind::Map;
        let counts = is_map && open.plan.only_maps();
        if !counts && !std::mem::replace(&mut open.enough_told, true) {
            if !(log.is_empty() || log.ends_with('\n')) {
                log.push('\n');
            }
            log.push_str(IGNORED);
        }
        (counts, log)
    }

    /// Drops the tasks of all chunks after that of a task that is done. Carried out with the record
    /// of that.
    pub(super) fn cut_after(&mut self, task: TaskId, at: Timestamp) {
        let Some(open) = self.jobs.get(&task.job).and_then(Job::open) else { return };
        if !open.plan.only_maps() {
            return;
        }
        let unneeded = open.leases().filter(|(index, _)| *index > task.index);
        let leases: Vec<Lent> = unneeded.map(|(_, lent)| lent).collect();
        for Lent { node, lease, .. } in leases {
            if !mutated(Mutant::CutKeepsLeases) {
                self.cluster.update(node, |node| node.release(lease));
            }
            self.step.hungry.insert(node);
            self.revoke_from(node, lease);
        }
        if let Some(open) = self.jobs.get_mut(&task.job).and_then(Job::open_mut) {
            self.tasks_open -= open.cut_after(task.index, at);
        }
        self.changed(task.job);
    }
}

/// Why there is no such task any more in a job, in words for the user.
pub(super) fn unneeded_text(enough: Option<Enough>, index: u32) -> Option<String> {
    let Enough { chunk, unneeded } = enough?;
    let is_cut = index > chunk && index - chunk <= unneeded;
    is_cut.then(|| format!("task {index} is not needed: chunk {chunk} said enough"))
}

impl OpenJob {
    /// Where the job was cut short, if it was.
    pub(crate) fn enough(&self) -> Option<Enough> {
        let unneeded = self.plan.total() - self.tasks.len() as u32;
        let chunk = *self.said_enough.first().filter(|_| unneeded > 0)?;
        Some(Enough { chunk, unneeded })
    }

    /// Forgets all tasks after one; returns how many.
    fn cut_after(&mut self, index: u32, at: Timestamp) -> usize {
        let first = index + 1;
        let dropped = self.tasks.split_off(first as usize);
        for lent in self.trials.split_off(&first).into_values().flat_map(|trial| trial.leases) {
            let share = self.shares.get_mut(&lent.node).expect("a node with a lease has a share");
            share.leased -= 1;
        }
        let mut done = 0;
        for (index, task) in (first..).zip(&dropped) {
            *counter(&mut self.counts, &task.state) -= 1;
            match task.state {
                TaskState::Succeeded { .. } => done += 1,
                TaskState::Delayed { until } => {
                    self.delayed.remove(&(until, index));
                }
                _ => {}
            }
        }
        self.fresh.split_off(&first);
        self.retry.split_off(&first);
        self.disputed.split_off(&first);
        self.said_enough.split_off(&first);
        self.said_enough.insert(index);
        self.failures.retain(|failure| failure.task.index <= index);
        let reused = self.reused.split_off(&first).len() as u32;
        self.saved.tasks -= reused;
        self.done_unneeded += done - reused;
        self.counts.total = first;
        let view = self.phase_mut(PhaseKind::Map);
        view.total = first;
        view.succeeded -= done;
        view.reused -= reused;
        view.ended_at_ms = (view.succeeded == view.total).then_some(at.0);
        dropped.len()
    }
}
