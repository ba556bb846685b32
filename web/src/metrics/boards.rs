//! What boards tell of themselves beyond what every machine has: names as HARDWARE's for
//! Prometheus, beside those of node_exporter.

use bramble_protocol::api::NodeView;
use bramble_protocol::board::{BoardStatus, Restraints};
use bramble_protocol::power::PowerStage;

use super::is_up;
use super::text::{Kind, Text};

/// Takes one of them.
type Pick = fn(&Restraints) -> Option<bool>;

/// What holds processors back, by its name.
const RESTRAINTS: [(&str, Pick); 4] = [
    ("under-voltage", |it| it.under_voltage),
    ("frequency-capped", |it| it.frequency_capped),
    ("throttled", |it| it.throttled),
    ("soft-limit", |it| it.soft_limit),
];

/// Writes what is known; what a board cannot tell has no series.
pub(super) fn write(text: &mut Text, nodes: &[NodeView]) {
    let boards = || {
        let here = nodes.iter().filter(|node| is_up(node));
        here.filter_map(|node| Some((node.name.as_str(), node.status.board.as_deref()?)))
    };
    let help = "1 while the supply is too weak, or else 0.";
    text.family("bramble_node_undervoltage", Kind::Gauge, help).add_each(
        "node",
        boards().map(|(name, board)| (name, board.restraints.under_voltage.map(u64::from))),
    );
    let help = "1 while this holds the processors back, or else 0.";
    write_restraints(text, "bramble_node_throttled", help, boards(), |board| board.restraints);
    let help = "1 if this held the processors back at some time since the board started.";
    let since_boot = |board: &BoardStatus| board.restraints_since_boot;
    write_restraints(text, "bramble_node_throttled_since_boot", help, boards(), since_boot);
    let help = "What the board draws; pmic and meter are measured, model is estimated.";
    let mut family = text.family("bramble_node_power_watts", Kind::Gauge, help);
    for (name, board) in boards() {
        if let Some(power) = &board.power {
            let watts = f64::from(power.milliwatts) / 1000.0;
            family.add(&[("node", name), ("source", power.method.name())], watts);
        }
    }
    write_power(text, nodes);
    let help = "What the node has drawn while it was connected, since the head started.";
    text.family("bramble_node_energy_joules_total", Kind::Counter, help).add_each(
        "node",
        nodes.iter().map(|node| {
            let joules = node.energy.millijoules as f64 / 1000.0;
            (node.name.as_str(), (joules > 0.0).then_some(joules))
        }),
    );
}

fn write_restraints<'n>(
    text: &mut Text,
    name: &'static str,
    help: &'static str,
    boards: impl Iterator<Item = (&'n str, &'n BoardStatus)>,
    of: impl Fn(&BoardStatus) -> Restraints,
) {
    let mut family = text.family(name, Kind::Gauge, help);
    for (node, board) in boards {
        let restraints = of(board);
        for (reason, is) in RESTRAINTS {
            if let Some(is) = is(&restraints) {
                family.add(&[("node", node), ("reason", reason)], u64::from(is));
            }
        }
    }
}

fn write_power(text: &mut Text, nodes: &[NodeView]) {
    let help = "1 for what the node's power is, 0 for what it is not.";
    let mut family = text.family("bramble_node_power_state", Kind::Gauge, help);
    for node in nodes {
        let Some(power) = &node.power else { continue };
        let now = match power.stage {
            PowerStage::Off | PowerStage::Queued => "off",
            PowerStage::SwitchingOn | PowerStage::Booting => "booting",
            PowerStage::Failed => "failed",
            _ => "on",
        };
        for state in ["on", "off", "booting", "failed"] {
            family.add(&[("node", &node.name), ("state", state)], u64::from(state == now));
        }
    }
}
