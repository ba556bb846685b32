//! What a plan consists of: files, who checks them, and what has to notice them.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use bramble_protocol::account::Hidden;
use serde::{Deserialize, Serialize};

use crate::Mac;
use crate::edits::Edit;

/// A file that there is to be.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Where, from the root of the machine: `/etc/dnsmasq.d/bramble.conf`.
    pub path: PathBuf,
    /// Who may read, write and run it. An edited file keeps what it has.
    pub mode: u32,
    /// What is to be in it.
    pub contents: Contents,
    /// Who says whether it is well-formed.
    pub checked_by: Checker,
    /// What has to notice that it changed.
    pub after: Vec<Reload>,
    /// What it is for, in a sentence.
    pub why: String,
}

/// What nodes may do with the head's objects on the share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShareMode {
    /// Read them. For agents that send results over HTTP.
    #[default]
    ReadOnly,
    /// Read, write and remove them. For agents that write results there. Every machine in the nodes'
    /// network may then remove everybody's; what one changes is found, by its digest.
    Writable,
}

impl ShareMode {
    /// As exports and mounts call it.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Self::ReadOnly => "ro",
            Self::Writable => "rw",
        }
    }
}

/// What is to be in a file.
#[derive(Clone, Debug)]
pub enum Contents {
    /// This and nothing else.
    Whole(String),
    /// This and nothing else, and nobody is shown it.
    Secret(Hidden),
    /// What is there, changed.
    Edit(Edit),
}

/// Who checks a file. Each is asked about a copy in a directory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// `nft -c -f`
    Nft,
    /// `dnsmasq --test -C`
    Dnsmasq,
    /// `nmcli --offline connection modify`
    Nmcli,
    /// `systemd-analyze verify`
    SystemdAnalyze,
    /// `systemd-sysusers --dry-run`
    Sysusers,
    /// `systemd-tmpfiles --create` into a scratch root
    Tmpfiles,
    /// `chronyd -p -f`
    Chronyd,
    /// `sshd -t`
    Sshd,
    /// `ssh -G -F`
    Ssh,
    /// `udevadm verify`, which is part of systemd since version 254
    Udevadm,
    /// `sh -n`
    Shell,
    /// No tool reads this without acting on it: bramble looks at its form.
    Own(OwnCheck),
}

/// Forms that bramble checks itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnCheck {
    /// `key = value` lines.
    Sysctl,
    /// Sections of `key=value` lines.
    Sections,
    /// A directory and a client with options in brackets.
    Exports,
    /// Elements that are closed in order.
    Xml,
    /// One public key per line.
    Keys,
    /// One token.
    Token,
    /// An edit says itself whether it can be made.
    Edit,
}

/// What has to notice that a file changed. In the order in which they are run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reload {
    /// The system's users are made.
    Users(PathBuf),
    /// Directories are made.
    Directories(PathBuf),
    /// systemd reads its units again.
    Units,
    /// udev reads its rules again.
    Udev,
    /// The kernel is told the settings in a file.
    Sysctl(PathBuf),
    /// NetworkManager reads its profiles again.
    Networks,
    /// The kernel is told what it exports.
    Exports,
    /// A service of the system starts anew.
    Restart(String),
    /// A unit of ours starts now and with the machine.
    Enable(String),
    /// A unit of ours starts with the machine, and not before: it needs what the firmware does.
    EnableForBoot(String),
    /// It counts from the next start of the machine.
    Reboot,
}

/// When a [`Reload`] is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The new files are there.
    Applied,
    /// They are about to go.
    BeforeUndo,
    /// They are gone.
    Undone,
}

impl Reload {
    /// The commands to run. None where nothing has to be done.
    pub fn commands(&self, moment: Moment) -> Vec<Vec<String>> {
        let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match (self, moment) {
            (Self::Enable(unit) | Self::EnableForBoot(unit), Moment::BeforeUndo) => {
                vec![command(&["systemctl", "disable", "--now", unit])]
            }
            (_, Moment::BeforeUndo)
            | (
                Self::Users(_)
                | Self::Directories(_)
                | Self::Sysctl(_)
                | Self::Enable(_)
                | Self::EnableForBoot(_),
                Moment::Undone,
            )
            | (Self::Reboot, _) => Vec::new(),
            (Self::Users(path), _) => vec![command(&["systemd-sysusers", &path.to_string_lossy()])],
            (Self::Directories(path), _) => {
                vec![command(&["systemd-tmpfiles", "--create", &path.to_string_lossy()])]
            }
            (Self::Units, _) => vec![command(&["systemctl", "daemon-reload"])],
            (Self::Udev, _) => vec![command(&["udevadm", "control", "--reload"])],
            (Self::Sysctl(path), _) => {
                vec![command(&["sysctl", "-q", "-p", &path.to_string_lossy()])]
            }
            (Self::Networks, _) => vec![command(&["nmcli", "connection", "reload"])],
            (Self::Exports, _) => vec![command(&["exportfs", "-ra"])],
            (Self::Restart(service), _) => vec![command(&["systemctl", "restart", service])],
            (Self::EnableForBoot(unit), Moment::Applied) => {
                vec![command(&["systemctl", "enable", unit])]
            }
            (Self::Enable(unit), Moment::Applied) => vec![
                command(&["systemctl", "enable", unit]),
                command(&["systemctl", "restart", unit]),
            ],
        }
    }
}

impl fmt::Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Users(_) => f.write_str("make the system's users"),
            Self::Directories(_) => f.write_str("make directories"),
            Self::Units => f.write_str("have systemd read its units"),
            Self::Udev => f.write_str("have udev read its rules"),
            Self::Sysctl(_) => f.write_str("set the kernel's settings"),
            Self::Networks => f.write_str("have NetworkManager read its profiles"),
            Self::Exports => f.write_str("export the share"),
            Self::Restart(service) => write!(f, "restart {service}"),
            Self::Enable(unit) => write!(f, "enable and start {unit}"),
            Self::EnableForBoot(unit) => write!(f, "enable {unit} for the next start"),
            Self::Reboot => f.write_str("restart the machine (not done by itself)"),
        }
    }
}

/// Options that cannot be carried out: all that is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError(pub Vec<Problem>);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for PlanError {}

/// One thing that is wrong with the options of a plan, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not a label of DNS.
    #[error(
        "the {what} `{name}` cannot be a host name: use small letters, digits and hyphens, as p1"
    )]
    Label {
        /// Whose name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name that the command line takes for something else.
    #[error(
        "`{0}` cannot be a node's name: numbers, `any` and `all` mean something else to bramble"
    )]
    Reserved(String),
    /// Not a domain.
    #[error("`{0}` is not a domain: use labels with dots between, as bramble.internal")]
    Domain(String),
    /// A domain that another service answers for.
    #[error("names that end in `.local` belong to mDNS: use another domain, as bramble.internal")]
    DomainOfMdns,
    /// No interface could be called so.
    #[error("`{0}` is not the name of a network interface: see `ip link`")]
    Interface(String),
    /// One interface is to be both outside and inside.
    #[error(
        "{0} cannot be both the uplink and an inner interface: name the other one for the nodes"
    )]
    UplinkInside(String),
    /// An interface is named twice, or the bridge itself as its port.
    #[error("{0} is named twice")]
    InterfaceTwice(String),
    /// Nothing through which a node could be reached.
    #[error(
        "there is no way to the nodes: name an inner interface, or say that there is a Cluster HAT"
    )]
    NoInside,
    /// Two nodes, or a node and the head, with one name.
    #[error("two machines are called {0}: give one another name")]
    NameTwice(String),
    /// Two nodes, or a node and the head, with one address.
    #[error("{0} and {1} both have the address {2}: give one another")]
    AddressTwice(String, String, Ipv4Addr),
    /// Two nodes with one hardware address.
    #[error("{0} and {1} both have the hardware address {2}: read it off each board by `ip link`")]
    MacTwice(String, String, Mac),
    /// An address elsewhere.
    #[error("{name}'s address {address} is not in the nodes' network {network}")]
    AddressOutside {
        /// The node.
        name: String,
        /// Its address.
        address: Ipv4Addr,
        /// The network.
        network: String,
    },
    /// An address that any machine could be given.
    #[error(
        "{name}'s address {address} is one of those for unknown machines, {first} to {last}: take another"
    )]
    AddressInPool {
        /// The node.
        name: String,
        /// Its address.
        address: Ipv4Addr,
        /// The first for unknown machines.
        first: Ipv4Addr,
        /// The last for unknown machines.
        last: Ipv4Addr,
    },
    /// More nodes than there is room for.
    #[error("no address is left for {0}: use a bigger network, as 10.66.0.1/22")]
    NoAddressLeft(String),
    /// A slot that no Cluster HAT has.
    #[error("a slot is a number from 1 to 252, not {0}")]
    Slot(u8),
    /// A slot, but no Cluster HAT.
    #[error(
        "{0} is in a slot, but there is no Cluster HAT: say that there is one, or give its hardware address"
    )]
    SlotWithoutHat(String),
    /// A path that would have to be quoted.
    #[error("`{0}` cannot be used here: give an absolute path of letters, digits and `-_.`")]
    Path(PathBuf),
    /// A directory that is the system's.
    #[error(
        "{0} belongs to the system or its users: give bramble a directory of its own, as /srv/bramble"
    )]
    PathOfSystem(PathBuf),
    /// Not the name of a user.
    #[error("`{0}` is not the name of a user: use small letters, digits, `-` and `_`")]
    User(String),
    /// A number that the system gives to people or to itself.
    #[error("the user's number must be from 100 to 999, as those of all services, not {0}")]
    Uid(u32),
    /// The number of another user here.
    #[error(
        "the number {uid} belongs to the user {other} here: give another, the same on all machines"
    )]
    UidTaken {
        /// The number.
        uid: u32,
        /// Whose it is.
        other: String,
    },
    /// A user who is there already, with another number.
    #[error(
        "the user {user} is there already and has the number {has}: give that one, on all machines"
    )]
    UidDiffers {
        /// The user.
        user: String,
        /// His number.
        has: u32,
    },
    /// A port that another service here has, or none.
    #[error("port {0} is taken by another service that this sets up: use another, as 8420")]
    Port(u16),
    /// Not an address of a head.
    #[error("`{0}` is not the head's address: use HOST:PORT, as 10.66.0.1:8420")]
    HeadUrl(String),
    /// Not a token.
    #[error("what was given as join token is none: make one on the head by `bramble nodes token`")]
    Token,
    /// Not a public key.
    #[error("`{0}…` is not a public key: give the file that ends in .pub")]
    Key(String),
    /// More than is sensible.
    #[error("{what}: {count} are too many, at most {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
}
