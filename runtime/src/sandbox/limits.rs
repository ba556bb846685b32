//! A guest's memory, counted over all its memories together.

use bramble_protocol::{AttemptOutcome, Countable};
use wasmtime::ResourceLimiter;

/// Linear memories of one task: a component with an adapter has two, a Python interpreter built
/// from shared libraries a few more.
const MEMORIES_MAX: usize = 32;
/// Tables of one task.
const TABLES_MAX: usize = 64;
/// Elements of all tables together; the largest programs have some tens of thousands.
const TABLE_ELEMENTS_MAX: usize = 500_000;
/// Core instances of one task.
const INSTANCES_MAX: usize = 128;
/// How often a guest may ask in vain. Each request costs a call of the kernel.
const REFUSALS_MAX: u32 = 100_000;

/// Grants memory up to a sum, and remembers what was refused.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    bytes_max: u64,
    bytes: u64,
    bytes_peak: u64,
    elements: usize,
    refusals: u32,
    wanted_bytes: u64,
    are_elements_refused: bool,
}

impl MemoryLimit {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            bytes_peak: 0,
            elements: 0,
            refusals: 0,
            wanted_bytes: 0,
            are_elements_refused: false,
        }
    }

    /// The most there may be, in bytes.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Most memory at one time, in bytes.
    pub(crate) fn bytes_peak(&self) -> u64 {
        self.bytes_peak
    }

    /// How often memory was refused.
    pub(crate) fn refusals(&self) -> u32 {
        self.refusals
    }

    /// What explains the failure of a guest that was refused something.
    pub(crate) fn refused(&self) -> Option<AttemptOutcome> {
        if self.refusals > 0 {
            return Some(AttemptOutcome::MemoryExceeded {
                wanted_bytes: self.wanted_bytes,
                limit_bytes: self.bytes_max,
                refusals: self.refusals,
            });
        }
        let limit = TABLE_ELEMENTS_MAX as u64;
        self.are_elements_refused
            .then_some(AttemptOutcome::TooMuch { of: Countable::TableElements, limit })
    }

    /// The outcome for an error that wasmtime makes of one of the counts below. It has no type.
    pub(crate) fn of_count(error: &wasmtime::Error) -> Option<AttemptOutcome> {
        let text = error.root_cause().to_string();
        let what = text.strip_prefix("resource limit exceeded: ")?;
        let (of, limit) = [
            ("instance", Countable::Instances, INSTANCES_MAX),
            ("memory", Countable::Memories, MEMORIES_MAX),
            ("table", Countable::Tables, TABLES_MAX),
        ]
        .into_iter()
        .find_map(|(name, of, limit)| what.starts_with(name).then_some((of, limit)))?;
        Some(AttemptOutcome::TooMuch { of, limit: limit as u64 })
    }

    fn refuse(&mut self, wanted: u64) -> wasmtime::Result<bool> {
        self.refusals += 1;
        self.wanted_bytes = self.wanted_bytes.max(wanted);
        if self.refusals > REFUSALS_MAX {
            return Err(wasmtime::format_err!(
                "asked for memory {REFUSALS_MAX} times after the limit was reached"
            ));
        }
        Ok(false)
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The module's own bound, which is no concern of ours.
            return Ok(false);
        }
        let more = (desired as u64).saturating_sub(current as u64);
        let wanted = self.bytes.saturating_add(more);
        if wanted > self.bytes_max {
            return self.refuse(wanted);
        }
        self.bytes = wanted;
        self.bytes_peak = self.bytes_peak.max(wanted);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // Also called for requests that were never granted, so that nothing may be taken back:
        // a guest could otherwise lower its own count.
        self.refuse(self.bytes).map(drop)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let wanted = self.elements.saturating_add(desired.saturating_sub(current));
        if wanted > TABLE_ELEMENTS_MAX {
            self.are_elements_refused = true;
            return Ok(false);
        }
        self.elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(wanted_bytes: u64, refusals: u32) -> AttemptOutcome {
        AttemptOutcome::MemoryExceeded { wanted_bytes, limit_bytes: 100, refusals }
    }

    #[test]
    fn the_limit_holds_for_all_memories_together() {
        let mut limit = MemoryLimit::new(100);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 60, None).unwrap());
        assert!(limit.memory_growing(60, 100, None).unwrap());
        assert_eq!(limit.bytes_peak(), 100);
        assert_eq!(limit.refused(), Some(refused(120, 1)));
    }

    #[test]
    fn a_growth_that_fails_is_remembered_and_never_lowers_the_count() {
        let mut limit = MemoryLimit::new(100);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        limit.memory_grow_failed(wasmtime::format_err!("no pages")).unwrap();
        assert!(!limit.memory_growing(0, 60, None).unwrap());
        assert_eq!(limit.refused(), Some(refused(120, 2)));
    }

    #[test]
    fn a_module_that_meets_its_own_maximum_was_refused_nothing() {
        let mut limit = MemoryLimit::new(100);
        assert!(!limit.memory_growing(0, 60, Some(50)).unwrap());
        assert_eq!(limit.refused(), None);
    }

    #[test]
    fn a_storm_of_refused_requests_ends_in_a_trap() {
        let mut limit = MemoryLimit::new(10);
        let end =
            (0..=REFUSALS_MAX).map(|_| limit.memory_growing(0, 11, None)).find(Result::is_err);
        assert!(end.is_some());
    }
}
