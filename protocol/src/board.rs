//! What a board tells of itself beyond the few numbers that every machine has.

use serde::{Deserialize, Serialize};

mod disk;
mod network;
mod power;

pub use disk::{Disk, Wear};
pub use network::{Interface, Share, ShareState, counted_since};
pub use power::{Power, PowerMethod, PowerModel, PowerSource};

/// The most zones, clocks or interfaces that a head keeps of a board.
pub const LIST_MAX: usize = 16;
/// The longest text that a head keeps of a board, in bytes.
pub const TEXT_BYTES_MAX: usize = 80;

/// What an agent can tell of its board. Whatever the board has no sensor for is absent, never
/// zero; so is what its sensor says when that cannot be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BoardStatus {
    /// What never changes.
    pub identity: BoardIdentity,
    /// All thermal zones, in the kernel's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<ThermalZone>,
    /// What the kernel has asked for, for each group of processors with a common clock.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<ClockPolicy>,
    /// The true clock of the processors in Hz, by the firmware that may slow them down unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm_clock_hz: Option<u64>,
    /// Whether the board can notice a weak supply at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_voltage_detector: Option<bool>,
    /// What holds the processors back now.
    #[serde(skip_serializing_if = "Restraints::is_unknown")]
    pub restraints: Restraints,
    /// What has held them back at some time since the board started.
    #[serde(skip_serializing_if = "Restraints::is_unknown")]
    pub restraints_since_boot: Restraints,
    /// Swap space, which may be compressed memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<Swap>,
    /// For how long work had to wait; absent where the kernel does not measure it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Pressure>,
    /// Where the agent keeps its objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
    /// Network interfaces that are not the loopback.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// The directory of chunks that is mounted from the head, if there is to be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// The board's clock when this was read, in milliseconds since 1970. It may be years off;
    /// nothing but a comparison with the head's is made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// Whether a time service has set that clock since the board started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_synchronised: Option<bool>,
    /// What it draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<Power>,
}

/// What a board is, but not which one: that is told to the head alone, as a digest, when an agent
/// introduces itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BoardIdentity {
    /// Its type as a slug that stays the same: `pi-zero-2w`, `pi-4b`, or what Armbian calls the
    /// board, such as `orangepi5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name that its distribution gives it, such as `Orange Pi Zero 2W`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The chip its processors are part of, such as `BCM2837`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// The board's revision: the 2 in `Rev 1.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u8>,
    /// Memory that is soldered on, in bytes; more than the kernel has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes_fitted: Option<u64>,
    /// Release of the kernel, such as `6.6.31+rpt-rpi-v8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// What such a board usually draws, if that is known: for when nothing measures it, and for
    /// when it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_model: Option<PowerModel>,
}

/// One thermal sensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ThermalZone {
    /// What its driver calls it, such as `cpu-thermal` or `gpu-thermal`.
    pub kind: String,
    /// In thousandths of a degree Celsius.
    pub millicelsius: i32,
}

/// The clock of processors that have one in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClockPolicy {
    /// The kernel's number for them: the first processor's.
    pub policy: u32,
    /// What the kernel has asked for, in Hz.
    pub hz: u64,
    /// The slowest it can ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hz_min: Option<u64>,
    /// The fastest it can ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hz_max: Option<u64>,
}

/// What may hold the processors of a board back. Absent is what the board cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Restraints {
    /// The supply is below what the board needs (4.63 V on a Raspberry Pi).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under_voltage: Option<bool>,
    /// The clock may not rise to where the kernel wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_capped: Option<bool>,
    /// The clock has been lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled: Option<bool>,
    /// Warm enough for the first, mild step (60 °C on a 3B+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_limit: Option<bool>,
}

impl Restraints {
    /// Whether the board can tell none of them.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// Swap space in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Swap {
    /// What there is; 0 where there is none.
    pub bytes_total: u64,
    /// What is left.
    pub bytes_free: u64,
}

/// Pressure stall information of the kernel, as far as it gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Pressure {
    /// Waiting for a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Stall>,
    /// Waiting for memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Stall>,
    /// Waiting for a disk or a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<Stall>,
}

/// Part of the time in which work stood still, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stall {
    /// Some of it, within the last 10 seconds.
    pub some_permille_10s: u32,
    /// Some of it, within the last minute.
    pub some_permille_60s: u32,
    /// All of it, within the last minute; absent where that has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_permille_60s: Option<u32>,
    /// Some of it since the machine started, in microseconds.
    pub some_us_total: u64,
}

impl BoardStatus {
    /// The same with short lists and short texts, whatever an agent has sent.
    pub fn bounded(mut self) -> Self {
        let identity = &mut self.identity;
        for text in
            [&mut identity.kind, &mut identity.name, &mut identity.processor, &mut identity.kernel]
        {
            text.iter_mut().for_each(shorten);
        }
        self.zones.truncate(LIST_MAX);
        self.zones.iter_mut().for_each(|zone| shorten(&mut zone.kind));
        self.clocks.truncate(LIST_MAX);
        self.interfaces.truncate(LIST_MAX);
        for interface in &mut self.interfaces {
            shorten(&mut interface.name);
            interface.state.iter_mut().for_each(shorten);
        }
        if let Some(disk) = &mut self.disk {
            disk.filesystem.iter_mut().for_each(shorten);
        }
        if let Some(share) = &mut self.share {
            share.filesystem.iter_mut().for_each(shorten);
        }
        self
    }
}

fn shorten(text: &mut String) {
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    // What is left may be much longer than its text.
    text.shrink_to_fit();
}

#[cfg(test)]
mod tests;
