//! Recording this machine, so that an odd board becomes a test.

use std::path::{Path, PathBuf};

use bramble_hardware::{Watched, record};
use bramble_protocol::error_chain;

use crate::args::doctor::DoctorArgs;
use crate::commands::Context;
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, human};
use crate::paths;

/// Where `bramble setup node` mounts the head's objects.
const SHARE: &str = "/srv/bramble/store";
/// Where the services of set-up and packages keep what an agent has.
const AGENT_DIR: &str = "/var/lib/bramble-agent";

/// The agent's directory on this machine, whose disk is part of what is recorded.
fn agent_dir() -> Option<PathBuf> {
    let service = PathBuf::from(AGENT_DIR);
    let own = || paths::agent_dir(&bramble_hardware::default_node_name()).ok();
    Some(service).filter(|dir| dir.is_dir()).or_else(own).or_else(|| Some("/".into()))
}

/// Records this machine in a new directory.
///
/// # Errors
/// When the directory is there already, or cannot be written.
pub(super) fn run(context: &Context, dir: &Path, args: &DoctorArgs) -> CliResult<()> {
    let shown = paths::shown(dir);
    if dir.symlink_metadata().is_ok() {
        return Err(CliError::new(Slug::Usage, format!("{shown} is there already"))
            .help("name a directory that is not there yet"));
    }
    let watched = Watched {
        data_dir: args.data.clone().or_else(agent_dir),
        share: args.share.clone().or_else(|| Some(SHARE.into())),
    };
    let written = record(Path::new("/"), &watched, dir).map_err(|error| {
        // What is there of it is of no use, and would be in the way the next time.
        let _ = std::fs::remove_dir_all(dir);
        CliError::new(Slug::Local, "this machine cannot be recorded").why(error_chain(&error))
    })?;
    if context.output.format != Format::Human {
        let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        return match context.output.format {
            Format::Json => context.output.json(&names, false),
            _ => context.output.text(&format!("{}\n", names.join("\n"))),
        };
    }
    let count = human::count(written.len() as u64, "file");
    context.output.say("Recorded", &format!("{count} in {shown}"));
    context.output.note(
        "serial numbers, hardware addresses and the names of machines and directories were \
         replaced; look through it before you pass it on",
    );
    context.output.note(&format!("pack it with: tar czf board.tar.gz {shown}"));
    context.output.note("what to do with it: docs/boards.md, \"An odd board\"");
    Ok(())
}
