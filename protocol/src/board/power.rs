//! What a board draws, and how that is known.

use serde::{Deserialize, Serialize};

/// What a board draws now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Power {
    /// In thousandths of a watt.
    pub milliwatts: u32,
    /// Whether something has measured it.
    pub source: PowerSource,
    /// How it is known.
    pub method: PowerMethod,
}

/// Whether a figure was measured; shown wherever the figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PowerSource {
    /// By a sensor of this board.
    Measured,
    /// From what such boards usually draw.
    Estimated,
}

/// How a figure came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PowerMethod {
    /// The rails behind the power chip of a Raspberry Pi 5, raised by what that chip itself
    /// takes. What hangs on USB ports is not part of it.
    Pmic,
    /// A meter in the supply line, such as an INA219.
    Meter,
    /// [`PowerModel`] at the present load.
    Model,
}

impl PowerMethod {
    /// Whether it measures.
    pub const fn source(self) -> PowerSource {
        match self {
            Self::Pmic | Self::Meter => PowerSource::Measured,
            Self::Model => PowerSource::Estimated,
        }
    }

    /// Its name, as shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pmic => "pmic",
            Self::Meter => "meter",
            Self::Model => "model",
        }
    }
}

impl Power {
    /// So much, known in that way.
    pub const fn by(method: PowerMethod, milliwatts: u32) -> Self {
        Self { milliwatts, source: method.source(), method }
    }
}

/// What a type of board usually draws, in thousandths of a watt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PowerModel {
    /// Shut down, but not cut off; absent where nobody has published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_milliwatts: Option<u32>,
    /// Up, with nothing to do.
    pub idle_milliwatts: u32,
    /// With all processors at work.
    pub busy_milliwatts: u32,
}

impl PowerModel {
    /// What it draws with `cpu_used_permille` of its processor time used: a straight line from
    /// idle to busy, which is what the published figures allow.
    pub fn at(&self, cpu_used_permille: u32) -> Power {
        let span = u64::from(self.busy_milliwatts.saturating_sub(self.idle_milliwatts));
        let above_idle = span * u64::from(cpu_used_permille.min(1000)) / 1000;
        // At most what `busy_milliwatts` is.
        let milliwatts = self.idle_milliwatts.saturating_add(above_idle as u32);
        Power::by(PowerMethod::Model, milliwatts)
    }

    /// What it draws when it is shut down, if that is known.
    pub fn off(&self) -> Option<Power> {
        self.off_milliwatts.map(|milliwatts| Power::by(PowerMethod::Model, milliwatts))
    }
}
