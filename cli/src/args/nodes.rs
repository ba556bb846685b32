//! Commands about nodes, as typed.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::values;

const NODES_EXAMPLES: &str = "\
Examples:
  bramble nodes
  bramble nodes node-1                 one in detail
  bramble nodes --plain | cut -f 1,6   names and temperatures
  bramble nodes drain p3 --reason \"new fan\" --wait && ssh p3 sudo poweroff
  bramble nodes undrain p3
  bramble nodes token > join.token     then on the board: bramble agent --head ... --join-file join.token
  bramble nodes token --uses 20 --model \"Raspberry Pi Zero 2\" --needs-approval
  bramble nodes approve p7             lets one in that waits, or that was moved to another board
  bramble nodes remove p3              its key is dead at once";

/// `bramble nodes`
#[derive(Args, Debug)]
#[command(
    after_long_help = NODES_EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct NodesArgs {
    /// Show these in detail
    #[arg(value_name = "NODE")]
    pub(crate) names: Vec<String>,
    /// Or change something.
    #[command(subcommand)]
    pub(crate) action: Option<NodesAction>,
}

/// What can be done to nodes.
#[derive(Debug, Subcommand)]
pub(crate) enum NodesAction {
    /// Give nodes no more work; what they run goes on
    #[command(after_long_help = NODES_EXAMPLES)]
    Drain {
        /// Which
        #[arg(value_name = "NODE", required = true, value_parser = values::node_name)]
        names: Vec<String>,
        /// Why, for those who wonder
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        reason: String,
        /// Wait until they have no work any more
        #[arg(long)]
        wait: bool,
    },
    /// Give nodes work again
    #[command(after_long_help = NODES_EXAMPLES)]
    Undrain {
        /// Which
        #[arg(value_name = "NODE", required = true, value_parser = values::node_name)]
        names: Vec<String>,
    },
    /// Make a token by which nodes join; shown once
    #[command(after_long_help = NODES_EXAMPLES)]
    Token(TokenArgs),
    /// Let nodes work that wait for that, or that were moved to another board
    #[command(after_long_help = NODES_EXAMPLES)]
    Approve {
        /// Which
        #[arg(value_name = "NODE", required = true, value_parser = values::node_name)]
        names: Vec<String>,
    },
    /// Let nodes work no more; their names stay taken
    #[command(after_long_help = NODES_EXAMPLES)]
    Reject {
        /// Which
        #[arg(value_name = "NODE", required = true, value_parser = values::node_name)]
        names: Vec<String>,
    },
    /// Remove nodes: their keys are dead at once, their names free
    #[command(after_long_help = NODES_EXAMPLES)]
    Remove {
        /// Which
        #[arg(value_name = "NODE", required = true, value_parser = values::node_name)]
        names: Vec<String>,
    },
}

/// `bramble nodes token`
#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    /// How many nodes may join by it
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) uses: u32,
    /// How long it lasts
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = values::duration)]
    pub(crate) expires: Duration,
    /// Only for boards whose model begins so
    #[arg(long, value_name = "PREFIX", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) model: Option<String>,
    /// Have each node wait until somebody approves it
    #[arg(long)]
    pub(crate) needs_approval: bool,
    /// Show the tokens that can still be used, without their secrets
    #[arg(long, conflicts_with_all = ["uses", "expires", "model", "needs_approval", "revoke"])]
    pub(crate) list: bool,
    /// Make a token useless, by its number
    #[arg(long, value_name = "N", conflicts_with_all = ["uses", "expires", "model", "needs_approval"])]
    pub(crate) revoke: Option<u64>,
}
