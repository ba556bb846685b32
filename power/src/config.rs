//! `power.toml`: what switches which node, and what is switched without being asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bramble_protocol::node::is_node_name;
use bramble_protocol::power::{Hours, PowerPolicy};
use serde::Deserialize;

/// The largest file that is read, in bytes.
const BYTES_MAX: u64 = 1 << 20;
/// Switches and nodes that a head takes.
const NODES_MAX: usize = 1_024;
/// What a board draws at most of which nothing else is said, in watts: a Raspberry Pi 3B+ or 4.
const WATTS_UNSAID: f64 = 6.0;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is too long.
    #[error("{} has more than {BYTES_MAX} bytes", path.display())]
    Long {
        /// Which.
        path: PathBuf,
    },
    /// It is not TOML, or not what is expected.
    #[error("{} cannot be understood", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// It contradicts itself.
    #[error("{}: {fault}", path.display())]
    Unsound {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what to do.
        fault: String,
    },
}

/// What a head is told of the power of its nodes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What is switched without being asked.
    #[serde(default)]
    policy: Option<Policy>,
    /// What switches.
    #[serde(default, rename = "switch")]
    pub(crate) switches: Vec<Switch>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Policy {
    idle_off: Option<String>,
    #[serde(default)]
    keep_on: u32,
    min_on: Option<String>,
    spacing: Option<String>,
    budget_watts: Option<f64>,
    boot_within: Option<String>,
    tries: Option<u32>,
    drain_within: Option<String>,
    shutdown_within: Option<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    quiet: Vec<String>,
    #[serde(default)]
    lessons: Vec<String>,
}

/// One thing that switches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Switch {
    pub(crate) driver: String,
    /// Outlets by the names of their nodes.
    pub(crate) nodes: BTreeMap<String, toml::Value>,
    /// What each draws at most, in watts.
    pub(crate) watts: Option<f64>,
    pub(crate) on: Option<Vec<String>>,
    pub(crate) off: Option<Vec<String>>,
    pub(crate) status: Option<Vec<String>>,
    pub(crate) timeout: Option<String>,
    pub(crate) dir: Option<PathBuf>,
}

impl Switch {
    /// What each of its nodes draws at most, in thousandths of a watt.
    pub(crate) fn milliwatts(&self) -> u32 {
        (self.watts.unwrap_or(WATTS_UNSAID) * 1000.0) as u32
    }

    /// Nodes and their outlets.
    pub(crate) fn outlets(&self) -> impl Iterator<Item = (&String, String)> {
        self.nodes.iter().map(|(node, outlet)| {
            let outlet = match outlet {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (node, outlet)
        })
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no configuration, or contradicts itself.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let cannot = |source| ConfigError::Read { path: path.to_owned(), source };
        let length = std::fs::metadata(path).map_err(cannot)?.len();
        if length > BYTES_MAX {
            return Err(ConfigError::Long { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(cannot)?;
        Self::parse(&text, path)
    }

    /// Understands the text of a file.
    ///
    /// # Errors
    /// When it is no configuration, or contradicts itself.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let unsound = |fault| ConfigError::Unsound { path: path.to_owned(), fault };
        config.check().map_err(unsound)?;
        config.policy(0).map_err(unsound)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let mut seen = BTreeMap::new();
        for switch in &self.switches {
            let watts = switch.watts.unwrap_or(WATTS_UNSAID);
            if !(0.0..=100_000.0).contains(&watts) {
                return Err(format!(
                    "watts = {watts} is not possible: say what a node draws at most"
                ));
            }
            for (node, _) in switch.outlets() {
                if !is_node_name(node) {
                    return Err(format!(
                        "`{node}` cannot name a node: use up to 63 letters, digits, `-`, `_` or `.`"
                    ));
                }
                if let Some(other) = seen.insert(node.clone(), &switch.driver) {
                    return Err(format!(
                        "`{node}` is on two switches, {other} and {}: leave one of them out",
                        switch.driver
                    ));
                }
            }
        }
        if seen.len() > NODES_MAX {
            return Err(format!("{} nodes are too many: {NODES_MAX} at most", seen.len()));
        }
        Ok(())
    }

    /// What is switched without being asked, for a head whose local time is so far ahead of UTC.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn policy(&self, utc_offset_s: i32) -> Result<PowerPolicy, String> {
        let usual = PowerPolicy { utc_offset_s, ..PowerPolicy::default() };
        let Some(said) = &self.policy else { return Ok(usual) };
        let time =
            |text: &Option<String>, usual: u64| text.as_deref().map_or(Ok(usual), milliseconds);
        let hours =
            |texts: &[String]| texts.iter().map(|text| hours(text)).collect::<Result<Vec<_>, _>>();
        let budget = said.budget_watts.filter(|watts| *watts > 0.0);
        if budget != said.budget_watts {
            return Err("budget-watts must be more than 0".into());
        }
        Ok(PowerPolicy {
            idle_off_ms: said.idle_off.as_deref().map(milliseconds).transpose()?,
            keep_on: said.keep_on,
            on_ms_min: time(&said.min_on, usual.on_ms_min)?,
            spacing_ms: time(&said.spacing, usual.spacing_ms)?,
            budget_milliwatts: budget.map(|watts| (watts * 1000.0) as u64),
            boot_ms_max: time(&said.boot_within, usual.boot_ms_max)?.max(1_000),
            tries_max: said.tries.unwrap_or(usual.tries_max).clamp(1, 10),
            drain_ms_max: time(&said.drain_within, usual.drain_ms_max)?,
            shutdown_ms_max: time(&said.shutdown_within, usual.shutdown_ms_max)?,
            excluded: said.exclude.clone(),
            quiet: hours(&said.quiet)?,
            lessons: hours(&said.lessons)?,
            utc_offset_s,
        })
    }
}

/// `90s`, `15min`, `2h`.
pub(crate) fn milliseconds(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "min" | "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number = number.parse::<u64>().ok().filter(|number| *number <= 1_000_000 && factor > 0);
    number
        .map(|number| number * factor)
        .ok_or_else(|| format!("`{text}` is no length of time: write it as `90s`, `15min` or `2h`"))
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `mon,thu 08:00-09:35`, or without days for all.
fn hours(text: &str) -> Result<Hours, String> {
    let fault =
        || format!("`{text}` names no hours: write them as `mon,thu 08:00-09:35` or `22:00-06:00`");
    let (days, times) = match text.trim().split_once(' ') {
        Some((days, times)) => (days, times.trim()),
        None => ("", text.trim()),
    };
    let day = |name: &str| {
        let place = DAYS.iter().position(|day| *day == name.trim().to_lowercase());
        place.map(|place| place as u8).ok_or_else(fault)
    };
    let named = days.split(',').filter(|name| !name.is_empty());
    let days = named.map(day).collect::<Result<_, _>>()?;
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (hour <= 24 && minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
    };
    let (from, to) = times.split_once('-').ok_or_else(fault)?;
    let from_minute = minute(from.trim()).ok_or_else(fault)?;
    let to_minute = minute(to.trim()).ok_or_else(fault)?;
    Ok(Hours { days, from_minute, to_minute })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("power.toml"))
    }

    #[test]
    fn what_is_said_is_understood_and_the_rest_is_as_usual() {
        let config = parse(
            r#"
            [policy]
            idle-off = "15min"
            keep-on = 1
            budget-watts = 12.5
            lessons = ["mon,thu 08:00-09:35"]
            quiet = ["22:00-06:00"]

            [[switch]]
            driver = "simulated"
            dir = "/tmp/rack"
            watts = 3
            nodes = { p1 = 1, p2 = "left" }
            "#,
        )
        .unwrap();
        let policy = config.policy(3_600).unwrap();
        assert_eq!((policy.idle_off_ms, policy.budget_milliwatts), (Some(900_000), Some(12_500)));
        assert_eq!((policy.keep_on, policy.spacing_ms), (1, 1_000));
        let lesson = Hours { days: vec![0, 3], from_minute: 480, to_minute: 575 };
        assert_eq!(policy.lessons, [lesson]);
        let outlets: Vec<_> = config.switches[0].outlets().collect();
        assert_eq!(outlets[0], (&"p1".to_owned(), "1".to_owned()));
        assert_eq!(outlets[1].1, "left");
        assert_eq!(config.switches[0].milliwatts(), 3_000);
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let node =
            |name: &str| format!("[[switch]]\ndriver = \"simulated\"\nnodes = {{ {name} = 1 }}\n");
        let cases = [
            (format!("{}{}", node("p1"), node("p1")), "two switches"),
            (node("\"a b\""), "cannot name a node"),
            ("[policy]\nidle-off = \"soon\"".into(), "`90s`"),
            ("[policy]\nquiet = [\"25:00-26:00\"]".into(), "names no hours"),
            ("[policy]\nlessons = [\"someday 08:00-09:00\"]".into(), "names no hours"),
            ("[policy]\nbudget-watts = 0".into(), "more than 0"),
        ];
        for (text, part) in cases {
            let said = parse(&text).unwrap_err().to_string();
            assert!(said.contains(part), "{text}: {said}");
        }
        assert!(matches!(parse("[polcy]"), Err(ConfigError::Parse { .. })));
    }
}
