//! All switches of a head, and which node hangs on which outlet.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bramble_protocol::power::{Outlet, Supply};

use crate::config::Config;
use crate::{Driver, PowerError, State, drivers};

/// What a board draws at most of which nobody says it, in watts: a Raspberry Pi 3B+ or 4.
const WATTS_UNSAID: f32 = 6.0;
/// How often an outlet that takes its time is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where a node gets its power.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The driver's name in power.toml.
    pub driver: &'static str,
    /// The outlet.
    pub outlet: u32,
    /// What the board draws at most, if somebody said so.
    pub watts: Option<f32>,
    /// Whether it can be switched off.
    pub can_switch_off: bool,
    /// Whether its power outlives a reboot of the head; nothing where nobody knows.
    pub outlives_head: Option<bool>,
    /// What people should know, in plain words.
    pub warnings: Vec<String>,
}

/// Why the switches of a power.toml are not used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two outlets for one node.
    #[error("node {node} hangs on two outlets in power.toml; leave one")]
    TwoOutlets {
        /// The node.
        node: String,
    },
    /// Two nodes on one outlet.
    #[error("nodes {first} and {second} hang on one outlet in power.toml; give each its own")]
    OneOutlet {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A node's outlet does not exist or must not be switched.
    #[error("node {node} in power.toml: {why}")]
    Outlet {
        /// The node.
        node: String,
        /// Why not, and what to do.
        why: String,
    },
    /// Watts that no board draws, or of no node of the switch.
    #[error("watts of {node} in power.toml: name a node of the same switch, and 0 to 1000 watts")]
    Watts {
        /// The name.
        node: String,
    },
    /// A setting cannot be used.
    #[error("{driver} in power.toml: {why}")]
    Setting {
        /// The driver.
        driver: &'static str,
        /// Why not, and what to do.
        why: String,
    },
    /// The hardware does not answer.
    #[error("cannot open {driver}")]
    Hardware {
        /// The driver.
        driver: &'static str,
        /// Why not.
        #[source]
        source: PowerError,
    },
}

struct Place {
    switch: usize,
    outlet: u32,
    watts: Option<f32>,
}

/// All switches of a head.
pub struct Rack {
    switches: Vec<Box<dyn Driver>>,
    places: BTreeMap<String, Place>,
}

impl Rack {
    /// Opens the switches of `config`. Files are looked for under `root`, which is `/` but in
    /// tests. No outlet is changed.
    ///
    /// # Errors
    /// When a node or outlet is named twice or must not be switched, or hardware is missing.
    pub fn open(config: &Config, root: &Path) -> Result<Self, OpenError> {
        let mut rack = Self { switches: Vec::new(), places: BTreeMap::new() };
        for switch in &config.switch {
            let (nodes, watts) = switch.boards();
            let driver = drivers::open(switch, root)?;
            rack.add(driver, nodes, watts)?;
        }
        Ok(rack)
    }

    /// Adds a switch with its nodes.
    ///
    /// # Errors
    /// When a node or outlet is named twice or must not be switched.
    pub fn add(
        &mut self,
        driver: Box<dyn Driver>,
        nodes: &BTreeMap<String, u32>,
        watts: &BTreeMap<String, f32>,
    ) -> Result<(), OpenError> {
        for (node, drawn) in watts {
            if !nodes.contains_key(node) || !(0.0..=1000.0).contains(drawn) {
                return Err(OpenError::Watts { node: node.clone() });
            }
        }
        let mut taken = BTreeMap::new();
        for (node, &outlet) in nodes {
            if self.places.contains_key(node) {
                return Err(OpenError::TwoOutlets { node: node.clone() });
            }
            if let Some(first) = taken.insert(outlet, node.clone()) {
                return Err(OpenError::OneOutlet { first, second: node.clone() });
            }
            driver.check(outlet).map_err(|why| OpenError::Outlet { node: node.clone(), why })?;
        }
        let switch = self.switches.len();
        for (node, &outlet) in nodes {
            let watts = watts.get(node).copied();
            self.places.insert(node.clone(), Place { switch, outlet, watts });
        }
        self.switches.push(driver);
        Ok(())
    }

    /// The nodes that can be switched, in order.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Where a node gets its power.
    pub fn facts(&self, node: &str) -> Option<Facts> {
        let place = self.places.get(node)?;
        let traits = self.switches[place.switch].traits();
        Some(Facts {
            driver: traits.driver,
            outlet: place.outlet,
            watts: place.watts,
            can_switch_off: traits.can_switch_off,
            outlives_head: traits.outlives_head,
            warnings: traits.warnings,
        })
    }

    /// All nodes and their outlets, as they are now. What cannot be read is unknown, and a warning
    /// says why.
    pub fn outlets(&mut self) -> Vec<Outlet> {
        let nodes: Vec<String> = self.nodes().map(str::to_owned).collect();
        let mut all = Vec::with_capacity(nodes.len());
        for node in nodes {
            let read = self.read(&node);
            let Some(mut facts) = self.facts(&node) else { continue };
            let supply = read.map_or_else(
                |error| {
                    facts.warnings.push(bramble_protocol::error_chain(&error));
                    Supply::Unknown
                },
                State::supply,
            );
            all.push(Outlet {
                node,
                driver: facts.driver.to_owned(),
                outlet: facts.outlet.to_string(),
                milliwatts: (facts.watts.unwrap_or(WATTS_UNSAID) * 1000.0) as u32,
                can_switch_off: facts.can_switch_off,
                warnings: facts.warnings,
                supply,
            });
        }
        all
    }

    /// Whether a node has power.
    ///
    /// # Errors
    /// When it is unknown or its switch does not answer.
    pub fn read(&mut self, node: &str) -> Result<State, PowerError> {
        let (driver, outlet) = self.place(node)?;
        driver.read(outlet)
    }

    /// Gives a node power or takes it, and reads back that it was done where the hardware tells.
    ///
    /// # Errors
    /// When it is unknown, its switch does not answer, or the outlet does not follow.
    pub fn switch(&mut self, node: &str, on: bool) -> Result<(), PowerError> {
        let (driver, outlet) = self.place(node)?;
        let traits = driver.traits();
        if !on && !traits.can_switch_off {
            return Err(PowerError::CannotSwitchOff { driver: traits.driver });
        }
        driver.switch(outlet, on)?;
        let (wanted, until) = (State::from(on), Instant::now() + traits.settles_within);
        loop {
            let found = driver.read(outlet)?;
            if found == wanted || found == State::Unknown && traits.settles_within.is_zero() {
                return Ok(());
            }
            if Instant::now() >= until {
                let driver = traits.driver;
                return Err(PowerError::NotDone { driver, outlet, wanted, found });
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn place(&mut self, node: &str) -> Result<(&mut dyn Driver, u32), PowerError> {
        let unknown = || PowerError::UnknownNode { node: node.into() };
        let place = self.places.get(node).ok_or_else(unknown)?;
        Ok((self.switches[place.switch].as_mut(), place.outlet))
    }
}
