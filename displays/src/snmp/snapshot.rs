//! What is told of a cluster over SNMP.

use bramble_protocol::api::{HeadView, NodeView};
use bramble_protocol::board::{PowerSource, Restraints};
use bramble_protocol::health::{Finding, Severity, findings};
use bramble_protocol::{NodeState, NodeStatus};

use crate::shown::{ClusterPower, JobCounts};

/// A cluster at some moment. What is not known is absent, and so is its object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Version of the head.
    pub version: String,
    /// Slots of all nodes that are connected.
    pub slots: u32,
    /// The jobs that have not ended.
    pub jobs: Option<JobCounts>,
    /// What all nodes draw.
    pub power: Option<ClusterPower>,
    /// What somebody should look at.
    pub alarm: Option<String>,
    /// The nodes, each with a number of its own.
    pub nodes: Vec<NodeRow>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its number, at least 1; others are left out.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it is at the moment.
    pub state: NodeState,
    /// Whether it is switched on, where something switches it.
    pub power_state: Option<PowerState>,
    /// Hottest processor sensor, in thousandths of a degree Celsius.
    pub temperature_millicelsius: Option<i32>,
    /// What holds its processors back, in the bits of `vcgencmd get_throttled`.
    pub throttle_word: Option<u32>,
    /// Its memory, in KiB.
    pub memory_kib_total: Option<u64>,
    /// What of it could be used without swapping, in KiB.
    pub memory_kib_available: Option<u64>,
    /// Load average over one minute, in thousandths.
    pub load_milli: Option<u32>,
    /// How many tasks it runs at a time.
    pub slots: u32,
    /// How many it holds now.
    pub tasks: u32,
    /// Tasks it has done since the head started.
    pub tasks_succeeded: u64,
    /// Attempts that failed there since the head started.
    pub tasks_failed: u64,
    /// Bytes that came in, on all its interfaces together.
    pub rx_bytes: Option<u64>,
    /// Bytes that went out.
    pub tx_bytes: Option<u64>,
    /// What it draws, in thousandths of a watt.
    pub power_milliwatts: Option<u32>,
    /// Whether that was measured.
    pub power_source: Option<PowerSource>,
    /// Since it started, in seconds.
    pub uptime_s: Option<u64>,
}

/// Whether a node is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerState {
    /// It has current.
    On,
    /// It has none.
    Off,
    /// It has been switched on and is not here yet.
    Booting,
    /// It does not come up.
    Failed,
}

impl Snapshot {
    /// What the answers of `GET /api/v1` and `GET /api/v1/nodes` tell. The jobs, and which nodes
    /// are switched on, are for the caller to fill in, if he knows.
    pub fn of(head: &HeadView, nodes: &[NodeView]) -> Self {
        let connected = || nodes.iter().filter(|node| node.state != NodeState::Lost);
        Self {
            version: head.version.clone(),
            slots: head.slots,
            jobs: None,
            power: power_of(connected().map(|node| &node.status)),
            alarm: connected().find_map(alarm_of),
            nodes: nodes.iter().map(NodeRow::of).collect(),
        }
    }
}

impl NodeRow {
    /// What the API tells of a node.
    pub fn of(node: &NodeView) -> Self {
        // What a node that is not connected told last is not how it is now.
        let nothing = NodeStatus::default();
        let status = if node.state == NodeState::Lost { &nothing } else { &node.status };
        let board = status.board.as_deref();
        let power = board.and_then(|board| board.power);
        let interfaces = board.map(|board| board.interfaces.as_slice()).unwrap_or_default();
        let sum = |counts: Vec<u64>| {
            (!counts.is_empty()).then(|| counts.into_iter().fold(0, u64::wrapping_add))
        };
        Self {
            index: node.id.0,
            name: node.name.clone(),
            state: node.state,
            power_state: None,
            temperature_millicelsius: status.temperature_millicelsius,
            throttle_word: board
                .and_then(|board| throttle_word(&board.restraints, &board.restraints_since_boot)),
            memory_kib_total: status.memory_bytes_total.map(|bytes| bytes >> 10),
            memory_kib_available: status.memory_bytes_available.map(|bytes| bytes >> 10),
            load_milli: status.load_milli,
            slots: node.slots,
            tasks: node.leased,
            tasks_succeeded: node.succeeded,
            tasks_failed: node.failed,
            rx_bytes: sum(interfaces.iter().filter_map(|i| i.rx_bytes).collect()),
            tx_bytes: sum(interfaces.iter().filter_map(|i| i.tx_bytes).collect()),
            power_milliwatts: power.map(|power| power.milliwatts),
            power_source: power.map(|power| power.source),
            uptime_s: status.uptime_s,
        }
    }
}

/// What all that are known to draw something draw together.
fn power_of<'a>(nodes: impl Iterator<Item = &'a NodeStatus>) -> Option<ClusterPower> {
    let powers = nodes.filter_map(|status| status.board.as_deref()?.power);
    powers.fold(None, |sum, power| {
        let sum = sum.unwrap_or(ClusterPower { milliwatts: 0, source: PowerSource::Measured });
        let is_measured = [sum.source, power.source] == [PowerSource::Measured; 2];
        let source = if is_measured { PowerSource::Measured } else { PowerSource::Estimated };
        let milliwatts = sum.milliwatts.saturating_add(power.milliwatts.into());
        Some(ClusterPower { milliwatts, source })
    })
}

/// The gravest problem of a node, such as `p3 weak-supply-now`.
fn alarm_of(node: &NodeView) -> Option<String> {
    let findings = findings(node.status.board.as_deref()?);
    let is_problem = |finding: &Finding| finding.severity() == Severity::Problem;
    let finding = findings.into_iter().find(is_problem)?;
    Some(format!("{} {}", node.name, finding.slug()))
}

/// The word of `vcgencmd get_throttled`: bits 0 to 3 for now, 16 to 19 since the board started.
fn throttle_word(now: &Restraints, since_boot: &Restraints) -> Option<u32> {
    if now.is_unknown() && since_boot.is_unknown() {
        return None;
    }
    let bits = |restraints: &Restraints| {
        let Restraints { under_voltage, frequency_capped, throttled, soft_limit } = *restraints;
        let set = [under_voltage, frequency_capped, throttled, soft_limit];
        (0..).zip(set).map(|(bit, set)| u32::from(set == Some(true)) << bit).sum::<u32>()
    };
    Some(bits(now) | bits(since_boot) << 16)
}
