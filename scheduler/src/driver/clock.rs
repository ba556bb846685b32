//! The only clock of the scheduler.

use std::time::{Instant, SystemTime};

use crate::core::Timestamp;

/// Time since 1970 that never jumps: read once at the start, then counted. A board without a
/// clock of its own starts in the past and is set right later; its nodes must not be lost then.
#[derive(Debug)]
pub(super) struct Clock {
    base: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts at the current time, or at `earliest_ms` where that is later.
    pub(super) fn start(earliest_ms: u64) -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now_ms = since_1970.map_or(0, |time| time.as_millis() as u64);
        Self { base: Timestamp(now_ms.max(earliest_ms)), started: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.base.plus_ms(self.started.elapsed().as_millis() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_does_not_go_back_behind_the_journal() {
        let later = Clock::start(0).now().plus_ms(1_000_000);
        assert!(Clock::start(later.0).now() >= later);
    }
}
