//! `bramble get`: fetches a result.

use bramble_protocol::api::ResultView;

use super::{Context, fetch, select};
use crate::args::jobs::GetArgs;
use crate::error::{CliError, CliResult};
use crate::output::table::Table;
use crate::output::{Format, human};
use crate::signals::Interrupt;

/// Fetches a result, or lists what it consists of.
///
/// # Errors
/// When the job has none, it is damaged, or it cannot be written.
pub(crate) fn run(context: &Context, args: &GetArgs) -> CliResult<()> {
    let output = &context.output;
    let to_stdout = args.output.as_deref() == Some(std::path::Path::new("-"));
    if to_stdout && output.format == Format::Json {
        return Err(CliError::usage("--json and -o - both want standard output")
            .help("list with: bramble get JOB --list --json"));
    }
    let interrupt = Interrupt::listen()?;
    let client = context.client()?;
    let id = select::one(&client, args.job)?;
    let result = client.result(id)?;
    if args.list {
        return list(context, &result);
    }
    let target = fetch::Target::choose(args.output.as_deref(), &result.name, args.force)?;
    fetch::fetch(output, &client, &result, &target, &interrupt)?;
    let size = human::size(result.manifest.total_bytes);
    output.say("Fetched", &format!("{}  {size}, BLAKE3 checked", target.shown()));
    match output.format {
        Format::Json => output.json(&result, false),
        Format::Plain if !to_stdout => output.line(&target.shown()),
        Format::Plain | Format::Human => Ok(()),
    }
}

fn list(context: &Context, result: &ResultView) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(result, false);
    }
    let mut table = Table::new([">CHUNK", ">BYTES", "DIGEST"]);
    for (number, chunk) in result.manifest.chunks.iter().enumerate() {
        table.row([
            number.to_string().into(),
            chunk.size.to_string().into(),
            chunk.digest.to_string().into(),
        ]);
    }
    output.table(&table)?;
    output.note(&format!(
        "{} in {}, to be called {}",
        human::size(result.manifest.total_bytes),
        human::count(result.manifest.chunks.len() as u64, "chunk"),
        human::safe_field(&result.name),
    ));
    Ok(())
}
