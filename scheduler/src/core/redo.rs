//! What a task gave and is not in the store any more: its task is done once more.
//!
//! Results are kept for long, and a disk may lose or change what lies on it. The same work gives the
//! same bytes, so that they are back when the task has run again.

use std::collections::BTreeSet;

use bramble_protocol::{AttemptOutcome, Digest, JobId, Phase, TaskId};

use super::Scheduler;
use super::job::{Job, OpenJob};
use super::record::Record;
use super::replay::ReplayError;
use super::task::TaskState;

impl Scheduler {
    /// Whether an object is what a task of an open job gave, which can give it again.
    pub fn is_made_by(&self, job: JobId, object: &Digest) -> bool {
        let gives = |state: &TaskState| match state {
            TaskState::Succeeded { outputs } => outputs.iter().any(|it| it.digest == *object),
            _ => false,
        };
        let open = self.jobs.get(&job).and_then(Job::open);
        open.is_some_and(|open| open.tasks.iter().any(|task| gives(&task.state)))
    }

    /// After an attempt failed because it could not read an object: that is not offered to later
    /// jobs any more, and if it is the output of a task of this job, that task runs again first.
    pub(super) fn redo_unreadable(&mut self, task: TaskId, outcome: &AttemptOutcome) {
        let object = match outcome {
            AttemptOutcome::ChunkMissing { digest, .. } => *digest,
            AttemptOutcome::ChunkCorrupt { expected, .. } => *expected,
            _ => return,
        };
        self.drop_results_with(&BTreeSet::from([object]));
        let Some(open) = self.jobs.get(&task.job).and_then(Job::open) else { return };
        if open.fate.is_some() || open.tasks[task.index as usize].state == TaskState::Failed {
            return;
        }
        for index in open.makers(task.index, &object) {
            for dependent in
                self.open(task.job).unfinished_dependents(index).into_iter().chain([index])
            {
                self.recall_all(TaskId { index: dependent, ..task });
            }
            self.commit(Record::TaskUndone { task: TaskId { index, ..task } });
        }
    }

    /// Carries out the record of that.
    pub(super) fn perform_undone(&mut self, task: TaskId) -> Result<(), ReplayError> {
        let open = self.jobs.get_mut(&task.job).and_then(Job::open_mut);
        let open = open.ok_or(ReplayError::NoSuchTask { task })?;
        let is_done = open.tasks.get(task.index as usize).map(|task| &task.state);
        if !matches!(is_done, Some(TaskState::Succeeded { .. })) {
            return Err(ReplayError::NoSuchTask { task });
        }
        open.undo(task.index);
        self.step.more_ready = true;
        self.changed(task.job);
        Ok(())
    }
}

impl OpenJob {
    /// The tasks whose output a task reads under this name.
    fn makers(&self, index: u32, object: &Digest) -> Vec<u32> {
        let phase = self.plan.phase(index);
        let mut read: BTreeSet<u32> =
            self.plan.parts(phase).into_iter().map(|(task, _)| task).collect();
        if matches!(phase, Phase::Map { .. }) && self.plan.has_ranges() {
            read.insert(0);
        }
        let gives = |task: &u32| self.outputs(*task).iter().any(|it| it.digest == *object);
        read.into_iter().filter(gives).collect()
    }

    /// The tasks that wait for one and have not ended.
    fn unfinished_dependents(&self, index: u32) -> Vec<u32> {
        let mut dependents = self.plan.dependents(self.plan.phase(index));
        dependents.retain(|dependent| {
            let state = &self.tasks[*dependent as usize].state;
            !matches!(state, TaskState::Succeeded { .. } | TaskState::Failed)
        });
        dependents
    }

    /// Makes a task that was done ready, and those wait that need it and have not ended.
    fn undo(&mut self, index: u32) {
        let was_reused = self.reused.remove(&index);
        let view = self.phase_mut(self.plan.phase(index).kind());
        view.succeeded -= 1;
        view.ended_at_ms = None;
        view.reused -= u32::from(was_reused);
        self.saved.tasks -= u32::from(was_reused);
        self.disputed.remove(&index);
        self.take_trial(index);
        self.set_state(index, TaskState::Ready);
        for dependent in self.unfinished_dependents(index) {
            match &mut self.tasks[dependent as usize].state {
                TaskState::Waiting { dependencies } => *dependencies += 1,
                _ => self.set_state(dependent, TaskState::Waiting { dependencies: 1 }),
            }
        }
    }
}
