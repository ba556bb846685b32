//! `bramble agent`: makes this machine a node.

use std::path::{Path, PathBuf};
use std::thread;

use bramble_protocol::{TargetClass, error_chain};
use bramble_runtime::agent::{self, AgentConfig, AgentError, Pulse, ShareAccess, StoreAccess};
use bramble_store::StoreError;
use bramble_store::lock::DirectoryLock;

use super::membership::{self, Membership};
use super::stop::Stop;
use super::{data, logging, notify};
use crate::args::cluster::AgentArgs;
use crate::commands::Context;
use crate::error::{CliError, CliResult, Slug};
use crate::paths;

/// Runs an agent until it is told to stop. A head that is away is waited for.
///
/// # Errors
/// When the head refuses it for good, or its directory cannot be used.
pub(crate) fn run(context: &Context, args: &AgentArgs) -> CliResult<()> {
    logging::start(&context.output)?;
    let head = membership::head_url(&args.head)?;
    let name = args.name.clone().unwrap_or_else(bramble_hardware::default_node_name);
    let (home, _lock) = home(args, &name)?;
    let store = store_access(args, &home)?;
    let membership = Membership::find(args, &home)?;
    let dir = store.dir().to_owned();
    let (pulse, beats) = tokio::sync::watch::channel(Pulse::Away);
    let shown = head.clone();
    let config = AgentConfig {
        head,
        name,
        slots: args.slots.unwrap_or_else(processors),
        tls: membership.tls,
        join: membership.join,
        head_file: Some(membership.head_file),
        machine: bramble_hardware::machine_id(Path::new("/")),
        heads_file: match &store {
            StoreAccess::Own(_) => Some(home.join(data::HEADS_FILE)),
            StoreAccess::Shared(_) => None,
        },
        store,
        share: args.share.clone().map(|dir| ShareAccess { dir, patience: args.share_timeout }),
        simulate: args.simulate,
        class: class(args)?,
        program: args.program.clone().map_or_else(paths::program, Ok)?,
        version: env!("CARGO_PKG_VERSION").into(),
        power_off: args.power_off_command.as_deref().map(words),
        pulse,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Slug::Local, "cannot start the agent").because(&error))?;
    let ended = runtime.block_on(async {
        let stop = Stop::listen(args.exit_with_parent)?;
        let stop = async {
            stop.requested().await;
            notify::stopping();
        };
        // Both by one thread: an agent that blocks keeps the other from telling that it lives.
        let (ended, ()) = tokio::join!(agent::run(config, stop), notify::agent(beats, &shown));
        Ok::<_, CliError>(ended)
    })?;
    ended.map_err(|error| match &error {
        AgentError::Store { source: source @ StoreError::NotWritable { .. }, .. }
            if args.store.is_some() =>
        {
            data::store_error(&dir, source)
                .help("a directory of the head's that can only be read is for --share")
        }
        AgentError::Store { source, .. } => data::store_error(&dir, source),
        AgentError::Refused { .. } => CliError::new(Slug::AgentRefused, error.to_string())
            .help("mend that, then start the agent again"),
        AgentError::OtherHead { .. } => CliError::new(Slug::AgentRefused, error.to_string())
            .why(error_chain(&error))
            .help("check --head, and whether the token is of that head: bramble nodes token")
            .help(format!(
                "if the head was set up anew, join it anew: a new token, --join-file FILE (what is \
                 known of the old one is in {})",
                paths::shown(&home)
            )),
        AgentError::KeyChanged { head, file, .. } => key_changed(&error, head, file.as_deref()),
        AgentError::Pin { .. } => CliError::new(Slug::DataUnusable, error_chain(&error))
            .help("mend the file, or choose another directory: --data DIR"),
        AgentError::Address { .. } => CliError::usage(error.to_string()),
        AgentError::Thread { .. } => CliError::new(Slug::Local, error_chain(&error)),
    })
}

/// A command as words: none of them is looked at by a shell.
fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

/// What the node runs: as typed, else what the machine does best.
fn class(args: &AgentArgs) -> CliResult<TargetClass> {
    let Some(class) = args.class else { return Ok(agent::choose_class()) };
    if class.runs_here() {
        return Ok(class);
    }
    let here = TargetClass::ALL.into_iter().filter(|class| class.runs_here());
    let here: Vec<&str> = here.map(TargetClass::name).collect();
    Err(CliError::usage(format!("this machine cannot run what is made for {class}"))
        .help(format!("it runs {}", here.join(", "))))
}

/// Somebody who can sign runs machine code here, so a head with another key is not served.
fn key_changed(error: &AgentError, head: &str, file: Option<&Path>) -> CliError {
    let shown = CliError::new(Slug::AgentRefused, error.to_string())
        .why("its data directory was made anew, or another head answers at that address");
    match file {
        Some(file) => shown.help(format!(
            "if that is right, remove the line of {head} from {}, then start the agent again",
            paths::shown(file)
        )),
        None => shown.help("if that is right, start the agent again"),
    }
}

/// How many tasks this machine can run at a time.
pub(super) fn processors() -> u32 {
    thread::available_parallelism().map_or(1, |count| count.get().try_into().unwrap_or(u32::MAX))
}

/// The agent's own directory, which nobody else may use meanwhile.
fn home(args: &AgentArgs, name: &str) -> CliResult<(PathBuf, DirectoryLock)> {
    let dir = match &args.data {
        Some(dir) => dir.clone(),
        None => paths::agent_dir(name)?,
    };
    data::prepare(&dir)?;
    let lock = data::lock(&dir, &dir, &format!("bramble agent {name}"))?;
    Ok((dir, lock))
}

/// The shared directory, or one of this node's own.
fn store_access(args: &AgentArgs, home: &Path) -> CliResult<StoreAccess> {
    let Some(dir) = &args.store else {
        return Ok(StoreAccess::Own(home.join(data::STORE_DIR)));
    };
    if !dir.is_dir() {
        let what = format!("no such directory: {}", dir.display());
        return Err(CliError::new(Slug::NoSuchFile, what)
            .why("--store names the head's object directory, which must be there")
            .help("mount it first, or leave --store out: objects then come over the network"));
    }
    Ok(StoreAccess::Shared(dir.clone()))
}
