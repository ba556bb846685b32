//! What the times of a job say: where they went, how well its nodes were used, and whether one
//! chunk held up the others.

use bramble_protocol::api::JobView;
use bramble_protocol::attempts::{AttemptView, Attempts};
use bramble_protocol::{PhaseKind, TaskId};

use super::lanes;

/// What a part of a job's time was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// It waited for its turn.
    Queue,
    /// Tasks of a phase ran, and none of an earlier one.
    Phase(PhaseKind),
    /// No task ran, and none had to be waited for in the queue.
    Between,
}

/// The parts of a job's time from its submission until its end or `now_ms`, in order, with their
/// lengths in milliseconds, which sum to the whole. Where phases overlap, the time is that of the
/// earlier one.
pub(crate) fn spans(job: &JobView, now_ms: u64) -> Vec<(Span, u64)> {
    let mut at = job.submitted_at_ms;
    let end = job.ended_at_ms.unwrap_or(now_ms).max(at);
    let mut spans: Vec<(Span, u64)> = Vec::new();
    let mut until = |span: Span, time: u64| {
        let time = time.clamp(at, end);
        if time > at {
            spans.push((span, time - at));
        }
        at = time;
    };
    let Some(started) = job.started_at_ms else {
        until(Span::Queue, end);
        return spans;
    };
    until(Span::Queue, started);
    let mut phases: Vec<_> =
        job.phases.iter().filter_map(|phase| Some((phase.started_at_ms?, phase))).collect();
    phases.sort_by_key(|(started, phase)| (*started, phase.phase));
    for (started, phase) in phases {
        until(Span::Between, started);
        let is_over = phase.succeeded == phase.total;
        let ended = phase.ended_at_ms.filter(|_| is_over || job.state.is_final());
        until(Span::Phase(phase.phase), ended.unwrap_or(end));
    }
    until(Span::Between, end);
    spans
}

/// The shortest, the middle and the longest of some times, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) min_us: u64,
    pub(crate) median_us: u64,
    pub(crate) max_us: u64,
    /// How many there were.
    pub(crate) count: usize,
    /// Which took longest.
    pub(crate) slowest: TaskId,
}

/// A chunk that took less keeps nobody waiting, however much longer it took than others.
const FELT_US: u64 = 200_000;

impl Spread {
    /// Of the chunks that were worked on with success. `None` of none.
    fn of(chunks: &[&AttemptView]) -> Option<Self> {
        let mut times: Vec<u64> = chunks.iter().map(|it| it.wall_us).collect();
        times.sort_unstable();
        let slowest = chunks.iter().max_by_key(|it| it.wall_us)?.attempt.task;
        Some(Self {
            min_us: times[0],
            median_us: times[times.len() / 2],
            max_us: times[times.len() - 1],
            count: times.len(),
            slowest,
        })
    }

    /// How many times longer than the middle one the longest took, where that is worth a word.
    pub(crate) fn skew(&self) -> Option<f64> {
        let ratio = self.max_us as f64 / self.median_us.max(1) as f64;
        let is_felt = self.max_us >= FELT_US;
        (self.count >= 4 && ratio >= 2.0 && is_felt).then_some(ratio)
    }
}

/// What the attempts of a job say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// Rows of the picture: slots that did something.
    pub(crate) slots: u32,
    /// Parts of the time of these slots, from 0 to 1: reading, computing, writing. The rest they
    /// had nothing to do.
    pub(crate) read: f64,
    pub(crate) compute: f64,
    pub(crate) write: f64,
    /// Times faster than all attempts one after the other.
    pub(crate) speed_up: Option<f64>,
    /// Of the chunks.
    pub(crate) chunks: Option<Spread>,
}

impl Figures {
    /// `now_ms` is the end of a job that runs.
    pub(crate) fn of(job: &JobView, attempts: &Attempts, now_ms: u64) -> Self {
        let all = &attempts.attempts;
        let slots = lanes(all).len() as u32;
        let end = job.ended_at_ms.unwrap_or(now_ms);
        let wall_us = end.saturating_sub(job.started_at_ms.unwrap_or(end)).max(1) * 1000;
        let room = wall_us as f64 * f64::from(slots.max(1));
        let sum = |part: fn(&AttemptView) -> u64| all.iter().map(part).sum::<u64>() as f64;
        let (busy, read, write) =
            (sum(|it| it.wall_us), sum(|it| it.read_us), sum(|it| it.write_us));
        // What was forgotten is missing in every sum.
        let is_whole = attempts.dropped == 0 && slots > 0;
        let chunks: Vec<&AttemptView> = all
            .iter()
            .filter(|it| it.outcome == "succeeded")
            .filter(|it| phase_of(job, it.attempt.task.index) == Some(PhaseKind::Map))
            .collect();
        Self {
            slots,
            read: (read / room).min(1.0),
            compute: ((busy - read - write).max(0.0) / room).min(1.0),
            write: (write / room).min(1.0),
            speed_up: is_whole.then(|| busy / wall_us as f64),
            chunks: Spread::of(&chunks),
        }
    }

    /// Speed-up by slot.
    pub(crate) fn efficiency(&self) -> Option<f64> {
        Some((self.speed_up? / f64::from(self.slots)).min(1.0))
    }

    /// The part of the work that did not run side by side: Karp and Flatt, "Measuring Parallel
    /// Processor Performance", Communications of the ACM 33 (5), 1990.
    pub(crate) fn serial_share(&self) -> Option<f64> {
        let one = 1.0 / f64::from(self.slots.max(1));
        let speed_up = self.speed_up.filter(|times| self.slots > 1 && *times > 0.0)?;
        Some(((1.0 / speed_up - one) / (1.0 - one)).clamp(0.0, 1.0))
    }
}

/// The phase of a task: they are numbered one phase after the other.
pub(crate) fn phase_of(job: &JobView, index: u32) -> Option<PhaseKind> {
    let mut first = 0;
    job.phases.iter().find_map(|phase| {
        first += phase.total;
        (index < first).then_some(phase.phase)
    })
}

#[cfg(test)]
mod tests {
    use bramble_protocol::JobId;
    use bramble_protocol::api::JobState;

    use super::super::tests::attempt;
    use super::*;
    use crate::results::tests::job;

    fn phase(kind: &str, total: u32, from: u64, to: u64) -> bramble_protocol::api::PhaseView {
        serde_json::from_value(serde_json::json!({
            "phase": kind, "total": total, "succeeded": total, "started_at_ms": from,
            "ended_at_ms": to, "usage": bramble_protocol::Usage::default(),
        }))
        .expect("it is a phase")
    }

    fn ran() -> JobView {
        let mut job = job();
        (job.submitted_at_ms, job.started_at_ms, job.ended_at_ms) = (0, Some(100), Some(1_000));
        job.phases = vec![phase("map", 4, 100, 700), phase("merge", 1, 600, 950)];
        job
    }

    fn attempts(all: Vec<AttemptView>) -> Attempts {
        let schema = Attempts::SCHEMA.into();
        Attempts { schema, job: JobId(1), next: all.len() as u64, attempts: all, dropped: 0 }
    }

    #[test]
    fn parts_of_the_time_sum_to_the_whole() {
        let found = spans(&ran(), 5_000);
        let expected = [
            (Span::Queue, 100),
            (Span::Phase(PhaseKind::Map), 600),
            (Span::Phase(PhaseKind::Merge), 250),
            (Span::Between, 50),
        ];
        assert_eq!(found, expected);
        let mut waits = ran();
        (waits.state, waits.started_at_ms, waits.ended_at_ms) = (JobState::Waiting, None, None);
        assert_eq!(spans(&waits, 5_000), [(Span::Queue, 5_000)]);
    }

    #[test]
    fn figures_follow_from_the_times_of_the_attempts() {
        let two = attempts(vec![attempt(0, "node-1", 100, 1_000), attempt(1, "node-2", 100, 550)]);
        let found = Figures::of(&ran(), &two, 0);
        assert_eq!((found.slots, found.speed_up), (2, Some(1.5)));
        assert_eq!(found.efficiency(), Some(0.75));
        // (1/1.5 - 1/2) / (1 - 1/2)
        assert!((found.serial_share().unwrap() - 1.0 / 3.0).abs() < 1e-9);
        let parts = [found.read, found.compute, found.write];
        for (part, expected) in parts.into_iter().zip([0.075, 0.6, 0.075]) {
            assert!((part - expected).abs() < 1e-9, "{parts:?}");
        }
        let dropped = Attempts { dropped: 1, ..two };
        assert_eq!(Figures::of(&ran(), &dropped, 0).speed_up, None);
    }

    #[test]
    fn a_chunk_that_took_much_longer_is_pointed_out() {
        let mut all: Vec<_> = (0..3).map(|it| attempt(it, "node-1", 100, 200)).collect();
        all.push(attempt(3, "node-1", 200, 600));
        // A merge is no chunk.
        all.push(attempt(4, "node-1", 600, 1_000));
        let chunks = Figures::of(&ran(), &attempts(all), 0).chunks.unwrap();
        assert_eq!((chunks.min_us, chunks.median_us, chunks.max_us), (100_000, 100_000, 400_000));
        assert_eq!((chunks.skew(), chunks.slowest.index), (Some(4.0), 3));
        let short: Vec<_> = (0..5).map(|it| attempt(it, "node-1", 0, 1 + it as u64 * 10)).collect();
        assert_eq!(Spread::of(&short.iter().collect::<Vec<_>>()).unwrap().skew(), None);
        let few = [&attempt(0, "node-1", 0, 10)];
        assert_eq!(Spread::of(&few).unwrap().skew(), None);
    }
}
