//! The first stage at which a node hangs: power, USB, link, address, agent, share, clock, version.
//!
//! [`diagnose`] is a pure function of what was [`Seen`]. What can be seen on the head's machine by
//! itself is read by [`local`], under a root; the rest, whoever calls knows from the head.

pub mod local;

use std::fmt;
use std::net::Ipv4Addr;

/// A clock further off than this is wrong, in milliseconds. What a node told may be as old as a
/// heartbeat or two.
const SKEW_MS_MAX: u64 = 5000;

/// What has to work, in this order: each needs those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The board has power.
    Power,
    /// The head sees it on USB.
    Usb,
    /// The network link is up and part of the nodes' network.
    Link,
    /// It has an address.
    Dhcp,
    /// Its agent is connected.
    Agent,
    /// It reads the share.
    Share,
    /// Its clock is right.
    Clock,
    /// Its program understands the head's.
    Version,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Power,
        Self::Usb,
        Self::Link,
        Self::Dhcp,
        Self::Agent,
        Self::Share,
        Self::Clock,
        Self::Version,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Power => "power",
            Self::Usb => "USB",
            Self::Link => "link",
            Self::Dhcp => "DHCP",
            Self::Agent => "agent",
            Self::Share => "share",
            Self::Clock => "clock",
            Self::Version => "version",
        })
    }
}

/// What a stage comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Good,
    /// It does not, and this is where to begin.
    Bad {
        /// What to do.
        advice: String,
    },
    /// It does not, or cannot be seen, because of an earlier one.
    Follows,
    /// Nobody could see it.
    Unknown,
    /// The node has no such thing.
    Absent,
}

/// A stage with what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stage.
    pub stage: Stage,
    /// What it comes to.
    pub outcome: Outcome,
    /// What was seen, for people.
    pub found: String,
}

/// Who a node is, as far as the checks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patient {
    /// Its name.
    pub name: String,
    /// Its slot, if it is a USB device of the head.
    pub slot: Option<u8>,
    /// The head's bridge for nodes.
    pub bridge: String,
}

/// What is known of a node. None stands for what nobody could see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether its power is on.
    pub power: Option<bool>,
    /// Whether the head sees it on USB.
    pub usb: Option<bool>,
    /// Its link.
    pub link: Option<LinkSeen>,
    /// Its address by DHCP, if it has one.
    pub lease: Option<Option<Ipv4Addr>>,
    /// Whether it answers on the network.
    pub neighbour: Option<bool>,
    /// Whether its agent is connected.
    pub agent: Option<bool>,
    /// Its share.
    pub share: Option<ShareSeen>,
    /// By how much its clock differs from the head's, in milliseconds.
    pub skew_ms: Option<i64>,
    /// Its version, and the head's.
    pub versions: Option<(String, String)>,
}

/// How a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkSeen {
    /// There is no such interface.
    Missing,
    /// It has no carrier.
    Down,
    /// It is up, and part of this bridge, if of any.
    Up(Option<String>),
}

/// How a share is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareSeen {
    /// The node uses none.
    Unused,
    /// It should be mounted and is not.
    NotMounted,
    /// It is mounted, and does not answer.
    Silent,
    /// It is mounted.
    Mounted,
}

/// What each stage comes to. At most one is bad: the first that does not work.
pub fn diagnose(patient: &Patient, seen: &Seen) -> Vec<Finding> {
    let connected = seen.agent == Some(true);
    let mut broken = false;
    let mut findings = Vec::with_capacity(Stage::ALL.len());
    for stage in Stage::ALL {
        let (works, found) = look(patient, seen, stage);
        let outcome = match works {
            Works::Absent => Outcome::Absent,
            Works::Yes => Outcome::Good,
            _ if broken => Outcome::Follows,
            // An agent that is connected needs no proof of the stages before it.
            Works::No if connected && stage < Stage::Agent => Outcome::Unknown,
            Works::No => {
                broken = true;
                Outcome::Bad { advice: advice(patient, seen, stage) }
            }
            Works::Unknown => Outcome::Unknown,
        };
        findings.push(Finding { stage, outcome, found });
    }
    findings
}

enum Works {
    Yes,
    No,
    Unknown,
    Absent,
}

fn look(patient: &Patient, seen: &Seen, stage: Stage) -> (Works, String) {
    let yes = |is: Option<bool>, good: &str, bad: &str| match is {
        Some(true) => (Works::Yes, good.to_owned()),
        Some(false) => (Works::No, bad.to_owned()),
        None => (Works::Unknown, "not known here".to_owned()),
    };
    match stage {
        Stage::Power => yes(seen.power, "on", "off"),
        Stage::Usb if patient.slot.is_none() => (Works::Absent, "not connected by USB".into()),
        Stage::Usb => yes(seen.usb, "the head sees the board", "the head sees no such board"),
        Stage::Link => match &seen.link {
            None => yes(None, "", ""),
            Some(LinkSeen::Missing) => (Works::No, "there is no such interface".into()),
            Some(LinkSeen::Down) => (Works::No, "no carrier".into()),
            Some(LinkSeen::Up(bridge)) if bridge.as_ref() == Some(&patient.bridge) => {
                (Works::Yes, format!("up, part of {}", patient.bridge))
            }
            Some(LinkSeen::Up(None)) => (Works::No, "up, but part of no bridge".into()),
            Some(LinkSeen::Up(Some(other))) => (Works::No, format!("up, but part of {other}")),
        },
        Stage::Dhcp => match (seen.lease, seen.neighbour) {
            (Some(Some(address)), Some(false)) => {
                (Works::No, format!("had {address}, and does not answer there"))
            }
            (Some(Some(address)), _) => (Works::Yes, address.to_string()),
            (Some(None), _) => (Works::No, "no address".into()),
            (None, _) => yes(None, "", ""),
        },
        Stage::Agent => yes(seen.agent, "connected", "not connected"),
        Stage::Share => match seen.share {
            None => yes(None, "", ""),
            Some(ShareSeen::Unused) => (Works::Absent, "objects come over HTTP".into()),
            Some(ShareSeen::Mounted) => (Works::Yes, "mounted".into()),
            Some(ShareSeen::NotMounted) => (Works::No, "not mounted".into()),
            Some(ShareSeen::Silent) => (Works::No, "mounted, and does not answer".into()),
        },
        Stage::Clock => match seen.skew_ms {
            None => yes(None, "", ""),
            Some(skew) if skew.unsigned_abs() <= SKEW_MS_MAX => {
                (Works::Yes, format!("{skew} ms from the head's"))
            }
            Some(skew) => (Works::No, format!("{} s from the head's", skew / 1000)),
        },
        Stage::Version => match &seen.versions {
            None => yes(None, "", ""),
            Some((node, head)) if node == head => (Works::Yes, node.clone()),
            Some((node, head)) => (Works::No, format!("{node}, and the head {head}")),
        },
    }
}

/// What to do about the first stage that does not work.
fn advice(patient: &Patient, seen: &Seen, stage: Stage) -> String {
    let name = &patient.name;
    match stage {
        Stage::Power => format!("switch it on: bramble power on {name}"),
        Stage::Usb => format!(
            "wait a minute after power-on; then read the board's console, or its card: config.txt \
             needs dtoverlay=dwc2,dr_mode=peripheral, and bramble-gadget.service must run \
             (bramble setup node). Else: bramble power cycle {name}"
        ),
        Stage::Link => match seen.link {
            Some(LinkSeen::Up(_)) => format!(
                "have NetworkManager join it: nmcli connection reload; is there a profile for it \
                 that is not bramble's? It belongs to {}",
                patient.bridge
            ),
            _ => "check the cable and the switch; on a Cluster HAT: is its USB hub on?".into(),
        },
        Stage::Dhcp => match seen.lease {
            Some(Some(_)) => format!("it went away: bramble power cycle {name}"),
            _ => {
                "does dnsmasq run (systemctl status dnsmasq), and does dhcp-host name this board's \
                 hardware address? On the node: nmcli device"
                    .into()
            }
        },
        Stage::Agent => format!(
            "ssh {name} systemctl status bramble-agent: has it a token to join by \
             (bramble nodes token)?"
        ),
        Stage::Share => format!(
            "on the head: exportfs -v; on {name}: systemctl status srv-bramble-store.automount. \
             Work goes on without it, over HTTP where the agent has no --store"
        ),
        Stage::Clock => format!(
            "on {name}: timedatectl timesync-status; on the head: does chrony run, and may UDP port \
             123 come in?"
        ),
        Stage::Version => format!("install the head's version on {name}, and restart its agent"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient() -> Patient {
        Patient { name: "p1".into(), slot: Some(1), bridge: "bramble0".into() }
    }

    fn healthy() -> Seen {
        Seen {
            power: Some(true),
            usb: Some(true),
            link: Some(LinkSeen::Up(Some("bramble0".into()))),
            lease: Some(Some(Ipv4Addr::new(10, 66, 0, 11))),
            neighbour: Some(true),
            agent: Some(true),
            share: Some(ShareSeen::Mounted),
            skew_ms: Some(-3),
            versions: Some(("0.1.0".into(), "0.1.0".into())),
        }
    }

    fn first_bad(seen: &Seen) -> Option<Stage> {
        let findings = diagnose(&patient(), seen);
        let bad: Vec<_> =
            findings.iter().filter(|f| matches!(f.outcome, Outcome::Bad { .. })).collect();
        assert!(bad.len() <= 1, "{findings:?}");
        bad.first().map(|finding| finding.stage)
    }

    #[test]
    fn each_stage_is_found_when_it_is_the_first_that_fails() {
        assert_eq!(first_bad(&healthy()), None);
        let off = Seen { agent: Some(false), ..healthy() };
        let cases = [
            (Seen { power: Some(false), usb: Some(false), ..off.clone() }, Stage::Power),
            (Seen { usb: Some(false), link: Some(LinkSeen::Missing), ..off.clone() }, Stage::Usb),
            (Seen { link: Some(LinkSeen::Up(None)), ..off.clone() }, Stage::Link),
            (Seen { lease: Some(None), ..off.clone() }, Stage::Dhcp),
            (Seen { neighbour: Some(false), ..off.clone() }, Stage::Dhcp),
            (off, Stage::Agent),
            (Seen { share: Some(ShareSeen::NotMounted), ..healthy() }, Stage::Share),
            (Seen { share: Some(ShareSeen::Silent), ..healthy() }, Stage::Share),
            (Seen { skew_ms: Some(-1_000_000_000), ..healthy() }, Stage::Clock),
            (
                Seen { versions: Some(("0.1.0".into(), "0.2.0".into())), ..healthy() },
                Stage::Version,
            ),
        ];
        for (seen, stage) in cases {
            assert_eq!(first_bad(&seen), Some(stage), "{seen:?}");
        }
    }

    #[test]
    fn what_nobody_saw_is_neither_good_nor_bad() {
        let findings = diagnose(&patient(), &Seen::default());
        assert!(findings.iter().all(|finding| finding.outcome == Outcome::Unknown));
        let seen = Seen { lease: Some(None), ..healthy() };
        assert_eq!(first_bad(&seen), None, "a connected agent has an address, whoever gave it");
    }

    #[test]
    fn later_stages_follow_from_the_first_that_fails() {
        let seen = Seen { power: Some(false), ..Seen::default() };
        let findings = diagnose(&patient(), &seen);
        assert!(findings[1..].iter().all(|finding| finding.outcome == Outcome::Follows));
        let wired = Patient { slot: None, ..patient() };
        assert_eq!(diagnose(&wired, &seen)[1].outcome, Outcome::Absent);
    }
}
