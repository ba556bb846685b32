//! What becomes of displays that come, go and fail.

use std::sync::{Arc, Mutex};

use super::*;

/// A display that does what it is told to.
#[derive(Debug, Default)]
struct Bench {
    opened: u32,
    shown: u32,
    error: Option<&'static str>,
    is_off: bool,
}

#[derive(Debug)]
struct Fake(Arc<Mutex<Bench>>);

fn error(what: &str) -> DisplayError {
    DisplayError::Missing { what: what.into(), hint: "plug it in".into() }
}

impl Driver for Fake {
    fn pace(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn show(&mut self, _: &Shown, _: Moment) -> Result<(), DisplayError> {
        let mut bench = self.0.lock().unwrap();
        bench.shown += 1;
        bench.error.map_or(Ok(()), |what| Err(error(what)))
    }

    fn off(&mut self) -> Result<(), DisplayError> {
        self.0.lock().unwrap().is_off = true;
        Err(error("anything"))
    }
}

fn displays(benches: &[&Arc<Mutex<Bench>>]) -> Displays {
    let slot = |bench: &Arc<Mutex<Bench>>| {
        let bench = Arc::clone(bench);
        let open = move || -> Result<Box<dyn Driver>, DisplayError> {
            bench.lock().unwrap().opened += 1;
            Ok(Box::new(Fake(Arc::clone(&bench))))
        };
        Slot::new("fake".into(), Box::new(open))
    };
    Displays { slots: benches.iter().map(|bench| slot(bench)).collect() }
}

/// Shows something each quarter of a second, from one time to another.
fn run(displays: &mut Displays, from_s: u64, to_s: u64) -> Vec<String> {
    let steps = (from_s * 4..to_s * 4).map(|step| Duration::from_millis(step * 250));
    let notices = steps.flat_map(|now| displays.show(&Shown::default(), now));
    notices.map(|notice| notice.to_string()).collect()
}

#[test]
fn a_text_is_written_once_a_second_though_lights_change_more_often() {
    let bench = Arc::default();
    let mut displays = displays(&[&bench]);
    assert_eq!(run(&mut displays, 0, 10), [""; 0]);
    let bench = bench.lock().unwrap();
    assert_eq!((bench.opened, bench.shown), (1, 10));
}

#[test]
fn an_error_is_told_once_and_tried_again_each_half_minute() {
    let (good, bad) = (Arc::default(), Arc::<Mutex<Bench>>::default());
    let mut displays = displays(&[&bad, &good]);
    bad.lock().unwrap().error = Some("wire");
    let told = run(&mut displays, 0, 300);
    assert_eq!(told, ["display fake: there is no wire; plug it in"]);
    assert_eq!(bad.lock().unwrap().opened, 10);
    assert_eq!(good.lock().unwrap().shown, 300, "the other one goes on");
    bad.lock().unwrap().error = Some("current");
    let told = run(&mut displays, 300, 600);
    assert_eq!(told, ["display fake: there is no current; plug it in"]);
    bad.lock().unwrap().error = None;
    assert_eq!(run(&mut displays, 600, 900), ["display fake: works again"]);
    bad.lock().unwrap().error = Some("wire");
    assert_eq!(run(&mut displays, 900, 1000).len(), 1, "after that it is news again");
}

#[test]
fn a_loose_contact_does_not_fill_the_log() {
    let bench = Arc::<Mutex<Bench>>::default();
    let mut displays = displays(&[&bench]);
    let mut told = Vec::new();
    for minute in 0..60 {
        bench.lock().unwrap().error = (minute % 2 == 0).then_some("wire");
        told.extend(run(&mut displays, minute * 60, (minute + 1) * 60));
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn what_is_not_there_is_told_in_plain_words() {
    let text = "[[display]]\ndriver = \"blinkstick\"\n[[display]]\ndriver = \"led\"\nname = \"ACT\"\n\
                [[display]]\ndriver = \"hd44780\"\n[[display]]\ndriver = \"lcd\"\n";
    let config = Config::parse(text).unwrap();
    let root = tempfile::tempdir().unwrap();
    let shown = root.path().display();
    let mut displays = Displays::new(root.path(), &config);
    let told: Vec<String> =
        displays.show(&Shown::default(), Duration::ZERO).iter().map(ToString::to_string).collect();
    let expected = [
        "display blinkstick: there is no BlinkStick (USB 20a0:41e5); plug it in; \
         `lsusb -d 20a0:41e5` lists it"
            .to_owned(),
        format!(
            "display led ACT: there is no {shown}/sys/class/leds/ACT; \
             `ls /sys/class/leds` lists those that there are"
        ),
        format!(
            "display hd44780 at 0x27 on bus 1: there is no {shown}/dev/i2c-1; switch I2C on with \
             `raspi-config` (Interface options) or `dtparam=i2c_arm=on`"
        ),
        format!(
            "display lcd /dev/lcd: there is no {shown}/dev/lcd; load its driver with \
             `dtoverlay=hd44780-i2c-lcd` in config.txt"
        ),
    ];
    assert_eq!(told, expected);
}

#[test]
fn whatever_is_in_the_place_of_a_bus_is_an_error_and_no_more() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("dev")).unwrap();
    std::fs::write(root.path().join("dev/i2c-1"), "").unwrap();
    let config = Config::parse("[[display]]\ndriver = \"hd44780\"\n").unwrap();
    let told = Displays::new(root.path(), &config).show(&Shown::default(), Duration::ZERO);
    let [Notice::Failed { reason, .. }] = &told[..] else { panic!("{told:?}") };
    assert!(reason.contains("Inappropriate ioctl"), "{reason}");
}

#[cfg(not(feature = "ssd1306"))]
#[test]
fn a_driver_that_was_not_built_says_so() {
    let config = Config::parse("[[display]]\ndriver = \"ssd1306\"\n").unwrap();
    let mut displays = Displays::new(Path::new("/nonexistent"), &config);
    let told = displays.show(&Shown::default(), Duration::ZERO);
    assert!(told[0].to_string().contains("has no driver for ssd1306"), "{told:?}");
}

#[test]
fn when_the_head_ends_its_displays_go_dark() {
    let bench = Arc::default();
    let mut displays = displays(&[&bench]);
    run(&mut displays, 0, 1);
    displays.off();
    assert!(bench.lock().unwrap().is_off);
}
