//! Reading what may take long, without ever making anybody wait for it.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often slow things are read.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long a reading is believed: after three that did not come, it is of another day.
const BELIEVED: Duration = Duration::from_secs(35);

/// A reading that is made at most each 10 seconds, on a thread of its own: a disk or a bus that
/// hangs takes that thread along, and nobody else. Meanwhile no other is started.
#[derive(Debug)]
pub(crate) struct Slow<T> {
    last: Option<(Instant, T)>,
    /// When the last reading began.
    begun: Option<Instant>,
    pending: Option<Receiver<T>>,
    patience: Duration,
}

impl<T: Clone + Send + 'static> Slow<T> {
    /// A caller waits for a reading that has just begun, but not for longer than `patience`.
    pub(crate) const fn new(patience: Duration) -> Self {
        Self { last: None, begun: None, pending: None, patience }
    }

    /// The last reading that is still believed; a new one, if it is time for that.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        make: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let is_due = |begun: Instant| now.saturating_duration_since(begun) >= INTERVAL;
        if self.pending.is_some() {
            self.collect(now, Duration::ZERO);
        }
        if self.pending.is_none() && self.begun.is_none_or(is_due) {
            let (answer, pending) = mpsc::sync_channel(1);
            // Nobody may be left to take it.
            let read = move || drop(answer.send(make()));
            // Without a thread there is no reading, and the next attempt is due as ever.
            if thread::Builder::new().name("sensors".into()).spawn(read).is_ok() {
                self.pending = Some(pending);
            }
            self.begun = Some(now);
            self.collect(now, self.patience);
        }
        let is_believed = |at: &Instant| now.saturating_duration_since(*at) < BELIEVED;
        self.last.as_ref().filter(|(at, _)| is_believed(at)).map(|(_, reading)| reading.clone())
    }

    fn collect(&mut self, now: Instant, patience: Duration) {
        let Some(pending) = &self.pending else { return };
        match pending.recv_timeout(patience) {
            Ok(reading) => {
                self.last = Some((now, reading));
                self.pending = None;
            }
            Err(RecvTimeoutError::Disconnected) => self.pending = None,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_reading_is_kept_until_the_next_is_due() {
        let mut slow = Slow::new(20 * SECOND);
        let start = Instant::now();
        assert_eq!(slow.read(start, || 1), Some(1));
        assert_eq!(slow.read(start + 9 * SECOND, || 2), Some(1));
        assert_eq!(slow.read(start + 10 * SECOND, || 3), Some(3));
    }

    #[test]
    fn a_reading_that_hangs_holds_up_nobody_and_is_not_repeated() {
        let mut slow = Slow::new(20 * SECOND);
        let start = Instant::now();
        assert_eq!(slow.read(start, || 1), Some(1));
        let (release, held) = mpsc::channel::<()>();
        let hang = move || {
            let _ = held.recv();
            2
        };
        slow.patience = Duration::ZERO;
        let at = |seconds: u32| start + seconds * SECOND;
        assert_eq!(slow.read(at(10), hang), Some(1), "the last one serves meanwhile");
        let never = || -> u32 { panic!("another reading was started") };
        assert_eq!(slow.read(at(30), never), Some(1));
        assert_eq!(slow.read(at(35), never), None, "too old to be believed");
        release.send(()).unwrap();
        let deadline = Instant::now() + 20 * SECOND;
        // Not due, so that only the one that hung can answer.
        slow.begun = Some(at(36));
        while slow.read(at(36), never).is_none() {
            assert!(Instant::now() < deadline, "the reading never came");
            thread::yield_now();
        }
        assert_eq!(slow.read(at(36), never), Some(2));
    }

    #[test]
    fn a_reading_that_panics_is_tried_again_when_it_is_due() {
        let mut slow = Slow::new(20 * SECOND);
        let start = Instant::now();
        // Without a word on the terminal.
        let broken = || -> u32 { std::panic::resume_unwind(Box::new(())) };
        assert_eq!(slow.read(start, broken), None);
        let deadline = Instant::now() + 20 * SECOND;
        while slow.read(start + 11 * SECOND, || 4).is_none() {
            assert!(Instant::now() < deadline, "no other reading was started");
        }
    }
}
