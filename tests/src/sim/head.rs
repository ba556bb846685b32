//! A fake driver: group commit to a fake disk, of which a crash loses what was not written.

use std::collections::BTreeSet;

use bramble_protocol::agent::ToAgent;
use bramble_protocol::{AttemptId, JobId};
use bramble_scheduler::core::{Action, Config, Event, Record, Scheduler, Timestamp};

use super::dice::Dice;
use super::disk::{Disk, Frame};

/// What somebody may rely on once an action is done.
#[derive(Clone, Debug)]
pub(super) enum Promise {
    /// These attempts' tasks are done.
    Done(Vec<AttemptId>),
    /// So many tasks of the job are done.
    Shown(JobId, u32),
}

/// Something to be done now, with what it promises.
pub(super) type Due = (Action, Option<Promise>);

/// The records of one event and what waits for them.
#[derive(Debug, Default)]
struct Step {
    frame: Frame,
    deferred: Vec<Due>,
}

/// The head's machine.
#[derive(Debug)]
pub(super) struct Head {
    config: Config,
    core: Option<Scheduler>,
    /// Counts its processes.
    pub(super) life: u64,
    disk: Disk,
    writing: Option<Vec<Step>>,
    collected: Vec<Step>,
    clock: Clock,
}

/// Its clock: right at the start of a process or not, and counted from there, but for leaps.
#[derive(Debug, Default)]
struct Clock {
    base: u64,
    started: u64,
}

impl Clock {
    fn read(&self, now: u64) -> u64 {
        self.base + (now - self.started)
    }
}

impl Head {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            core: None,
            life: 0,
            disk: Disk::default(),
            writing: None,
            collected: Vec::new(),
            clock: Clock::default(),
        }
    }

    pub(super) fn core(&self) -> Option<&Scheduler> {
        self.core.as_ref()
    }

    /// Starts a process on what is on the disk, with the time that its machine has.
    pub(super) fn start(&mut self, now: u64, wall: u64) -> Result<(), String> {
        self.life += 1;
        let mut core = self.restored()?;
        self.clock = Clock { base: wall.max(self.disk.latest_at_ms), started: now };
        let at_ms = self.clock.read(now);
        let records = vec![core.start(Timestamp(at_ms))];
        self.disk.write(vec![Frame { at_ms, records }]);
        self.core = Some(core);
        Ok(())
    }

    /// The state that the disk holds.
    pub(super) fn restored(&self) -> Result<Scheduler, String> {
        let restored = Scheduler::restore(self.config.clone(), self.disk.records());
        restored.map_err(|error| format!("the journal cannot be read: {error}"))
    }

    /// Whether what is on the disk leads to the state that the process has, but for leases.
    pub(super) fn check_replay(&self) -> Result<(), String> {
        let Some(core) = &self.core else { return Ok(()) };
        let replayed = self.restored()?;
        replayed.check().map_err(|what| format!("after a replay: {what}"))?;
        let lasting = |core: &Scheduler| -> Vec<_> {
            let jobs = core.jobs().into_iter();
            jobs.map(|job| {
                let done = (job.tasks.succeeded, job.tasks.ended, job.tasks.retried, job.saved);
                (job.id, job.state.is_final(), done, job.usage, job.phases.len(), job.failure)
            })
            .collect()
        };
        let (now, then) = (lasting(core), lasting(&replayed));
        if now == then {
            return Ok(());
        }
        Err(format!("the journal says {then:#?}, and the state was {now:#?}"))
    }

    /// Its machine slept, or was stopped, for so long.
    pub(super) fn leap(&mut self, ms: u64) {
        self.clock.base += ms;
    }

    /// Kills the process. The group that was being written is cut anywhere.
    pub(super) fn crash(&mut self, dice: &mut Dice) {
        self.core = None;
        if let Some(steps) = self.writing.take() {
            let frames: Vec<Frame> = steps.into_iter().map(|step| step.frame).collect();
            self.disk.write_in_part(&frames, dice);
        }
        self.collected.clear();
    }

    /// Gives the core an event, `back` milliseconds before its time. Gives what is to be done at
    /// once.
    pub(super) fn apply(&mut self, now: u64, back: u64, event: Event) -> Vec<Due> {
        let at_ms = self.clock.read(now);
        let Some(core) = &mut self.core else { return Vec::new() };
        let actions = core.apply(Timestamp(at_ms.saturating_sub(back)), event);
        self.sort(at_ms, actions)
    }

    fn sort(&mut self, at_ms: u64, actions: Vec<Action>) -> Vec<Due> {
        let mut step = Step::default();
        step.frame.at_ms = at_ms;
        let mut at_once = Vec::new();
        let mut done = Vec::new();
        for action in actions {
            let promise = self.promise(&action, &mut done);
            match action {
                Action::Append(record) => step.frame.records.push(record),
                Action::SaveLog { .. } => {}
                action if action.needs_journal() => step.deferred.push((action, promise)),
                action => at_once.push((action, promise)),
            }
        }
        if !(step.frame.records.is_empty() && step.deferred.is_empty()) {
            self.collected.push(step);
        }
        at_once
    }

    /// What others may rely on after an action. `done` collects the successes of the step.
    fn promise(&self, action: &Action, done: &mut Vec<AttemptId>) -> Option<Promise> {
        match action {
            Action::Append(Record::TaskSucceeded { attempt, .. }) => {
                done.push(*attempt);
                None
            }
            Action::Send { message: ToAgent::Acknowledge { .. }, .. } => {
                Some(Promise::Done(std::mem::take(done)))
            }
            Action::JobChanged(job) => {
                let view = self.core.as_ref()?.job(*job)?;
                Some(Promise::Shown(*job, view.tasks.succeeded))
            }
            _ => None,
        }
    }

    /// Starts to write what was collected, unless a group is under way. Says whether it did.
    pub(super) fn start_write(&mut self) -> bool {
        if self.writing.is_some() || self.collected.is_empty() {
            return false;
        }
        self.writing = Some(std::mem::take(&mut self.collected));
        true
    }

    /// The group is on disk. Gives what waited for it.
    pub(super) fn written(&mut self) -> Vec<Due> {
        let mut released = Vec::new();
        for step in self.writing.take().unwrap_or_default() {
            self.disk.write(vec![step.frame]);
            released.extend(step.deferred);
        }
        released
    }

    /// Whether all that happened is on disk.
    pub(super) fn is_clean(&self) -> bool {
        self.writing.is_none() && self.collected.is_empty()
    }

    /// The key ranges that the head chose for a job, from the journal.
    pub(super) fn partitions(&self, id: JobId) -> Option<u32> {
        let chosen = self.disk.of_job(id).filter_map(|record| match record {
            Record::JobSubmitted(submitted) => Some(submitted.partitions),
            Record::JobReleased { partitions, .. } => Some(partitions),
            Record::JobEnded(ended) => ended.shape.map(|shape| shape.partitions),
            _ => None,
        });
        chosen.last()
    }

    /// Attempts that the journal knows to have succeeded, and jobs of which it knows the end.
    pub(super) fn journalled(&self) -> Journalled {
        let mut journalled = Journalled::default();
        for record in self.disk.records() {
            match record {
                Record::JobSubmitted(submitted) => {
                    journalled.jobs.insert(submitted.job);
                }
                Record::TaskSucceeded { attempt, .. } => {
                    journalled.successes.insert(attempt);
                }
                Record::JobEnded(ended) => {
                    journalled.ended.insert(ended.job);
                }
                _ => {}
            }
        }
        journalled
    }
}

/// What the journal holds.
#[derive(Debug, Default)]
pub(super) struct Journalled {
    pub(super) jobs: BTreeSet<JobId>,
    pub(super) successes: BTreeSet<AttemptId>,
    pub(super) ended: BTreeSet<JobId>,
}
