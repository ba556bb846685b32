//! The plans that several tests use: a head and a node of a Cluster HAT with four boards.

#![allow(dead_code, reason = "each test uses its part")]

use bramble_protocol::account::Hidden;
use bramble_setup::{HeadOptions, HeadPlan, Link, NodeEntry, NodeOptions, NodePlan, Wired};

/// A node without an address of its own.
pub(crate) fn node(name: &str, wired: Wired) -> NodeEntry {
    NodeEntry { name: name.into(), wired, address: None }
}

/// A token that no head ever made.
pub(crate) fn token() -> Hidden {
    Hidden::new(format!("brj_{}", "0123456789abcdef".repeat(4)))
}

/// A head on Wi-Fi with four boards.
pub(crate) fn cluster_hat_head() -> HeadPlan {
    let options = HeadOptions {
        cluster_hat: true,
        uplink: Some("wlan0".into()),
        nodes: (1..=4).map(|slot| node(&format!("p{slot}"), Wired::Slot(slot))).collect(),
        ..HeadOptions::default()
    };
    HeadPlan::new(options).expect("these options are good")
}

/// The board in its first slot.
pub(crate) fn cluster_hat_node() -> NodePlan {
    let options = NodeOptions {
        join_token: Some(token()),
        share: Some("/srv/bramble/store".into()),
        ssh_keys: vec![format!("ssh-ed25519 {} pi@head", "A".repeat(68))],
        ..NodeOptions::new("p1", Link::Slot(1))
    };
    NodePlan::new(options).expect("these options are good")
}
