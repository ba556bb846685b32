//! Answers `snmpd` from a made-up cluster: `snmp_pass [OID]`. `bramble snmp-pass` does the same
//! with a real one.

use std::process::ExitCode;
use std::sync::Arc;

use bramble_displays::snmp::{NodeRow, Oid, PowerState, Snapshot, Tree, serve};
use bramble_displays::{ClusterPower, JobCounts};
use bramble_protocol::NodeState;
use bramble_protocol::board::PowerSource;

fn main() -> ExitCode {
    let base = match std::env::args().nth(1).map(|text| text.parse::<Oid>()) {
        None => Oid::default(),
        Some(Ok(base)) => base,
        Some(Err(error)) => {
            eprintln!("snmp_pass: {error}");
            return ExitCode::from(2);
        }
    };
    let tree = Arc::new(Tree::new(&base, &cluster()));
    let served = serve(std::io::stdin().lock(), std::io::stdout().lock(), || Arc::clone(&tree));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("snmp_pass: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Two nodes at work, and one that is switched off.
fn cluster() -> Snapshot {
    let node = |index: u32, name: &str| NodeRow {
        index,
        name: name.into(),
        state: NodeState::Busy,
        power_state: Some(PowerState::On),
        temperature_millicelsius: Some(61_234),
        throttle_word: Some(0x5_0005),
        memory_kib_total: Some(443_080),
        memory_kib_available: Some(301_412),
        load_milli: Some(3_950),
        slots: 4,
        tasks: 5,
        tasks_succeeded: 5_000_000_000,
        tasks_failed: 2,
        rx_bytes: Some(18_446_744_073_709_551_615),
        tx_bytes: Some(7),
        power_milliwatts: Some(1_850),
        power_source: Some(PowerSource::Estimated),
        uptime_s: Some(86_400),
    };
    let off = NodeRow {
        state: NodeState::Lost,
        power_state: Some(PowerState::Off),
        temperature_millicelsius: None,
        throttle_word: None,
        uptime_s: None,
        ..node(12, "p12")
    };
    Snapshot {
        version: "0.1.0".into(),
        slots: 8,
        jobs: Some(JobCounts { running: 1, waiting: 2 }),
        power: Some(ClusterPower { milliwatts: 3_700, source: PowerSource::Estimated }),
        alarm: Some("p3 слабое питание".into()),
        nodes: vec![node(2, "p2"), node(3, "p3"), off],
    }
}
