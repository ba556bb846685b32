//! Saved states, and power cuts that find out whether a job makes good use of them.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use super::{Parts, Run};
use crate::JobResult;

/// The most that a state may have, in bytes.
const STATE_BYTES_MAX: usize = 1 << 20;

/// What survives of the task that runs, and when the power is cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Power {
    /// After which save of each task the power is cut, from 1.
    cut_after: Option<u32>,
    saves: u32,
    saved: Option<Saved>,
    parts: Rc<RefCell<Parts>>,
}

/// A state, and how long each output was then.
#[derive(Clone, Debug)]
struct Saved {
    state: Vec<u8>,
    lengths: Vec<usize>,
}

/// What a task unwinds with when the power is cut.
struct PowerCut;

impl Power {
    pub(super) fn state(&self) -> Option<Vec<u8>> {
        self.saved.as_ref().map(|saved| saved.state.clone())
    }
}

/// Saves the state of the task that runs.
pub(super) fn save(power: &RefCell<Power>, state: &[u8]) {
    assert!(state.len() <= STATE_BYTES_MAX, "a state may have {STATE_BYTES_MAX} bytes");
    let mut here = power.borrow_mut();
    let lengths = here.parts.borrow().iter().map(Vec::len).collect();
    here.saved = Some(Saved { state: state.to_vec(), lengths });
    here.saves += 1;
    if here.cut_after == Some(here.saves) {
        drop(here);
        // No panic, so that no message is printed.
        resume_unwind(Box::new(PowerCut));
    }
}

impl Run {
    /// Cuts the power right after the n-th save of each task, from 1, and runs it again from what
    /// it saved. The result must be the same.
    #[must_use]
    pub fn power_cut_after(self, saves: u32) -> Self {
        self.surroundings.power.borrow_mut().cut_after = Some(saves);
        self
    }

    /// Whether the task that ran last has saved anything.
    pub(super) fn has_saved(&self) -> bool {
        self.surroundings.power.borrow().saves > 0
    }

    /// Runs a task, and again after a power cut.
    pub(super) fn attempt(
        &self,
        partitions: u32,
        task: impl Fn(&Rc<RefCell<Parts>>) -> JobResult,
    ) -> JobResult<Parts> {
        let parts = Rc::new(RefCell::new(vec![Vec::new(); partitions as usize]));
        {
            let mut power = self.surroundings.power.borrow_mut();
            (power.saves, power.saved) = (0, None);
            power.parts = Rc::clone(&parts);
        }
        let mut ended = catch_unwind(AssertUnwindSafe(|| self.within(|| task(&parts))));
        if ended.as_ref().is_err_and(|cause| cause.is::<PowerCut>()) {
            let saved = self.surroundings.power.borrow().saved.clone();
            let lengths = saved.map(|saved| saved.lengths).unwrap_or_default();
            for (part, len) in parts.borrow_mut().iter_mut().zip(lengths) {
                part.truncate(len);
            }
            ended = catch_unwind(AssertUnwindSafe(|| self.within(|| task(&parts))));
        }
        match ended {
            Ok(result) => result.map(|()| parts.take()),
            Err(cause) => resume_unwind(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    #[should_panic(expected = "a state may have 1048576 bytes")]
    fn a_state_has_a_limit() {
        save(&RefCell::new(Power::default()), &vec![0; (1 << 20) + 1]);
    }
}
