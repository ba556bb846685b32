//! power.toml: which switch has which boards.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bramble_protocol::power::PowerPolicy;
use serde::Deserialize;

use crate::policy::Policy;

/// The file's usual name.
pub const OPTIONS_FILE: &str = "power.toml";
/// Bytes that the file may have.
const FILE_BYTES_MAX: usize = 256 << 10;
/// Switches that it may name.
const SWITCHES_MAX: usize = 64;

/// Which switch has which boards.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    policy: Option<Policy>,
    #[serde(default)]
    pub(crate) switch: Vec<Switch>,
}

/// Why power.toml is not understood.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is no TOML, or has settings that nobody knows.
    #[error("power.toml is not understood: {0}; docs/power.md has an example for every driver")]
    Parse(#[from] toml::de::Error),
    /// It is longer than such a file can sensibly be.
    #[error("power.toml has {bytes} bytes, more than {FILE_BYTES_MAX}; is it another file?")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It names more switches than a head takes.
    #[error("power.toml has {switches} switches, more than {SWITCHES_MAX}; remove some")]
    TooMany {
        /// How many.
        switches: usize,
    },
    /// Its policy makes no sense.
    #[error("[policy] in power.toml: {0}")]
    Policy(String),
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Config {
    /// Reads the text of a power.toml.
    ///
    /// # Errors
    /// With the line and what to do, when it is not understood.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ConfigError::TooLong { bytes: text.len() });
        }
        let config: Self = toml::from_str(text)?;
        if config.switch.len() > SWITCHES_MAX {
            return Err(ConfigError::TooMany { switches: config.switch.len() });
        }
        config.policy(0)?;
        Ok(config)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not understood.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let cannot = |source| ConfigError::Read { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(cannot)?;
        file.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(cannot)?;
        Self::parse(&text)
    }

    /// What is switched without being asked, for a head whose local time is so far ahead of UTC.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn policy(&self, utc_offset_s: i32) -> Result<PowerPolicy, ConfigError> {
        let usual = PowerPolicy { utc_offset_s, ..PowerPolicy::default() };
        let said = self.policy.as_ref().map(|policy| policy.read(utc_offset_s));
        said.unwrap_or(Ok(usual)).map_err(ConfigError::Policy)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "driver", rename_all = "kebab-case")]
pub(crate) enum Switch {
    ClusterHat(ClusterHat),
    Clusterctrl(Clusterctrl),
    TuringBmc(TuringBmc),
    PoeSnmp(PoeSnmp),
    UsbPort(UsbPort),
    WakeOnLan(WakeOnLan),
    Command(Command),
    Simulated(Simulated),
}

pub(crate) type Nodes = BTreeMap<String, u32>;
pub(crate) type Watts = BTreeMap<String, f32>;

impl Switch {
    /// The boards of it, and what they draw.
    pub(crate) const fn boards(&self) -> (&Nodes, &Watts) {
        match self {
            Self::ClusterHat(s) => (&s.nodes, &s.watts),
            Self::Clusterctrl(s) => (&s.nodes, &s.watts),
            Self::TuringBmc(s) => (&s.nodes, &s.watts),
            Self::PoeSnmp(s) => (&s.nodes, &s.watts),
            Self::UsbPort(s) => (&s.nodes, &s.watts),
            Self::WakeOnLan(s) => (&s.nodes, &s.watts),
            Self::Command(s) => (&s.nodes, &s.watts),
            Self::Simulated(s) => (&s.nodes, &s.watts),
        }
    }
}

/// Makes the settings of one driver, with what all have.
macro_rules! settings {
    ($name:ident { $($(#[$meta:meta])* $field:ident: $kind:ty,)* }) => {
        #[derive(Clone, Debug, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub(crate) struct $name {
            pub(crate) nodes: Nodes,
            #[serde(default)]
            pub(crate) watts: Watts,
            $($(#[$meta])* pub(crate) $field: $kind,)*
        }
    };
}

settings!(ClusterHat {
    /// `1.3`, `2.5`; for HATs that do not say.
    version: Option<String>,
    #[serde(default = "first_bus")]
    bus: u8,
    #[serde(default = "first_address")]
    address: u8,
});
settings!(Clusterctrl {
    /// I2C buses of the boards; without them, every /dev/ClusterCTRL-*.
    #[serde(default)]
    buses: Vec<u8>,
});
settings!(TuringBmc {
    host: String,
    user: String,
    password_file: PathBuf,
    /// SHA-256 of the certificate, as openssl prints it.
    fingerprint: String,
});
settings!(PoeSnmp {
    /// `192.168.1.2` or `192.168.1.2:161`.
    host: String,
    /// File with the write community (v2c) or, with `user`, both passwords of v3 on two lines.
    secret_file: PathBuf,
    user: Option<String>,
    #[serde(default = "first")]
    group: u32,
    /// The port that the head itself hangs on, which is never switched. 0: none.
    head_port: u32,
});
settings!(UsbPort {
    /// As in /sys/bus/usb/devices: `1-1`, or `1-1` and its USB 3 half `2-1`.
    hub: String,
    other_half: Option<String>,
    #[serde(default)]
    all_ports: bool,
});
settings!(WakeOnLan {
    macs: Vec<String>,
    #[serde(default = "everybody")]
    broadcast: String,
});
settings!(Command {
    on: Vec<String>,
    off: Vec<String>,
    status: Option<Vec<String>>,
    #[serde(default = "half_a_minute")]
    timeout_s: u64,
});
settings!(Simulated {
    #[serde(default = "sixteen")]
    outlets: u32,
    file: Option<PathBuf>,
});

const fn first_bus() -> u8 {
    1
}
const fn first_address() -> u8 {
    0x20
}
const fn first() -> u32 {
    1
}
fn everybody() -> String {
    "255.255.255.255:9".into()
}
const fn half_a_minute() -> u64 {
    30
}
const fn sixteen() -> u32 {
    16
}
