//! What is known of a node: by the head, and by this machine where it is the head's.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bramble_protocol::NodeState;
use bramble_protocol::api::NodeView;
use bramble_protocol::board::ShareState;
use bramble_protocol::power::{PowerStage, PowerView};
use bramble_setup::doctor::{Patient, Seen, ShareSeen, local};
use bramble_setup::{HeadOptions, Mac};

/// Drivers whose boards are USB devices of the head, by their slots.
const HATS: [&str; 2] = ["cluster-hat", "clusterctrl"];

/// The machine that this runs on.
pub(super) struct Here {
    /// Whether the head runs here too.
    is_head: bool,
    bridge: String,
}

impl Here {
    pub(super) fn of(is_head: bool) -> Self {
        Self { is_head, bridge: HeadOptions::default().bridge }
    }
}

/// Who a node is, and all that can be seen of it.
pub(super) fn of(
    name: &str,
    node: Option<&NodeView>,
    outlet: Option<&PowerView>,
    head_version: &str,
    here: &Here,
) -> (Patient, Seen) {
    let is_hat = |view: &&PowerView| HATS.contains(&view.outlet.driver.as_str());
    let slot = outlet.filter(is_hat).and_then(|view| view.outlet.outlet.parse().ok());
    let patient = Patient { name: name.to_owned(), slot, bridge: here.bridge.clone() };
    let connected = node.filter(|node| node.state != NodeState::Lost);
    let mut seen = Seen {
        power: outlet.and_then(|view| has_power(view.stage)),
        agent: Some(connected.is_some()),
        ..Seen::default()
    };
    if let Some(node) = connected {
        let board = node.status.board.as_deref();
        seen.share = board.map(|board| match &board.share {
            None => ShareSeen::Unused,
            Some(share) if share.silent == Some(true) => ShareSeen::Silent,
            Some(share) if share.state == ShareState::Missing => ShareSeen::NotMounted,
            Some(_) => ShareSeen::Mounted,
        });
        // What it told took a moment to arrive, which is far less than a clock may be off.
        let time_ms = board.and_then(|board| board.time_ms);
        seen.skew_ms = time_ms.map(|time_ms| time_ms.cast_signed() - node.seen_at_ms.cast_signed());
        seen.versions = Some((node.version.clone(), head_version.to_owned()));
    }
    if let Some(slot) = slot.filter(|_| here.is_head) {
        look_here(slot, &mut seen);
    }
    (patient, seen)
}

fn has_power(stage: PowerStage) -> Option<bool> {
    match stage {
        PowerStage::Unknown => None,
        stage => Some(stage.draws()),
    }
}

/// What the head's machine sees of a board on a HAT.
fn look_here(slot: u8, seen: &mut Seen) {
    let root = Path::new("/");
    seen.usb = local::usb(root, slot);
    seen.link = local::link(root, &format!("ethpi{slot}"));
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    seen.lease = local::lease(root, Mac::of_gadget(slot), now_s);
    if let Some(Some(address)) = seen.lease {
        seen.neighbour = local::neighbour(root, address);
    }
}
