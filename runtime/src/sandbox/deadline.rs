//! How long a guest may run: processor time of its thread, and time on the wall behind it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bramble_protocol::{AttemptOutcome, Limits};
use rustix::time::{ClockId, clock_gettime};
use wasmtime::Engine;

/// How often a running guest is looked at.
const TICK: Duration = Duration::from_millis(10);

/// Processor time that this thread has used.
pub(crate) fn thread_cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

/// The end of one task's time, to be asked on the thread that runs it.
#[derive(Debug)]
pub(crate) struct Deadline {
    cpu_end: Duration,
    cpu_ms_max: u64,
    wall_end: Instant,
    wall_ms_max: u64,
}

impl Deadline {
    pub(crate) fn start(limits: &Limits) -> Self {
        Self {
            cpu_end: thread_cpu_time() + Duration::from_millis(limits.cpu_ms_max),
            cpu_ms_max: limits.cpu_ms_max,
            wall_end: Instant::now() + Duration::from_millis(limits.wall_ms_max),
            wall_ms_max: limits.wall_ms_max,
        }
    }

    /// The outcome to stop with, once the time is over.
    pub(crate) fn over(&self) -> Option<AttemptOutcome> {
        if thread_cpu_time() >= self.cpu_end {
            return Some(AttemptOutcome::OutOfTime { limit_ms: self.cpu_ms_max });
        }
        (Instant::now() >= self.wall_end)
            .then_some(AttemptOutcome::TimedOut { limit_ms: self.wall_ms_max })
    }
}

/// Advances the epoch of engines while a guest runs. Sleeps when none does, so that an idle node
/// wakes for nothing.
#[derive(Clone, Debug)]
pub(crate) struct Ticker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: bool,
    parked: bool,
    stopped: bool,
}

impl Ticker {
    /// Starts the thread that ticks.
    pub(crate) fn start<const N: usize>(engines: [Engine; N]) -> std::io::Result<Self> {
        let ticker = Self(Arc::default());
        let shared = Arc::clone(&ticker.0);
        std::thread::Builder::new()
            .name("epoch".into())
            .stack_size(64 << 10)
            .spawn(move || tick(&shared, &engines))?;
        Ok(ticker)
    }

    /// Ticks until the answer is dropped.
    pub(crate) fn run(&self) -> Running<'_> {
        let mut state = self.state();
        state.running = true;
        if state.parked {
            self.0.changed.notify_one();
        }
        Running(self)
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
        self.0.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While this lives, the epoch advances.
pub(crate) struct Running<'a>(&'a Ticker);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().running = false;
    }
}

fn tick(shared: &Shared, engines: &[Engine]) {
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    while !state.stopped {
        if state.running {
            let timeout = shared.changed.wait_timeout(state, TICK);
            state = timeout.unwrap_or_else(PoisonError::into_inner).0;
            engines.iter().for_each(Engine::increment_epoch);
        } else {
            state.parked = true;
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.parked = false;
        }
    }
}
