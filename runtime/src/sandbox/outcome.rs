//! Turns what wasmtime and the guest say into the outcome of a task.

use bramble_protocol::{AttemptOutcome, Countable, GuestErrorKind, Limits, Mode, TrapKind};
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::bindings::bramble::job::types::JobError;
use super::host::Host;
use super::limits::MemoryLimit;
use super::log::{clean, shorten};

/// Longest message kept, in bytes.
const MESSAGE_BYTES_MAX: usize = 8 << 10;
/// Most calls shown of a backtrace.
const FRAMES_MAX: usize = 32;

/// Exit status of a command whose input is malformed (`EX_DATAERR`).
const EXIT_BAD_INPUT: i32 = 65;
/// Exit status of a command whose parameters are unusable (`EX_CONFIG`).
const EXIT_BAD_PARAM: i32 = 78;

/// The outcome of a guest that was stopped by `error`; `None` for an exit status of 0.
pub(super) fn of_error(
    error: &wasmtime::Error,
    host: &Host,
    limits: &Limits,
) -> Option<AttemptOutcome> {
    // What the host noticed first is the cause; what the guest then did only follows.
    if let Some(outcome) = host.fault.get() {
        return Some(outcome.clone());
    }
    let exit = error.downcast_ref::<I32Exit>().map(|exit| exit.0);
    if exit == Some(0) {
        return None;
    }
    if let Some(EXIT_BAD_INPUT | EXIT_BAD_PARAM) = exit {
        return exit.map(|status| of_exit(status, host));
    }
    if let Some(outcome) = MemoryLimit::of_count(error).or_else(|| of_handles(error)) {
        return Some(outcome);
    }
    if matches!(error.downcast_ref::<Trap>(), Some(Trap::OutOfFuel)) {
        return Some(AttemptOutcome::OutOfFuel {
            limit: limits.fuel_max_for(Mode::Verify).unwrap_or_default(),
        });
    }
    if let Some(outcome) = host.memory.refused() {
        return Some(outcome);
    }
    Some(exit.map_or_else(|| of_trap(error, host), |status| of_exit(status, host)))
}

/// The outcome of a job that answered with an error.
pub(super) fn of_job_error(error: JobError, host: &Host) -> AttemptOutcome {
    let (error, message) = match error {
        JobError::BadInput(message) => (GuestErrorKind::BadInput, message),
        JobError::BadParam(message) => (GuestErrorKind::BadParam, message),
        JobError::Failed(message) => {
            if let Some(outcome) = host.memory.refused() {
                return outcome;
            }
            (GuestErrorKind::Failed, message)
        }
    };
    let message = match message.trim() {
        "" => "the job said that it failed, and not why".to_owned(),
        message => shorten(&clean(message), MESSAGE_BYTES_MAX),
    };
    AttemptOutcome::GuestFailed { error, message }
}

/// The outcome of a command that ended with a status other than 0.
pub(super) fn of_exit(status: i32, host: &Host) -> AttemptOutcome {
    let error = match status {
        EXIT_BAD_INPUT => GuestErrorKind::BadInput,
        EXIT_BAD_PARAM => GuestErrorKind::BadParam,
        _ => GuestErrorKind::ExitStatus,
    };
    let log = host.log.text();
    let last = log.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let message = match last {
        Some(line) => format!("exit status {status}: {}", shorten(line, MESSAGE_BYTES_MAX)),
        None => format!("exit status {status}"),
    };
    AttemptOutcome::GuestFailed { error, message }
}

fn of_handles(error: &wasmtime::Error) -> Option<AttemptOutcome> {
    let full = error.downcast_ref::<ResourceTableError>()?;
    matches!(full, ResourceTableError::Full).then_some(AttemptOutcome::TooMuch {
        of: Countable::Handles,
        limit: super::wasi::HANDLES_MAX as u64,
    })
}

fn of_trap(error: &wasmtime::Error, host: &Host) -> AttemptOutcome {
    let trap = error.downcast_ref::<Trap>().copied();
    let said = panic_message(&host.log.text()).unwrap_or_else(|| match trap {
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => clean(&error.root_cause().to_string()),
    });
    let mut message = shorten(&said, MESSAGE_BYTES_MAX / 2);
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        message.push_str(&calls(backtrace));
    }
    let trap = trap.map_or(TrapKind::Other, kind_of);
    AttemptOutcome::Trapped { trap, message: shorten(&message, MESSAGE_BYTES_MAX) }
}

fn kind_of(trap: Trap) -> TrapKind {
    match trap {
        Trap::UnreachableCodeReached => TrapKind::Unreachable,
        Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => TrapKind::BadCall,
        Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger => {
            TrapKind::Arithmetic
        }
        Trap::StackOverflow => TrapKind::StackOverflow,
        _ => TrapKind::Other,
    }
}

/// The guest's own calls, innermost first, by name where the module has names.
fn calls(backtrace: &WasmBacktrace) -> String {
    let shown = backtrace.to_string();
    let mut text = String::new();
    // The first line is wasmtime's heading.
    for line in shown.lines().skip(1).take(FRAMES_MAX) {
        text.push('\n');
        text.push_str(&clean(line));
    }
    let hidden = backtrace.frames().len().saturating_sub(FRAMES_MAX);
    if hidden > 0 {
        text.push_str(&format!("\n  … and {hidden} more"));
    }
    text
}

/// What a Rust guest wrote to its standard error when it panicked last.
fn panic_message(log: &str) -> Option<String> {
    let from = &log[log.rfind("panicked at ")?..];
    let mut lines = from.lines();
    let mut message = lines.next()?.trim_end().to_owned();
    if message.ends_with(':')
        && let Some(said) = lines.next()
    {
        message.push(' ');
        message.push_str(said.trim());
    }
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_panic_of_a_rust_guest_is_found_in_its_log() {
        let log = "hello\nthread 'main' panicked at src/main.rs:3:5:\nno such thing\nnote: run\n";
        let message = panic_message(log).unwrap();
        assert_eq!(message, "panicked at src/main.rs:3:5: no such thing");
        assert_eq!(panic_message("hello"), None);
    }
}
