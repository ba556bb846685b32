//! A fake driver: group commit to a fake disk, of which a crash loses what was not written.

use std::collections::BTreeSet;

use bramble_protocol::JobId;
use bramble_scheduler::core::{Action, Config, Event, Record, Scheduler, Timestamp};

/// The records of one event and what waits for them. All or nothing of them is on disk.
#[derive(Debug, Default)]
struct Step {
    records: Vec<Record>,
    deferred: Vec<Action>,
}

/// The head's machine.
#[derive(Debug)]
pub(super) struct Head {
    config: Config,
    core: Option<Scheduler>,
    /// Counts its processes.
    pub(super) life: u64,
    disk: Vec<Record>,
    writing: Option<Vec<Step>>,
    collected: Vec<Step>,
}

impl Head {
    pub(super) fn new(config: Config) -> Self {
        Self { config, core: None, life: 0, disk: Vec::new(), writing: None, collected: Vec::new() }
    }

    pub(super) fn core(&self) -> Option<&Scheduler> {
        self.core.as_ref()
    }

    /// Starts a process on what is on the disk.
    pub(super) fn start(&mut self, now: u64) {
        self.life += 1;
        let restored = Scheduler::restore(self.config.clone(), self.disk.iter().cloned());
        let mut core = restored.expect("a journal that was written whole can be read");
        self.disk.push(core.start(Timestamp(now)));
        self.core = Some(core);
    }

    /// Kills the process. A group that was being written is on disk whole, or not at all.
    pub(super) fn crash(&mut self, group_survives: bool) {
        self.core = None;
        if let Some(steps) = self.writing.take()
            && group_survives
        {
            steps.into_iter().for_each(|step| self.write(step.records));
        }
        self.collected.clear();
    }

    /// Gives the core an event. Gives what is to be done at once.
    pub(super) fn apply(&mut self, now: u64, event: Event) -> Vec<Action> {
        let Some(core) = &mut self.core else { return Vec::new() };
        let actions = core.apply(Timestamp(now), event);
        self.sort(actions)
    }

    fn sort(&mut self, actions: Vec<Action>) -> Vec<Action> {
        let mut step = Step::default();
        let mut at_once = Vec::new();
        for action in actions {
            match action {
                Action::Append(record) => step.records.push(record),
                Action::SaveLog { .. } => {}
                action if action.needs_journal() => step.deferred.push(action),
                action => at_once.push(action),
            }
        }
        if !(step.records.is_empty() && step.deferred.is_empty()) {
            self.collected.push(step);
        }
        at_once
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
    pub(super) fn written(&mut self) -> Vec<Action> {
        let mut released = Vec::new();
        for step in self.writing.take().unwrap_or_default() {
            self.write(step.records);
            released.extend(step.deferred);
        }
        released
    }

    fn write(&mut self, records: Vec<Record>) {
        for record in records {
            // As the real journal does.
            match &record {
                Record::JobEnded(ended) => self.drop_records(ended.job, false),
                Record::JobForgotten { job } => self.drop_records(*job, true),
                _ => {}
            }
            self.disk.push(record);
        }
    }

    fn drop_records(&mut self, job: JobId, all: bool) {
        self.disk.retain(|record| {
            let attempt =
                matches!(record, Record::TaskSucceeded { .. } | Record::AttemptFailed { .. });
            record.job() != Some(job) || !(all || attempt)
        });
    }

    /// Whether all that happened is on disk.
    pub(super) fn is_clean(&self) -> bool {
        self.writing.is_none() && self.collected.is_empty()
    }

    /// The key ranges that the head chose for a job, from the journal.
    pub(super) fn partitions(&self, id: JobId) -> Option<u32> {
        self.disk.iter().find_map(|record| match record {
            Record::JobSubmitted(submitted) if submitted.job == id => Some(submitted.partitions),
            _ => None,
        })
    }

    /// Jobs that are in the journal.
    pub(super) fn journalled(&self) -> BTreeSet<JobId> {
        let submitted = self.disk.iter().filter_map(|record| match record {
            Record::JobSubmitted(submitted) => Some(submitted.job),
            _ => None,
        });
        submitted.collect()
    }
}
