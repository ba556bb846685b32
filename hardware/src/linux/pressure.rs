//! For how long work had to wait, by the kernel's pressure stall information.
//!
//! Kernels of Raspberry Pi OS have it, but measure only when `psi=1` is in `cmdline.txt`.

use std::path::Path;

use bramble_protocol::board::{Pressure, Stall};

pub(crate) fn read(root: &Path) -> Option<Pressure> {
    let stall = |file: &str| parse(&super::text(&root.join("proc/pressure").join(file))?);
    let pressure = Pressure { cpu: stall("cpu"), memory: stall("memory"), io: stall("io") };
    (pressure != Pressure::default()).then_some(pressure)
}

/// Reads `some avg10=0.12 avg60=0.40 avg300=0.11 total=123456` and, below it, the same of `full`.
fn parse(text: &str) -> Option<Stall> {
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let some = line("some ")?;
    Some(Stall {
        some_permille_10s: permille(some, "avg10=")?,
        some_permille_60s: permille(some, "avg60=")?,
        full_permille_60s: line("full ").and_then(|full| permille(full, "avg60=")),
        some_us_total: value(some, "total=")?.parse().ok()?,
    })
}

fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name))
}

/// The kernel gives percent.
fn permille(line: &str, name: &str) -> Option<u32> {
    let percent: f64 = value(line, name)?.parse().ok()?;
    (0.0..=100.0).contains(&percent).then(|| (percent * 10.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_lines_of_a_resource_are_read() {
        let text = "some avg10=12.34 avg60=5.00 avg300=0.11 total=123456\n\
            full avg10=0.00 avg60=1.06 avg300=0.00 total=7\n";
        let stall = Stall {
            some_permille_10s: 123,
            some_permille_60s: 50,
            full_permille_60s: Some(11),
            some_us_total: 123_456,
        };
        assert_eq!(parse(text), Some(stall));
        let alone = text.lines().next().unwrap();
        assert_eq!(parse(alone), Some(Stall { full_permille_60s: None, ..stall }));
    }

    #[test]
    fn what_cannot_be_is_no_reading() {
        for other in [
            "",
            "full avg10=0.00 avg60=0.00 avg300=0.00 total=0",
            "some avg10=-1.00 avg60=0.00 total=0",
            "some avg10=100.01 avg60=0.00 total=0",
            "some avg10=nan avg60=0.00 total=0",
            "some avg10=0.00 avg60=0.00 total=-1",
            "some avg10=0.00 avg60=0.00",
        ] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn what_the_kernel_writes_is_read(hundredths in 0u32..=10_000, total: u64) {
            let percent = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            let text = format!("some avg10={percent} avg60={percent} avg300=0.00 total={total}\n");
            let stall = parse(&text).unwrap();
            prop_assert!(stall.some_permille_10s.abs_diff(hundredths / 10) <= 1);
            prop_assert_eq!(stall.some_us_total, total);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "(some |full |avg[16]0=|total=|[0-9.e-]| |\n|\\PC){0,40}") {
            let _ = parse(&text);
        }
    }
}
