//! Commands about the power of nodes, as typed.

use clap::{Args, Subcommand};

use super::values;

const POWER_EXAMPLES: &str = "\
Examples:
  bramble power                        where each node is between off and on, and why
  bramble power on p1 p2               one after the other, within what the supply can give
  bramble power off p3                 when it has finished what it runs, and has shut down
  bramble power off p3 --force         at once; its card may be damaged
  bramble power cycle p3
  bramble power auto p3                leave it to the policy again

What switches which node is in the file of bramble head --power FILE.";

/// `bramble power`
#[derive(Args, Debug)]
#[command(after_long_help = POWER_EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct PowerArgs {
    /// What to do; without it, the same as status.
    #[command(subcommand)]
    pub(crate) action: Option<PowerAction>,
}

/// What can be done to the power of nodes.
#[derive(Debug, Subcommand)]
pub(crate) enum PowerAction {
    /// Show where nodes are between off and on, and why
    Status {
        /// Only these
        #[arg(value_name = "NODE")]
        names: Vec<String>,
    },
    /// Switch nodes on; they stay on until somebody says otherwise
    On(Which),
    /// Switch nodes off when they have finished and shut down; nothing switches them on by itself
    Off(Off),
    /// Switch nodes off and on again
    Cycle(Off),
    /// Leave nodes to the policy again
    Auto(Which),
}

/// Some nodes.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// Which
    #[arg(value_name = "NODE", required = true, value_parser = values::node_name)]
    pub(crate) names: Vec<String>,
}

/// Some nodes that lose their power.
#[derive(Args, Debug)]
pub(crate) struct Off {
    /// Which
    #[command(flatten)]
    pub(crate) which: Which,
    /// Cut the power at once: what runs there is tried elsewhere, and its card may be damaged
    #[arg(long)]
    pub(crate) force: bool,
}
