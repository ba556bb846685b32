//! `bramble nodes drain` and `undrain`: taking nodes out of work and back.

use std::thread::sleep;
use std::time::Duration;

use bramble_protocol::api::NodeView;

use super::Context;
use crate::error::{CliError, CliResult};
use crate::output::{Format, human};
use crate::signals::Interrupt;

/// How often `--wait` asks.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Gives nodes no more work.
///
/// # Errors
/// When one does not exist, or the head cannot be reached. Those before it are drained then.
pub(crate) fn drain(
    context: &Context,
    names: &[String],
    reason: &str,
    wait: bool,
) -> CliResult<()> {
    let client = context.client()?;
    let interrupt = Interrupt::listen()?;
    let mut nodes = Vec::new();
    for name in names {
        let node = client.drain(name, reason)?;
        let left = match node.leased {
            0 => "it has no work".into(),
            tasks => format!("{} still there", human::count(tasks.into(), "task")),
        };
        context.output.say("Drained", &format!("{}: {left}", human::safe_field(&node.name)));
        nodes.push(node);
    }
    while wait && nodes.iter().any(|node| node.leased > 0) {
        interrupt.check("the nodes stay drained, though some still have work")?;
        sleep(ASK_EVERY);
        nodes = client.nodes()?;
        nodes.retain(|node| names.contains(&node.name));
        if let Some(node) = nodes.iter().find(|node| node.draining.is_none()) {
            let name = human::safe_field(&node.name);
            return Err(CliError::new(
                crate::error::Slug::WrongState,
                format!("node {name} gets work again: somebody took the drain back"),
            ));
        }
    }
    if wait {
        context.output.say("Finished", "no work is left there");
    }
    show(context, &nodes)
}

/// Gives nodes work again.
///
/// # Errors
/// When one does not exist, or the head cannot be reached.
pub(crate) fn undrain(context: &Context, names: &[String]) -> CliResult<()> {
    let client = context.client()?;
    let mut nodes = Vec::new();
    for name in names {
        let node = client.undrain(name)?;
        let name = human::safe_field(&node.name);
        context.output.say("Undrained", &format!("{name}: it gets work again"));
        nodes.push(node);
    }
    show(context, &nodes)
}

fn show(context: &Context, nodes: &[NodeView]) -> CliResult<()> {
    match context.output.format {
        Format::Json => context.output.json(&nodes, false),
        Format::Plain => nodes.iter().try_for_each(|node| context.output.line(&node.name)),
        Format::Human => Ok(()),
    }
}
