//! Commands about the space that a cluster's data takes, as typed.

use clap::Args;

const GC_EXAMPLES: &str = "\
Examples:
  bramble gc --dry-run         what is stored and why, and what would go
  bramble gc                   remove what nobody needs
  bramble gc --json | jq .short_bytes

The head does the same by itself every hour, and when its disk is short of space. Results of jobs
that are listed by `bramble jobs`, and all of jobs that have not ended, always stay.";

/// `bramble gc`
#[derive(Args, Debug)]
#[command(after_long_help = GC_EXAMPLES)]
pub(crate) struct GcArgs {
    /// Remove nothing, only show what would go
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}
