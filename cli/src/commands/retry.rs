//! `bramble retry`: a job that failed, once more, without what it has done already.

use super::{Context, select, watch};
use crate::args::jobs::RetryArgs;
use crate::error::CliResult;
use crate::output::{Format, job};
use crate::request::secrets;
use crate::signals::Interrupt;

/// Tries a job again and waits for the new one.
///
/// # Errors
/// When there is nothing to try again, or the new job does not end well.
pub(crate) fn run(context: &Context, args: &RetryArgs) -> CliResult<()> {
    let secrets = secrets::read(&args.secrets, false)?;
    let interrupt = Interrupt::listen()?;
    let client = context.client()?;
    let output = &context.output;
    let earlier = select::one(&client, args.job)?;
    let view = client.retry(earlier, secrets)?;
    let done = view.saved.unwrap_or_default().tasks;
    let text = match view.tasks.total {
        0 => format!("job {} retries job {earlier}", view.id),
        total => {
            format!(
                "job {} retries job {earlier}: {done} of {total} tasks are done already",
                view.id
            )
        }
    };
    output.say("Queued", &text);
    if args.detach {
        return match output.format {
            Format::Json => output.json(&view, true),
            Format::Human | Format::Plain => output.line(&view.id.to_string()),
        };
    }
    let view = watch::wait(output, &client, view.id, args.timeout, &interrupt)?;
    if output.format == Format::Plain {
        output.table(&job::list(std::slice::from_ref(&view), super::now_ms()))?;
    }
    watch::fate(output, &client, &view)?;
    output.say("Finished", &job::finished(&view));
    output.note(&format!("            next: bramble get {}", view.id));
    Ok(())
}
