//! `bramble cancel`: stops jobs.

use super::{Context, select};
use crate::args::jobs::CancelArgs;
use crate::error::CliResult;
use crate::output::{Format, human};

/// Stops the jobs that are named. One that cannot be stopped does not keep the others running.
///
/// # Errors
/// The last that went wrong; those before are shown.
pub(crate) fn run(context: &Context, args: &CancelArgs) -> CliResult<()> {
    let client = context.client()?;
    let output = &context.output;
    let several = args.jobs.len() > 1 || args.jobs.iter().any(|job| job.to_string().contains('-'));
    let mut jobs = select::all(&client, &args.jobs)?;
    if several {
        // Who names many means those that still run.
        jobs.retain(|job| !job.state.is_final());
    }
    let mut canceled = Vec::new();
    let mut failed = None;
    for job in jobs {
        match client.cancel(job.id) {
            Ok(view) => {
                let name = human::safe_field(&view.spec.name);
                output.say("Cancelled", &format!("job {} \"{name}\"", view.id));
                canceled.push(view);
            }
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    output.error(&earlier);
                }
            }
        }
    }
    match output.format {
        Format::Json => output.json(&canceled, false)?,
        Format::Plain => {
            for view in &canceled {
                output.line(&view.id.to_string())?;
            }
        }
        Format::Human if several && canceled.is_empty() && failed.is_none() => {
            output.note("none of them was running");
        }
        Format::Human => {}
    }
    failed.map_or(Ok(()), Err)
}
