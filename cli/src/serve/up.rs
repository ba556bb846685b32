//! `bramble up`: a head and some nodes on this computer.

use std::path::Path;
use std::time::Instant;

use bramble_runtime::agent::BoardKind;
use serde::Serialize;

use super::fleet::Bench;
use super::supervisor::{Plan, PlannedNode, Supervisor};
use super::{agent, data, detach};
use crate::args::cluster::UpArgs;
use crate::commands::Context;
use crate::error::{CliError, CliResult, Slug};
use crate::local::{self, ProcessMark, UP_FILE, UpRecord};
use crate::output::{Format, human};
use crate::paths;

/// Where the lock of a supervisor is, in the data directory; the directory's own is the head's.
const LOCK_DIR: &str = "up";

/// Starts a local cluster, and unless it is to be left running, keeps it up until Ctrl-C.
///
/// # Errors
/// When it cannot be started, or does not stay up.
pub(crate) fn run(context: &Context, args: &UpArgs) -> CliResult<()> {
    let dir = paths::data_dir(args.data.as_deref())?;
    data::prepare(&dir)?;
    if args.detach {
        let record = detach::start(context, args, &dir)?;
        return ready(context, &dir, &record, args);
    }
    if args.detached {
        // A session of its own, so that closing the terminal does not end the cluster.
        rustix::process::setsid().map_err(|error| {
            CliError::new(Slug::Local, "cannot leave the terminal").because(&error)
        })?;
    }
    let _lock = data::lock(&dir, &dir.join(LOCK_DIR), "bramble up")?;
    let ended = supervise(context, args, &dir);
    local::remove(&dir, UP_FILE);
    ended
}

fn supervise(context: &Context, args: &UpArgs, dir: &Path) -> CliResult<()> {
    let output = &context.output;
    let started = Instant::now();
    let nodes = planned(args);
    let slots = nodes.first().map_or(1, |node| node.slots);
    let mut record = UpRecord {
        schema: "bramble.up-record/1".into(),
        process: ProcessMark::own(),
        url: None,
        nodes: nodes.iter().map(|node| node.name.clone()).collect(),
        slots,
        ready: false,
    };
    local::write(dir, UP_FILE, &record)?;
    let boards: Vec<_> =
        nodes.iter().filter_map(|node| Some((node.name.clone(), node.board?))).collect();
    let bench = match &args.simulate {
        Some(_) => Some(Bench::set_up(dir, &boards, args.boot_time)?),
        None => None,
    };
    let plan = Plan { dir: dir.to_owned(), listen: args.listen, nodes, bench };
    if !args.detached {
        let version = env!("CARGO_PKG_VERSION");
        output.note(&format!("bramble {version} · starting a cluster on this computer"));
    }
    let mut supervisor = Supervisor::new(*output, plan, args.detached)?;
    let Some(url) = supervisor.start()? else { return Ok(()) };
    record.url = Some(url);
    record.ready = true;
    local::write(dir, UP_FILE, &record)?;
    if args.detached {
        output.note(&format!("ready after {}", human::duration(started.elapsed())));
    } else {
        ready(context, dir, &record, args)?;
        let took = human::duration(started.elapsed());
        output.note(&format!(
            "Ready in {took}.  Try:  {}          Ctrl-C stops it",
            example(dir, &record)
        ));
    }
    supervisor.keep_up()
}

/// The nodes that are wanted.
fn planned(args: &UpArgs) -> Vec<PlannedNode> {
    if let Some(fleet) = &args.simulate {
        let node = |(name, board): (String, BoardKind)| PlannedNode {
            name,
            slots: board.processors(),
            board: Some(board),
        };
        return fleet.named().into_iter().map(node).collect();
    }
    let slots = args.slots.unwrap_or_else(|| (agent::processors() / args.nodes.max(1)).max(1));
    let names = (1..=args.nodes).map(|number| format!("node-{number}"));
    names.map(|name| PlannedNode { name, slots, board: None }).collect()
}

/// What `--json` answers when the cluster is ready.
#[derive(Serialize)]
struct Ready<'a> {
    schema: &'static str,
    url: &'a str,
    process_id: u32,
    data: &'a Path,
    nodes: &'a [String],
    slots: u32,
}

/// Says what is there.
fn ready(context: &Context, dir: &Path, record: &UpRecord, args: &UpArgs) -> CliResult<()> {
    let output = &context.output;
    let url = record.url.as_deref().unwrap_or_default();
    match output.format {
        Format::Json => output.json(
            &Ready {
                schema: "bramble.up/1",
                url,
                process_id: record.process.pid,
                data: dir,
                nodes: &record.nodes,
                slots: record.slots,
            },
            true,
        )?,
        Format::Plain => output.line(url)?,
        Format::Human => {}
    }
    output.note(&format!("  ✓ {:<9} {url:<26} data in {}", "head", paths::shown(dir)));
    let slots = human::count(record.slots.into(), "slot");
    let nodes = human::shorten(&record.nodes.join(", "), 36);
    if args.simulate.is_some() {
        output.note(&format!("  ✓ {nodes:<36} simulated; on and off: bramble power"));
    } else if !record.nodes.is_empty() {
        output.note(&format!("  ✓ {nodes:<36} {slots} each"));
    }
    if args.detach {
        let default = paths::data_dir(None).is_ok_and(|default| default == dir);
        let data = if default { String::new() } else { format!(" --data {}", paths::shown(dir)) };
        let example = example(dir, record);
        output.note(&format!("Ready.  Try:  {example}          Stop it:  bramble down{data}"));
    }
    Ok(())
}

/// A command to try, which finds this cluster.
fn example(dir: &Path, record: &UpRecord) -> String {
    let default = paths::data_dir(None).is_ok_and(|default| default == dir);
    let url = record.url.as_deref().unwrap_or_default();
    let example = match paths::variable(paths::CLUSTER_ENV) {
        None => "bramble submit --example sort".to_owned(),
        Some(_) => format!("bramble --cluster {url} submit --example sort"),
    };
    // Where the head's address and the admin's token are.
    let typed = paths::variable(paths::DATA_ENV).is_some_and(|typed| typed == dir);
    match default || typed {
        true => example,
        false => format!("{}={} {example}", paths::DATA_ENV, paths::shown(dir)),
    }
}
