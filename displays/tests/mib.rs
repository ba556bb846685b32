//! The MIB says what is answered.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::collections::BTreeMap;

use bramble_displays::snmp::{NodeRow, Oid, PowerState, Snapshot, Tree};
use bramble_displays::{ClusterPower, JobCounts};
use bramble_protocol::NodeState;
use bramble_protocol::board::PowerSource;

const MIB: &str = include_str!("../../docs/BRAMBLE-MIB.txt");

/// Objects below a parent: their numbers with what net-snmp calls their types.
fn objects(parent: &str) -> BTreeMap<u32, &'static str> {
    let mut found = BTreeMap::new();
    let mut kind = None;
    for line in MIB.lines().map(str::trim) {
        if let Some(syntax) = line.strip_prefix("SYNTAX ") {
            let syntax = syntax.trim();
            let types = [
                ("BrambleText", "string"),
                ("INTEGER", "integer"),
                ("Integer32", "integer"),
                ("Gauge32", "gauge"),
                ("Unsigned32", "gauge"),
                ("Counter64", "counter64"),
                ("TimeTicks", "timeticks"),
            ];
            kind = types.iter().find(|(name, _)| syntax.starts_with(name)).map(|(_, kind)| *kind);
        }
        let place = line.strip_prefix("::= { ").and_then(|rest| rest.strip_suffix(" }"));
        if let Some((name, number)) = place.and_then(|place| place.split_once(' '))
            && name == parent
        {
            found.insert(number.parse().unwrap(), kind.take().unwrap());
        }
    }
    found
}

/// Everything that could be known is.
fn full() -> Snapshot {
    let node = NodeRow {
        index: 7,
        name: "p7".into(),
        state: NodeState::Suspect,
        power_state: Some(PowerState::Booting),
        temperature_millicelsius: Some(0),
        throttle_word: Some(0),
        memory_kib_total: Some(0),
        memory_kib_available: Some(0),
        load_milli: Some(0),
        slots: 0,
        tasks: 0,
        tasks_succeeded: 0,
        tasks_failed: 0,
        rx_bytes: Some(0),
        tx_bytes: Some(0),
        power_milliwatts: Some(0),
        power_source: Some(PowerSource::Measured),
        uptime_s: Some(0),
    };
    let power = Some(ClusterPower { milliwatts: 0, source: PowerSource::Measured });
    Snapshot { jobs: Some(JobCounts::default()), power, nodes: vec![node], ..Snapshot::default() }
}

#[test]
fn each_object_of_the_mib_is_answered_with_its_type_and_no_other() {
    let base = Oid::default();
    let mut expected = BTreeMap::new();
    for (number, kind) in objects("brambleCluster") {
        expected.insert(base.with(&[1, 1, number, 0]), kind);
    }
    for (column, kind) in objects("brambleNodeEntry") {
        // The first column is the index, which is not accessible.
        if column != 1 {
            expected.insert(base.with(&[1, 2, 1, column, 7]), kind);
        }
    }
    let tree = Tree::new(&base, &full());
    let answered: BTreeMap<Oid, &str> =
        tree.iter().map(|(oid, value)| (oid.clone(), value.kind())).collect();
    assert_eq!(answered, expected);
    assert_eq!(answered.len(), 10 + 17);
}
