//! Jobs that wait for other jobs: what they wait for, and what follows when that has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bramble_protocol::api::JobState;
use bramble_protocol::{JobId, JobSpec, Manifest, ObjectRef};

use super::Scheduler;
use super::action::Rejection;
use super::event::Timestamp;
use super::job::{Body, Fate, Job};
use super::plan::choose_partitions;
use super::record::{Ended, Record, Submitted};
use super::replay::ReplayError;

/// A job that others must precede: it has no tasks yet.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) submitted: Submitted,
    /// Those that are not done yet.
    pub(crate) waits: BTreeSet<JobId>,
    pub(crate) fate: Option<Fate>,
}

/// Who waits for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    /// Jobs that wait.
    pub(crate) pending: BTreeSet<JobId>,
    /// By the job that is waited for, which is not done.
    waiters: BTreeMap<JobId, BTreeSet<JobId>>,
    /// By the job whose result is wanted, whether it is done or not.
    feeds: BTreeMap<JobId, BTreeSet<JobId>>,
}

impl Graph {
    fn insert(&mut self, id: JobId, spec: &JobSpec, waits: &BTreeSet<JobId>) {
        self.pending.insert(id);
        for upstream in waits {
            self.waiters.entry(*upstream).or_default().insert(id);
        }
        if let Some(upstream) = spec.policy.input_from {
            self.feeds.entry(upstream).or_default().insert(id);
        }
    }

    fn remove(&mut self, id: JobId, spec: &JobSpec, waits: &BTreeSet<JobId>) {
        self.pending.remove(&id);
        for upstream in waits {
            unlink(&mut self.waiters, upstream, id);
        }
        if let Some(upstream) = spec.policy.input_from {
            unlink(&mut self.feeds, &upstream, id);
        }
    }

    /// Whether a job that ended must be kept, because another will work on its result.
    pub(crate) fn needs(&self, id: JobId) -> bool {
        self.feeds.contains_key(&id)
    }
}

fn unlink(links: &mut BTreeMap<JobId, BTreeSet<JobId>>, upstream: &JobId, id: JobId) {
    if let Some(set) = links.get_mut(upstream) {
        set.remove(&id);
        if set.is_empty() {
            links.remove(upstream);
        }
    }
}

/// The jobs that one must wait for.
fn upstreams(spec: &JobSpec) -> impl Iterator<Item = JobId> {
    spec.policy.after.iter().copied().chain(spec.policy.input_from)
}

/// Whether a job waits for others before it has tasks. It does so also when they are done
/// already: its tasks are made by a record of their own.
pub(super) fn is_downstream(spec: &JobSpec) -> bool {
    upstreams(spec).next().is_some()
}

impl Pending {
    pub(crate) fn state(&self) -> JobState {
        match &self.fate {
            Some(Fate::Canceled) => JobState::Canceled,
            Some(_) => JobState::Failed,
            None => JobState::Waiting,
        }
    }

    fn summary(&self, at: Timestamp) -> Ended {
        let (failure, reason) = match &self.fate {
            Some(Fate::Failed(failure)) => (Some(failure.clone()), None),
            Some(Fate::Unrunnable(reason)) => (None, Some(reason.clone())),
            Some(Fate::Canceled) | None => (None, None),
        };
        Ended { failure, reason, ..Ended::blank(self.submitted.job, self.state(), at) }
    }
}

impl Scheduler {
    /// Checks that what a job is to wait for can still come, and that a retry is one.
    pub(super) fn check_upstream(&self, spec: &JobSpec) -> Result<(), Rejection> {
        let unsound = |reason, help: String| Err(Rejection::Unsound { reason, help: Some(help) });
        for id in upstreams(spec) {
            let Some(job) = self.jobs.get(&id) else {
                let reason = format!("there is no job {id}, which this one is to wait for");
                return unsound(reason, "`bramble jobs` lists those that there are".into());
            };
            let state = job.state();
            if state.is_final() && state != JobState::Done {
                let reason =
                    format!("job {id} is {}, so a job after it would never start", state.name());
                let help = format!("`bramble retry {id}` tries it again: wait for the new job");
                return unsound(reason, help);
            }
        }
        let Some(id) = spec.policy.retry_of else { return Ok(()) };
        let Some(earlier) = self.jobs.get(&id) else { return Err(Rejection::NoSuchJob(id)) };
        let state = earlier.state();
        if !matches!(state, JobState::Failed | JobState::Canceled) {
            return Err(Rejection::WrongState { job: id, state });
        }
        let same = earlier.spec.module == spec.module
            && earlier.spec.input == spec.input
            && earlier.spec.policy.input_from.map(|id| self.latest_retry(id))
                == spec.policy.input_from.map(|id| self.latest_retry(id));
        if !same {
            let reason = format!("job {id} did other work than this one");
            return unsound(reason, "a retry has the module and the input of the job".into());
        }
        Ok(())
    }

    /// The newest job that tries a job again, or that job itself.
    pub fn latest_retry(&self, id: JobId) -> JobId {
        let mut latest = id;
        for (id, job) in self.jobs.range(id..) {
            if job.spec.policy.retry_of == Some(latest) {
                latest = *id;
            }
        }
        latest
    }

    /// What to submit to try a job again: the same, after the newest tries of those before it.
    ///
    /// # Errors
    /// The job's state, when there is nothing to try again; `None` when there is no such job.
    pub fn retry_spec(&self, id: JobId) -> Result<JobSpec, Option<JobState>> {
        let job = self.jobs.get(&id).ok_or(None)?;
        let state = job.state();
        if !matches!(state, JobState::Failed | JobState::Canceled) {
            return Err(Some(state));
        }
        let mut spec = (*job.spec).clone();
        let policy = &mut spec.policy;
        policy.retry_of = Some(id);
        policy.after.iter_mut().for_each(|upstream| *upstream = self.latest_retry(*upstream));
        // Those that are not known any more were done.
        policy.after.retain(|upstream| self.jobs.contains_key(upstream));
        policy.input_from = policy.input_from.map(|upstream| self.latest_retry(upstream));
        Ok(spec)
    }

    /// Starts jobs that waited only for others that are done, and fails those that wait for one
    /// that will never be.
    pub(super) fn release(&mut self) {
        while let Some(id) = self.step.unsettled.pop_first() {
            let Some(pending) = self.jobs.get(&id).and_then(Job::pending) else { continue };
            if pending.fate.is_some() {
                continue;
            }
            let lost = pending.waits.iter().find_map(|upstream| self.lost(*upstream));
            let ready = pending.waits.is_empty();
            if let Some(reason) = lost {
                self.fail_pending(id, reason);
            } else if ready {
                match self.input_of(id) {
                    Ok(chunks) => self.start_pending(id, chunks),
                    Err(reason) => self.fail_pending(id, reason),
                }
            }
        }
    }

    /// Why a job that is waited for will never be done, if so.
    fn lost(&self, upstream: JobId) -> Option<String> {
        let job = self.jobs.get(&upstream)?;
        let state = job.state();
        let ended = state.is_final() && state != JobState::Done;
        let what = if state == JobState::Canceled { "was cancelled" } else { "failed" };
        let name = &job.spec.name;
        ended.then(|| format!("job {upstream} \"{name}\", which it waited for, {what}"))
    }

    /// The chunks of a job whose input is another's result; `None` when it had them from the
    /// start.
    fn input_of(&self, id: JobId) -> Result<Option<Vec<ObjectRef>>, String> {
        let Some(upstream) = self.jobs[&id].spec.policy.input_from else { return Ok(None) };
        let result = match self.jobs.get(&upstream).map(|job| &job.body) {
            Some(Body::Ended(ended)) => ended.result.as_ref(),
            _ => None,
        };
        let Some(chunks) = result else {
            return Err(format!("the result of job {upstream}, its input, is not kept any more"));
        };
        if chunks.is_empty() {
            return Err(format!("the result of job {upstream} is empty: nothing to work on"));
        }
        if chunks.len() > Manifest::CHUNKS_MAX {
            let count = chunks.len();
            return Err(format!("the result of job {upstream} has {count} parts: too many chunks"));
        }
        Ok(Some(chunks.clone()))
    }

    fn fail_pending(&mut self, job: JobId, reason: String) {
        self.commit(Record::JobFailed { job, at_ms: self.now.0, reason });
        self.end_if_over(job);
    }

    fn start_pending(&mut self, id: JobId, chunks: Option<Vec<ObjectRef>>) {
        let Some(pending) = self.jobs.get(&id).and_then(Job::pending) else { return };
        let Submitted { spec, module, sample, .. } = &pending.submitted;
        let all = chunks.as_ref().unwrap_or(&pending.submitted.chunks);
        let input = input_digest(spec, all);
        let wanted = self.earlier_partitions(spec, input).or(spec.partitions);
        let slots = self.slots_for(&spec.nodes);
        let count = all.len() as u32;
        let partitions = choose_partitions(module, wanted, count, sample.is_some(), slots);
        self.commit(Record::JobReleased { job: id, at_ms: self.now.0, chunks, partitions });
        self.begin(id);
    }

    /// What follows when a job has got its tasks.
    pub(super) fn begin(&mut self, id: JobId) {
        self.reuse();
        if self.open.contains(&id) {
            self.compile_for_job(id);
            self.fail_if_unrunnable(id);
        }
    }

    /// Writes down the end of a waiting job that is over.
    pub(super) fn end_pending(&mut self, id: JobId) -> Option<Ended> {
        let pending = self.jobs.get(&id).and_then(Job::pending)?;
        pending.state().is_final().then(|| pending.summary(self.now))
    }

    /// Takes in a job that waits. Carried out with the record of its acceptance.
    pub(super) fn await_upstream(&mut self, submitted: Submitted) -> Body {
        let id = submitted.job;
        // One that is not known any more was done: else this job would have failed before.
        let is_missing =
            |id: &JobId| self.jobs.get(id).is_some_and(|it| it.state() != JobState::Done);
        let waits: BTreeSet<JobId> = upstreams(&submitted.spec).filter(is_missing).collect();
        self.graph.insert(id, &submitted.spec, &waits);
        self.step.unsettled.insert(id);
        Body::Pending(Box::new(Pending { submitted, waits, fate: None }))
    }

    /// Takes a job that waited out of the graph, to be started.
    pub(super) fn take_pending(&mut self, id: JobId) -> Option<Submitted> {
        let pending = self.jobs.get(&id).and_then(Job::pending)?;
        let (submitted, waits) = (pending.submitted.clone(), pending.waits.clone());
        self.graph.remove(id, &submitted.spec, &waits);
        Some(submitted)
    }

    /// Carries out the record that a job got its tasks.
    pub(super) fn perform_released(
        &mut self,
        id: JobId,
        at_ms: u64,
        chunks: Option<Vec<ObjectRef>>,
        partitions: u32,
    ) -> Result<(), ReplayError> {
        self.now = self.now.max(Timestamp(at_ms));
        let missing = ReplayError::NoSuchJob { record: "job-released", job: id };
        let mut submitted = self.take_pending(id).ok_or(missing.clone())?;
        submitted.partitions = partitions;
        if let Some(chunks) = chunks {
            submitted.chunks = chunks;
        }
        let input_bytes = submitted.chunks.iter().map(|chunk| chunk.size).sum();
        let input = input_digest(&submitted.spec, &submitted.chunks);
        let spec = Arc::clone(&self.jobs[&id].spec);
        self.note_shape(id, &spec, input);
        let body = self.open_body(submitted, spec);
        let job = self.jobs.get_mut(&id).ok_or(missing)?;
        (job.body, job.input_bytes, job.input, job.partitions) =
            (body, input_bytes, input, partitions);
        self.step.changed.insert(id);
        Ok(())
    }

    /// Notes that a job ended, to those who wait for it.
    pub(super) fn settle_waiters(&mut self, id: JobId, state: JobState) {
        let waiters = self.graph.waiters.get(&id).cloned().unwrap_or_default();
        if state == JobState::Done {
            self.graph.waiters.remove(&id);
            for waiter in &waiters {
                if let Some(pending) = self.jobs.get_mut(waiter).and_then(Job::pending_mut) {
                    pending.waits.remove(&id);
                }
            }
        }
        self.step.changed.extend(&waiters);
        self.step.unsettled.extend(waiters);
    }

    /// Why a job waits that waits for others.
    pub(super) fn pending_note(&self, pending: &Pending) -> Option<String> {
        let mut waits = pending.waits.iter();
        let first = waits.next()?;
        let state = self.jobs.get(first).map_or("", |job| job.state().name());
        Some(match waits.count() {
            0 => format!("waits for job {first}, which is {state}"),
            1 => format!("waits for job {first}, which is {state}, and one other"),
            more => format!("waits for job {first}, which is {state}, and {more} others"),
        })
    }

    pub(super) fn check_graph(&self) -> Result<(), String> {
        let mut expected = Graph::default();
        for job in self.jobs.values() {
            let Some(pending) = job.pending() else { continue };
            expected.insert(job.id, &job.spec, &pending.waits);
            if pending.waits.is_empty() || pending.fate.is_some() {
                return Err(format!("job {} waits for nothing", job.id));
            }
            for upstream in &pending.waits {
                if self.jobs.get(upstream).is_none_or(|job| job.state().is_final()) {
                    return Err(format!("job {} waits for {upstream}, which has ended", job.id));
                }
            }
        }
        if expected == self.graph { Ok(()) } else { Err("who waits for whom is not true".into()) }
    }
}

/// What names the input of a job: its manifest, or what that would be.
pub(super) fn input_digest(spec: &JobSpec, chunks: &[ObjectRef]) -> bramble_protocol::Digest {
    match spec.policy.input_from {
        Some(_) => bramble_protocol::Digest::of(&Manifest::new(chunks.to_vec(), None).encode()),
        None => spec.input,
    }
}
