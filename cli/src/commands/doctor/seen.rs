//! What is known of a node: by the head, and by this machine where it is the head's.

use std::net::{ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bramble_protocol::NodeState;
use bramble_protocol::api::NodeView;
use bramble_protocol::board::ShareState;
use bramble_protocol::power::{PowerAct, PowerStage, PowerView};
use bramble_setup::doctor::{Patient, Seen, ShareSeen, local};
use bramble_setup::{HeadOptions, Mac};

/// The driver whose outlets are the slots that its boards say on USB. Outlets of ClusterCTRL boards
/// count through several of these.
const HAT: &str = "cluster-hat";

/// The machine that this runs on, and its head.
pub(super) struct Here {
    /// Whether the head runs here too.
    is_head: bool,
    head_version: String,
    /// Whether the head switches nodes by itself.
    has_policy: bool,
    bridge: String,
}

impl Here {
    pub(super) fn new(is_head: bool, head_version: String, has_policy: bool) -> Self {
        Self { is_head, head_version, has_policy, bridge: HeadOptions::default().bridge }
    }

    /// Why nobody expects a node to be connected, if so: it is off as somebody wants it, or on the
    /// way.
    pub(super) fn at_rest(&self, outlet: &PowerView) -> Option<String> {
        let is_wanted_off =
            outlet.wish == PowerAct::Off || self.has_policy && outlet.wish != PowerAct::On;
        let rests = match outlet.stage {
            PowerStage::Off => is_wanted_off,
            PowerStage::On | PowerStage::Failed | PowerStage::Unknown => false,
            _ => true,
        };
        let note = outlet.note.as_ref().map_or(String::new(), |note| format!(": it {note}"));
        rests.then(|| match (outlet.stage, outlet.wish) {
            (PowerStage::Off, PowerAct::Off) => "off, as was asked for".to_owned(),
            (stage, _) => format!("{}{note}", stage.slug()),
        })
    }
}

/// Whether the host of a URL is an address of this machine: only such can be listened at.
pub(super) fn is_own_address(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    (host, 0).to_socket_addrs().is_ok_and(|mut all| all.any(|it| UdpSocket::bind(it).is_ok()))
}

/// Who a node is, and all that can be seen of it.
pub(super) fn of(
    name: &str,
    node: Option<&NodeView>,
    outlet: Option<&PowerView>,
    here: &Here,
) -> (Patient, Seen) {
    let is_hat = |view: &&PowerView| view.outlet.driver == HAT;
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
        seen.versions = Some((node.version.clone(), here.head_version.clone()));
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
