//! What boards tell of themselves, from the files of `fixtures/`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

mod support;

use std::time::{Duration, Instant};

use bramble_hardware::{Sensors, Watched};
use bramble_protocol::board::{
    Interface, Power, PowerMethod, PowerSource, Restraints, ShareState, Swap, Wear, counted_since,
};
use bramble_protocol::health::{Finding, findings};
use bramble_protocol::{BoardStatus, NodeStatus};

use support::{BOARDS, Tree, watched};

fn status(tree: &Tree) -> NodeStatus {
    Sensors::of_board(tree.root(), watched()).read()
}

fn board(name: &str) -> BoardStatus {
    *status(&Tree::of(name)).board.unwrap()
}

fn interface<'a>(board: &'a BoardStatus, name: &str) -> &'a Interface {
    board.interfaces.iter().find(|interface| interface.name == name).unwrap()
}

fn all(set: bool) -> Restraints {
    let set = Some(set);
    Restraints { under_voltage: set, frequency_capped: set, throttled: set, soft_limit: set }
}

#[test]
fn a_zero_w_has_no_detector_and_so_nothing_to_say_of_its_supply() {
    let board = board("pi-zero-w");
    let identity = &board.identity;
    assert_eq!(identity.kind.as_deref(), Some("pi-zero-w"));
    assert_eq!(identity.processor.as_deref(), Some("BCM2835"));
    assert_eq!((identity.revision, identity.memory_bytes_fitted), (Some(1), Some(512 << 20)));
    assert_eq!(identity.kernel.as_deref(), Some("6.6.31+rpt-rpi-v6"));
    assert_eq!(board.has_voltage_detector, Some(false));
    assert_eq!(board.restraints, Restraints { under_voltage: None, ..all(false) });
    assert_eq!(board.restraints_since_boot, Restraints { under_voltage: None, ..all(false) });
    assert_eq!(board.arm_clock_hz, Some(1_000_000_000));
    assert_eq!(board.swap, Some(Swap { bytes_total: 102_396 << 10, bytes_free: 102_396 << 10 }));
    assert_eq!(board.clock_synchronised, Some(true));
    assert_eq!(findings(&board), [Finding::ShareNotMounted, Finding::PressureOff]);
}

#[test]
fn a_zero_2_w_that_is_too_warm_runs_slower_than_its_kernel_believes() {
    let status = status(&Tree::of("pi-zero-2w"));
    let board = *status.board.unwrap();
    assert_eq!(status.clock_hz, Some(1_000_000_000), "what the kernel has asked for");
    assert_eq!(board.arm_clock_hz, Some(700_063_000), "what it gets");
    assert_eq!(status.temperature_millicelsius, Some(81_660));
    let share = board.share.as_ref().unwrap();
    assert_eq!((share.state, share.read_only), (ShareState::Mounted, Some(true)));
    assert_eq!(share.filesystem.as_deref(), Some("nfs4"));
    let pressure = board.pressure.unwrap();
    assert_eq!(pressure.cpu.unwrap().some_permille_10s, 455);
    assert_eq!(pressure.io.unwrap().some_permille_60s, 31);
    let expected = [Finding::SlowedByHeat, Finding::ClockNotSet];
    assert_eq!(findings(&board), expected, "the clock is not set either");
}

#[test]
fn a_3b_with_a_weak_supply_says_so_and_its_adapter_keeps_its_address() {
    let board = board("pi-3b");
    assert_eq!(board.identity.kind.as_deref(), Some("pi-3b"));
    assert_eq!(board.restraints.under_voltage, Some(true));
    assert_eq!(board.restraints_since_boot.throttled, Some(true));
    let expected = [
        Finding::WeakSupplyNow,
        Finding::ShareNotMounted,
        Finding::DiskNearlyFull,
        Finding::PressureOff,
    ];
    assert_eq!(findings(&board), expected);
    let adapter = interface(&board, "enx");
    assert_eq!(adapter.megabits, Some(100));
    assert_eq!((adapter.rx_bytes, adapter.tx_bytes), (Some(123_456_789), Some(987_654_321)));
    assert_eq!((adapter.errors, adapter.dropped), (Some(3), Some(7)));
    assert_eq!(adapter.carrier_changes, Some(21));
    assert_eq!(interface(&board, "wlan0").megabits, None);
    assert!(board.interfaces.iter().all(|interface| interface.name != "lo"));
    let disk = board.disk.unwrap();
    assert_eq!(disk.bytes_written, Some(70_000 * 20 * 512));
    assert_eq!((disk.read_only, disk.wear), (Some(false), None), "cards do not tell their wear");
}

#[test]
fn a_4b_is_measured_by_its_meter_and_its_disk_was_closed() {
    let board = board("pi-4b");
    assert_eq!(board.power, Some(Power::by(PowerMethod::Meter, 4911)));
    assert_eq!(board.restraints.under_voltage, Some(false));
    let expected = [Finding::DiskReadOnly, Finding::ShareNotMounted, Finding::WeakSupplyEarlier];
    assert_eq!(findings(&board), expected);
    let disk = board.disk.unwrap();
    assert_eq!(disk.filesystem.as_deref(), Some("ext4"));
    assert_eq!(disk.bytes_written, Some(4000 * 512), "the partition of the data");
    assert_eq!(disk.files_available, Some(14_999_000));
}

#[test]
fn a_pi_5_is_measured_by_its_power_chip() {
    let tree = Tree::of("pi-5");
    let board = *status(&tree).board.unwrap();
    assert_eq!(board.identity.processor.as_deref(), Some("BCM2712"));
    assert_eq!(board.identity.memory_bytes_fitted, Some(8 << 30));
    let power = board.power.unwrap();
    assert_eq!((power.method, power.source), (PowerMethod::Pmic, PowerSource::Measured));
    // 0.33, 0.36 and 1.8 W on three rails.
    assert_eq!(power.milliwatts, 3439);
    assert_eq!(board.restraints, all(false), "a fan that turns holds nothing back");
    assert_eq!(board.identity.power_model.unwrap().off_milliwatts, Some(1800));
    assert_eq!(findings(&board), [Finding::ShareNotMounted, Finding::PressureOff]);
}

#[test]
fn an_orange_pi_is_slowed_by_its_kernel_and_tells_its_wear() {
    let status = status(&Tree::of("orange-pi-5"));
    let board = *status.board.unwrap();
    let identity = &board.identity;
    assert_eq!(identity.kind.as_deref(), Some("orangepi5"));
    assert_eq!(identity.name.as_deref(), Some("Orange Pi 5"));
    assert_eq!(identity.processor.as_deref(), Some("rk3588s"));
    assert_eq!((identity.revision, identity.memory_bytes_fitted), (None, None));
    let zones: Vec<&str> = board.zones.iter().map(|zone| zone.kind.as_str()).collect();
    assert_eq!(zones[..2], ["soc-thermal", "bigcore0-thermal"]);
    assert_eq!(zones[4..], ["gpu-thermal", "npu-thermal"], "by number");
    assert_eq!(status.temperature_millicelsius, Some(86_250));
    let policies: Vec<u32> = board.clocks.iter().map(|clock| clock.policy).collect();
    assert_eq!(policies, [0, 4, 6]);
    assert_eq!(board.clocks[1].hz_max, Some(2_400_000_000));
    let heat = Restraints { throttled: Some(true), ..Restraints::default() };
    assert_eq!((board.restraints, board.restraints_since_boot), (heat, Restraints::default()));
    assert_eq!((board.has_voltage_detector, board.arm_clock_hz), (None, None));
    let wear = Wear { life_used_percent: Some(100), reserve_low: Some(false) };
    assert_eq!(board.disk.as_ref().unwrap().wear, Some(wear));
    let expected = [Finding::ShareNotMounted, Finding::SlowedByHeat, Finding::DiskWorn];
    assert_eq!(findings(&board), expected);
}

#[test]
fn a_pc_tells_what_it_has_and_no_more() {
    let board = board("x86");
    let processor = board.identity.processor.as_deref();
    assert_eq!(processor, Some("Intel(R) Core(TM) i5-8500T CPU @ 2.10GHz"));
    assert_eq!((&board.identity.kind, board.identity.power_model), (&None, None));
    assert_eq!((board.power, board.clock_synchronised), (None, None));
    assert_eq!(board.restraints.throttled, Some(false));
    assert_eq!(board.restraints.under_voltage, None);
    assert_eq!(board.swap, Some(Swap { bytes_total: 0, bytes_free: 0 }), "no swap is a reading");
    let names: Vec<&str> = board.interfaces.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["eno1", "docker0", "veth12ab34c"], "hardware first");
    let disk = board.disk.unwrap();
    assert_eq!(disk.bytes_written, Some(1000 * 512), "btrfs has a number of its own");
    assert_eq!((disk.files_total, disk.files_available), (None, None), "and no limit on files");
}

#[test]
fn a_board_of_nonsense_tells_nothing_but_that_it_is_cold() {
    let status = status(&Tree::of("hostile"));
    let board = *status.board.clone().unwrap();
    assert_eq!((status.load_milli, status.memory_bytes_total, status.uptime_s), (None, None, None));
    assert_eq!(status.temperature_millicelsius, Some(-5250), "negative is no nonsense");
    let zones: Vec<i32> = board.zones.iter().map(|zone| zone.millicelsius).collect();
    assert_eq!(zones, [-5250]);
    let nothing = BoardStatus {
        zones: board.zones.clone(),
        interfaces: board.interfaces.clone(),
        share: board.share.clone(),
        ..BoardStatus::default()
    };
    assert_eq!(board, nothing);
    assert_eq!(board.share.map(|share| share.state), Some(ShareState::Missing));
    let bare = Interface {
        name: "eth0".into(),
        state: Some("[2J".into()),
        carrier_changes: Some(1),
        ..Interface::default()
    };
    assert_eq!(board.interfaces, [bare]);
}

#[test]
fn a_machine_without_any_of_the_files_has_an_empty_board() {
    let nowhere = std::path::Path::new("/nonexistent/place");
    let board = Sensors::of_board(nowhere, Watched::default()).read().board.unwrap();
    assert_eq!(*board, BoardStatus::default());
}

#[test]
fn every_board_does_without_any_one_of_its_files() {
    for name in BOARDS {
        let tree = Tree::of(name);
        for path in files_of(&tree) {
            let content = std::fs::read(tree.root().join(&path)).unwrap();
            tree.remove(&path);
            status(&tree);
            for garbage in [&b"\xff\xfe\0"[..], b"-1\n", b"99999999999999999999999\n", b"\n"] {
                tree.write(&path, garbage);
                status(&tree);
            }
            tree.write(&path, content);
        }
    }
}

fn files_of(tree: &Tree) -> Vec<String> {
    let mut dirs = vec![tree.root().to_path_buf()];
    let mut files = Vec::new();
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                files.push(path.strip_prefix(tree.root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files
}

#[test]
fn without_a_meter_power_is_estimated_from_the_load() {
    let tree = Tree::of("pi-3b");
    let mut sensors = Sensors::of_board(tree.root(), watched());
    assert_eq!(sensors.read().board.unwrap().power, None, "the load is not known yet");
    tree.write("proc/stat", "cpu  1200 50 350 8600 200 0 50 0 0 0\n");
    let power = sensors.read().board.unwrap().power.unwrap();
    assert_eq!(power, Power::by(PowerMethod::Model, 1500 + 5200 * 263 / 1000));
    assert_eq!(power.source, PowerSource::Estimated);
}

#[test]
fn with_two_meters_none_is_believed() {
    let tree = Tree::of("pi-4b");
    tree.write("sys/class/hwmon/hwmon7/name", "ina260\n");
    tree.write("sys/class/hwmon/hwmon7/power1_input", "1000000\n");
    assert_eq!(status(&tree).board.unwrap().power, None);
}

#[test]
fn a_counter_that_wraps_between_two_readings_goes_on() {
    let tree = Tree::of("pi-zero-w");
    let mut sensors = Sensors::of_board(tree.root(), watched());
    let mut rx_bytes = || interface(&sensors.read().board.unwrap(), "usb0").rx_bytes.unwrap();
    let before = rx_bytes();
    tree.write("sys/class/net/usb0/statistics/rx_bytes", "1000\n");
    assert_eq!(counted_since(before, rx_bytes()), Some(1296));
}

#[test]
fn the_live_alarm_counts_more_than_the_firmware_s_last_answer() {
    let tree = Tree::of("pi-4b");
    tree.write("calls/vcgencmd_get_throttled", "throttled=0x50001\n");
    assert_eq!(status(&tree).board.unwrap().restraints.under_voltage, Some(false));
    tree.remove("sys/class/hwmon/hwmon1");
    assert_eq!(status(&tree).board.unwrap().restraints.under_voltage, Some(true));
    tree.remove("calls/vcgencmd_get_throttled");
    let board = status(&tree).board.unwrap();
    assert_eq!(board.restraints, Restraints::default(), "no source, no reading");
}

#[test]
fn a_share_in_the_place_of_a_disk_is_not_asked_for_room() {
    let tree = Tree::of("pi-zero-2w");
    let watched = Watched { data_dir: Some("/srv/bramble/chunks/data".into()), share: None };
    let board = Sensors::of_board(tree.root(), watched).read().board.unwrap();
    let disk = board.disk.unwrap();
    assert_eq!(disk.filesystem.as_deref(), Some("nfs4"));
    assert_eq!((disk.bytes_total, disk.bytes_available), (None, None));
    assert_eq!(board.share, None, "none is expected");
}

#[test]
fn the_machine_under_this_test_tells_its_disk_and_time() {
    let dir = std::env::current_dir().unwrap();
    let watched = Watched { data_dir: Some(dir), share: None };
    let mut sensors = Sensors::of_board(std::path::Path::new("/"), watched);
    let deadline = Instant::now() + Duration::from_secs(60);
    // What may take long comes later, when this machine has much to do.
    let disk = loop {
        let board = sensors.read().board.unwrap();
        assert!(board.identity.kernel.is_some() && board.time_ms.is_some());
        match board.disk {
            Some(disk) if disk.bytes_total.is_some() => break disk,
            _ => assert!(Instant::now() < deadline, "the disk tells nothing"),
        }
    };
    assert!(disk.bytes_total.unwrap() >= disk.bytes_available.unwrap());
}
