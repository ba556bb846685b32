//! The head: options, what may be wrong with them, and the list of its files.

mod network;
mod problems;
mod services;

use std::net::Ipv4Addr;
use std::path::PathBuf;

pub(crate) use problems::directory;
pub(crate) use services::{users_file, users_text};

use crate::plan::{PlanError, Planned, Problem, ShareMode};
use crate::{Mac, Subnet};

/// How a node is connected, as far as the head has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wired {
    /// By USB, in this slot of a Cluster HAT or ClusterCTRL board.
    Slot(u8),
    /// By a network interface with this address.
    Mac(Mac),
}

/// A node that the head is to know by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Its name: `p1`.
    pub name: String,
    /// How it is connected.
    pub wired: Wired,
    /// Its address. Without one, it gets the first free one from the network's eleventh on.
    pub address: Option<Ipv4Addr>,
}

/// What `bramble setup head` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadOptions {
    /// The cluster's name. UUIDs and the bridge's hardware address follow from it.
    pub cluster: String,
    /// What nodes call the head.
    pub head_name: String,
    /// The domain of all names inside.
    pub domain: String,
    /// The interface that joins all links to nodes.
    pub bridge: String,
    /// The head's address in there, and the network.
    pub network: Subnet,
    /// The only interface to the outside that nodes may use. Without one, they may use any.
    pub uplink: Option<String>,
    /// Interfaces that lead to nodes.
    pub inner: Vec<String>,
    /// Whether nodes are on a Cluster HAT.
    pub cluster_hat: bool,
    /// The nodes.
    pub nodes: Vec<NodeEntry>,
    /// Give addresses to these nodes alone.
    pub only_known: bool,
    /// Let nodes reach private networks outside, such as the school's.
    pub reach_lan: bool,
    /// Where the head keeps its data; its objects are in `store` below.
    pub data: PathBuf,
    /// What nodes may do with the objects by NFS. None: there is no share.
    pub share: Option<ShareMode>,
    /// Where the head listens.
    pub port: u16,
    /// Whom the head runs as.
    pub user: String,
    /// His number, the same on all machines.
    pub uid: u32,
    /// Whom people sign in as on nodes.
    pub ssh_user: String,
    /// Where the program is.
    pub program: PathBuf,
}

impl Default for HeadOptions {
    fn default() -> Self {
        Self {
            cluster: "bramble".into(),
            head_name: "head".into(),
            domain: "bramble.internal".into(),
            bridge: "bramble0".into(),
            network: Subnet::new(Ipv4Addr::new(10, 66, 0, 1), 24).expect("it is private"),
            uplink: None,
            inner: Vec::new(),
            cluster_hat: false,
            nodes: Vec::new(),
            only_known: false,
            reach_lan: false,
            data: "/srv/bramble".into(),
            share: Some(ShareMode::ReadOnly),
            port: 8420,
            user: "bramble".into(),
            uid: 842,
            ssh_user: "pi".into(),
            program: "/usr/bin/bramble".into(),
        }
    }
}

/// A node with all that follows from the options.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    name: String,
    address: Ipv4Addr,
    mac: Mac,
    slot: Option<u8>,
}

/// The files of a head, from options that can be carried out.
#[derive(Clone, Debug)]
pub struct HeadPlan {
    options: HeadOptions,
    nodes: Vec<Node>,
}

impl HeadPlan {
    /// The first address that is given to nodes by itself is this one of the network.
    const FIRST_NODE: u32 = 11;

    /// Checks the options.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn new(options: HeadOptions) -> Result<Self, PlanError> {
        let mut problems = problems::of_options(&options);
        let nodes = place(&options, &mut problems);
        problems.extend(problems::of_nodes(&options, &nodes));
        if problems.is_empty() { Ok(Self { options, nodes }) } else { Err(PlanError(problems)) }
    }

    /// The options.
    pub fn options(&self) -> &HeadOptions {
        &self.options
    }

    /// Names and addresses that the nodes will have.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, Ipv4Addr)> {
        self.nodes.iter().map(|node| (node.name.as_str(), node.address))
    }

    /// The packages of Debian that its files are for.
    pub fn packages(&self) -> Vec<&'static str> {
        let mut packages = vec!["network-manager", "nftables", "dnsmasq", "chrony", "avahi-daemon"];
        if self.options.share.is_some() {
            packages.push("nfs-kernel-server");
        }
        packages
    }

    /// Every file, in the order in which they are written.
    pub fn files(&self) -> Vec<Planned> {
        let mut files = network::files(self);
        files.extend(services::files(self));
        files
    }
}

/// Gives each node its address. Those that have one come first, so that no other takes it.
fn place(options: &HeadOptions, problems: &mut Vec<Problem>) -> Vec<Node> {
    let network = options.network;
    let (first, last) = network.pool();
    let mut taken: Vec<Ipv4Addr> = options.nodes.iter().filter_map(|node| node.address).collect();
    taken.push(network.head());
    let is_free = |address: Ipv4Addr, taken: &[Ipv4Addr]| {
        !taken.contains(&address) && !(first..=last).contains(&address)
    };
    let mut nodes = Vec::new();
    for entry in &options.nodes {
        let (mac, slot) = match entry.wired {
            Wired::Mac(mac) => (mac, None),
            Wired::Slot(slot) => (Mac::of_gadget(slot), Some(slot)),
        };
        let wish = slot.map(|slot| network.nth(HeadPlan::FIRST_NODE - 1 + u32::from(slot)));
        let wish = wish.filter(|wish| network.has(*wish) && is_free(*wish, &taken));
        let mut rest = (HeadPlan::FIRST_NODE..network.size() - 1).map(|n| network.nth(n));
        let address = entry.address.or(wish).or_else(|| rest.find(|a| is_free(*a, &taken)));
        let Some(address) = address else {
            problems.push(Problem::NoAddressLeft(entry.name.clone()));
            continue;
        };
        taken.push(address);
        nodes.push(Node { name: entry.name.clone(), address, mac, slot });
    }
    nodes
}
