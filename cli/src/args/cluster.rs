//! Commands that run a cluster, as typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bramble_protocol::TargetClass;
use bramble_runtime::agent::BoardKind;
use clap::{Args, Subcommand};

use super::values;
#[cfg(feature = "head")]
use crate::serve::fleet::Fleet;

/// Reads `127.0.0.1:8420`, `[::1]:0`, `localhost:8420` or `:8420`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let full = match text {
        _ if text.starts_with(':') => format!("0.0.0.0{text}"),
        _ => text.replacen("localhost:", "127.0.0.1:", 1),
    };
    full.parse().map_err(|_| format!("`{text}` is not an address: use IP:PORT, as 127.0.0.1:8420"))
}

const UP_EXAMPLES: &str = "\
Examples:
  bramble up                                  a head and two nodes; Ctrl-C stops them
  bramble up --detach                         returns when ready; stop it by: bramble down
  bramble up --nodes 4 --slots 1 --data /tmp/b --listen 127.0.0.1:0
  bramble up --simulate 4xZero2W              as slow, as warm, and to be switched: bramble power";

/// `bramble up`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = UP_EXAMPLES)]
pub(crate) struct UpArgs {
    /// Where the cluster keeps its data [env: BRAMBLE_DATA] [default: ~/.local/share/bramble]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where the head listens; port 0 takes any that is free
    #[arg(long, value_name = "IP:PORT", value_parser = address, default_value = "127.0.0.1:8420")]
    pub(crate) listen: SocketAddr,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(crate) nodes: u32,
    /// Tasks at a time on each node [default: its share of the processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) slots: Option<u32>,
    /// Nodes that are like boards: slow, warm, and to be switched on and off; ZeroW, Zero2W, 3B, 4B
    /// or 5, as 4xZero2W or 2x4B+4xZero2W
    #[cfg(feature = "head")]
    #[arg(long, value_name = "BOARDS", conflicts_with_all = ["nodes", "slots"])]
    pub(crate) simulate: Option<Fleet>,
    /// How long such a board takes from power to work
    #[cfg(feature = "head")]
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "5s",
        requires = "simulate")]
    pub(crate) boot_time: Duration,
    /// Return when the cluster is ready, and leave it running
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// This is the process that `--detach` leaves behind
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub(crate) detached: bool,
}

/// `bramble down`
#[derive(Args, Debug)]
pub(crate) struct DownArgs {
    /// The cluster's data [env: BRAMBLE_DATA] [default: ~/.local/share/bramble]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

const BACKUP_EXAMPLES: &str = "\
Examples:
  bramble backup head.tar                     jobs, users and the head's key
  bramble backup head.tar --objects           with modules, inputs and results
  bramble backup /mnt/usb/head.tar --data /srv/bramble --force

To be run on the head's machine by the user who runs the head, which may go on meanwhile. The file
holds the head's key: keep it where nobody else can read it.";

/// `bramble backup`
#[derive(Args, Debug)]
#[command(after_long_help = BACKUP_EXAMPLES)]
pub(crate) struct BackupArgs {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The head's data [env: BRAMBLE_DATA] [default: ~/.local/share/bramble]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Also save the objects that jobs and results need; else they must survive by themselves
    #[arg(long)]
    pub(crate) objects: bool,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

const RESTORE_EXAMPLES: &str = "\
Examples:
  bramble restore head.tar                    into the usual data directory
  bramble restore head.tar --data /srv/bramble --force

The head must be stopped. What is replaced is kept beside it.";

/// `bramble restore`
#[derive(Args, Debug)]
#[command(after_long_help = RESTORE_EXAMPLES)]
pub(crate) struct RestoreArgs {
    /// A file that `bramble backup` wrote
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The head's data [env: BRAMBLE_DATA] [default: ~/.local/share/bramble]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Replace the journal and the key of a head that is there
    #[arg(long)]
    pub(crate) force: bool,
}

const HEAD_EXAMPLES: &str = "\
Examples:
  bramble head                                     for this computer only
  bramble head --listen 0.0.0.0:8420 --data /srv/bramble
  BRAMBLE_LOG=debug bramble head";

/// `bramble head`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = HEAD_EXAMPLES)]
pub(crate) struct HeadArgs {
    /// Where it keeps objects and its journal [env: BRAMBLE_DATA] [default: ~/.local/share/bramble]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where it listens; port 0 takes any that is free
    #[arg(long, value_name = "IP:PORT", value_parser = address, default_value = "127.0.0.1:8420")]
    pub(crate) listen: SocketAddr,
    /// Let anybody see the nodes and how busy they are, without signing in
    #[arg(long)]
    pub(crate) anyone_may_look: bool,
    /// Memory for compiling one module [default: half of the machine's, at most 1G]
    #[arg(long, value_name = "SIZE", value_parser = values::positive_size)]
    pub(crate) compile_memory: Option<u64>,
    /// Processor time for compiling one module [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) compile_time: Option<Duration>,
    /// The most that it stores; what is needed stays all the same [default: 90% of the disk]
    #[arg(long, value_name = "SIZE", value_parser = values::positive_size)]
    pub(crate) store_quota: Option<u64>,
    /// How many tasks are run again on an idle node to compare the results, such as 1%
    #[arg(long, value_name = "PART", value_parser = values::permille, default_value = "1%")]
    pub(crate) spot_checks: u32,
    /// What switches nodes on and off, and when: see docs/power.md
    #[arg(long, value_name = "FILE")]
    pub(crate) power: Option<PathBuf>,
    /// Lights and displays beside the head: see docs/displays.md
    #[arg(long, value_name = "FILE")]
    pub(crate) displays: Option<PathBuf>,
    /// Stop when standard input is closed: how `bramble up` makes sure that nothing is left behind
    #[arg(long, hide = true)]
    pub(crate) exit_with_parent: bool,
}

const AGENT_EXAMPLES: &str = "\
Examples:
  bramble agent --head lab.local:8420 --join-file join.token      the first time
  bramble agent --head lab.local:8420 --name p3 --slots 4
  bramble agent --head lab.local:8420 --store /mnt/nfs/bramble/store
  bramble agent --head lab.local:8420 --share /mnt/read-only/bramble/store

An admin makes the token: bramble nodes token. From then on the node has a key of its own.";

/// `bramble agent`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = AGENT_EXAMPLES)]
pub(crate) struct AgentArgs {
    /// The head's address
    #[arg(long, value_name = "URL")]
    pub(crate) head: String,
    /// The node's name [default: this machine's host name]
    #[arg(long, value_name = "NAME", value_parser = values::node_name)]
    pub(crate) name: Option<String>,
    /// Tasks at a time [default: the processors of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) slots: Option<u32>,
    /// The head's object directory, where this machine can reach it (same disk or NFS)
    ///
    /// Without it, objects come over the network and are kept under --data.
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// The same where it can only be read: results go over the network
    ///
    /// What it lacks, or does not give in time, comes over the network too.
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    pub(crate) share: Option<PathBuf>,
    /// How long the share may be silent before it is left alone for a while
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "5s")]
    pub(crate) share_timeout: Duration,
    /// A token to join by, for a head that does not know this node yet [env: BRAMBLE_JOIN: itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) join_file: Option<PathBuf>,
    /// Where the agent keeps its key and what it fetches [default: ~/.cache/bramble/agent-NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// What shuts this machine down before the head cuts its power, such as "systemctl poweroff"
    ///
    /// Without it the head cuts the power of a machine that still runs.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) power_off_command: Option<String>,
    /// Behave as such a board: how `bramble up --simulate` starts its nodes
    #[arg(long, value_name = "BOARD", hide = true)]
    pub(crate) simulate: Option<BoardKind>,
    /// Run what is compiled for this class: aarch64-narrow or pulley64 [default: chosen by a probe]
    #[arg(long, value_name = "CLASS", hide = true)]
    pub(crate) class: Option<TargetClass>,
    /// Start this program as runners instead of this one, such as a script that emulates
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) program: Option<PathBuf>,
    /// Stop when standard input is closed: how `bramble up` makes sure that nothing is left behind
    #[arg(long, hide = true)]
    pub(crate) exit_with_parent: bool,
}

/// `bramble internal`: what bramble starts itself as.
#[derive(Args, Debug)]
pub(crate) struct InternalArgs {
    /// Which part.
    #[command(subcommand)]
    pub(crate) part: InternalPart,
}

/// The parts that run as processes of their own, so that they can be limited and killed.
#[derive(Debug, Subcommand)]
pub(crate) enum InternalPart {
    /// Inspect, compile or split by a module
    #[command(disable_help_flag = true)]
    Module {
        /// Passed on
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Write what a package has beside the program: units, manual, completions
    Package {
        /// Where it all goes, as from the root of a machine
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// For machines that are nodes only
        #[arg(long)]
        agent: bool,
    },
    /// Run tasks
    #[command(disable_help_flag = true)]
    Runner {
        /// Passed on
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_their_short_forms() {
        assert_eq!(address("127.0.0.1:0").unwrap().port(), 0);
        assert_eq!(address("localhost:8420").unwrap().to_string(), "127.0.0.1:8420");
        assert_eq!(address(":8420").unwrap().to_string(), "0.0.0.0:8420");
        assert_eq!(address("[::1]:80").unwrap().port(), 80);
        for bad in ["", "8420", "host", "1.2.3.4", "1.2.3.4:99999", "http://1.2.3.4:1"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
