//! What a job may ask of whoever runs it. In a native test that is [`local`](crate::local).

use std::cell::Cell;
use std::fmt::Display;
use std::str::FromStr;

use crate::{Job, JobError, JobResult};

#[cfg(target_family = "wasm")]
use crate::__bindings::host as runner;
#[cfg(not(target_family = "wasm"))]
use crate::local::host as runner;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever writes the job.
    Debug,
    /// For whoever runs it.
    Info,
    /// Something is odd, but the task goes on.
    Warn,
    /// Something is wrong.
    Error,
}

impl Level {
    /// Its name, as in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Adds a line to the task's log, of which the last ones are kept: `bramble logs JOB`.
pub fn log(level: Level, message: impl Display) {
    runner::log(level, &message.to_string());
}

/// Logs what is for whoever writes the job.
pub fn debug(message: impl Display) {
    log(Level::Debug, message);
}

/// Logs what is for whoever runs it.
pub fn info(message: impl Display) {
    log(Level::Info, message);
}

/// Logs that something is odd.
pub fn warn(message: impl Display) {
    log(Level::Warn, message);
}

/// Logs that something is wrong.
pub fn error(message: impl Display) {
    log(Level::Error, message);
}

/// Tells how much is done out of how much, in any unit.
pub fn progress(done: u64, total: u64) {
    runner::progress(done, total);
}

/// A parameter: what the user gave by `--arg name=value`, else the default the job declared.
pub fn param(name: &str) -> Option<String> {
    runner::param(name).or_else(|| declared_default(name).map(str::to_owned))
}

/// A parameter, or `otherwise` when the user gave none and the job declared no default.
pub fn param_or(name: &str, otherwise: &str) -> String {
    param(name).unwrap_or_else(|| otherwise.to_owned())
}

/// A parameter that must be there and must be a `T`, such as a number.
///
/// # Errors
/// [`JobError::BadParam`] says which parameter is missing or what is wrong with its value.
pub fn param_as<T>(name: &str) -> JobResult<T>
where
    T: FromStr,
    T::Err: Display,
{
    let value = param(name).ok_or_else(|| {
        JobError::BadParam(format!("`{name}` is missing: give it by --arg {name}=VALUE"))
    })?;
    value.parse().map_err(|why| {
        JobError::BadParam(format!("`{name}` cannot be {}: {why}", crate::quote(&value)))
    })
}

/// All parameters the user gave, in the order of their names.
pub fn params() -> Vec<(String, String)> {
    runner::params()
}

/// What this job's `ranges` function answered; empty when it has none.
pub fn ranges() -> Vec<u8> {
    runner::ranges()
}

/// The state that this task saved last, if it was begun before: a power cut or the loss of a node
/// came between. Its outputs then hold what they held when it was saved; the input starts anew.
pub fn load() -> Option<Vec<u8>> {
    runner::load()
}

/// Makes `state`, of at most 1 MiB, durable. For jobs of `map_bytes`; others have
/// [`Output::save`](crate::Output::save) and [`Emitter::save`](crate::Emitter::save), which also
/// send on what is still gathered in the guest.
pub fn save(state: &[u8]) {
    runner::save(state);
}

/// Whether saving now is worth it: some time has passed since the last, or the board is about to
/// be switched off. Cheap enough to ask every few milliseconds.
pub fn should_save() -> bool {
    runner::should_save()
}

/// Whether the task should end early: its node is to be freed, say. A job may save and return an
/// error, and will be gone on with elsewhere; one that goes on is stopped a little later.
pub fn stopping() -> bool {
    runner::stopping()
}

/// A secret parameter: what the user gave by `--secret name=@FILE`. None when there is none, or
/// when it was given by `--sealed`, for the host's own ciphers only.
pub fn secret(name: &str) -> Option<Vec<u8>> {
    runner::secret(name)
}

/// Says that no task of a later chunk is needed: something was found. They are stopped or never
/// run, and the result is what this chunk and those before it wrote. The earliest chunk that says
/// so decides, so that the result is the same however the tasks were timed. It counts when the task
/// ends well, and only in jobs that map and do nothing else.
pub fn enough() {
    runner::enough();
}

/// Shows a small picture of the work so far, at most 64 KiB: `preview("image/png", &bytes)`. The
/// last one of each task is kept, about one a second; others are dropped. `bramble watch JOB
/// --preview DIR` has them as files.
pub fn preview(media: &str, bytes: &[u8]) {
    runner::preview(media, bytes);
}

thread_local! {
    static RUNNING: Cell<Option<&'static Job>> = const { Cell::new(None) };
}

/// Runs one phase of `job`, whose declared defaults [`param`] then knows.
pub(crate) fn within<T>(job: &'static Job, phase: impl FnOnce() -> T) -> T {
    /// Also when a native test unwinds.
    struct Restored(Option<&'static Job>);
    impl Drop for Restored {
        fn drop(&mut self) {
            RUNNING.set(self.0);
        }
    }
    let _restored = Restored(RUNNING.replace(Some(job)));
    phase()
}

fn declared_default(name: &str) -> Option<&'static str> {
    let params = RUNNING.get()?.declaration.params;
    params.iter().find(|param| param.name == name)?.default
}
