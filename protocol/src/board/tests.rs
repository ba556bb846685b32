//! Old and new agents, limits on what they send, and the little arithmetic there is.

use proptest::prelude::*;

use super::*;
use crate::NodeStatus;

fn full() -> BoardStatus {
    BoardStatus {
        identity: BoardIdentity {
            kind: Some("pi-4b".into()),
            memory_bytes_fitted: Some(4 << 30),
            ..BoardIdentity::default()
        },
        zones: vec![ThermalZone { kind: "cpu-thermal".into(), millicelsius: -1500 }],
        clocks: vec![ClockPolicy { policy: 0, hz: 1_500_000_000, hz_min: None, hz_max: None }],
        restraints: Restraints { under_voltage: Some(false), ..Restraints::default() },
        swap: Some(Swap { bytes_total: 0, bytes_free: 0 }),
        disk: Some(Disk { read_only: Some(true), ..Disk::default() }),
        interfaces: vec![Interface { name: "eth0".into(), ..Interface::default() }],
        share: Some(Share {
            state: ShareState::OnDemand,
            filesystem: None,
            read_only: None,
            silent: Some(true),
        }),
        power: Some(Power::by(PowerMethod::Pmic, 4321)),
        ..BoardStatus::default()
    }
}

#[test]
fn a_status_of_an_agent_that_knows_no_boards_is_read() {
    let old = r#"{"model":"Some Board","cpu_count":4,"load_milli":null}"#;
    let status: NodeStatus = serde_json::from_str(old).unwrap();
    assert_eq!((status.cpu_count, status.board), (4, None));
}

#[test]
fn a_status_without_a_board_is_written_as_older_heads_know_it() {
    let text = serde_json::to_string(&NodeStatus::default()).unwrap();
    assert!(!text.contains("board"), "{text}");
}

#[test]
fn a_board_survives_the_wire_and_takes_no_room_for_what_it_lacks() {
    let status = NodeStatus { board: Some(Box::new(full())), ..NodeStatus::default() };
    let text = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<NodeStatus>(&text).unwrap(), status);
    let board = serde_json::to_string(&full()).unwrap();
    assert!(!board.contains("null"), "{board}");
    assert_eq!(serde_json::to_string(&BoardStatus::default()).unwrap(), r#"{"identity":{}}"#);
}

#[test]
fn fields_of_later_agents_are_passed_over() {
    let later = r#"{"identity":{"colour":"green"},"swap":{"bytes_total":1,"bytes_free":1,"kind":2},
        "aura":[1]}"#;
    let board: BoardStatus = serde_json::from_str(later).unwrap();
    assert_eq!(board.swap, Some(Swap { bytes_total: 1, bytes_free: 1 }));
}

#[test]
fn a_board_that_sends_too_much_is_cut_short() {
    let mut board = full();
    board.zones = vec![ThermalZone { kind: "ä".repeat(1000), millicelsius: 0 }; 1000];
    board.interfaces = vec![Interface { name: "x".repeat(1000), ..Interface::default() }; 1000];
    board.identity.kernel = Some("k".repeat(1000));
    let board = board.bounded();
    assert_eq!((board.zones.len(), board.interfaces.len()), (LIST_MAX, LIST_MAX));
    assert_eq!(board.zones[0].kind, "ä".repeat(TEXT_BYTES_MAX / 2));
    assert_eq!(board.interfaces[0].name.len(), TEXT_BYTES_MAX);
    assert_eq!(board.identity.kernel.unwrap().len(), TEXT_BYTES_MAX);
    assert_eq!(full().bounded(), full(), "what is short stays as it is");
}

#[test]
fn a_counter_of_32_bits_may_wrap_and_any_may_begin_anew() {
    assert_eq!(counted_since(10, 25), Some(15));
    assert_eq!(counted_since(u64::from(u32::MAX), 4), Some(5));
    assert_eq!(counted_since(10, 4), None, "a restart");
    assert_eq!(counted_since(1 << 40, 4), None, "never wraps");
    assert_eq!(counted_since(u64::from(u32::MAX), u64::from(u32::MAX) - 1), None);
}

#[test]
fn a_model_draws_between_idle_and_busy() {
    let model =
        PowerModel { off_milliwatts: Some(500), idle_milliwatts: 1500, busy_milliwatts: 6700 };
    assert_eq!(model.at(0), Power::by(PowerMethod::Model, 1500));
    assert_eq!(model.at(500).milliwatts, 4100);
    assert_eq!(model.at(5000).milliwatts, 6700);
    assert_eq!(model.at(1000).source, PowerSource::Estimated);
    assert_eq!(model.off().map(|power| power.milliwatts), Some(500));
    assert_eq!(PowerModel { off_milliwatts: None, ..model }.off(), None);
}

proptest! {
    #[test]
    fn what_a_counter_has_counted_is_never_more_than_it_could(before: u64, now: u64) {
        if let Some(counted) = counted_since(before, now) {
            prop_assert!(counted <= now.max(1 << 32));
        }
    }

    #[test]
    fn any_model_at_any_load_is_an_estimate(idle: u32, busy: u32, load: u32) {
        let model =
            PowerModel { off_milliwatts: None, idle_milliwatts: idle, busy_milliwatts: busy };
        let power = model.at(load);
        prop_assert_eq!(power.source, PowerSource::Estimated);
        prop_assert!(power.milliwatts >= idle && power.milliwatts <= busy.max(idle));
    }
}
