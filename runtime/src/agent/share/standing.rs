//! Whether the share is asked: pure, so that it can be tried without a share and a clock.

use std::io;
use std::time::{Duration, Instant};

/// Threads that may be in the share at a time, hanging or not.
pub(super) const THREADS_MAX: usize = 4;
/// First and longest time for which the share is not asked after it has failed.
pub(super) const BACKOFF: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// So many failures one after the other mean that the share is broken and not a single file.
const FAILURES_MAX: u32 = 3;

/// What is known of a share.
#[derive(Debug)]
pub(super) struct Standing {
    /// Threads that have not come back from it.
    out: usize,
    /// Failures since it last answered.
    failures: u32,
    /// Until when it is not asked; none while it is in use.
    aside: Option<Instant>,
    /// For how long it is put aside the next time.
    wait: Duration,
    has_answered: bool,
}

/// What to do with a wish for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Ask the share and wait for it. A thread counts as out.
    Read,
    /// See whether it answers now, and do not wait. A thread counts as out.
    Probe,
    /// Do not ask it.
    No,
}

/// What a thread came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The object.
    Good,
    /// Bytes, but not the object's, or not all of them.
    Alive,
    /// Nothing that would tell how the share does. That a file is not there may be this machine's
    /// own memory of it.
    None,
    /// A failure, perhaps of this file alone.
    Failed,
    /// The kernel itself has waited, in vain.
    TimedOut,
}

impl Answer {
    pub(super) fn of_failure(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NotConnected => Self::TimedOut,
            _ => Self::Failed,
        }
    }
}

/// What people should hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing new.
    No,
    /// It is put aside.
    Silent,
    /// It is in use again.
    Answers,
}

impl Default for Standing {
    fn default() -> Self {
        Self { out: 0, failures: 0, aside: None, wait: BACKOFF.0, has_answered: false }
    }
}

impl Standing {
    /// Whether it answers; nothing while nobody knows.
    pub(super) fn answers(&self) -> Option<bool> {
        match self.aside {
            Some(_) => Some(false),
            None => self.has_answered.then_some(true),
        }
    }

    pub(super) fn ask(&mut self, now: Instant) -> Ask {
        if self.out >= THREADS_MAX {
            return Ask::No;
        }
        let ask = match self.aside {
            None => Ask::Read,
            Some(until) if now < until => return Ask::No,
            Some(_) => {
                // The next one not before this one has had its time.
                self.put_aside(now);
                Ask::Probe
            }
        };
        self.out += 1;
        ask
    }

    /// A thread has come back, in time or not.
    pub(super) fn returned(&mut self, now: Instant, answer: Answer) -> Change {
        self.out -= 1;
        match answer {
            Answer::Good | Answer::Alive => {
                self.failures = 0;
                self.has_answered = true;
                if answer == Answer::Good {
                    self.wait = BACKOFF.0;
                }
                if self.aside.take().is_some() { Change::Answers } else { Change::No }
            }
            Answer::None => Change::No,
            Answer::Failed => {
                self.failures += 1;
                if self.failures < FAILURES_MAX { Change::No } else { self.overdue(now) }
            }
            Answer::TimedOut => self.overdue(now),
        }
    }

    /// A thread is out for too long, or nothing will come of asking.
    pub(super) fn overdue(&mut self, now: Instant) -> Change {
        if self.aside.is_some() {
            return Change::No;
        }
        self.put_aside(now);
        Change::Silent
    }

    fn put_aside(&mut self, now: Instant) {
        self.aside = Some(now + self.wait);
        self.wait = (self.wait * 2).min(BACKOFF.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_hangs_is_asked_again_by_single_probes_ever_more_rarely() {
        let (mut standing, mut now) = (Standing::default(), Instant::now());
        assert_eq!(standing.answers(), None);
        assert_eq!(standing.ask(now), Ask::Read);
        assert_eq!(standing.overdue(now), Change::Silent);
        assert_eq!(standing.answers(), Some(false));
        let mut waits = Vec::new();
        while standing.out < THREADS_MAX {
            let start = now;
            while standing.ask(now) == Ask::No {
                now += Duration::from_secs(1);
            }
            waits.push((now - start).as_secs());
        }
        assert_eq!(waits, [2, 4, 8], "each of them hangs");
        now += Duration::from_secs(3600);
        assert_eq!(standing.ask(now), Ask::No, "no thread is left to lose");
        assert_eq!(standing.returned(now, Answer::Alive), Change::Answers, "the server is back");
        assert_eq!(standing.ask(now), Ask::Read);
        assert_eq!(standing.answers(), Some(true));
    }

    #[test]
    fn one_bad_file_is_not_a_bad_share_but_a_timeout_is() {
        let (mut standing, mut now) = (Standing::default(), Instant::now());
        let mut end = |answer| {
            now += 2 * BACKOFF.1;
            assert_ne!(standing.ask(now), Ask::No);
            standing.returned(now, answer)
        };
        assert_eq!(end(Answer::Failed), Change::No);
        assert_eq!(end(Answer::Failed), Change::No);
        assert_eq!(end(Answer::Good), Change::No);
        assert_eq!(end(Answer::Failed), Change::No);
        assert_eq!(end(Answer::Failed), Change::No);
        assert_eq!(end(Answer::Failed), Change::Silent);
        assert_eq!(end(Answer::None), Change::No, "what is not there says nothing");
        assert_eq!(end(Answer::Good), Change::Answers);
        assert_eq!(end(Answer::TimedOut), Change::Silent);
        assert_eq!(end(Answer::TimedOut), Change::No, "which is told once");
    }

    #[test]
    fn a_share_in_use_is_asked_by_a_few_at_a_time() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        for _ in 0..THREADS_MAX {
            assert_eq!(standing.ask(now), Ask::Read);
        }
        assert_eq!(standing.ask(now), Ask::No);
        assert_eq!(standing.returned(now, Answer::None), Change::No);
        assert_eq!(standing.ask(now), Ask::Read);
    }
}
