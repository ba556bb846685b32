//! `bramble watch`, and the waiting of `bramble submit`.

use std::time::{Duration, Instant};

use bramble_protocol::JobId;
use bramble_protocol::api::{JobState, JobView};

use super::previews::Shown;
use super::{Context, select};
use crate::args::jobs::WatchArgs;
use crate::client::{Client, Followed, Follower};
use crate::error::{CliError, CliResult, Slug};
use crate::output::progress::JobProgress;
use crate::output::{Format, Output, job};
use crate::signals::Interrupt;

/// How often the waiting looks up from the stream, for Ctrl-C and `--timeout`.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Follows a job until it ends.
///
/// # Errors
/// When it ends other than well, the time is up, or the head cannot be reached.
pub(crate) fn run(context: &Context, args: &WatchArgs) -> CliResult<()> {
    let interrupt = Interrupt::listen()?;
    let client = context.client()?;
    let id = select::one(&client, args.job)?;
    // Only a head that was there once is waited for.
    client.job(id)?;
    let mut shown =
        args.preview.as_deref().map(|dir| Shown::start(&client, id, dir)).transpose()?;
    let mut look = || shown.as_mut().map_or(Ok(()), Shown::look);
    let view = wait_and(&context.output, &client, id, args.timeout, &interrupt, &mut look)?;
    if let Some(mut shown) = shown {
        shown.finish(&interrupt)?;
        context.output.say("Shown", &shown.summary());
    }
    fate(&context.output, &client, &view)?;
    context.output.say("Finished", &job::finished(&view));
    context.output.note(&format!("            next: bramble get {id}"));
    Ok(())
}

/// Waits until job `id` has ended, and shows its progress.
///
/// # Errors
/// When the time is up, Ctrl-C is pressed, or the head is away for too long.
pub(crate) fn wait(
    output: &Output,
    client: &Client,
    id: JobId,
    time_max: Option<Duration>,
    interrupt: &Interrupt,
) -> CliResult<JobView> {
    wait_and(output, client, id, time_max, interrupt, &mut || Ok(()))
}

/// The same, and calls `meanwhile` again and again.
fn wait_and(
    output: &Output,
    client: &Client,
    id: JobId,
    time_max: Option<Duration>,
    interrupt: &Interrupt,
    meanwhile: &mut dyn FnMut() -> CliResult<()>,
) -> CliResult<JobView> {
    let started = Instant::now();
    let mut progress = JobProgress::new(*output);
    let follower = Follower::start(client, id)?;
    loop {
        if interrupt.is_set() {
            return Err(CliError::new(
                Slug::Interrupted,
                format!("stopped waiting; job {id} goes on"),
            )
            .help(format!("`bramble cancel {id}` stops it · `bramble watch {id}` waits again")));
        }
        if let Some(time_max) = time_max.filter(|time_max| started.elapsed() >= *time_max) {
            let shown = crate::output::human::duration(time_max);
            let what = format!("job {id} was not done after {shown}; it goes on");
            return Err(CliError::new(Slug::TimeoutPassed, what).help(format!(
                "`bramble watch {id}` waits again · `bramble cancel {id}` stops it"
            )));
        }
        meanwhile()?;
        match follower.next(LOOK_UP) {
            None => {}
            Some(Followed::Job(view)) => {
                if output.format == Format::Json {
                    output.json(&view, true)?;
                }
                progress.update(&view);
                if view.state.is_final() {
                    return Ok(*view);
                }
            }
            Some(Followed::Away) => progress.remark(&format!(
                "the head at {} does not answer; trying again for a minute (job {id} is safe)",
                client.url()
            )),
            Some(Followed::Failed(error)) => {
                return Err(error.help(format!("the job is not lost: bramble watch {id}")));
            }
        }
    }
}

/// Turns the end of a job into that of the program.
///
/// # Errors
/// When the job failed or was cancelled: an error that says why.
pub(crate) fn fate(output: &Output, client: &Client, view: &JobView) -> CliResult<()> {
    if view.state == JobState::Done {
        return Ok(());
    }
    let logs = client.logs(view.id).unwrap_or_else(|error| {
        // The failure itself is what matters; the logs only explain it.
        output.detail(&format!("no logs: {error}"));
        Vec::new()
    });
    Err(job::failure(view, &logs))
}
