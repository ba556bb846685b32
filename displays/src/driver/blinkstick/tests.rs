//! What a BlinkStick is sent, and how it is found.

use std::os::unix::fs::PermissionsExt;

use crate::shown::NodeCounts;

use super::*;

#[derive(Debug, Default)]
struct Fake {
    reports: Vec<Vec<u8>>,
    is_broken: bool,
}

impl Features for Fake {
    fn send(&mut self, report: &[u8]) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::NODEV.raw_os_error()));
        }
        self.reports.push(report.to_owned());
        Ok(())
    }
}

fn stick(lights: usize, percent: u8) -> BlinkStick<Fake> {
    BlinkStick::new(Fake::default(), "/dev/hidraw0".into(), lights, percent)
}

fn idle() -> Shown {
    let nodes = NodeCounts { here: 4, all: 4, ..NodeCounts::default() };
    Shown { nodes, ..Shown::default() }
}

fn at(ms: u64) -> Moment {
    Moment::from(Duration::from_millis(ms))
}

/// Puts a device of `hidraw` under a root.
fn plug(root: &Path, name: &str, id: &str, serial: &str) {
    let dir = root.join("sys/class/hidraw").join(name).join("device");
    fs::create_dir_all(&dir).unwrap();
    let uevent = format!("DRIVER=hid-generic\nHID_ID={id}\nHID_NAME=x\nHID_UNIQ={serial}\n");
    fs::write(dir.join("uevent"), uevent).unwrap();
    fs::create_dir_all(root.join("dev")).unwrap();
    fs::write(root.join("dev").join(name), "").unwrap();
}

#[test]
fn one_light_gets_red_green_blue_and_only_when_they_change() {
    let mut stick = stick(1, 100);
    for ms in [0, 250, 500] {
        stick.show(&idle(), at(ms)).unwrap();
    }
    let alarm = Shown { alarm: Some("p3 under-voltage".into()), ..idle() };
    for ms in [1000, 1250] {
        stick.show(&alarm, at(ms)).unwrap();
    }
    stick.off().unwrap();
    assert_eq!(stick.device.reports, [[1, 0, 255, 0], [1, 255, 0, 0], [1, 0, 0, 0]]);
}

#[test]
fn several_lights_get_green_red_blue_each_and_those_beyond_are_dark() {
    let mut stick = stick(3, 20);
    let working = Shown { jobs: crate::JobCounts { running: 1, waiting: 0 }, ..idle() };
    stick.show(&working, at(0)).unwrap();
    let mut expected = vec![6, 0, 12, 0, 51, 12, 0, 51, 12, 0, 51];
    expected.resize(26, 0);
    assert_eq!(stick.device.reports, [expected]);
    let sizes = [2, 8, 9, 16, 17, 32, 33, 64, 65, 1000].map(|lights| {
        let report = report(Colour::WHITE, lights);
        (report[0], report.len())
    });
    let (to_8, to_16, to_32, to_64) = ((6, 26), (7, 50), (8, 98), (9, 194));
    let expected = [to_8, to_8, to_16, to_16, to_32, to_32, to_64, to_64, to_64, to_64];
    assert_eq!(sizes, expected);
}

#[test]
fn what_was_not_taken_is_sent_again() {
    let mut stick = stick(1, 100);
    stick.device.is_broken = true;
    let error = stick.show(&idle(), at(0)).unwrap_err();
    assert_eq!(
        error.in_full(),
        "cannot write to /dev/hidraw0; perhaps it was unplugged: No such device (os error 19)"
    );
    stick.device.is_broken = false;
    stick.show(&idle(), at(250)).unwrap();
    assert_eq!(stick.device.reports.len(), 1);
}

#[test]
fn it_is_found_by_its_ids_and_by_its_serial_number() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    plug(root, "hidraw0", "0003:0000046D:0000C31C", "");
    plug(root, "hidraw10", "0003:000020A0:000041E5", "BS000002-3.0");
    plug(root, "hidraw2", "0003:000020a0:000041e5", "BS000001-3.0");
    assert_eq!(find(root, None).unwrap(), root.join("dev/hidraw2"), "2 comes before 10");
    assert_eq!(find(root, Some("BS000002-3.0")).unwrap(), root.join("dev/hidraw10"));
    let missing = find(root, Some("BS9")).unwrap_err().to_string();
    assert_eq!(
        missing,
        "there is no BlinkStick with the serial number BS9; \
         those that are plugged in have BS000001-3.0, BS000002-3.0"
    );
}

#[test]
fn without_one_it_says_what_was_looked_for() {
    let root = tempfile::tempdir().unwrap();
    let error = BlinkStick::open(root.path(), None, 1, 20).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no BlinkStick (USB 20a0:41e5); plug it in; `lsusb -d 20a0:41e5` lists it"
    );
}

#[test]
fn without_permission_it_says_which_group_is_missing() {
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);
    let error = DisplayError::open(Path::new("/dev/hidraw0"), HINTS)(denied);
    assert!(error.to_string().contains("may not open /dev/hidraw0; it needs the udev rule"));
    assert!(error.to_string().contains("group `bramble`"));
    if rustix::process::geteuid().is_root() {
        return; // Root may open everything.
    }
    let root = tempfile::tempdir().unwrap();
    plug(root.path(), "hidraw0", "0003:000020A0:000041E5", "BS1");
    let device = root.path().join("dev/hidraw0");
    fs::set_permissions(&device, fs::Permissions::from_mode(0o000)).unwrap();
    let error = BlinkStick::open(root.path(), None, 1, 20).unwrap_err();
    assert!(matches!(error, DisplayError::Forbidden { .. }), "{error}");
}

#[test]
fn whatever_stands_in_the_place_of_the_device_refuses_the_report() {
    let root = tempfile::tempdir().unwrap();
    plug(root.path(), "hidraw0", "0003:000020A0:000041E5", "BS1");
    for lights in [1, 8, 16, 32, 64] {
        let mut stick = BlinkStick::open(root.path(), None, lights, 20).unwrap();
        let error = stick.show(&idle(), at(0)).unwrap_err();
        assert!(error.in_full().contains("Inappropriate ioctl"), "{}", error.in_full());
    }
}
