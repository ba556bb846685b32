//! One task and its states.

use bramble_protocol::ObjectRef;

use super::event::Timestamp;

/// Where a task stands.
///
/// ```text
///                 ┌──────────┐ its time has come
///                 ▼          │
///  Waiting ──► Ready ──► Delayed ◄─┐
///                │                 │ failed, to be tried again later
///                ▼                 │
///              Leased ─────────────┤
///               │ │                └► Ready: expired, node lost, given back, one more result
///               │ └───► Failed          wanted, or failed and to be tried again at once
///               ▼
///           Succeeded
/// ```
/// If an output is not in the store any more, its task goes from Succeeded to Ready, and those that
/// need it go from Ready or Delayed to Waiting: see [`super::redo`].
///
/// A job that ends drops its tasks; those that were open then have ended with it, by whichever
/// fate the job had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// Other tasks must be done first.
    Waiting {
        /// How many.
        dependencies: u32,
    },
    /// Waits for a slot.
    Ready,
    /// Failed a moment ago and is not tried again before its time.
    Delayed {
        /// When it is ready.
        until: Timestamp,
    },
    /// Nodes have the right to run it: see [`super::trial::Trial::leases`].
    Leased,
    /// Done.
    Succeeded {
        /// What it wrote.
        outputs: Box<[ObjectRef]>,
    },
    /// Failed for good.
    Failed,
}

impl TaskState {
    /// Whether a task may go from this state to `next`.
    ///
    /// What replaying the journal sees knows no leases, so `Ready` and `Delayed` may be followed
    /// by all that may follow `Leased`.
    pub(crate) const fn may_become(&self, next: &Self) -> bool {
        use TaskState::{Delayed, Failed, Leased, Ready, Succeeded, Waiting};
        matches!(
            (self, next),
            (Waiting { dependencies: 1 }, Ready)
                | (
                    Ready | Delayed { .. } | Leased,
                    Ready | Delayed { .. } | Succeeded { .. } | Failed
                )
                | (Ready | Delayed { .. }, Leased)
                | (Succeeded { .. }, Ready)
                | (Ready | Delayed { .. }, Waiting { dependencies: 1 })
        )
    }
}

/// A unit of a job's work. Kept small: a head holds a million of them.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Where it stands.
    pub(crate) state: TaskState,
    /// The highest number of its attempts, 0 before the first.
    pub(crate) number: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_goes_forward_until_it_is_done_or_has_failed_unless_an_output_is_lost() {
        let waiting = TaskState::Waiting { dependencies: 1 };
        let ready = TaskState::Ready;
        let delayed = TaskState::Delayed { until: Timestamp(1) };
        let leased = TaskState::Leased;
        let succeeded = TaskState::Succeeded { outputs: Box::default() };
        let failed = TaskState::Failed;
        let all = [&waiting, &ready, &delayed, &leased, &succeeded, &failed];
        for from in all {
            for to in all {
                let expected = if from == &waiting || from == &succeeded {
                    to == &ready
                } else if to == &waiting {
                    from == &ready || from == &delayed
                } else if from == &failed {
                    false
                } else {
                    !(from == &leased && to == &leased)
                };
                assert_eq!(from.may_become(to), expected, "{from:?} to {to:?}");
            }
        }
        assert!(!TaskState::Waiting { dependencies: 2 }.may_become(&ready));
    }

    #[test]
    fn a_task_is_small() {
        assert!(size_of::<Task>() <= 32, "{} bytes", size_of::<Task>());
    }
}
