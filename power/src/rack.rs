//! All switches of a head, by the nodes on them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bramble_protocol::power::{Outlet, Supply};

use crate::command::Commands;
use crate::config::{Config, Switch, milliseconds};
use crate::driver::{Driver, PowerError};
use crate::simulated::Simulated;

/// How long a command may take unless something else is said.
const TIMEOUT_MS: u64 = 30_000;

/// Why a switch cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such driver.
    #[error("there is no driver `{driver}`; there are {}", DRIVERS.join(", "))]
    Unknown {
        /// What was named.
        driver: String,
    },
    /// A setting is missing or makes no sense.
    #[error("driver `{driver}`: {fault}")]
    Setting {
        /// Which.
        driver: String,
        /// What is wrong, and what to do.
        fault: String,
    },
}

const DRIVERS: [&str; 2] = ["command", "simulated"];

/// Switches that are open.
pub struct Rack {
    drivers: Vec<Box<dyn Driver>>,
    places: BTreeMap<String, Place>,
}

/// Where a node hangs.
struct Place {
    driver: usize,
    outlet: Outlet,
}

impl Rack {
    /// Opens all that a configuration names. Nothing is switched for that.
    ///
    /// # Errors
    /// When a driver is unknown or its settings are not sound.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let mut rack = Self { drivers: Vec::new(), places: BTreeMap::new() };
        for switch in &config.switches {
            let (driver, can_switch_off) = driver(switch)?;
            rack.drivers.push(driver);
            for (node, outlet) in switch.outlets() {
                let outlet = Outlet {
                    node: node.clone(),
                    driver: switch.driver.clone(),
                    outlet,
                    milliwatts: switch.milliwatts(),
                    can_switch_off,
                    warnings: Vec::new(),
                    supply: Supply::Unknown,
                };
                let place = Place { driver: rack.drivers.len() - 1, outlet };
                rack.places.insert(node.clone(), place);
            }
        }
        Ok(rack)
    }

    /// All outlets, as they are now. What cannot be read is unknown, and its warning says why.
    pub fn outlets(&mut self) -> Vec<Outlet> {
        let nodes: Vec<String> = self.places.keys().cloned().collect();
        let mut all = Vec::with_capacity(nodes.len());
        for node in nodes {
            let read = self.read(&node);
            let mut outlet = self.places[&node].outlet.clone();
            match read {
                Ok(supply) => outlet.supply = supply,
                Err(error) => {
                    outlet.warnings.push(bramble_protocol::error_chain(&error));
                }
            }
            all.push(outlet);
        }
        all
    }

    /// How a node's supply is now.
    ///
    /// # Errors
    /// When there is no such node, or its switch does not answer.
    pub fn read(&mut self, node: &str) -> Result<Supply, PowerError> {
        let (driver, outlet) = self.place(node)?;
        driver.read(&outlet)
    }

    /// Switches a node, and looks whether it is as it should be, where that can be seen.
    ///
    /// # Errors
    /// When there is no such node, or its switch does not do it.
    pub fn switch(&mut self, node: &str, on: bool) -> Result<(), PowerError> {
        let (driver, outlet) = self.place(node)?;
        driver.switch(&outlet, on)?;
        let wrong = if on { Supply::Off } else { Supply::On };
        if driver.read(&outlet)? == wrong {
            return Err(PowerError::Unchanged { on });
        }
        Ok(())
    }

    /// Nodes that can be switched.
    pub fn nodes(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }

    fn place(&mut self, node: &str) -> Result<(&mut Box<dyn Driver>, String), PowerError> {
        let Some(place) = self.places.get(node) else {
            return Err(PowerError::NoSuchNode { node: node.to_owned() });
        };
        Ok((&mut self.drivers[place.driver], place.outlet.outlet.clone()))
    }
}

/// The driver of a switch, and whether it can switch off.
fn driver(switch: &Switch) -> Result<(Box<dyn Driver>, bool), OpenError> {
    let fault = |fault: String| OpenError::Setting { driver: switch.driver.clone(), fault };
    match switch.driver.as_str() {
        "command" => {
            let on = switch.on.clone().filter(|words| !words.is_empty());
            let on = on.ok_or_else(|| fault("say on = [\"program\", \"argument\"]".into()))?;
            let timeout = switch.timeout.as_deref().map_or(Ok(TIMEOUT_MS), milliseconds);
            let commands = Commands {
                on,
                off: switch.off.clone(),
                status: switch.status.clone(),
                timeout: Duration::from_millis(timeout.map_err(fault)?),
                nodes: switch.outlets().map(|(node, outlet)| (outlet, node.clone())).collect(),
            };
            let can_switch_off = commands.off.is_some();
            Ok((Box::new(commands), can_switch_off))
        }
        "simulated" => {
            let dir: Option<PathBuf> = switch.dir.clone();
            let dir =
                dir.ok_or_else(|| fault("say dir = \"/a/directory\" for its outlets".into()))?;
            for (_, outlet) in switch.outlets() {
                if outlet.contains(['/', '\\']) || outlet.starts_with('.') {
                    return Err(fault(format!("`{outlet}` cannot name a file")));
                }
            }
            Ok((Box::new(Simulated { dir }), true))
        }
        other => Err(OpenError::Unknown { driver: other.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn rack(text: &str) -> Result<Rack, OpenError> {
        Rack::open(&Config::parse(text, Path::new("power.toml")).unwrap())
    }

    #[test]
    fn nodes_are_switched_and_read_by_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "[[switch]]\ndriver = \"simulated\"\ndir = {:?}\nnodes = {{ p1 = 1, p2 = 2 }}\n",
            dir.path()
        );
        let mut rack = rack(&text).unwrap();
        assert_eq!(rack.nodes(), ["p1", "p2"]);
        rack.switch("p2", true).unwrap();
        let supplies: Vec<Supply> = rack.outlets().iter().map(|it| it.supply).collect();
        assert_eq!(supplies, [Supply::Off, Supply::On]);
        assert!(matches!(rack.switch("p3", true), Err(PowerError::NoSuchNode { .. })));
    }

    #[test]
    fn a_switch_that_says_that_all_is_well_and_does_nothing_is_found_out() {
        let text = r#"
            [[switch]]
            driver = "command"
            on = ["true"]
            status = ["echo", "off"]
            nodes = { p1 = 1 }
        "#;
        let said = rack(text).unwrap().switch("p1", true).unwrap_err();
        assert!(matches!(said, PowerError::Unchanged { on: true }));
        assert_eq!(said.to_string(), "it was switched on, but is still off");
    }

    #[test]
    fn settings_that_are_missing_are_named() {
        let text =
            |driver: &str| format!("[[switch]]\ndriver = {driver:?}\nnodes = {{ p1 = 1 }}\n");
        for (driver, part) in
            [("command", "say on"), ("simulated", "say dir"), ("magic", "no driver")]
        {
            let error = rack(&text(driver)).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
