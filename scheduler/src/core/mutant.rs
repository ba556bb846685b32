//! Faults that can be built into the core on purpose, to show that the simulator finds them.
//!
//! Only with the feature `mutants`, which nothing but that test asks for; without it
//! [`mutated`] is `false` for the compiler too, and nothing of a fault is left in the program.

/// A fault. Each breaks one promise of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "mutants"),
    expect(unreachable_pub, reason = "public for the test that chooses one")
)]
pub enum Mutant {
    /// Reports are acknowledged before the journal has them.
    AckBeforeJournal,
    /// Requests are answered before the journal has what was done.
    AnswerBeforeJournal,
    /// A head that was started again counts its leases from the same number.
    LeaseNumbersReused,
    /// A report counts whatever attempt it names.
    AnyAttemptCounts,
    /// A report counts though another node has the lease.
    ForeignLeaseCounts,
    /// Any lease is taken back that no node has, also one that was lost or was for another job.
    AdoptsAnything,
    /// A heartbeat renews all leases of its node, also those that never arrived.
    RenewsUnnamed,
    /// Leases do not expire.
    NeverExpires,
    /// A node that is given up keeps its leases.
    LostKeepsLeases,
    /// A task that ends counts twice for those that wait for it.
    CountsTwice,
    /// A head that was started again waits for a lost node for ever.
    ComebackNeverEnds,
    /// Any number of outputs is taken for a success.
    AnyOutputs,
    /// Parts are merged in the wrong order.
    PartsReversed,
    /// An order is acknowledged but not journalled.
    OrderNotJournalled,
    /// Reports that come too late are not acknowledged.
    LateNotAcknowledged,
    /// A job that ends keeps its leases.
    EndKeepsLeases,
    /// A failed attempt's task is not tried again.
    RetryForgotten,
    /// A job that is cut short keeps the leases of the tasks that are not needed.
    CutKeepsLeases,
    /// A result that is used again does not say that later tasks are not needed.
    EnoughNotKept,
}

#[cfg(feature = "mutants")]
mod switch {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static CHOSEN: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    impl Mutant {
        /// All of them.
        pub const ALL: [Self; 19] = [
            Self::AckBeforeJournal,
            Self::AnswerBeforeJournal,
            Self::LeaseNumbersReused,
            Self::AnyAttemptCounts,
            Self::ForeignLeaseCounts,
            Self::AdoptsAnything,
            Self::RenewsUnnamed,
            Self::NeverExpires,
            Self::LostKeepsLeases,
            Self::CountsTwice,
            Self::ComebackNeverEnds,
            Self::AnyOutputs,
            Self::PartsReversed,
            Self::OrderNotJournalled,
            Self::LateNotAcknowledged,
            Self::EndKeepsLeases,
            Self::RetryForgotten,
            Self::CutKeepsLeases,
            Self::EnoughNotKept,
        ];

        /// Builds a fault into all schedulers of this thread, or none.
        pub fn choose(mutant: Option<Self>) {
            CHOSEN.set(mutant);
        }
    }

    pub(crate) fn mutated(mutant: Mutant) -> bool {
        CHOSEN.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub(crate) use switch::mutated;

/// Whether the core has this fault now.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn mutated(_: Mutant) -> bool {
    false
}
