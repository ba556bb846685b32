//! When a guest may save and when it should, and what an earlier attempt saved.

use std::time::{Duration, Instant};

use bramble_protocol::{AttemptOutcome, TrapKind};

use super::host::{SharedOutputs, SharedOutside};
use super::outside::Signals;

/// The longest state that a guest may save, in bytes.
pub(crate) const STATE_BYTES_MAX: usize = 1 << 20;
/// A guest should save when so much time has passed since it last did.
const DUE_AFTER: Duration = Duration::from_secs(30);
/// Saves that follow one another faster are left out: each waits for the disk, and the one
/// before is as good. Not while the host itself wants the guest to save.
const SAVES_APART: Duration = Duration::from_secs(1);
/// How often the outside is asked for hints, at most.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A task's checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    /// The state that was saved last, by this attempt or one before.
    pub(super) state: Option<Vec<u8>>,
    /// Whether this task can be resumed at all.
    can_save: bool,
    begun: Instant,
    saved: Option<Instant>,
    looked: Option<Instant>,
    signals: Signals,
}

impl Checkpoint {
    pub(super) fn new(can_save: bool, state: Option<Vec<u8>>) -> Self {
        Self {
            state,
            can_save,
            begun: Instant::now(),
            saved: None,
            looked: None,
            signals: Signals::default(),
        }
    }

    /// Makes `state` and all that was written durable as one unit.
    pub(super) fn save(
        &mut self,
        state: &[u8],
        outputs: &SharedOutputs,
        outside: &SharedOutside,
    ) -> Result<(), AttemptOutcome> {
        let trapped = |message: String| AttemptOutcome::Trapped { trap: TrapKind::Other, message };
        if !self.can_save {
            return Err(trapped("called `save` in a phase that cannot be resumed".into()));
        }
        if state.len() > STATE_BYTES_MAX {
            return Err(trapped(format!(
                "wanted to save a state of {} bytes, allowed are {STATE_BYTES_MAX}",
                state.len()
            )));
        }
        let is_soon = self.saved.is_some_and(|saved| saved.elapsed() < SAVES_APART);
        if is_soon && !self.signals(outside).save_soon {
            return Ok(());
        }
        let so_far = outputs.lock().flush()?;
        outside.lock().save(state, so_far)?;
        self.saved = Some(Instant::now());
        self.looked = None;
        self.state = Some(state.to_vec());
        Ok(())
    }

    /// Whether the guest should save now.
    pub(super) fn is_due(&mut self, outside: &SharedOutside) -> bool {
        self.can_save
            && (self.signals(outside).save_soon
                || self.saved.unwrap_or(self.begun).elapsed() >= DUE_AFTER)
    }

    /// The hints that have come.
    pub(super) fn signals(&mut self, outside: &SharedOutside) -> Signals {
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
            self.signals = outside.lock().signals();
            self.looked = Some(Instant::now());
        }
        self.signals
    }
}
