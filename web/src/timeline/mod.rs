//! When attempts ran, and where: in memory only, the latest of each job, for the picture of a
//! job's work. A head that was started anew knows nothing of what was before.

mod draw;
mod export;
mod figures;
mod lanes;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bramble_protocol::agent::{AttemptReport, FromAgent};
use bramble_protocol::attempts::{AttemptView, Attempts};
use bramble_protocol::{AttemptId, AttemptOutcome, JobId, TaskId, Usage};

pub(crate) use draw::{breakdown, picture, stacked};
pub(crate) use export::{csv, trace};
pub(crate) use figures::{Figures, Span, Spread, phase_of, spans};
pub(crate) use lanes::{Lane, lanes};

/// Attempts that are kept of all jobs: some 130 bytes each.
const KEPT_MAX: usize = 50_000;

/// What is kept.
#[derive(Debug, Default)]
pub(crate) struct Timelines(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    jobs: BTreeMap<JobId, Timeline>,
    attempts: usize,
}

/// The attempts of one job.
#[derive(Debug, Default)]
struct Timeline {
    /// The latest, in the order in which their reports came.
    records: VecDeque<Record>,
    /// Those that are in `records`: reports may come twice.
    known: HashSet<(u32, u32)>,
    /// How many came before the first of `records`.
    dropped: u64,
}

#[derive(Debug)]
struct Record {
    task: u32,
    number: u32,
    node: Arc<str>,
    ended_at_ms: u64,
    usage: Box<Usage>,
    outcome: &'static str,
}

impl Timelines {
    /// Takes note of the attempts that a message of an agent reports, as far as it was given their
    /// tasks.
    pub(crate) fn note(
        &self,
        node: &Arc<str>,
        message: &FromAgent,
        now_ms: u64,
        was_given: impl Fn(&TaskId) -> bool,
    ) {
        let FromAgent::Reports { reports } = message else { return };
        let mut kept = self.kept();
        for report in reports.iter().filter(|report| was_given(&report.attempt.task)) {
            kept.add(node, report, now_ms);
        }
    }

    /// The attempts of a job that came after the first `since`, in order.
    pub(crate) fn of(&self, job: JobId, since: u64) -> Attempts {
        let kept = self.kept();
        let known = kept.jobs.get(&job);
        let dropped = known.map_or(0, |timeline| timeline.dropped);
        let count = known.map_or(0, |timeline| timeline.records.len()) as u64;
        let skip = usize::try_from(since.saturating_sub(dropped)).unwrap_or(usize::MAX);
        let records = known.into_iter().flat_map(|timeline| timeline.records.iter().skip(skip));
        Attempts {
            schema: Attempts::SCHEMA.into(),
            job,
            attempts: records.map(|record| record.view(job)).collect(),
            next: dropped + count,
            dropped,
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, node: &Arc<str>, report: &AttemptReport, now_ms: u64) {
        let AttemptId { task, number } = report.attempt;
        let timeline = self.jobs.entry(task.job).or_default();
        if !timeline.known.insert((task.index, number)) {
            return;
        }
        timeline.records.push_back(Record {
            task: task.index,
            number,
            node: Arc::clone(node),
            ended_at_ms: now_ms,
            usage: Box::new(report.usage.bounded()),
            outcome: match &report.outcome {
                AttemptOutcome::Succeeded { .. } => "succeeded",
                other => other.slug(),
            },
        });
        self.attempts += 1;
        if timeline.records.len() > Attempts::KEPT_MAX {
            self.attempts -= usize::from(timeline.drop_oldest());
        }
        while self.attempts > KEPT_MAX {
            self.make_room(task.job);
        }
    }

    /// Forgets the job that was submitted first, or of the last one its first attempt.
    fn make_room(&mut self, current: JobId) {
        let first = self.jobs.keys().find(|job| **job != current).copied();
        match first.and_then(|job| self.jobs.remove(&job)) {
            Some(gone) => self.attempts -= gone.records.len(),
            None => {
                let oldest = self.jobs.get_mut(&current).is_some_and(Timeline::drop_oldest);
                self.attempts -= usize::from(oldest);
            }
        }
    }
}

impl Timeline {
    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.records.pop_front() else { return false };
        self.known.remove(&(oldest.task, oldest.number));
        self.dropped += 1;
        true
    }
}

impl Record {
    fn view(&self, job: JobId) -> AttemptView {
        let usage = &self.usage;
        AttemptView {
            attempt: AttemptId { task: TaskId { job, index: self.task }, number: self.number },
            node: self.node.to_string(),
            started_at_ms: self.ended_at_ms.saturating_sub(usage.wall_us / 1000),
            ended_at_ms: self.ended_at_ms,
            wall_us: usage.wall_us,
            read_us: usage.read_us.min(usage.wall_us),
            write_us: usage.write_us.min(usage.wall_us),
            cpu_us: usage.cpu_us,
            bytes_in: usage.bytes_in,
            bytes_out: usage.bytes_out,
            outcome: self.outcome.to_owned(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bramble_protocol::LeaseId;

    use super::*;

    /// An attempt from one time to another, in milliseconds, on a node.
    pub(crate) fn attempt(index: u32, node: &str, from_ms: u64, to_ms: u64) -> AttemptView {
        AttemptView {
            attempt: AttemptId { task: TaskId { job: JobId(1), index }, number: 1 },
            node: node.into(),
            started_at_ms: from_ms,
            ended_at_ms: to_ms,
            wall_us: (to_ms - from_ms) * 1000,
            read_us: (to_ms - from_ms) * 100,
            write_us: (to_ms - from_ms) * 100,
            cpu_us: (to_ms - from_ms) * 800,
            bytes_in: 10,
            bytes_out: 20,
            outcome: "succeeded".into(),
        }
    }

    fn reports(job: u64, tasks: std::ops::Range<u32>) -> FromAgent {
        let report = |index| AttemptReport {
            lease: LeaseId(u64::from(index)),
            attempt: AttemptId { task: TaskId { job: JobId(job), index }, number: 1 },
            outcome: AttemptOutcome::Succeeded { outputs: Vec::new() },
            usage: Usage { wall_us: 5_000, ..Usage::default() },
            log: String::new(),
            enough: false,
        };
        FromAgent::Reports { reports: tasks.map(report).collect() }
    }

    #[test]
    fn attempts_are_told_from_where_somebody_stopped_and_each_once() {
        let (timelines, node) = (Timelines::default(), Arc::from("node-1"));
        timelines.note(&node, &reports(1, 0..3), 1_000, |_| true);
        let first = timelines.of(JobId(1), 0);
        assert_eq!((first.attempts.len(), first.next, first.dropped), (3, 3, 0));
        assert_eq!(first.attempts[0].started_at_ms, 995);
        timelines.note(&node, &reports(1, 2..4), 2_000, |_| true);
        let then = timelines.of(JobId(1), first.next);
        assert_eq!((then.attempts.len(), then.next), (1, 4), "the third came twice");
        timelines.note(&node, &reports(1, 4..5), 3_000, |_| false);
        assert_eq!(timelines.of(JobId(1), then.next).attempts, [], "it was not given the task");
        assert_eq!(timelines.of(JobId(9), 0).next, 0);
    }

    #[test]
    fn only_the_latest_attempts_of_a_job_and_of_all_are_kept() {
        let (timelines, node) = (Timelines::default(), Arc::from("node-1"));
        let many = Attempts::KEPT_MAX as u32;
        timelines.note(&node, &reports(1, 0..many + 5), 1, |_| true);
        let kept = timelines.of(JobId(1), 0);
        assert_eq!((kept.attempts.len(), kept.dropped), (Attempts::KEPT_MAX, 5));
        assert_eq!(kept.next, u64::from(many) + 5);
        let jobs = (KEPT_MAX / Attempts::KEPT_MAX) as u64 + 1;
        for job in 2..=jobs {
            timelines.note(&node, &reports(job, 0..many), 1, |_| true);
        }
        assert_eq!(timelines.of(JobId(1), 0).attempts.len(), 0, "the oldest job was forgotten");
        assert_eq!(timelines.of(JobId(jobs), 0).attempts.len(), Attempts::KEPT_MAX);
    }
}
