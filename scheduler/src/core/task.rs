//! One task and its states.

use bramble_protocol::{LeaseId, NodeId, ObjectRef};

/// Where a task stands.
///
/// ```text
///  Waiting ──► Ready ──► Leased ──► Succeeded
///                ▲          │
///                └──────────┘ expired, node lost, given back, or failed and worth another try
/// ```
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
    /// A node has the right to run it.
    Leased {
        /// The node.
        node: NodeId,
        /// The right.
        lease: LeaseId,
    },
    /// Done.
    Succeeded {
        /// What it wrote.
        outputs: Box<[ObjectRef]>,
    },
}

impl TaskState {
    /// Whether a task may go from this state to `next`.
    ///
    /// `Ready` to `Succeeded` is what replaying the journal sees, which knows no leases.
    pub(crate) const fn may_become(&self, next: &Self) -> bool {
        use TaskState::{Leased, Ready, Succeeded, Waiting};
        matches!(
            (self, next),
            (Waiting { dependencies: 1 }, Ready)
                | (Ready, Leased { .. } | Succeeded { .. })
                | (Leased { .. }, Ready | Succeeded { .. })
        )
    }
}

/// A unit of a job's work.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Where it stands.
    pub(crate) state: TaskState,
    /// Number of the latest attempt, 0 before the first.
    pub(crate) number: u32,
    /// Nodes on which attempts failed, one entry for each failure.
    pub(crate) failed_on: Vec<NodeId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_goes_forward_and_only_a_lease_goes_back() {
        let waiting = TaskState::Waiting { dependencies: 1 };
        let ready = TaskState::Ready;
        let leased = TaskState::Leased { node: NodeId(1), lease: LeaseId(1) };
        let succeeded = TaskState::Succeeded { outputs: Box::default() };
        let all = [&waiting, &ready, &leased, &succeeded];
        let allowed = [
            (&waiting, &ready),
            (&ready, &leased),
            (&ready, &succeeded),
            (&leased, &ready),
            (&leased, &succeeded),
        ];
        for from in all {
            for to in all {
                let expected = allowed.contains(&(from, to));
                assert_eq!(from.may_become(to), expected, "{from:?} to {to:?}");
            }
        }
        assert!(!TaskState::Waiting { dependencies: 2 }.may_become(&ready));
    }
}
