//! The values of a snapshot, each at its place. `docs/BRAMBLE-MIB.txt` says the same for programs.

use std::collections::BTreeMap;
use std::ops::Bound;

use bramble_protocol::NodeState;
use bramble_protocol::board::PowerSource;

use super::oid::Oid;
use super::snapshot::{NodeRow, PowerState, Snapshot};

/// The most nodes that are told of.
const NODES_MAX: usize = 10_000;
/// The longest text, in bytes: what a `BrambleText` of the MIB holds.
const TEXT_BYTES_MAX: usize = 255;

/// A value, as net-snmp's `pass_persist` passes them on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnmpValue {
    /// A number that may be negative, or one of a list.
    Integer(i32),
    /// A number that goes up and down.
    Gauge(u32),
    /// A number that goes up.
    Counter64(u64),
    /// Hundredths of a second.
    TimeTicks(u32),
    /// A text of one line.
    Text(String),
}

impl SnmpValue {
    /// What net-snmp calls the type.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) => "integer",
            Self::Gauge(_) => "gauge",
            Self::Counter64(_) => "counter64",
            Self::TimeTicks(_) => "timeticks",
            Self::Text(_) => "string",
        }
    }

    /// As net-snmp reads it.
    pub fn text(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Gauge(number) | Self::TimeTicks(number) => number.to_string(),
            Self::Counter64(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// A number that is too large for a gauge sticks at the largest one, as SMIv2 says.
    fn gauge(number: u64) -> Self {
        Self::Gauge(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// What would break the line is a space.
    fn line(text: &str) -> Self {
        let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        line.truncate(line.floor_char_boundary(TEXT_BYTES_MAX));
        Self::Text(line)
    }

    fn source(source: PowerSource) -> Self {
        Self::Integer(match source {
            PowerSource::Measured => 1,
            PowerSource::Estimated => 2,
        })
    }
}

/// All values of a cluster, in the order in which SNMP walks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    values: BTreeMap<Oid, SnmpValue>,
}

impl Tree {
    /// The values of a snapshot below `base`.
    pub fn new(base: &Oid, snapshot: &Snapshot) -> Self {
        let mut values = BTreeMap::new();
        let cluster = base.with(&[1, 1]);
        for (number, value) in scalars(snapshot) {
            values.extend(value.map(|value| (cluster.with(&[number, 0]), value)));
        }
        let entry = base.with(&[1, 2, 1]);
        let has_index = |node: &&NodeRow| (1..=i32::MAX as u32).contains(&node.index);
        for node in snapshot.nodes.iter().filter(has_index).take(NODES_MAX) {
            for (column, value) in columns(node) {
                values.extend(value.map(|value| (entry.with(&[column, node.index]), value)));
            }
        }
        Self { values }
    }

    /// The value at a place.
    pub fn get(&self, oid: &Oid) -> Option<&SnmpValue> {
        self.values.get(oid)
    }

    /// The first value behind a place, whether or not there is one at it.
    pub fn next(&self, oid: &Oid) -> Option<(&Oid, &SnmpValue)> {
        self.values.range((Bound::Excluded(oid), Bound::Unbounded)).next()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Oid, &SnmpValue)> {
        self.values.iter()
    }
}

/// The values of the cluster, with their numbers below `brambleCluster`.
fn scalars(snapshot: &Snapshot) -> [(u32, Option<SnmpValue>); 10] {
    let Snapshot { version, slots, jobs, power, alarm, nodes } = snapshot;
    let count = |is_counted: fn(&&NodeRow) -> bool| {
        Some(SnmpValue::gauge(nodes.iter().filter(is_counted).count() as u64))
    };
    [
        (1, Some(SnmpValue::line(version))),
        (2, count(|_| true)),
        (3, count(|node| node.state != NodeState::Lost)),
        (4, count(|node| is_missing(node))),
        (5, Some(SnmpValue::Gauge(*slots))),
        (6, jobs.map(|jobs| SnmpValue::Gauge(jobs.running))),
        (7, jobs.map(|jobs| SnmpValue::Gauge(jobs.waiting))),
        (8, power.map(|power| SnmpValue::gauge(power.milliwatts))),
        (9, power.map(|power| SnmpValue::source(power.source))),
        // No alarm is an empty text, so that somebody who polls it sees that it is over.
        (10, Some(SnmpValue::line(alarm.as_deref().unwrap_or_default()))),
    ]
}

/// Whether a node is not here though nobody has switched it off.
fn is_missing(node: &NodeRow) -> bool {
    node.state == NodeState::Lost
        && !matches!(node.power_state, Some(PowerState::Off | PowerState::Booting))
}

/// The values of a node, with the numbers of their columns. The first one, its index, is part of
/// all their places and has none of its own.
fn columns(node: &NodeRow) -> [(u32, Option<SnmpValue>); 17] {
    let gauge = |number: Option<u64>| number.map(SnmpValue::gauge);
    let counter = |number: Option<u64>| number.map(SnmpValue::Counter64);
    let state = match node.state {
        NodeState::Idle => 1,
        NodeState::Busy => 2,
        NodeState::Suspect => 3,
        NodeState::Lost => 4,
    };
    let power_state = node.power_state.map(|state| match state {
        PowerState::On => 1,
        PowerState::Off => 2,
        PowerState::Booting => 3,
        PowerState::Failed => 4,
    });
    // Time in hundredths begins anew after 497 days, as SMIv2 says.
    let ticks = |seconds: u64| SnmpValue::TimeTicks((seconds.wrapping_mul(100) % (1 << 32)) as u32);
    [
        (2, Some(SnmpValue::line(&node.name))),
        (3, Some(SnmpValue::Integer(state))),
        (4, power_state.map(SnmpValue::Integer)),
        (5, node.temperature_millicelsius.map(SnmpValue::Integer)),
        (6, node.throttle_word.map(SnmpValue::Gauge)),
        (7, gauge(node.memory_kib_total)),
        (8, gauge(node.memory_kib_available)),
        (9, node.load_milli.map(SnmpValue::Gauge)),
        (10, Some(SnmpValue::Gauge(node.slots))),
        (11, Some(SnmpValue::Gauge(node.tasks))),
        (12, counter(Some(node.tasks_succeeded))),
        (13, counter(Some(node.tasks_failed))),
        (14, counter(node.rx_bytes)),
        (15, counter(node.tx_bytes)),
        (16, node.power_milliwatts.map(SnmpValue::Gauge)),
        (17, node.power_source.map(SnmpValue::source)),
        (18, node.uptime_s.map(ticks)),
    ]
}
