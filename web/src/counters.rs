//! What is counted while the head runs, for `/metrics`.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bramble_protocol::agent::FromAgent;
use bramble_protocol::{AttemptOutcome, LeaseId, TaskId, Usage};

/// Upper bounds of what attempts take, in seconds: from a trifle to what a class may wait for.
pub(crate) const BOUNDS_S: [f64; 11] =
    [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0];
/// So many leases are remembered as counted: some seconds' worth of the shortest tasks, so that a
/// report that comes again does not count again. 200 KiB.
const COUNTED_MAX: usize = 8_192;

/// What is counted.
#[derive(Debug)]
pub(crate) struct Counters {
    begun: Instant,
    /// Answers by the first digit of their status, from 1.
    answers: [AtomicU64; 5],
    chunks: Mutex<Chunks>,
}

/// What attempts that succeeded took and moved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// How many took at most as long as each bound, and longer than the one before.
    pub(crate) buckets: [u64; BOUNDS_S.len()],
    /// How many took longer than all bounds.
    pub(crate) above: u64,
    /// How long all took, in microseconds.
    pub(crate) wall_us: u64,
    /// What they read.
    pub(crate) bytes_in: u64,
    /// What they wrote.
    pub(crate) bytes_out: u64,
}

#[derive(Debug, Default)]
struct Chunks {
    totals: Totals,
    counted: HashSet<LeaseId>,
    order: VecDeque<LeaseId>,
}

impl Default for Counters {
    fn default() -> Self {
        Self { begun: Instant::now(), answers: Default::default(), chunks: Mutex::default() }
    }
}

impl Counters {
    /// For how long the head runs.
    pub(crate) fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).checked_sub(1);
        if let Some(count) = class.and_then(|class| self.answers.get(class)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers so far, by the first digit of their status, from 1.
    pub(crate) fn answers(&self) -> [u64; 5] {
        self.answers.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Counts the attempts that succeeded by a message of an agent: those of tasks that it was
    /// given, and each once, however often it is reported.
    pub(crate) fn note(&self, message: &FromAgent, was_given: impl Fn(&TaskId) -> bool) {
        let FromAgent::Reports { reports } = message else { return };
        let mut chunks = self.chunks();
        for report in reports {
            let succeeded = matches!(report.outcome, AttemptOutcome::Succeeded { .. });
            if succeeded && was_given(&report.attempt.task) && chunks.is_new(report.lease) {
                chunks.totals.add(&report.usage.bounded());
            }
        }
    }

    /// What was counted of attempts.
    pub(crate) fn totals(&self) -> Totals {
        self.chunks().totals.clone()
    }

    fn chunks(&self) -> MutexGuard<'_, Chunks> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunks {
    /// Whether a lease was not counted before; from now on it was.
    fn is_new(&mut self, lease: LeaseId) -> bool {
        let is_new = self.counted.insert(lease);
        if is_new {
            self.order.push_back(lease);
        }
        if self.order.len() > COUNTED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.counted.remove(&oldest);
        }
        is_new
    }
}

impl Totals {
    fn add(&mut self, usage: &Usage) {
        let seconds = Duration::from_micros(usage.wall_us).as_secs_f64();
        match BOUNDS_S.iter().position(|bound| seconds <= *bound) {
            Some(bucket) => self.buckets[bucket] += 1,
            None => self.above += 1,
        }
        self.wall_us = self.wall_us.saturating_add(usage.wall_us);
        self.bytes_in = self.bytes_in.saturating_add(usage.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(usage.bytes_out);
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::agent::AttemptReport;
    use bramble_protocol::{AttemptId, JobId};

    use super::*;

    fn report(lease: u64, index: u32, wall_us: u64, outcome: AttemptOutcome) -> AttemptReport {
        AttemptReport {
            lease: LeaseId(lease),
            attempt: AttemptId { task: TaskId { job: JobId(1), index }, number: 1 },
            outcome,
            usage: Usage { wall_us, bytes_in: 100, bytes_out: 10, ..Usage::default() },
            log: String::new(),
            enough: false,
        }
    }

    fn done() -> AttemptOutcome {
        AttemptOutcome::Succeeded { outputs: vec![] }
    }

    #[test]
    fn a_report_counts_once_and_only_for_a_task_that_was_given_and_succeeded() {
        let counters = Counters::default();
        let reports = vec![
            report(1, 0, 10_000, done()),
            report(2, 1, 10_001, done()),
            report(3, 9, 10_000, done()),
            report(4, 2, 10_000, AttemptOutcome::OutOfTime { limit_ms: 10 }),
            report(5, 3, 2_000_000_000, done()),
        ];
        for _ in 0..3 {
            let message = FromAgent::Reports { reports: reports.clone() };
            counters.note(&message, |task| task.index != 9);
        }
        let totals = counters.totals();
        assert_eq!((totals.buckets[0], totals.buckets[1], totals.above), (1, 1, 1));
        assert_eq!(totals.wall_us, 10_000 + 10_001 + 2_000_000_000);
        assert_eq!((totals.bytes_in, totals.bytes_out), (300, 30));
    }

    #[test]
    fn what_is_remembered_of_leases_has_a_limit() {
        let mut chunks = Chunks::default();
        for lease in 0..2 * COUNTED_MAX as u64 {
            assert!(chunks.is_new(LeaseId(lease)));
        }
        assert_eq!((chunks.counted.len(), chunks.order.len()), (COUNTED_MAX, COUNTED_MAX));
    }

    #[test]
    fn answers_are_counted_by_the_first_digit_of_their_status() {
        let counters = Counters::default();
        [101, 200, 206, 304, 404, 503, 0, 999].into_iter().for_each(|it| counters.answered(it));
        assert_eq!(counters.answers(), [1, 2, 1, 1, 1]);
    }
}
