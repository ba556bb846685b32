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

#[cfg(test)]
mod tests {
    use bramble_protocol::board::{BoardStatus, Interface, Power, PowerMethod};
    use bramble_protocol::{NodeId, TargetClass};

    use super::*;

    fn node(id: u32, state: NodeState, board: BoardStatus) -> NodeView {
        NodeView {
            ease: None,
            energy: Default::default(),
            power: None,
            schema: "bramble.node/1".into(),
            id: NodeId(id),
            name: format!("p{id}"),
            state,
            class: TargetClass::Aarch64,
            version: "0.1.0".into(),
            slots: 4,
            speed: None,
            draining: None,
            quarantined: None,
            trust: Default::default(),
            leased: 1,
            jobs: Vec::new(),
            succeeded: 3,
            failed: 0,
            seen_at_ms: 0,
            status: NodeStatus {
                temperature_millicelsius: Some(50_000),
                memory_bytes_total: Some(512 << 20),
                board: Some(Box::new(board)),
                ..NodeStatus::default()
            },
        }
    }

    fn head() -> HeadView {
        HeadView {
            schema: "bramble.head/1".into(),
            version: "0.1.0".into(),
            process_id: 1,
            nodes_connected: 2,
            slots: 8,
        }
    }

    fn drawing(method: PowerMethod, milliwatts: u32) -> BoardStatus {
        BoardStatus { power: Some(Power::by(method, milliwatts)), ..BoardStatus::default() }
    }

    #[test]
    fn what_all_draw_is_measured_only_if_each_share_is() {
        let of = |second: BoardStatus| {
            let first = node(1, NodeState::Idle, drawing(PowerMethod::Pmic, 3_000));
            Snapshot::of(&head(), &[first, node(2, NodeState::Busy, second)]).power.unwrap()
        };
        let measured = of(drawing(PowerMethod::Meter, 500));
        assert_eq!((measured.milliwatts, measured.source), (3_500, PowerSource::Measured));
        let mixed = of(drawing(PowerMethod::Model, 500));
        assert_eq!((mixed.milliwatts, mixed.source), (3_500, PowerSource::Estimated));
        assert_eq!(of(BoardStatus::default()).source, PowerSource::Measured, "one says nothing");
        assert_eq!(Snapshot::of(&head(), &[]).power, None);
    }

    #[test]
    fn what_a_lost_node_told_last_is_not_told_again() {
        let lost = node(2, NodeState::Lost, drawing(PowerMethod::Pmic, 3_000));
        let snapshot = Snapshot::of(&head(), &[lost]);
        assert_eq!(snapshot.power, None);
        let row = &snapshot.nodes[0];
        assert_eq!((row.temperature_millicelsius, row.memory_kib_total), (None, None));
        assert_eq!((row.name.as_str(), row.tasks_succeeded), ("p2", 3));
    }

    #[test]
    fn the_throttle_word_is_the_one_that_vcgencmd_prints() {
        let no = Restraints {
            under_voltage: Some(false),
            frequency_capped: Some(false),
            throttled: Some(false),
            soft_limit: Some(false),
        };
        let weak = Restraints { under_voltage: Some(true), throttled: Some(true), ..no };
        assert_eq!(throttle_word(&weak, &weak), Some(0x5_0005));
        assert_eq!(throttle_word(&no, &weak), Some(0x5_0000));
        assert_eq!(throttle_word(&no, &Restraints::default()), Some(0));
        assert_eq!(throttle_word(&Restraints::default(), &Restraints::default()), None);
    }

    #[test]
    fn a_problem_of_a_board_is_an_alarm_and_its_interfaces_are_one() {
        let interface = |bytes| Interface { rx_bytes: Some(bytes), ..Interface::default() };
        let restraints = Restraints { under_voltage: Some(true), ..Restraints::default() };
        let interfaces = vec![interface(5), interface(7)];
        let board = BoardStatus { restraints, interfaces, ..BoardStatus::default() };
        let snapshot = Snapshot::of(&head(), &[node(3, NodeState::Idle, board)]);
        assert_eq!(snapshot.alarm.as_deref(), Some("p3 weak-supply-now"));
        assert_eq!((snapshot.nodes[0].rx_bytes, snapshot.nodes[0].tx_bytes), (Some(12), None));
        assert_eq!(snapshot.nodes[0].memory_kib_total, Some(512 << 10));
    }
}
