//! The last pictures that tasks have shown: in memory only, as many as there is room for, and no
//! longer than their job is at work.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bramble_protocol::JobId;
use bramble_protocol::agent::FromAgent;
use bramble_protocol::api::{PreviewList, PreviewView};
use bramble_protocol::preview::{Preview, served_as};

use crate::state::Head;

/// Bytes that are kept of one job.
const JOB_BYTES_MAX: usize = 4 << 20;
/// Bytes that are kept in all.
const BYTES_MAX: usize = 32 << 20;
/// What each takes beside its bytes, so that tiny ones have a limit too.
const ENTRY_BYTES: usize = 256;
/// Jobs of which some are kept.
const JOBS_MAX: usize = 256;
/// How often it is looked which jobs have ended, in milliseconds.
const SWEEP_EVERY_MS: u64 = 5_000;
/// How long those of a job that has ended are kept, in milliseconds: the last ones come after its
/// end, and whoever watches fetches them.
const KEPT_AFTER_MS: u64 = 10_000;

/// What is kept.
#[derive(Default)]
pub(crate) struct Previews(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    entries: BTreeMap<(JobId, u32), Entry>,
    /// The entries by when they came, the oldest first.
    order: BTreeMap<u64, (JobId, u32)>,
    /// Bytes of each job.
    jobs: BTreeMap<JobId, usize>,
    bytes: usize,
    /// Counts all that ever came.
    version: u64,
    swept_at_ms: u64,
}

struct Entry {
    view: PreviewView,
    bytes: Vec<u8>,
}

impl Previews {
    /// Takes the previews out of an agent's message. Returns the jobs of which it is time to ask
    /// whether they have ended.
    fn note(&self, message: &mut FromAgent, now_ms: u64) -> Vec<JobId> {
        let FromAgent::Heartbeat { previews, .. } = message else { return Vec::new() };
        for preview in std::mem::take(previews) {
            self.keep(preview, now_ms);
        }
        let mut kept = self.kept();
        // A clock that was set back must not stop the sweeping.
        if now_ms.abs_diff(kept.swept_at_ms) < SWEEP_EVERY_MS {
            return Vec::new();
        }
        kept.swept_at_ms = now_ms;
        kept.jobs.keys().copied().collect()
    }

    fn keep(&self, preview: Preview, at_ms: u64) {
        if preview.is_sound() {
            self.kept().insert(preview, at_ms);
        }
    }

    /// What is kept of a job, by task.
    pub(crate) fn of(&self, job: JobId) -> PreviewList {
        let kept = self.kept();
        let entries = kept.entries.range((job, 0)..=(job, u32::MAX));
        let previews: Vec<PreviewView> = entries.map(|(_, entry)| entry.view.clone()).collect();
        let version = previews.iter().map(|view| view.version).max().unwrap_or(0);
        PreviewList { version, previews }
    }

    /// One of them: the media type under which it may be passed on, and its bytes.
    pub(crate) fn bytes(&self, job: JobId, task: u32) -> Option<(&'static str, Vec<u8>)> {
        let kept = self.kept();
        let entry = kept.entries.get(&(job, task))?;
        Some((served_as(&entry.view.media), entry.bytes.clone()))
    }

    fn forget(&self, job: JobId) {
        let mut kept = self.kept();
        let keys = kept.entries.range((job, 0)..=(job, u32::MAX)).map(|(key, _)| *key);
        for key in keys.collect::<Vec<_>>() {
            kept.remove(key);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the previews out of an agent's message, and now and then drops those of jobs that have
/// ended or are not known.
pub(crate) fn note(head: &Head, message: &mut FromAgent) {
    let jobs = head.previews.note(message, now_ms());
    if jobs.is_empty() {
        return;
    }
    let head = head.clone();
    tokio::spawn(async move {
        for id in jobs {
            let job = head.handle.job(id).await;
            // A head that is about to stop answers nothing, and keeps nothing either.
            let ended_at_ms = job.map_or(Some(0), |job| job.ended_at_ms);
            if ended_at_ms.is_some_and(|at_ms| now_ms() > at_ms.saturating_add(KEPT_AFTER_MS)) {
                head.previews.forget(id);
            }
        }
    });
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.map_or(0, |time| time.as_millis() as u64)
}

impl Kept {
    fn insert(&mut self, preview: Preview, at_ms: u64) {
        let Preview { task, media, bytes } = preview;
        let key = (task.job, task.index);
        self.remove(key);
        self.version += 1;
        let (length, version) = (bytes.len() as u64, self.version);
        let view = PreviewView { task: task.index, media, bytes: length, at_ms, version };
        self.bytes += bytes.len() + ENTRY_BYTES;
        *self.jobs.entry(task.job).or_default() += bytes.len() + ENTRY_BYTES;
        self.order.insert(version, key);
        self.entries.insert(key, Entry { view, bytes });
        while self.jobs.get(&task.job).is_some_and(|bytes| *bytes > JOB_BYTES_MAX) {
            let oldest = self.order.values().find(|key| key.0 == task.job).copied();
            let Some(oldest) = oldest else { break };
            self.remove(oldest);
        }
        while self.bytes > BYTES_MAX || self.jobs.len() > JOBS_MAX {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            self.remove(*oldest);
        }
    }

    fn remove(&mut self, key: (JobId, u32)) {
        let Some(entry) = self.entries.remove(&key) else { return };
        let bytes = entry.bytes.len() + ENTRY_BYTES;
        self.order.remove(&entry.view.version);
        self.bytes -= bytes;
        if let Some(of_job) = self.jobs.get_mut(&key.0) {
            *of_job -= bytes;
            if *of_job == 0 {
                self.jobs.remove(&key.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::TaskId;
    use bramble_protocol::preview;

    use super::*;

    fn preview(job: u64, index: u32, bytes: usize) -> Preview {
        let task = TaskId { job: JobId(job), index };
        Preview { task, media: "image/png".into(), bytes: vec![index as u8; bytes] }
    }

    #[test]
    fn the_last_one_of_each_task_is_kept_under_a_new_version() {
        let previews = Previews::default();
        for index in [0, 1, 0] {
            previews.keep(preview(1, index, 10 + index as usize), 5);
        }
        previews.keep(preview(2, 9, 1), 6);
        let list = previews.of(JobId(1));
        let found: Vec<_> = list.previews.iter().map(|it| (it.task, it.version)).collect();
        assert_eq!((found, list.version), (vec![(0, 3), (1, 2)], 3));
        assert_eq!(previews.bytes(JobId(1), 1), Some(("image/png", vec![1; 11])));
        assert_eq!(previews.bytes(JobId(1), 9), None);
    }

    #[test]
    fn the_oldest_go_first_within_a_job_and_among_all() {
        let previews = Previews::default();
        for index in 0..100 {
            previews.keep(preview(1, index, preview::BYTES_MAX), 0);
        }
        let kept = previews.of(JobId(1)).previews;
        assert!(kept.len() < 64 && kept.last().unwrap().task == 99, "{}", kept.len());
        for job in 2..30 {
            for index in 0..60 {
                previews.keep(preview(job, index, preview::BYTES_MAX), 0);
            }
        }
        assert!(previews.kept().bytes <= BYTES_MAX);
        assert!(previews.of(JobId(1)).previews.is_empty());
        assert_eq!(previews.of(JobId(29)).previews.len(), 60);
    }

    #[test]
    fn tiny_ones_of_many_jobs_have_a_limit_too() {
        let previews = Previews::default();
        (0..10_000).for_each(|job| previews.keep(preview(job, 0, 1), 0));
        let kept = previews.kept();
        assert_eq!((kept.jobs.len(), kept.entries.len()), (JOBS_MAX, JOBS_MAX));
        assert_eq!((kept.order.len(), kept.bytes), (JOBS_MAX, JOBS_MAX * (1 + ENTRY_BYTES)));
    }

    #[test]
    fn what_is_left_of_a_job_that_has_ended_is_dropped() {
        let previews = Previews::default();
        for (job, task) in [(1, 0), (1, 7), (2, 0)] {
            previews.keep(preview(job, task, 9), 0);
        }
        let beat = || FromAgent::Heartbeat {
            status: Default::default(),
            leases: Vec::new(),
            previews: Vec::new(),
        };
        assert_eq!(previews.note(&mut beat(), 50_000), [JobId(1), JobId(2)]);
        assert_eq!(previews.note(&mut beat(), 50_000 + SWEEP_EVERY_MS - 1), [], "not so soon");
        previews.forget(JobId(1));
        assert_eq!(previews.note(&mut beat(), 0), [JobId(2)], "also by a clock that was set back");
        previews.forget(JobId(2));
        let kept = previews.kept();
        assert_eq!((kept.bytes, kept.order.len(), kept.entries.len()), (0, 0, 0));
    }

    #[test]
    fn what_is_not_sound_is_dropped() {
        let previews = Previews::default();
        previews.keep(preview(1, 0, preview::BYTES_MAX + 1), 0);
        previews.keep(Preview { media: "<script>".into(), ..preview(1, 1, 1) }, 0);
        assert!(previews.of(JobId(1)).previews.is_empty());
    }
}
