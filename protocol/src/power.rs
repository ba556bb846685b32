//! Boards that the head can switch on and off: what is asked for, and how things are.

use serde::{Deserialize, Serialize};

/// What somebody wants of a node's supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PowerAct {
    /// On, and it stays so until somebody says otherwise.
    On,
    /// Off, and nothing switches it on by itself.
    Off,
    /// Off and on again.
    Cycle,
    /// As the power policy finds right; without a policy it stays as it is.
    Auto,
}

/// What is known of the supply of a node, from what switches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Supply {
    /// It is on.
    On,
    /// It is off.
    Off,
    /// What switches it cannot say.
    Unknown,
}

/// An outlet, as the head's configuration and hardware describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outlet {
    /// The node on it.
    pub node: String,
    /// What switches it, such as `cluster-hat`.
    pub driver: String,
    /// Which of its outlets.
    pub outlet: String,
    /// The most that the node draws, in thousandths of a watt.
    pub milliwatts: u32,
    /// Whether it can be switched off.
    pub can_switch_off: bool,
    /// What somebody should know before switching it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How it was when the head looked.
    pub supply: Supply,
}

/// Where a node is between off and on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PowerStage {
    /// Without power.
    Off,
    /// Next to be switched on: one after the other, and within what the supply can give.
    Queued,
    /// Being switched on.
    SwitchingOn,
    /// With power, not connected yet.
    Booting,
    /// With power.
    On,
    /// Given no more work, because it is to be switched off.
    Draining,
    /// Its agent was told to shut the board down.
    ShuttingDown,
    /// Being switched off.
    SwitchingOff,
    /// It did not come up; `note` says how far it came.
    Failed,
    /// Nobody knows.
    Unknown,
}

impl PowerStage {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Off,
        Self::Queued,
        Self::SwitchingOn,
        Self::Booting,
        Self::On,
        Self::Draining,
        Self::ShuttingDown,
        Self::SwitchingOff,
        Self::Failed,
        Self::Unknown,
    ];

    /// Its name for programs and texts in several languages. Never changes.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Queued => "queued",
            Self::SwitchingOn => "switching-on",
            Self::Booting => "booting",
            Self::On => "on",
            Self::Draining => "draining",
            Self::ShuttingDown => "shutting-down",
            Self::SwitchingOff => "switching-off",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the board has, or may have, power.
    pub const fn draws(self) -> bool {
        !matches!(self, Self::Off | Self::Queued)
    }
}

/// The power of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PowerView {
    /// What switches it.
    pub outlet: Outlet,
    /// Where it is between off and on.
    pub stage: PowerStage,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// What somebody has asked for last.
    pub wish: PowerAct,
    /// How long it takes from power to its connection, in milliseconds, once that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_ms: Option<u64>,
    /// Why it is as it is, or what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `GET /api/v1/power`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PowerList {
    /// In the order of the nodes' names; without those that nothing can switch.
    pub nodes: Vec<PowerView>,
    /// The most that all may draw together, in thousandths of a watt, if there is a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_milliwatts: Option<u64>,
    /// The most that those draw together that have power.
    pub milliwatts: u64,
    /// What all may draw together while they work, in thousandths of a watt, if there is a limit:
    /// work waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_milliwatts: Option<u64>,
    /// What those draw now that say it, with what they will draw for the work that they were just
    /// given, in thousandths of a watt.
    #[serde(default)]
    pub drawn_milliwatts: u64,
    /// Whether nodes are switched by what there is to do.
    pub has_policy: bool,
}

/// What switches nodes without being asked. Times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PowerPolicy {
    /// A node without work is switched off after this time; absent when nothing is switched by
    /// itself.
    pub idle_off_ms: Option<u64>,
    /// So many nodes stay on, whatever happens.
    pub keep_on: u32,
    /// A node that was switched on stays so for this time.
    pub on_ms_min: u64,
    /// Between two that are switched on, because each draws most at first.
    pub spacing_ms: u64,
    /// What all may draw together at most, in thousandths of a watt: no more are switched on.
    pub budget_milliwatts: Option<u64>,
    /// What all may draw together while they work, in thousandths of a watt: work waits for it.
    pub cap_milliwatts: Option<u64>,
    /// A node that has not connected for this time after it got power is tried again.
    pub boot_ms_max: u64,
    /// How often in a row it is tried.
    pub tries_max: u32,
    /// How long a node may take to end what it does before it is switched off.
    pub drain_ms_max: u64,
    /// How long a board may take to shut down before its power is cut.
    pub shutdown_ms_max: u64,
    /// Nodes that the policy leaves alone.
    pub excluded: Vec<String>,
    /// Hours in which nothing is switched on without being asked.
    pub quiet: Vec<Hours>,
    /// Lessons, before which all are switched on.
    pub lessons: Vec<Hours>,
    /// What the head's local time is ahead of UTC, in seconds.
    pub utc_offset_s: i32,
}

impl Default for PowerPolicy {
    fn default() -> Self {
        Self {
            idle_off_ms: None,
            keep_on: 0,
            on_ms_min: 10 * 60_000,
            spacing_ms: 1_000,
            budget_milliwatts: None,
            cap_milliwatts: None,
            boot_ms_max: 180_000,
            tries_max: 2,
            drain_ms_max: 10 * 60_000,
            shutdown_ms_max: 30_000,
            excluded: Vec::new(),
            quiet: Vec::new(),
            lessons: Vec::new(),
            utc_offset_s: 0,
        }
    }
}

/// Hours of some days of the week, local time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hours {
    /// Days from Monday, 0, to Sunday, 6; empty for all.
    #[serde(default)]
    pub days: Vec<u8>,
    /// From this minute of the day on.
    pub from_minute: u16,
    /// Until this one; into the next day when it is not later.
    pub to_minute: u16,
}

const DAY_MINUTES: i64 = 24 * 60;

impl Hours {
    /// Whether a time in milliseconds since 1970 is in them, where the local time is so far ahead
    /// of UTC.
    pub fn contains(&self, at_ms: u64, utc_offset_s: i32) -> bool {
        let minutes = (at_ms / 1000) as i64 + i64::from(utc_offset_s);
        let minutes = minutes.div_euclid(60);
        let (day, minute) = (minutes.div_euclid(DAY_MINUTES), minutes.rem_euclid(DAY_MINUTES));
        // 1 January 1970 was a Thursday.
        let weekday = (day + 3).rem_euclid(7);
        let begins = |weekday: i64| {
            self.days.is_empty() || self.days.iter().any(|day| i64::from(*day) == weekday)
        };
        let (from, to) = (i64::from(self.from_minute), i64::from(self.to_minute));
        if from < to {
            return begins(weekday) && (from..to).contains(&minute);
        }
        begins(weekday) && minute >= from || begins((weekday + 6) % 7) && minute < to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 23 November 2026, 00:00 UTC.
    const MONDAY_MS: u64 = 1_795_392_000_000;
    const MINUTE_MS: u64 = 60_000;

    #[test]
    fn hours_are_of_local_days_and_may_pass_midnight() {
        let lesson = Hours { days: vec![0], from_minute: 8 * 60, to_minute: 9 * 60 };
        let at = |minute: u64| MONDAY_MS + minute * MINUTE_MS;
        assert!(lesson.contains(at(8 * 60), 0) && lesson.contains(at(9 * 60) - 1, 0));
        assert!(!lesson.contains(at(9 * 60), 0) && !lesson.contains(at(32 * 60), 0));
        // Two hours ahead of UTC.
        assert!(lesson.contains(at(6 * 60), 7_200) && !lesson.contains(at(8 * 60), 7_200));
        let night = Hours { days: vec![6], from_minute: 22 * 60, to_minute: 6 * 60 };
        assert!(night.contains(at(5 * 60), 0) && !night.contains(at(7 * 60), 0));
        assert!(!night.contains(at(23 * 60), 0));
        let always = Hours { days: Vec::new(), from_minute: 0, to_minute: 0 };
        assert!(always.contains(at(0), 0) && always.contains(at(777), -3_600));
    }

    #[test]
    fn each_stage_has_the_name_that_programs_read() {
        for stage in PowerStage::ALL {
            let value = serde_json::to_value(stage).unwrap();
            assert_eq!(value, stage.slug());
        }
    }
}
