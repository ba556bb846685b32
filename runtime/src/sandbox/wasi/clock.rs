//! A clock that starts where the job says and moves only when the guest looks at it or
//! waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use crate::sandbox::host::Host;

/// Each look takes this long, so that a guest that waits in a loop gets on. In nanoseconds.
const STEP_NS: u64 = 1000;

/// Clones show the same time.
#[derive(Clone, Debug)]
pub(crate) struct VirtualClock {
    elapsed_ns: Arc<AtomicU64>,
    start: Duration,
}

impl VirtualClock {
    /// A clock that shows `start_ms` milliseconds since 1970.
    pub(crate) fn new(start_ms: u64) -> Self {
        Self { elapsed_ns: Arc::default(), start: Duration::from_millis(start_ms) }
    }

    /// Shows the time since the start in nanoseconds, and moves on by a step.
    fn look(&self) -> u64 {
        self.elapsed_ns.fetch_add(STEP_NS, Ordering::Relaxed)
    }

    /// Moves to a time unless it has passed. All waiting is over at once this way.
    pub(crate) fn wait_until(&self, elapsed_ns: u64) {
        self.elapsed_ns.fetch_max(elapsed_ns, Ordering::Relaxed);
    }

    /// Moves on.
    pub(crate) fn wait_for(&self, ns: u64) {
        self.wait_until(self.elapsed_ns.load(Ordering::Relaxed).saturating_add(ns));
    }

    /// Moves to a time since 1970 unless it has passed.
    pub(crate) fn wait_until_date(&self, ns: u64) {
        let start_ns = u64::try_from(self.start.as_nanos()).unwrap_or(u64::MAX);
        self.wait_until(ns.saturating_sub(start_ns));
    }
}

impl HostWallClock for VirtualClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(STEP_NS)
    }

    fn now(&self) -> Duration {
        self.start.saturating_add(Duration::from_nanos(self.look()))
    }
}

impl HostMonotonicClock for VirtualClock {
    fn resolution(&self) -> u64 {
        STEP_NS
    }

    fn now(&self) -> u64 {
        self.look()
    }
}

/// Names [`Host`] to the linker.
pub(super) struct HostClock;

impl HasData for HostClock {
    type Data<'a> = &'a mut Host;
}

impl monotonic_clock::Host for Host {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.look())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(STEP_NS)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.clock.wait_until(when);
        passed(self)
    }

    fn subscribe_duration(&mut self, ns: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.clock.wait_for(ns);
        passed(self)
    }
}

/// A time that has passed.
struct Passed;

#[wasmtime_wasi::async_trait]
impl Pollable for Passed {
    async fn ready(&mut self) {}
}

fn passed(host: &mut Host) -> wasmtime::Result<Resource<DynPollable>> {
    let table = host.ctx().table;
    let passed = table.push(Passed)?;
    subscribe(table, passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_and_waiting_move_the_clock_and_nothing_else_does() {
        let clock = VirtualClock::new(5000);
        assert_eq!(HostMonotonicClock::now(&clock), 0);
        assert_eq!(HostMonotonicClock::now(&clock), STEP_NS);
        clock.wait_for(1_000_000);
        assert_eq!(HostMonotonicClock::now(&clock), 1_000_000 + 2 * STEP_NS);
        clock.wait_until(7);
        clock.wait_until_date(6_000_000_000);
        assert_eq!(HostWallClock::now(&clock), Duration::from_secs(6));
    }
}
