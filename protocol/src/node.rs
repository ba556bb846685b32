//! What a node is and how it does.

use serde::{Deserialize, Serialize};

use crate::BoardStatus;

/// What an agent measures on its machine, sent with every heartbeat. A sensor the machine does
/// not have is `None`, never zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NodeStatus {
    /// Board or machine, such as `Raspberry Pi 4 Model B Rev 1.4`.
    pub model: Option<String>,
    /// Processors usable by the agent.
    pub cpu_count: u32,
    /// Load average over one minute, in thousandths.
    pub load_milli: Option<u32>,
    /// Part of all processor time used since the last heartbeat, in thousandths.
    pub cpu_used_permille: Option<u32>,
    /// Physical memory in bytes.
    pub memory_bytes_total: Option<u64>,
    /// Memory that could be used without swapping, in bytes.
    pub memory_bytes_available: Option<u64>,
    /// Hottest processor sensor, in thousandths of a degree Celsius.
    pub temperature_millicelsius: Option<i32>,
    /// Processor clock in Hz.
    pub clock_hz: Option<u64>,
    /// Since the machine started, in seconds.
    pub uptime_s: Option<u64>,
    /// What else the board tells of itself; absent from agents that are older than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board: Option<Box<BoardStatus>>,
}

/// What a node is at the moment, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// Connected, without work.
    Idle,
    /// Connected, at work.
    Busy,
    /// Connected, but silent for longer than a heartbeat should take.
    Suspect,
    /// Not connected.
    Lost,
}

impl NodeState {
    /// Its name, as shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Suspect => "suspect",
            Self::Lost => "lost",
        }
    }
}

/// Processor time of the calibration job on the reference core, in microseconds.
///
/// The reference core is a unit of measure, not a product: what does the calibration job
/// (`runtime/src/calibration.wat`) in 10 ms.
pub const REFERENCE_US: u64 = 10_000;

/// How fast one core of a node is, in thousandths of the reference core, from the processor time
/// that the calibration job took there, in microseconds. At least 1, so that nothing divides by 0.
pub fn speed_of(cpu_us: u64) -> u32 {
    (REFERENCE_US * 1000 / cpu_us.max(1)).clamp(1, 1_000_000) as u32
}

/// Processor time that the reference core would have needed for what took `cpu_us` on a node of
/// `speed` thousandths.
pub fn reference_us(cpu_us: u64, speed: u32) -> u64 {
    cpu_us.saturating_mul(speed.into()) / 1000
}

/// Whether `name` may name a node: 1 to 63 letters, digits, `-`, `_` or `.`, not only digits.
pub fn is_node_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=63).contains(&name.len())
        && name.chars().all(allowed)
        && !name.chars().all(|c| c.is_ascii_digit())
        && name != "any"
        && name != "all"
}

#[cfg(test)]
mod tests {
    use super::{REFERENCE_US, is_node_name, reference_us, speed_of};

    #[test]
    fn time_is_normalised_by_what_the_calibration_took() {
        assert_eq!(speed_of(REFERENCE_US), 1000);
        assert_eq!(speed_of(20 * REFERENCE_US), 50);
        assert_eq!(reference_us(1_000_000, 50), 50_000);
        assert_eq!((speed_of(0), speed_of(u64::MAX)), (1_000_000, 1));
    }

    #[test]
    fn node_names_are_host_names_that_no_number_or_keyword_could_be() {
        for good in ["p1", "node-1", "lab_214.pi", "a"] {
            assert!(is_node_name(good), "{good}");
        }
        for bad in ["", "12", "any", "all", "a b", "a,b", "ä", &"x".repeat(64)] {
            assert!(!is_node_name(bad), "{bad}");
        }
    }
}
