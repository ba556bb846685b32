//! The corpus of hostile modules: what each is, which limits it runs under, and how it must end.
//!
//! Small ones are text in `tests/fixtures/hostile`; large and malformed ones are generated.

mod bombs;
mod broken;
mod bytes;
mod fixtures;
mod jobs;
mod lies;

/// A hostile module and what must become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, also that of its file and its job.
    pub name: String,
    /// The module as it is sent: text or binary.
    pub module: Vec<u8>,
    /// Flags of `bramble submit` in addition to [`LIMITS`], which they override.
    pub flags: &'static [&'static str],
    /// How it must end.
    pub expected: Expected,
}

/// How a hostile module must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Refused when it is submitted, with all of these words in the message.
    Refused(&'static [&'static str]),
    /// As a job that failed, with one of these outcomes.
    Fails(&'static [&'static str]),
    /// As a job that is done, because what it tries does it no good, with this result.
    Done(&'static [u8]),
    /// As a job that is done, with whatever result.
    Ends,
    /// Refused, failed or done: nobody else may notice, and it must not take long.
    Contained,
}

/// What every case may use unless its flags say otherwise. Small, so that the whole corpus takes
/// a minute; the time on the wall is long because it also counts the waiting for a busy processor.
pub const LIMITS: &[&str] =
    &["--cpu-time=300ms", "--time-limit=30s", "--memory=8M", "--output-limit=1M", "--attempts=1"];

/// Processor time that [`LIMITS`] grant, in microseconds.
pub const CPU_US_MAX: u64 = 300_000;

/// How long after its limit a guest may still run, in microseconds.
pub const GRACE_US: u64 = 2_000_000;

impl Case {
    fn new(name: impl Into<String>, module: impl Into<Vec<u8>>, expected: Expected) -> Self {
        Self { name: name.into(), module: module.into(), flags: &[], expected }
    }

    fn with(mut self, flags: &'static [&'static str]) -> Self {
        self.flags = flags;
        self
    }
}

/// All of it.
pub fn corpus() -> Vec<Case> {
    [fixtures::cases(), lies::cases(), jobs::cases(), bombs::cases(), broken::cases()].concat()
}

/// Those that are text in the directory, for a check that none is forgotten.
pub fn fixture_names() -> Vec<String> {
    fixtures::cases().into_iter().map(|case| case.name).collect()
}

const OUT_OF_TIME: Expected = Expected::Fails(&["out-of-time"]);
const OUT_OF_MEMORY: Expected = Expected::Fails(&["out-of-memory"]);
const STACK_OVERFLOW: Expected = Expected::Fails(&["stack-overflow"]);
const TRAPPED: Expected = Expected::Fails(&["trapped"]);
