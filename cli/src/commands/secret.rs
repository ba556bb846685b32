//! `bramble secret`: gives a job the secrets that its head lost by a restart.

use super::{Context, select};
use crate::args::secrets::{SecretArgs, SecretCommandArgs};
use crate::error::CliResult;
use crate::output::{Format, human};
use crate::request::secrets;

/// Gives a job its secrets again.
///
/// # Errors
/// When they cannot be read, or are not those of the job by name.
pub(crate) fn run(context: &Context, args: &SecretCommandArgs) -> CliResult<()> {
    let typed = SecretArgs { readable: args.secrets.clone(), ..SecretArgs::default() };
    let secrets = secrets::read(&typed, false)?;
    let client = context.client()?;
    let id = select::one(&client, args.job)?;
    let view = client.give_secrets(id, secrets)?;
    let name = human::safe_field(&view.spec.name);
    context.output.say("Given", &format!("job {id} \"{name}\" has its secrets and goes on"));
    match context.output.format {
        Format::Json => context.output.json(&view, true),
        Format::Human | Format::Plain => Ok(()),
    }
}
