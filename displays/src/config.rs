//! Which displays there are: `[[display]]` tables in a file of TOML.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Spanned, Table, Value};

use crate::letters::Letters;
use crate::lines::{Size, Style};
use crate::words::Language;

/// The largest file, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// The most displays.
const DISPLAYS_MAX: usize = 8;
/// The most lights of a BlinkStick: those of its longest report.
const LIGHTS_MAX: u8 = 64;
/// All drivers.
const DRIVERS: [&str; 5] = ["blinkstick", "led", "hd44780", "lcd", "ssd1306"];

/// The displays of a head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// In the order of the file.
    pub displays: Vec<DisplayConfig>,
}

/// One display, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisplayConfig {
    /// A BlinkStick on USB.
    BlinkStick {
        /// Its serial number, if there are several.
        serial: Option<String>,
        /// How many lights it has.
        lights: u8,
        /// How bright they are.
        percent: u8,
    },
    /// A light of the kernel's LED class.
    Led {
        /// Its name under `/sys/class/leds`.
        name: String,
        /// How bright it is.
        percent: u8,
    },
    /// A character display behind a PCF8574.
    Hd44780 {
        /// Number of the bus.
        bus: u8,
        /// Address on it.
        address: u8,
        /// How it is written on.
        style: Style,
        /// Whether it is lit.
        has_backlight: bool,
    },
    /// A character display that the kernel drives.
    Lcd {
        /// Its file, without the `/` in front.
        path: PathBuf,
        /// How it is written on.
        style: Style,
        /// Whether it is lit.
        has_backlight: bool,
    },
    /// A display of 128x64 dots.
    Ssd1306 {
        /// Number of the bus.
        bus: u8,
        /// Address on it.
        address: u8,
        /// What it speaks.
        language: Language,
        /// How bright it is.
        percent: u8,
        /// Whether it hangs upside down.
        is_upside_down: bool,
    },
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Its file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is longer than 64 KiB.
    #[error("is longer than 64 KiB; list only displays in it")]
    TooLong,
    /// It is no TOML, or holds something else than displays.
    #[error("cannot be read as TOML: {reason}")]
    Syntax {
        /// Where, and what is wrong.
        reason: String,
    },
    /// There are too many.
    #[error("lists {count} displays, of which a head drives at most 8")]
    TooMany {
        /// So many.
        count: usize,
    },
    /// A display cannot be as it says.
    #[error("line {line}: {reason}")]
    Display {
        /// The line where it begins, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    display: Vec<Spanned<Table>>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or used.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(read)?;
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(read)?;
        Self::parse(&text)
    }

    /// Takes a text apart and checks all displays in it.
    ///
    /// # Errors
    /// When it cannot be used; with the line.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(ConfigError::TooLong);
        }
        let tables: Tables = toml::from_str(text)
            .map_err(|error| ConfigError::Syntax { reason: error.to_string().trim().to_owned() })?;
        let count = tables.display.len();
        if count > DISPLAYS_MAX {
            return Err(ConfigError::TooMany { count });
        }
        let display = |table: Spanned<Table>| {
            let line = 1 + text[..table.span().start].matches('\n').count();
            let display = DisplayConfig::from_table(table.into_inner());
            display.map_err(|reason| ConfigError::Display { line, reason })
        };
        let displays = tables.display.into_iter().map(display).collect::<Result<_, _>>()?;
        Ok(Self { displays })
    }
}

impl DisplayConfig {
    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::BlinkStick { serial: Some(serial), .. } => format!("blinkstick {serial}"),
            Self::BlinkStick { .. } => "blinkstick".into(),
            Self::Led { name, .. } => format!("led {name}"),
            Self::Hd44780 { bus, address, .. } => format!("hd44780 at {address:#04x} on bus {bus}"),
            Self::Lcd { path, .. } => format!("lcd /{}", path.display()),
            Self::Ssd1306 { bus, address, .. } => format!("ssd1306 at {address:#04x} on bus {bus}"),
        }
    }

    fn from_table(mut table: Table) -> Result<Self, String> {
        let drivers = DRIVERS.join(", ");
        let Some(Value::String(driver)) = table.remove("driver") else {
            return Err(format!("`driver` is missing; it is one of {drivers}"));
        };
        match driver.as_str() {
            "blinkstick" => settings::<BlinkStick>(table)?.check(),
            "led" => settings::<Led>(table)?.check(),
            "hd44780" => settings::<Hd44780>(table)?.check(),
            "lcd" => settings::<Lcd>(table)?.check(),
            "ssd1306" => settings::<Ssd1306>(table)?.check(),
            other => Err(format!("there is no driver `{other}`; `driver` is one of {drivers}")),
        }
    }
}

fn settings<T: DeserializeOwned>(table: Table) -> Result<T, String> {
    T::deserialize(Value::Table(table)).map_err(|error| error.message().to_owned())
}

const fn yes() -> bool {
    true
}

/// Bright enough for a room, and not blinding.
const fn dim() -> u8 {
    20
}

const fn full() -> u8 {
    100
}

const fn bus() -> u8 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlinkStick {
    serial: Option<String>,
    #[serde(default)]
    lights: Option<u8>,
    #[serde(default = "dim")]
    brightness: u8,
}

impl BlinkStick {
    fn check(self) -> Result<DisplayConfig, String> {
        let lights = self.lights.unwrap_or(1);
        if !(1..=LIGHTS_MAX).contains(&lights) {
            return Err(format!("`lights` is {lights}, and can be 1 to {LIGHTS_MAX}"));
        }
        let percent = percent(self.brightness)?;
        Ok(DisplayConfig::BlinkStick { serial: self.serial, lights, percent })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Led {
    name: String,
    #[serde(default = "full")]
    brightness: u8,
}

impl Led {
    fn check(self) -> Result<DisplayConfig, String> {
        if self.name.is_empty() || self.name.starts_with('.') || self.name.contains(['/', '\0']) {
            return Err(format!("`name` is `{}`, and must be one of /sys/class/leds", self.name));
        }
        Ok(DisplayConfig::Led { percent: percent(self.brightness)?, name: self.name })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hd44780 {
    #[serde(default = "bus")]
    bus: u8,
    address: Option<u8>,
    size: Option<String>,
    #[serde(default)]
    characters: Letters,
    #[serde(default)]
    language: Language,
    #[serde(default = "yes")]
    backlight: bool,
}

impl Hd44780 {
    fn check(self) -> Result<DisplayConfig, String> {
        let size = size(self.size.as_deref())?;
        let style = Style { size, letters: self.characters, language: self.language };
        let address = address(self.address.unwrap_or(0x27))?;
        Ok(DisplayConfig::Hd44780 { bus: self.bus, address, style, has_backlight: self.backlight })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lcd {
    path: Option<PathBuf>,
    size: Option<String>,
    #[serde(default)]
    characters: Letters,
    #[serde(default)]
    language: Language,
    #[serde(default = "yes")]
    backlight: bool,
}

impl Lcd {
    fn check(self) -> Result<DisplayConfig, String> {
        let size = size(self.size.as_deref())?;
        let style = Style { size, letters: self.characters, language: self.language };
        let path = self.path.unwrap_or_else(|| "/dev/lcd".into());
        let path = path.strip_prefix("/").map(Path::to_owned);
        let path = path.map_err(|_| "`path` must begin with `/`, such as /dev/lcd".to_owned())?;
        Ok(DisplayConfig::Lcd { path, style, has_backlight: self.backlight })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ssd1306 {
    #[serde(default = "bus")]
    bus: u8,
    address: Option<u8>,
    #[serde(default)]
    language: Language,
    #[serde(default = "dim")]
    brightness: u8,
    #[serde(default)]
    upside_down: bool,
}

impl Ssd1306 {
    fn check(self) -> Result<DisplayConfig, String> {
        Ok(DisplayConfig::Ssd1306 {
            bus: self.bus,
            address: address(self.address.unwrap_or(0x3c))?,
            language: self.language,
            percent: percent(self.brightness)?,
            is_upside_down: self.upside_down,
        })
    }
}

/// The addresses that devices may have; the others are for the bus itself.
fn address(address: u8) -> Result<u8, String> {
    if (0x08..=0x77).contains(&address) {
        return Ok(address);
    }
    Err(format!("`address` is {address:#04x}, and can be 0x08 to 0x77"))
}

fn percent(percent: u8) -> Result<u8, String> {
    if (1..=100).contains(&percent) {
        return Ok(percent);
    }
    Err(format!("`brightness` is {percent}, and can be 1 to 100 (percent)"))
}

fn size(size: Option<&str>) -> Result<Size, String> {
    match size.unwrap_or("16x2") {
        "16x2" => Ok(Size::SMALL),
        "20x4" => Ok(Size::LARGE),
        other => Err(format!("`size` is `{other}`, and can be 16x2 or 20x4")),
    }
}

#[cfg(test)]
mod tests;
