//! How fast this node runs guests: the head's calibration job, a few times in a runner.

use std::time::{Duration, Instant};

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, error_chain};

use super::objects::Objects;
use crate::runner::{RunnerError, RunnerProcess};

/// The most runs. The first pays for what every later one finds in place.
const RUNS_MAX: u32 = 5;
/// No run starts after so long: a slow board is measured well enough by one.
const ENOUGH: Duration = Duration::from_millis(250);

/// Processor time of the fastest run in the runner that `start` gives, in microseconds. `None`, and a word in the log, when there
/// is none: the node then works on without being measured.
pub(super) fn measure(
    objects: &Objects,
    work: &Work,
    start: impl FnOnce() -> Result<RunnerProcess, RunnerError>,
) -> Option<u64> {
    let result = objects
        .provide(std::iter::once(&work.artefact).chain(&work.inputs))
        .map_err(|outcome| outcome.message())
        .and_then(|()| start().map_err(|error| error_chain(&error)))
        .and_then(|mut runner| fastest(&mut runner, work));
    match result {
        Ok(cpu_us) => Some(cpu_us),
        Err(why) => {
            tracing::warn!("this node's speed could not be measured: {why}");
            None
        }
    }
}

fn fastest(runner: &mut RunnerProcess, work: &Work) -> Result<u64, String> {
    let begun = Instant::now();
    let mut fastest = u64::MAX;
    for _ in 0..RUNS_MAX {
        let finished = runner.run(work);
        match finished.outcome {
            AttemptOutcome::Succeeded { .. } => fastest = fastest.min(finished.usage.cpu_us),
            other => return Err(other.message()),
        }
        if begun.elapsed() > ENOUGH {
            break;
        }
    }
    Ok(fastest)
}
