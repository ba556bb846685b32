//! What may be wrong with the options of a head.

use std::collections::BTreeMap;
use std::path::Path;

use bramble_protocol::node::is_node_name;

use super::{HeadOptions, Node, Wired};
use crate::names;
use crate::plan::Problem;

/// More nodes than this are not one bench any more.
const NODES_MAX: usize = 1000;
/// More interfaces than this are a mistake.
const INNER_MAX: usize = 32;
/// The services that this sets up beside the head have these: SSH, DNS, DHCP, NTP, mDNS, NFS.
const PORTS_TAKEN: [u16; 8] = [0, 22, 53, 67, 111, 123, 2049, 5353];
/// Directories of the system, which are never given away, and everything directly above others.
const OF_SYSTEM: [&str; 16] = [
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/mnt", "/opt", "/proc", "/root", "/run",
    "/sbin", "/srv", "/sys", "/usr", "/var",
];
/// And all below these. What services have at home or in /tmp, nobody else sees.
const BELOW_SYSTEM: [&str; 12] = [
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/proc", "/root", "/run", "/sys", "/tmp",
    "/usr",
];

/// What is wrong with the options by themselves.
pub(super) fn of_options(options: &HeadOptions) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (what, name) in [("cluster", &options.cluster), ("head", &options.head_name)] {
        if !names::is_dns_label(name) {
            problems.push(Problem::Label { what, name: name.clone() });
        }
    }
    if !names::is_domain(&options.domain) {
        problems.push(Problem::Domain(options.domain.clone()));
    } else if options.domain == "local" || options.domain.ends_with(".local") {
        problems.push(Problem::DomainOfMdns);
    }
    interfaces(options, &mut problems);
    problems.extend(directory(&options.data));
    if !names::is_plain_path(&options.program) {
        problems.push(Problem::Path(options.program.clone()));
    }
    for user in [&options.user, &options.ssh_user] {
        if !names::is_user(user) {
            problems.push(Problem::User(user.clone()));
        }
    }
    if !(100..=999).contains(&options.uid) {
        problems.push(Problem::Uid(options.uid));
    }
    if PORTS_TAKEN.contains(&options.port) {
        problems.push(Problem::Port(options.port));
    }
    if options.nodes.len() > NODES_MAX {
        let count = options.nodes.len();
        problems.push(Problem::TooMany { what: "nodes", count, most: NODES_MAX });
    }
    problems
}

/// A directory that is to be bramble's alone.
pub(crate) fn directory(path: &Path) -> Option<Problem> {
    if !names::is_plain_path(path) {
        return Some(Problem::Path(path.to_owned()));
    }
    let is_systems = OF_SYSTEM.iter().any(|dir| path == Path::new(dir))
        || BELOW_SYSTEM.iter().any(|dir| path.starts_with(dir));
    is_systems.then(|| Problem::PathOfSystem(path.to_owned()))
}

fn interfaces(options: &HeadOptions, problems: &mut Vec<Problem>) {
    let all = options.inner.iter().chain(&options.uplink).chain([&options.bridge]);
    for name in all.filter(|name| !names::is_interface(name)) {
        problems.push(Problem::Interface(name.clone()));
    }
    if let Some(uplink) = &options.uplink
        && (options.inner.contains(uplink) || *uplink == options.bridge)
    {
        problems.push(Problem::UplinkInside(uplink.clone()));
    }
    for (index, name) in options.inner.iter().enumerate() {
        if options.inner[..index].contains(name) || *name == options.bridge {
            problems.push(Problem::InterfaceTwice(name.clone()));
        }
    }
    if options.inner.is_empty() && !options.cluster_hat {
        problems.push(Problem::NoInside);
    }
    if options.inner.len() > INNER_MAX {
        let count = options.inner.len();
        problems.push(Problem::TooMany { what: "inner interfaces", count, most: INNER_MAX });
    }
}

/// What is wrong with the nodes, alone and beside each other.
pub(super) fn of_nodes(options: &HeadOptions, nodes: &[Node]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for entry in &options.nodes {
        problems.extend(of_entry(options, &entry.name, entry.wired));
    }
    let network = options.network;
    let (first, last) = network.pool();
    let mut names = BTreeMap::from([(options.head_name.as_str(), ())]);
    let mut addresses = BTreeMap::from([(network.head(), options.head_name.as_str())]);
    let mut macs = BTreeMap::new();
    for Node { name, address, mac, .. } in nodes {
        let (name, address, mac) = (name.as_str(), *address, *mac);
        if names.insert(name, ()).is_some() {
            problems.push(Problem::NameTwice(name.to_owned()));
        }
        if let Some(other) = addresses.insert(address, name) {
            problems.push(Problem::AddressTwice(other.to_owned(), name.to_owned(), address));
        }
        if let Some(other) = macs.insert(mac, name) {
            problems.push(Problem::MacTwice(str::to_owned(other), name.to_owned(), mac));
        }
        let name = name.to_owned();
        if !network.has(address) {
            let network = network.to_string();
            problems.push(Problem::AddressOutside { name, address, network });
        } else if (first..=last).contains(&address) {
            problems.push(Problem::AddressInPool { name, address, first, last });
        }
    }
    problems
}

fn of_entry(options: &HeadOptions, name: &str, wired: Wired) -> Option<Problem> {
    if !names::is_dns_label(name) {
        return Some(Problem::Label { what: "node", name: name.to_owned() });
    }
    if !is_node_name(name) {
        return Some(Problem::Reserved(name.to_owned()));
    }
    match wired {
        Wired::Slot(slot @ (0 | 253..)) => Some(Problem::Slot(slot)),
        Wired::Slot(_) if !options.cluster_hat => Some(Problem::SlotWithoutHat(name.to_owned())),
        _ => None,
    }
}
