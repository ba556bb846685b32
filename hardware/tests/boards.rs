//! What is read from the files of several boards, written down as those boards show them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::fs;
use std::path::Path;

use bramble_hardware::Sensors;
use bramble_protocol::NodeStatus;

/// A directory that looks like the root of a machine.
struct Board(tempfile::TempDir);

impl Board {
    fn new(files: &[(&str, &str)]) -> Self {
        let board = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, content)| board.write(path, content));
        board
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn status(&self) -> NodeStatus {
        Sensors::new(self.0.path()).read()
    }

    /// The temperature that is read when one file holds `content`.
    fn temperature_with(&self, path: &str, content: &str) -> Option<i32> {
        self.write(path, content);
        self.status().temperature_millicelsius
    }
}

const MEMINFO: &str = "MemTotal:        3884376 kB\nMemFree:         2993336 kB\n\
    MemAvailable:    3429712 kB\nBuffers:           37712 kB\n";
const CLOCK: &str = "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq";
const ZONE: &str = "sys/class/thermal/thermal_zone0/temp";

fn raspberry_pi_4() -> Board {
    Board::new(&[
        ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
        ("proc/loadavg", "0.52 0.58 0.59 1/189 12345\n"),
        ("proc/meminfo", MEMINFO),
        ("proc/uptime", "35184.21 138201.66\n"),
        ("proc/stat", "cpu  1000 50 300 8000 100 0 50 0 0 0\ncpu0 250 12 75 2000 25 0 12 0 0 0\n"),
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        (ZONE, "48312\n"),
        ("sys/class/hwmon/hwmon0/name", "cpu_thermal\n"),
        ("sys/class/hwmon/hwmon0/temp1_input", "48799\n"),
        ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
        ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n"),
        (CLOCK, "1500000\n"),
    ])
}

#[test]
fn a_raspberry_pi_tells_everything() {
    let status = raspberry_pi_4().status();
    let expected = NodeStatus {
        model: Some("Raspberry Pi 4 Model B Rev 1.4".into()),
        cpu_count: status.cpu_count,
        load_milli: Some(520),
        cpu_used_permille: None,
        memory_bytes_total: Some(3_884_376 * 1024),
        memory_bytes_available: Some(3_429_712 * 1024),
        temperature_millicelsius: Some(48_312),
        clock_hz: Some(1_500_000_000),
        uptime_s: Some(35_184),
        board: None,
    };
    assert_eq!(status, expected);
    assert!(status.cpu_count >= 1);
}

#[test]
fn an_orange_pi_is_as_hot_as_its_hottest_cluster() {
    let zones = [
        ("soc-thermal", "41000"),
        ("bigcore0-thermal", "52687"),
        ("bigcore1-thermal", "51750"),
        ("littlecore-thermal", "47153"),
        ("gpu-thermal", "60000"),
        ("npu-thermal", "61000"),
    ];
    let board = Board::new(&[("proc/device-tree/model", "Xunlong Orange Pi 5\0")]);
    for (i, (kind, temp)) in zones.iter().enumerate() {
        board.write(&format!("sys/class/thermal/thermal_zone{i}/type"), format!("{kind}\n"));
        board.write(&format!("sys/class/thermal/thermal_zone{i}/temp"), format!("{temp}\n"));
    }
    let status = board.status();
    assert_eq!(status.model.as_deref(), Some("Xunlong Orange Pi 5"));
    assert_eq!(status.temperature_millicelsius, Some(52_687));
}

#[test]
fn a_virtual_machine_without_sensors_tells_nothing_of_them() {
    let board = Board::new(&[
        ("proc/loadavg", "0.00 0.00 0.00 1/100 1\n"),
        ("proc/meminfo", MEMINFO),
        ("sys/class/dmi/id/product_name", "\n"),
        ("sys/class/thermal/cooling_device0/type", "Processor\n"),
    ]);
    let status = board.status();
    assert_eq!(status.load_milli, Some(0), "no load is a reading");
    assert_eq!(status.model, None);
    assert_eq!(status.temperature_millicelsius, None);
    assert_eq!((status.clock_hz, status.uptime_s), (None, None));
}

#[test]
fn a_machine_without_any_of_the_files_gives_an_empty_status() {
    let status = Board::new(&[]).status();
    let expected = NodeStatus { cpu_count: status.cpu_count, ..NodeStatus::default() };
    assert_eq!(status, expected);
    let nowhere = Sensors::new(Path::new("/nonexistent/place")).read();
    assert_eq!(nowhere, expected);
}

#[test]
fn a_pc_is_read_by_its_processors_driver() {
    let board = Board::new(&[
        ("sys/class/dmi/id/product_name", "ThinkCentre M920q\n"),
        ("sys/class/thermal/thermal_zone0/type", "acpitz\n"),
        (ZONE, "27800\n"),
        ("sys/class/hwmon/hwmon3/name", "nvme\n"),
        ("sys/class/hwmon/hwmon3/temp1_input", "70000\n"),
        ("sys/class/hwmon/hwmon5/name", "coretemp\n"),
        ("sys/class/hwmon/hwmon5/temp1_input", "55000\n"),
        ("sys/class/hwmon/hwmon5/temp2_input", "57000\n"),
        ("sys/class/hwmon/hwmon5/temp2_crit", "100000\n"),
    ]);
    let status = board.status();
    assert_eq!(status.model.as_deref(), Some("ThinkCentre M920q"));
    assert_eq!(status.temperature_millicelsius, Some(57_000));
    board.write("sys/class/thermal/thermal_zone1/type", "x86_pkg_temp\n");
    board.write("sys/class/thermal/thermal_zone1/temp", "58000\n");
    assert_eq!(board.status().temperature_millicelsius, Some(58_000));
}

#[test]
fn firmware_that_names_nothing_is_not_quoted() {
    for filler in ["To Be Filled By O.E.M.", "Default string", "System Product Name", "None", ""] {
        let board = Board::new(&[("sys/class/dmi/id/product_name", filler)]);
        assert_eq!(board.status().model, None, "{filler:?}");
    }
}

#[test]
fn a_model_is_one_short_line_whatever_the_firmware_says() {
    let board = Board::new(&[]);
    board.write("proc/device-tree/model", b"Some\nBoard\xff\x1b[31m  Rev 2\0".as_slice());
    assert_eq!(board.status().model.as_deref(), Some("Some Board\u{fffd} [31m Rev 2"));
    board.write("proc/device-tree/model", "x".repeat(100_000));
    assert_eq!(board.status().model.map(|model| model.len()), Some(80));
}

#[test]
fn nonsense_temperatures_are_no_temperatures() {
    let board = Board::new(&[("sys/class/thermal/thermal_zone0/type", "cpu_thermal\n")]);
    for nonsense in ["", "0", "-40001", "150001", "-273200", "hot", "99999999999", "4294967295"] {
        assert_eq!(board.temperature_with(ZONE, nonsense), None, "{nonsense:?}");
    }
    assert_eq!(board.temperature_with(ZONE, "-5250\n"), Some(-5250));
    assert_eq!(board.temperature_with(ZONE, "42\n"), Some(42_000), "whole degrees");
}

#[test]
fn processor_use_is_the_average_since_the_last_reading() {
    let board = raspberry_pi_4();
    let mut sensors = Sensors::new(board.0.path());
    assert_eq!(sensors.read().cpu_used_permille, None);
    let mut then = |stat: &str| {
        board.write("proc/stat", stat);
        sensors.read().cpu_used_permille
    };
    assert_eq!(then("cpu  1200 50 350 8600 200 0 50 0 0 0\n"), Some(263));
    assert_eq!(then("cpu  1200 50 350 8600 200 0 50 0 0 0\n"), None, "no time has passed");
    assert_eq!(then("cpu  1300 50 350 8600 200 0 50 0 0 0\n"), Some(1000));
    assert_eq!(then("cpu  1300 50 350 8700 200 0 50 0 90 9\n"), Some(0), "guest time is user time");
    assert_eq!(then("cpu  10 0 5 100 0 0 0 0 0 0\n"), None, "counters went back");
    assert_eq!(then("cpu  10 0 5 110 0 0 0 0 0 0\n"), Some(0));
    for broken in ["", "cpu", "cpu x", "intr 1 2 3 4 5", "cpu 18446744073709551615 1 1 1"] {
        assert_eq!(then(broken), None, "{broken:?}");
    }
    assert_eq!(then("cpu 10 0 5 110\n"), None, "nothing to compare with");
    assert_eq!(then("cpu 11 0 5 111\n"), Some(500), "old kernels have four columns");
}

#[test]
fn broken_files_do_not_disturb_the_other_sensors() {
    let board = raspberry_pi_4();
    board.write("proc/loadavg", "nan");
    board.write("proc/meminfo", "MemTotal: many kB\nMemAvailable: 99999999999999999999 kB\n");
    board.write("proc/uptime", "-3.1");
    board.write(CLOCK, "0");
    let status = board.status();
    assert_eq!((status.load_milli, status.uptime_s, status.clock_hz), (None, None, None));
    assert_eq!((status.memory_bytes_total, status.memory_bytes_available), (None, None));
    assert_eq!(status.temperature_millicelsius, Some(48_312));
    board.write("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 2000 kB\n");
    let status = board.status();
    assert_eq!((status.memory_bytes_total, status.memory_bytes_available), (Some(1_024_000), None));
}

#[test]
fn the_machine_under_this_test_tells_its_memory() {
    let mut sensors = Sensors::new(Path::new("/"));
    let status = sensors.read();
    assert!(status.memory_bytes_total.unwrap() >= status.memory_bytes_available.unwrap());
    assert!(status.uptime_s.is_some() && status.load_milli.is_some());
}

/// A network interface of that address, on that bus.
fn interface(board: &Board, name: &str, bus: Option<&str>, address: &str) {
    let dir = format!("sys/class/net/{name}");
    board.write(&format!("{dir}/address"), format!("{address}\n"));
    if let Some(bus) = bus {
        let device = board.0.path().join(dir).join("device");
        fs::create_dir_all(&device).unwrap();
        std::os::unix::fs::symlink(format!("../../../bus/{bus}"), device.join("subsystem"))
            .unwrap();
    }
}

#[test]
fn boards_differ_by_their_serial_numbers_and_not_by_what_is_copied_with_a_card() {
    let board = |serial: &str, machine_id: &str| {
        let board = raspberry_pi_4();
        board.write("proc/device-tree/serial-number", serial);
        board.write("etc/machine-id", machine_id);
        interface(&board, "eth0", Some("platform"), "dc:a6:32:00:00:01");
        machine_id_of(&board)
    };
    let one = board("10000000a3b1c2d4\0", "b08dfa6083e7567a1921a715000001fb");
    assert!(one.is_some());
    assert_eq!(one, board("10000000a3b1c2d4\0", "another"), "the card was written anew");
    assert_ne!(one, board("10000000a3b1c2d5\0", "b08dfa6083e7567a1921a715000001fb"));
}

#[test]
fn without_a_serial_number_the_lowest_built_in_address_tells_a_machine() {
    let board = |interfaces: &[(&str, Option<&str>, &str)]| {
        let board = Board::new(&[
            ("proc/device-tree/serial-number", "0000000000000000\0"),
            ("sys/class/dmi/id/product_serial", "To Be Filled By O.E.M.\n"),
        ]);
        for (name, bus, address) in interfaces {
            interface(&board, name, *bus, address);
        }
        machine_id_of(&board)
    };
    let eth0 = ("eth0", Some("pci"), "50:0d:2b:11:22:33");
    let one = board(&[eth0]);
    assert!(one.is_some());
    let more = [
        eth0,
        ("eth1", Some("pci"), "60:00:00:00:00:01"),
        ("usb0", Some("usb"), "00:11:22:33:44:55"),
        ("docker0", None, "00:00:5e:00:53:01"),
        ("veth0", Some("pci"), "02:42:ac:11:00:02"),
    ];
    assert_eq!(one, board(&more), "what comes and goes does not count");
    assert_ne!(one, board(&[("eth0", Some("pci"), "50:0d:2b:11:22:34")]));
    assert_eq!(board(&[("lo", None, "00:00:00:00:00:00")]), None);
}

fn machine_id_of(board: &Board) -> Option<bramble_protocol::Digest> {
    bramble_hardware::machine_id(board.0.path())
}
