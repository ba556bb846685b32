//! Results of earlier tasks, found by what names their work, so that nothing is done twice.
//!
//! An entry belongs to a job that is still known, and goes with it. The entries are a hint: one
//! that is missing costs a task that runs again, so that what was used last need not be the same
//! to the last entry after a restart.

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::api::{JobState, Saved};
use bramble_protocol::{Digest, JobId, JobSpec, ObjectRef, TaskId};

use super::Scheduler;
use super::action::{Action, Answer};
use super::event::RequestToken;
use super::job::{Job, OpenJob};
use super::kept::Kept;
use super::mutant::{Mutant, mutated};
use super::record::Record;
use super::task::TaskState;
use super::work;

/// Results by the keys of their tasks.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: BTreeMap<Digest, Entry>,
    /// Keys by when they were used last.
    order: BTreeMap<u64, Digest>,
    /// The entries of each job, by when they were used last.
    owned: BTreeSet<(JobId, u64)>,
    /// The entries of each object, which goes by the first bytes of its name, by when they were
    /// used last.
    objects: BTreeSet<(u64, u64)>,
    /// How many entries each module has. Most new jobs are of modules that have none.
    modules: BTreeMap<Digest, usize>,
    uses: u64,
}

/// What a task gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    outputs: Box<[ObjectRef]>,
    /// What the attempt used that made it, in microseconds.
    cpu_us: u64,
    /// On how many nodes it was made with the same bytes.
    agreed: u32,
    /// Whether the task said that those of later chunks are not needed.
    enough: bool,
    module: Digest,
    /// The job that gave it, or the last one of the same user that used it.
    owner: JobId,
    used: u64,
}

impl Entry {
    /// What it adds to [`Cache::objects`].
    fn objects(&self) -> impl Iterator<Item = (u64, u64)> {
        self.outputs.iter().map(|object| (prefix(&object.digest), self.used))
    }
}

fn prefix(digest: &Digest) -> u64 {
    digest.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl Cache {
    /// The keys of the entries that contain an object.
    fn keys_with(&self, object: &Digest) -> Vec<Digest> {
        let prefix = prefix(object);
        let found = self.objects.range((prefix, 0)..=(prefix, u64::MAX));
        let keys = found.map(|(_, used)| self.order[used]);
        keys.filter(|key| self.entries[key].outputs.iter().any(|it| it.digest == *object)).collect()
    }

    fn insert(&mut self, key: Digest, mut entry: Entry) {
        self.remove(&key);
        self.uses += 1;
        entry.used = self.uses;
        self.order.insert(entry.used, key);
        self.owned.insert((entry.owner, entry.used));
        self.objects.extend(entry.objects());
        *self.modules.entry(entry.module).or_default() += 1;
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &Digest) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.used);
        self.owned.remove(&(entry.owner, entry.used));
        for object in entry.objects() {
            self.objects.remove(&object);
        }
        if let Some(count) = self.modules.get_mut(&entry.module) {
            *count -= 1;
            if *count == 0 {
                self.modules.remove(&entry.module);
            }
        }
        Some(entry)
    }

    /// Makes an entry the latest, of `owner` if that may own it.
    fn touch(&mut self, key: &Digest, owner: Option<JobId>) {
        if let Some(entry) = self.remove(key) {
            let owner = owner.unwrap_or(entry.owner);
            self.insert(*key, Entry { owner, ..entry });
        }
    }

    fn shrink(&mut self, entries_max: usize) {
        while self.entries.len() > entries_max {
            let Some((_, oldest)) = self.order.first_key_value() else { return };
            let oldest = *oldest;
            self.remove(&oldest);
        }
    }

    fn keys_of(&self, owner: JobId) -> Vec<Digest> {
        self.owned.range((owner, 0)..=(owner, u64::MAX)).map(|(_, used)| self.order[used]).collect()
    }

    /// Compares the indices with what they should be.
    pub(crate) fn check(&self, entries_max: usize) -> Result<(), String> {
        let order = self.entries.iter().map(|(key, entry)| (entry.used, *key)).collect();
        let owned = self.entries.values().map(|entry| (entry.owner, entry.used)).collect();
        let objects = self.entries.values().flat_map(Entry::objects).collect();
        let mut modules: BTreeMap<Digest, usize> = BTreeMap::new();
        for entry in self.entries.values() {
            *modules.entry(entry.module).or_default() += 1;
        }
        let named = self.order == order && self.owned == owned && self.objects == objects;
        if !named || self.modules != modules {
            return Err("the indices of kept results do not fit them".into());
        }
        if self.entries.len() > entries_max {
            return Err(format!("{} results are kept", self.entries.len()));
        }
        Ok(())
    }

    /// All objects of kept results, least recently used first.
    pub(crate) fn objects_by_use(&self) -> impl Iterator<Item = Digest> {
        let entries = self.order.values().map(|key| &self.entries[key]);
        entries.flat_map(|entry| entry.outputs.iter()).map(|object| object.digest)
    }

    /// The jobs whose results are kept.
    pub(crate) fn owners(&self) -> impl Iterator<Item = JobId> {
        self.owned.iter().map(|(owner, _)| *owner)
    }
}

/// Whether a job may use what another user's task gave. The same work has the same name whoever
/// asks for it: an answer without running it tells that somebody had this input. Whoever has the
/// input himself learns nothing from it.
fn may_reuse(owner: &JobSpec, user: &JobSpec, owns_input: bool) -> bool {
    owns_input || owner.policy.user == user.policy.user
}

impl Scheduler {
    /// The objects that kept results consist of. They must stay stored; before one is collected
    /// none the less, [`super::Event::ObjectsGone`] must have been applied.
    pub fn cached_objects(&self) -> impl Iterator<Item = Digest> {
        let entries = self.cache.entries.values();
        entries.flat_map(|entry| entry.outputs.iter()).map(|object| object.digest)
    }

    /// How many results of tasks are kept.
    pub fn cached_results(&self) -> usize {
        self.cache.entries.len()
    }

    /// Ends tasks that have just become ready and whose results are known, and those that become
    /// ready by that.
    pub(super) fn reuse(&mut self) {
        loop {
            let mut ready = std::mem::take(&mut self.step.ready);
            for job in std::mem::take(&mut self.step.ready_jobs) {
                let Some(open) = self.jobs.get(&job).and_then(Job::open) else { continue };
                if self.may_know(open) {
                    ready.extend(open.fresh.iter().map(|index| open.task_id(*index)));
                }
            }
            if ready.is_empty() {
                return;
            }
            for task in ready {
                self.reuse_one(task);
            }
        }
    }

    /// Ends a ready task if its result is known. False if it must be run.
    pub(super) fn reuse_one(&mut self, task: TaskId) -> bool {
        let Some(open) = self.jobs.get(&task.job).and_then(Job::open) else { return false };
        // What nodes have said of it already is settled by nodes.
        let is_untold = open.trial(task.index).is_none_or(|trial| trial.votes.is_empty());
        // A task before it may have said that it is not needed.
        let state = open.tasks.get(task.index as usize).map(|task| &task.state);
        let is_ready = is_untold && state == Some(&TaskState::Ready);
        if !is_ready || open.fate.is_some() || !self.may_know(open) {
            return false;
        }
        let key = work::key(open, task.index);
        let Some(entry) = self.usable(open, &key) else { return false };
        let expected = open.plan.outputs(open.plan.phase(task.index)) as usize;
        if entry.outputs.len() != expected {
            return false;
        }
        let (outputs, cpu_us) = (entry.outputs.to_vec(), entry.cpu_us);
        let (enough, at_ms) = (entry.enough, self.now.0);
        let takes_over = self.passes(entry.owner, task.job);
        self.commit(Record::TaskReused { task, key, at_ms, outputs, cpu_us, enough, takes_over });
        self.end_if_over(task.job);
        true
    }

    /// Whether there can be results for a job at all.
    fn may_know(&self, open: &OpenJob) -> bool {
        let policy = &open.spec.policy;
        (policy.cache || policy.retry_of.is_some())
            && self.cache.modules.contains_key(&open.spec.module)
    }

    /// The entry for a key, if a job may use it.
    fn usable(&self, open: &OpenJob, key: &Digest) -> Option<&Entry> {
        let entry = self.cache.entries.get(key)?;
        let owner = &self.jobs.get(&entry.owner)?.spec;
        let policy = &open.spec.policy;
        // What a job without the cache gave is there for its retry alone.
        let offered = owner.policy.cache || policy.retry_of == Some(entry.owner);
        let allowed = may_reuse(owner, &open.spec, open.owns_input);
        (offered && allowed && entry.agreed >= policy.quorum).then_some(entry)
    }

    /// Keeps what a task gave that an attempt has just ended. Carried out with the record of that.
    pub(super) fn keep_result(&mut self, task: TaskId, cpu_us: u64) {
        let Some(open) = self.jobs.get(&task.job).and_then(Job::open) else { return };
        if !open.spec.policy.cache {
            return;
        }
        let key = work::key(open, task.index);
        let entry = Entry {
            outputs: open.outputs(task.index).into(),
            cpu_us,
            agreed: open.spec.policy.quorum,
            enough: open.said_enough.contains(&task.index) && !mutated(Mutant::EnoughNotKept),
            module: open.spec.module,
            owner: task.job,
            used: 0,
        };
        self.put(key, entry);
        self.cache.shrink(self.config.cache_entries_max);
    }

    /// Keeps a result, unless a better one of the same work is known.
    fn put(&mut self, key: Digest, entry: Entry) {
        let shares = |job: JobId| self.jobs.get(&job).is_some_and(|job| job.spec.policy.cache);
        if let Some(known) = self.cache.entries.get(&key)
            && known.owner != entry.owner
            && shares(known.owner)
            && (known.agreed > entry.agreed || !shares(entry.owner))
        {
            return;
        }
        self.cache.insert(key, entry);
    }

    /// Notes that a job used a kept result. Carried out with the record of that.
    pub(super) fn note_reuse(&mut self, job: JobId, kept: Kept, takes_over: bool) {
        if let Some(entry) = self.cache.entries.get(&kept.key) {
            let passes = takes_over || self.passes(entry.owner, job);
            self.cache.touch(&kept.key, passes.then_some(job));
        } else if takes_over && let Some(spec) = self.jobs.get(&job).map(|job| &job.spec) {
            // The journal is read, and the job that gave it has ended since without it.
            let Kept { key, outputs, cpu_us, enough, .. } = kept;
            let (agreed, module) = (spec.policy.quorum, spec.module);
            let outputs = outputs.into();
            self.put(key, Entry { outputs, cpu_us, agreed, enough, module, owner: job, used: 0 });
            self.cache.shrink(self.config.cache_entries_max);
        }
    }

    /// Whether a result that a job gave becomes that of another, which uses it.
    fn passes(&self, owner: JobId, user: JobId) -> bool {
        let policy = |id: &JobId| self.jobs.get(id).map(|job| &job.spec.policy);
        let (Some(owner), Some(user)) = (policy(&owner), policy(&user)) else { return false };
        // Else what one user made would go when the other's job is forgotten, and what may be
        // shared would be there for a retry alone.
        owner.user == user.user && owner.cache == user.cache
    }

    /// The keys of the results that a job gave.
    pub(super) fn keys_of(&self, job: JobId) -> Vec<Digest> {
        self.cache.keys_of(job)
    }

    /// What is to be kept of a job's results when it ends.
    pub(super) fn kept_results(&self, job: JobId) -> Vec<Kept> {
        let kept = self.cache.keys_of(job).into_iter().map(|key| {
            let entry = &self.cache.entries[&key];
            Kept {
                key,
                outputs: entry.outputs.to_vec(),
                cpu_us: entry.cpu_us,
                agreed: entry.agreed,
                enough: entry.enough,
            }
        });
        let mut kept: Vec<Kept> = kept.collect();
        let open = self.open(job);
        // What a job without the cache gave is kept only where a retry may want it.
        if !open.spec.policy.cache && open.state() != JobState::Done {
            let known: BTreeSet<Digest> = kept.iter().map(|kept| kept.key).collect();
            let own = own_results(open).filter(|own| !known.contains(&own.key));
            kept.extend(own.take(self.config.cache_entries_max));
        }
        kept
    }

    /// Keeps the results of a job that ended: they are the latest then, both when it ends and
    /// when the journal is read, which has no other record of them.
    pub(super) fn keep_results(&mut self, job: JobId, module: Digest, results: Vec<Kept>) {
        for Kept { key, outputs, cpu_us, agreed, enough } in results {
            let outputs = outputs.into();
            self.put(key, Entry { outputs, cpu_us, agreed, enough, module, owner: job, used: 0 });
        }
        self.cache.shrink(self.config.cache_entries_max);
    }

    /// Drops all results of a job that is forgotten.
    pub(super) fn forget_results(&mut self, job: JobId) {
        for key in self.cache.keys_of(job) {
            self.cache.remove(&key);
        }
    }

    /// Drops the results that contain an object which is gone, or is about to be.
    pub(super) fn on_objects_gone(&mut self, token: RequestToken, gone: &BTreeSet<Digest>) {
        self.drop_results_with(gone);
        self.step.actions.push(Action::Reply { token, answer: Answer::Done });
    }

    pub(super) fn drop_results_with(&mut self, gone: &BTreeSet<Digest>) {
        let keys: BTreeSet<Digest> =
            gone.iter().flat_map(|object| self.cache.keys_with(object)).collect();
        let keys: Vec<Digest> = keys.into_iter().collect();
        if !keys.is_empty() {
            self.commit(Record::ResultsDropped { keys });
        }
    }

    /// Drops what a task gave that turned out to be wrong.
    pub(super) fn drop_result_of(&mut self, task: TaskId) {
        let Some(open) = self.jobs.get(&task.job).and_then(Job::open) else { return };
        let key = work::key(open, task.index);
        if self.cache.entries.contains_key(&key) {
            self.commit(Record::ResultsDropped { keys: vec![key] });
        }
    }

    /// Carries out the record of that.
    pub(super) fn drop_results(&mut self, keys: &[Digest]) {
        for key in keys {
            self.cache.remove(key);
        }
    }
}

/// What the tasks of a job gave that are done. Of their times only the mean is known.
fn own_results(open: &OpenJob) -> impl Iterator<Item = Kept> {
    let cpu_us = open.usage.cpu_us.checked_div(open.counts.succeeded.into()).unwrap_or(0);
    let done = (0..).zip(&open.tasks).filter_map(|(index, task)| match &task.state {
        TaskState::Succeeded { outputs } => Some((index, outputs.to_vec())),
        _ => None,
    });
    done.map(move |(index, outputs)| {
        let (agreed, enough) = (open.spec.policy.quorum, open.said_enough.contains(&index));
        Kept { key: work::key(open, index), outputs, cpu_us, agreed, enough }
    })
}

impl OpenJob {
    /// Marks a ready task as done by an earlier one; returns the tasks that became ready.
    pub(crate) fn reuse(
        &mut self,
        index: u32,
        outputs: Vec<ObjectRef>,
        cpu_us: u64,
        at: super::Timestamp,
    ) -> Vec<u32> {
        self.phase_mut(self.plan.phase(index).kind()).reused += 1;
        self.reused.insert(index);
        self.saved.tasks += 1;
        self.saved.cpu_us += cpu_us;
        self.finish(index, outputs, at)
    }

    /// What earlier tasks have saved this job, if they have.
    pub(crate) fn saved(&self) -> Option<Saved> {
        (self.saved.tasks > 0).then_some(self.saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_others_are_for_those_who_have_the_input_and_ones_own_for_oneself() {
        let spec = |user: &str| {
            let mut spec = crate::testing::job(&crate::testing::map_module(), 1).spec;
            spec.policy.user = user.into();
            spec
        };
        assert!(may_reuse(&spec("ada"), &spec("ada"), false));
        assert!(may_reuse(&spec("ada"), &spec("bob"), true));
        assert!(!may_reuse(&spec("ada"), &spec("bob"), false));
    }

    #[test]
    fn what_was_used_last_stays_when_there_is_no_room() {
        let key = |n: u8| Digest::of(&[n]);
        let entry = Entry {
            outputs: Box::default(),
            cpu_us: 0,
            agreed: 1,
            enough: false,
            module: key(0),
            owner: JobId(1),
            used: 0,
        };
        let mut cache = Cache::default();
        for n in 1..=3 {
            cache.insert(key(n), entry.clone());
        }
        cache.touch(&key(1), None);
        cache.shrink(2);
        cache.check(2).unwrap();
        assert!(cache.entries.contains_key(&key(1)) && cache.entries.contains_key(&key(3)));
    }
}
