//! Commands that make machines heads and nodes, as typed.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use bramble_setup::{Link, NodeEntry, ShareMode, Subnet, Wired};
use clap::{Args, Subcommand};

use super::values;

const SETUP_EXAMPLES: &str = "\
Examples:
  bramble setup head --cluster-hat --uplink wlan0 --node p1=slot:1 --node p2=slot:2
                                              what would be written, each file checked by its tool
  sudo bramble setup head --cluster-hat --uplink wlan0 --node p1=slot:1 --apply
  sudo bramble setup node --name p1 --slot 1 --join-file join.token --apply
  sudo bramble setup undo                     everything as it was before

What each file is for: docs/setup.md.";

/// `bramble setup`
#[derive(Args, Debug)]
#[command(after_long_help = SETUP_EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct SetupArgs {
    /// What this machine is to be.
    #[command(subcommand)]
    pub(crate) what: SetupWhat,
}

/// What a machine can be made.
#[derive(Debug, Subcommand)]
pub(crate) enum SetupWhat {
    /// Make this machine the head: network, addresses, names, time and the head itself
    #[command(after_long_help = SETUP_EXAMPLES)]
    Head(Box<SetupHeadArgs>),
    /// Make this machine a node: its name, its network, its agent
    #[command(after_long_help = SETUP_EXAMPLES)]
    Node(Box<SetupNodeArgs>),
    /// Put everything back as it was before
    #[command(after_long_help = SETUP_EXAMPLES)]
    Undo {
        /// Also where somebody has changed a file since; what he made of it is lost
        #[arg(long)]
        force: bool,
        /// Where the machine's files are
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,
    },
}

/// What is done with a plan.
#[derive(Args, Debug)]
pub(crate) struct Doing {
    /// Write the files, and tell the services; without it they are only shown and checked
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) apply: bool,
    /// Show the files and check them: what is done without --apply
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Replace files that are somebody else's; undo brings them back
    #[arg(long)]
    pub(crate) force: bool,
    /// Where the machine's files are, such as a card in a reader
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
}

/// `bramble setup head`
#[derive(Args, Debug)]
pub(crate) struct SetupHeadArgs {
    /// The nodes are on a Cluster HAT
    #[arg(long)]
    pub(crate) cluster_hat: bool,
    /// The only interface to the outside that nodes may use [default: any]
    #[arg(long, value_name = "INTERFACE")]
    pub(crate) uplink: Option<String>,
    /// An interface that leads to nodes; may be given several times
    #[arg(long, value_name = "INTERFACE")]
    pub(crate) inner: Vec<String>,
    /// The head's address in the nodes' network [default: 10.66.0.1/24]
    #[arg(long, value_name = "ADDRESS/BITS", value_parser = subnet)]
    pub(crate) network: Option<Subnet>,
    /// A node: NAME=slot:N or NAME=MAC, and its address: @10.66.0.21; may be given several times
    #[arg(long = "node", value_name = "NAME=…", value_parser = node)]
    pub(crate) nodes: Vec<NodeEntry>,
    /// Give addresses to these nodes alone
    #[arg(long)]
    pub(crate) only_known: bool,
    /// Let nodes reach private networks outside, such as the school's
    #[arg(long)]
    pub(crate) reach_lan: bool,
    /// What nodes may do with the objects by NFS
    #[arg(long, value_name = "HOW", value_parser = ["none", "read-only", "writable"], default_value = "none")]
    pub(crate) share: String,
    /// What to do with it
    #[command(flatten)]
    pub(crate) doing: Doing,
}

/// `bramble setup node`
#[derive(Args, Debug)]
pub(crate) struct SetupNodeArgs {
    /// The node's name, which becomes its host name
    #[arg(long, value_name = "NAME", value_parser = values::node_name)]
    pub(crate) name: String,
    /// Its slot of a Cluster HAT
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "interface",
        conflicts_with = "interface"
    )]
    pub(crate) slot: Option<u8>,
    /// The network interface by which it reaches the head
    #[arg(long, value_name = "INTERFACE")]
    pub(crate) interface: Option<String>,
    /// Where the head listens [default: 10.66.0.1:8420]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) head: Option<String>,
    /// A token to join by: bramble nodes token
    #[arg(long, value_name = "FILE")]
    pub(crate) join_file: Option<PathBuf>,
    /// A public key whose owner may sign in; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_key: Vec<PathBuf>,
    /// The head's directory of objects, by NFS [default: objects come over HTTP]
    #[arg(long, value_name = "DIR")]
    pub(crate) share: Option<PathBuf>,
    /// What the agent does there: what the head was set up with
    #[arg(long, value_name = "HOW", value_parser = ["read-only", "writable"], default_value = "read-only", requires = "share")]
    pub(crate) share_mode: String,
    /// What to do with it
    #[command(flatten)]
    pub(crate) doing: Doing,
}

impl SetupNodeArgs {
    /// How it reaches its head.
    pub(crate) fn link(&self) -> Link {
        match (self.slot, &self.interface) {
            (Some(slot), _) => Link::Slot(slot),
            (None, interface) => Link::Interface(interface.clone().unwrap_or_default()),
        }
    }
}

/// What `--share` of a head means.
pub(crate) fn share(text: &str) -> Option<ShareMode> {
    match text {
        "read-only" => Some(ShareMode::ReadOnly),
        "writable" => Some(ShareMode::Writable),
        _ => None,
    }
}

fn subnet(text: &str) -> Result<Subnet, String> {
    text.parse::<Subnet>().map_err(|error| error.to_string())
}

/// Reads `p1=slot:1`, `p1=b8:27:eb:01:02:03`, `p1=slot:1@10.66.0.21`.
fn node(text: &str) -> Result<NodeEntry, String> {
    let bad = || format!("`{text}` names no node: write p1=slot:1 or p1=b8:27:eb:01:02:03");
    let (name, wired) = text.split_once('=').ok_or_else(bad)?;
    let (wired, address) = match wired.split_once('@') {
        Some((wired, address)) => {
            let fault = |_| format!("`{address}` is no address: write it as 10.66.0.21");
            (wired, Some(address.parse::<Ipv4Addr>().map_err(fault)?))
        }
        None => (wired, None),
    };
    let wired = match wired.strip_prefix("slot:") {
        Some(slot) => Wired::Slot(slot.parse().map_err(|_| bad())?),
        None => Wired::Mac(wired.parse().map_err(|_| bad())?),
    };
    Ok(NodeEntry { name: name.to_owned(), wired, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_with_how_they_are_connected() {
        let one = node("p1=slot:1").unwrap();
        assert_eq!((one.name.as_str(), one.wired), ("p1", Wired::Slot(1)));
        let other = node("p2=b8:27:eb:01:02:03@10.66.0.22").unwrap();
        assert_eq!(other.address, Some(Ipv4Addr::new(10, 66, 0, 22)));
        assert!(matches!(other.wired, Wired::Mac(_)));
        for bad in ["p1", "p1=", "p1=slot:x", "p1=slot:1@somewhere"] {
            assert!(node(bad).is_err(), "{bad}");
        }
    }
}
