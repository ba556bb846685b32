//! Lights of the kernel's LED class, such as those on the board itself.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Driver, LIGHT_PACE, Moment, text};
use crate::error::{DisplayError, Hints};
use crate::light::{Colour, Light};
use crate::shown::Shown;

const HINTS: Hints = Hints {
    missing: "`ls /sys/class/leds` lists those that there are",
    forbidden: "it needs the udev rule in docs/displays.md, which gives it to the group `bramble`",
    taken: "another program has it",
};
/// The most distinct colours of one light.
const COLOURS_MAX: usize = 16;

/// A light.
#[derive(Debug)]
pub(crate) struct Led {
    dir: PathBuf,
    percent: u8,
    /// The brightest it can be.
    brightness_max: u32,
    /// The colours of its parts in the kernel's order; none for a light of one colour.
    parts: Vec<String>,
    /// Who drove it before, and shall again.
    trigger: Option<String>,
    last: Option<Colour>,
}

impl Led {
    /// The light of this name, which is taken from whatever trigger the kernel drives it by.
    pub(crate) fn open(root: &Path, name: &str, percent: u8) -> Result<Self, DisplayError> {
        let dir = root.join("sys/class/leds").join(name);
        let path = dir.join("max_brightness");
        let brightness_max = text(&path).map_err(DisplayError::open(&dir, HINTS))?;
        let brightness_max = brightness_max.trim().parse().unwrap_or(1).max(1);
        let parts = text(&dir.join("multi_index")).unwrap_or_default();
        let parts = parts.split_whitespace().take(COLOURS_MAX).map(str::to_owned).collect();
        let trigger = text(&dir.join("trigger")).ok().and_then(|list| chosen(&list));
        let led = Self { dir, percent, brightness_max, parts, trigger, last: None };
        if led.trigger.is_some() {
            led.put("trigger", "none")?;
        }
        Ok(led)
    }

    fn light(&mut self, colour: Colour) -> Result<(), DisplayError> {
        let colour = colour.dimmed_to(self.percent);
        if self.last == Some(colour) {
            return Ok(());
        }
        let scaled = |value: u8| u64::from(value) * u64::from(self.brightness_max) / 255;
        if self.parts.is_empty() {
            let Colour { red, green, blue } = colour;
            let brightest = red.max(green).max(blue);
            // A light that can only be on or off is on.
            let least = u64::from(brightest > 0);
            self.put("brightness", &scaled(brightest).max(least).to_string())?;
        } else {
            let parts = self.parts.iter().map(|part| match part.as_str() {
                "red" => scaled(colour.red),
                "green" => scaled(colour.green),
                "blue" => scaled(colour.blue),
                _ => 0,
            });
            let parts: Vec<String> = parts.map(|value| value.to_string()).collect();
            self.put("multi_intensity", &parts.join(" "))?;
            self.put("brightness", &self.brightness_max.to_string())?;
        }
        self.last = Some(colour);
        Ok(())
    }

    /// The kernel takes a value as one write.
    fn put(&self, file: &str, value: &str) -> Result<(), DisplayError> {
        let path = self.dir.join(file);
        let file = OpenOptions::new().write(true).truncate(true).open(&path);
        let mut file = file.map_err(DisplayError::open(&path, HINTS))?;
        let written = file.write_all(value.as_bytes());
        written.map_err(DisplayError::send(&path, "perhaps its driver is gone"))
    }
}

impl Driver for Led {
    fn pace(&self) -> Duration {
        LIGHT_PACE
    }

    fn show(&mut self, shown: &Shown, moment: Moment) -> Result<(), DisplayError> {
        let is_coloured = !self.parts.is_empty();
        let light = if is_coloured { Light::of(shown) } else { Light::of_one_colour(shown) };
        self.light(light.at(moment.step()))
    }

    fn off(&mut self) -> Result<(), DisplayError> {
        self.light(Colour::BLACK)?;
        match &self.trigger {
            Some(trigger) => self.put("trigger", trigger),
            None => Ok(()),
        }
    }
}

/// The chosen one of a list such as `none [mmc0] timer`.
fn chosen(list: &str) -> Option<String> {
    let name = |word: &str| Some(word.strip_prefix('[')?.strip_suffix(']')?.to_owned());
    list.split_whitespace().find_map(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::shown::{JobCounts, NodeCounts};

    /// A light under a root, as the kernel shows one.
    fn light(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("sys/class/leds/ACT");
        fs::create_dir_all(&dir).unwrap();
        for (name, content) in files {
            fs::write(dir.join(name), content).unwrap();
        }
        root
    }

    fn read(root: &tempfile::TempDir, file: &str) -> String {
        fs::read_to_string(root.path().join("sys/class/leds/ACT").join(file)).unwrap()
    }

    fn shown(running: u32) -> Shown {
        Shown {
            nodes: NodeCounts { here: 1, all: 1, ..NodeCounts::default() },
            jobs: JobCounts { running, waiting: 0 },
            ..Shown::default()
        }
    }

    fn at(ms: u64) -> Moment {
        Moment::from(Duration::from_millis(ms))
    }

    #[test]
    fn a_light_of_one_colour_tells_by_its_pattern() {
        let root = light(&[
            ("max_brightness", "255\n"),
            ("brightness", "0"),
            ("trigger", "none [mmc0] x"),
        ]);
        let mut led = Led::open(root.path(), "ACT", 50).unwrap();
        assert_eq!(read(&root, "trigger"), "none", "taken from the card reader");
        led.show(&shown(0), at(0)).unwrap();
        assert_eq!(read(&root, "brightness"), "127");
        led.show(&shown(0), at(250)).unwrap();
        assert_eq!(read(&root, "brightness"), "0", "a flash, as it is idle");
        led.show(&shown(1), at(250)).unwrap();
        assert_eq!(read(&root, "brightness"), "127", "steady, as it works");
        led.off().unwrap();
        assert_eq!(
            (read(&root, "brightness"), read(&root, "trigger")),
            ("0".into(), "mmc0".into())
        );
    }

    #[test]
    fn a_light_without_degrees_is_on_however_dim_it_is_to_be() {
        let root = light(&[("max_brightness", "1"), ("brightness", "0")]);
        let mut led = Led::open(root.path(), "ACT", 5).unwrap();
        led.show(&shown(1), at(0)).unwrap();
        assert_eq!(read(&root, "brightness"), "1");
    }

    #[test]
    fn colours_go_to_the_parts_in_the_kernel_s_order() {
        let root = light(&[
            ("max_brightness", "255"),
            ("brightness", "0"),
            ("multi_index", "green blue red white\n"),
            ("multi_intensity", "0 0 0 0"),
        ]);
        let mut led = Led::open(root.path(), "ACT", 100).unwrap();
        led.show(&shown(1), at(0)).unwrap();
        assert_eq!(read(&root, "multi_intensity"), "60 255 0 0");
        assert_eq!(read(&root, "brightness"), "255");
        led.show(&Shown::default(), at(0)).unwrap();
        assert_eq!(read(&root, "multi_intensity"), "140 0 255 0");
    }

    #[test]
    fn a_light_that_is_not_there_is_not_made() {
        let root = light(&[]);
        let error = Led::open(root.path(), "PWR", 100).unwrap_err().to_string();
        assert!(error.ends_with("leds/PWR; `ls /sys/class/leds` lists those that there are"));
        assert!(!root.path().join("sys/class/leds/PWR").exists());
    }
}
