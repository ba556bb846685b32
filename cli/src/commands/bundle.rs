//! `bramble bundle`: fetches what it takes to look for the fault of a task that failed.

use std::io::{self, Read, Write};

use super::Context;
use super::fetch::{Target, directory_of, keep};
use crate::args::jobs::BundleArgs;
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, human};

/// Fetches the bundle of one task.
///
/// # Errors
/// When the task has not failed, its objects are gone, or the file cannot be written.
pub(crate) fn run(context: &Context, args: &BundleArgs) -> CliResult<()> {
    let output = &context.output;
    let (job, task) = (args.task.job, args.task.index);
    let name = format!("job-{job}-task-{task}.tar");
    let target = Target::choose(args.output.as_deref(), &name, args.force)?;
    if target == Target::Stdout && output.format == Format::Json {
        return Err(CliError::usage("--json and -o - both want standard output")
            .help("name a file: -o FILE"));
    }
    let client = context.client()?;
    let mut body = client.bundle(job, task)?;
    let Target::File { path, .. } = &target else {
        copy(&mut body, &mut io::stdout().lock(), &CliError::stdout)?;
        return Ok(());
    };
    let failed = |error: &io::Error| CliError::file("write", path, error);
    let mut file = tempfile::Builder::new()
        .prefix(".bramble-")
        .tempfile_in(directory_of(path))
        .map_err(|error| failed(&error))?;
    let bytes = copy(&mut body, &mut file, &failed)?;
    keep(file, path).map_err(|error| failed(&error))?;
    output.say("Fetched", &format!("{}  {}", target.shown(), human::size(bytes)));
    output.note("its README.txt says how to run the task on this computer");
    match output.format {
        Format::Human => Ok(()),
        Format::Plain => output.line(&target.shown()),
        Format::Json => output.json(&serde_json::json!({ "file": path, "bytes": bytes }), false),
    }
}

/// Copies all that comes, and returns how much. A file that breaks off is not taken for whole.
fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    failed: &dyn Fn(&io::Error) -> CliError,
) -> CliResult<u64> {
    let mut block = vec![0; 128 << 10];
    let mut bytes = 0;
    loop {
        let count = from.read(&mut block).map_err(|error| {
            CliError::new(Slug::Unreachable, "the head stopped sending").because(&error)
        })?;
        if count == 0 {
            to.flush().map_err(|error| failed(&error))?;
            return Ok(bytes);
        }
        to.write_all(&block[..count]).map_err(|error| failed(&error))?;
        bytes += count as u64;
    }
}
