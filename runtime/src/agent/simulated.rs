//! Boards that are not there: a node that is slow, warm and small like one, for preparing a lesson on
//! one computer. Nothing else of an agent differs, and it says everywhere that it is simulated.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bramble_protocol::board::{BoardIdentity, PowerModel, Restraints};
use bramble_protocol::node::REFERENCE_US;
use bramble_protocol::{BoardStatus, NodeStatus, Usage};

/// Temperature of the room, in degrees Celsius.
const ROOM: f64 = 24.0;
/// In this time a board comes within a third of the temperature that it is on the way to. Real ones
/// take two or three times as long; a lesson has no time for that.
const WARMS_IN: Duration = Duration::from_secs(45);
/// From here on a Raspberry Pi lowers its clock: documentation of the firmware, `temp_limit` and
/// "frequency management".
const SLOWED_AT: f64 = 80.0;
/// A board that is slowed by heat takes so much longer, in thousandths.
const SLOWED_PERMILLE: u64 = 1_500;
/// How often a task that is held back looks whether anybody still waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoardKind {
    /// Raspberry Pi Zero W.
    ZeroW,
    /// Raspberry Pi Zero 2 W.
    Zero2W,
    /// Raspberry Pi 3 Model B.
    Pi3B,
    /// Raspberry Pi 4 Model B with 2 GB.
    Pi4B,
    /// Raspberry Pi 5 with 4 GB.
    Pi5,
}

/// What a kind of board is like.
struct Facts {
    name: &'static str,
    model: &'static str,
    kind: &'static str,
    processors: u32,
    memory_bytes: u64,
    hz: u64,
    /// The same as in `bramble_hardware`'s table, with its sources.
    power: PowerModel,
    /// How much warmer than the room it becomes idle and at full work, in a case without a fan.
    warmer: (f64, f64),
    /// One core, in thousandths of the reference core. A guess from clocks and widths of the cores:
    /// ARM11, Cortex-A53, A72 and A76. A Zero W interprets, which its figure has in it.
    speed: u64,
}

impl BoardKind {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::ZeroW, Self::Zero2W, Self::Pi3B, Self::Pi4B, Self::Pi5];

    const fn facts(self) -> Facts {
        const MIB: u64 = 1 << 20;
        const fn power(idle_milliwatts: u32, busy_milliwatts: u32) -> PowerModel {
            PowerModel { off_milliwatts: None, idle_milliwatts, busy_milliwatts }
        }
        match self {
            Self::ZeroW => Facts {
                name: "ZeroW",
                model: "Raspberry Pi Zero W",
                kind: "pi-zero-w",
                processors: 1,
                memory_bytes: 432 * MIB,
                hz: 1_000_000_000,
                power: power(750, 1_800),
                warmer: (14.0, 24.0),
                speed: 8,
            },
            Self::Zero2W => Facts {
                name: "Zero2W",
                model: "Raspberry Pi Zero 2 W",
                kind: "pi-zero-2w",
                processors: 4,
                memory_bytes: 416 * MIB,
                hz: 1_000_000_000,
                power: power(600, 1_750),
                warmer: (20.0, 60.0),
                speed: 90,
            },
            Self::Pi3B => Facts {
                name: "3B",
                model: "Raspberry Pi 3 Model B",
                kind: "pi-3b",
                processors: 4,
                memory_bytes: 908 * MIB,
                hz: 1_200_000_000,
                power: power(1_500, 6_700),
                warmer: (22.0, 62.0),
                speed: 110,
            },
            Self::Pi4B => Facts {
                name: "4B",
                model: "Raspberry Pi 4 Model B",
                kind: "pi-4b",
                processors: 4,
                memory_bytes: 1_848 * MIB,
                hz: 1_500_000_000,
                power: power(1_600, 5_000),
                warmer: (24.0, 58.0),
                speed: 220,
            },
            Self::Pi5 => Facts {
                name: "5",
                model: "Raspberry Pi 5 Model B",
                kind: "pi-5",
                processors: 4,
                memory_bytes: 4_044 * MIB,
                hz: 2_400_000_000,
                power: power(2_800, 9_700),
                warmer: (22.0, 60.0),
                speed: 550,
            },
        }
    }

    /// Its name, as typed.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// Its name as part of a node's.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::ZeroW => "zerow",
            Self::Zero2W => "zero2w",
            Self::Pi3B => "pi3b",
            Self::Pi4B => "pi4b",
            Self::Pi5 => "pi5",
        }
    }

    /// How many processors it has.
    pub const fn processors(self) -> u32 {
        self.facts().processors
    }

    /// The most that it draws, in watts.
    pub fn watts(self) -> f64 {
        f64::from(self.facts().power.busy_milliwatts) / 1000.0
    }
}

impl fmt::Display for BoardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BoardKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            let all: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{shown}` is no board that can be simulated: {}", all.join(", "))
        })
    }
}

/// How much longer everything takes than on this computer. Clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    /// In thousandths; 0 where nothing is held back.
    permille: Arc<AtomicU64>,
}

impl Pace {
    fn set(&self, permille: u64) {
        self.permille.store(permille, Ordering::Relaxed);
    }

    /// Holds back what took so long here until it would have ended there, as long as somebody waits
    /// for it, and has its use of the machine say the same.
    pub(super) fn hold(&self, took: Duration, usage: &mut Usage, is_wanted: impl Fn() -> bool) {
        let permille = self.permille.load(Ordering::Relaxed);
        if permille <= 1_000 {
            return;
        }
        let longer = |us: u64| (u128::from(us) * u128::from(permille) / 1_000) as u64;
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let end = Instant::now() + Duration::from_micros(longer(took_us).saturating_sub(took_us));
        while is_wanted() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::sleep(left.min(LOOK_EVERY));
        }
        for figure in
            [&mut usage.wall_us, &mut usage.cpu_us, &mut usage.read_us, &mut usage.write_us]
        {
            *figure = longer(*figure);
        }
    }
}

/// A board that is not there.
#[derive(Debug)]
pub(super) struct Board {
    kind: BoardKind,
    pace: Pace,
    /// How much faster this computer is, in thousandths, once it was measured.
    faster: u64,
    started: Instant,
    celsius: f64,
    warmed_at: Instant,
    was_slowed: bool,
}

impl Board {
    pub(super) fn new(kind: BoardKind, now: Instant) -> Self {
        Self {
            kind,
            pace: Pace::default(),
            faster: 0,
            started: now,
            celsius: ROOM + kind.facts().warmer.0 / 2.0,
            warmed_at: now,
            was_slowed: false,
        }
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace.clone()
    }

    /// What the calibration job takes there, in microseconds, where it takes so long here. From now
    /// on work is as slow.
    pub(super) fn calibrated(&mut self, cpu_us: u64) -> u64 {
        let there_us = REFERENCE_US * 1_000 / self.kind.facts().speed;
        self.faster = (there_us * 1_000 / cpu_us.max(1)).max(1_000);
        self.pace.set(self.faster);
        cpu_us * self.faster / 1_000
    }

    /// How it does, with so much of its slots at work, between 0 and 1.
    pub(super) fn status(&mut self, now: Instant, work: f64) -> NodeStatus {
        let facts = self.kind.facts();
        let goal = ROOM + facts.warmer.0 + (facts.warmer.1 - facts.warmer.0) * work;
        let passed = now.saturating_duration_since(self.warmed_at);
        self.warmed_at = now;
        let way = 1.0 - (-passed.as_secs_f64() / WARMS_IN.as_secs_f64()).exp();
        self.celsius += (goal - self.celsius) * way;
        let is_slowed = self.celsius >= SLOWED_AT;
        self.was_slowed |= is_slowed;
        let slower = if is_slowed { SLOWED_PERMILLE } else { 1_000 };
        self.pace.set(self.faster * slower / 1_000);
        let used_permille = (work * 1_000.0) as u32;
        let hz = facts.hz * 1_000 / slower;
        let restraints = |is: bool| Restraints {
            under_voltage: Some(false),
            frequency_capped: Some(is),
            throttled: Some(is),
            soft_limit: None,
        };
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let model = format!("{} (simulated)", facts.model);
        let board = BoardStatus {
            identity: BoardIdentity {
                kind: Some(format!("{}-simulated", facts.kind)),
                name: Some(model.clone()),
                power_model: Some(facts.power),
                ..BoardIdentity::default()
            },
            arm_clock_hz: Some(hz),
            restraints: restraints(is_slowed),
            restraints_since_boot: restraints(self.was_slowed),
            time_ms: since_1970.and_then(|since| u64::try_from(since.as_millis()).ok()),
            power: Some(facts.power.at(used_permille)),
            ..BoardStatus::default()
        };
        NodeStatus {
            model: Some(model),
            cpu_count: facts.processors,
            load_milli: Some(used_permille * facts.processors),
            cpu_used_permille: Some(used_permille),
            memory_bytes_total: Some(facts.memory_bytes),
            memory_bytes_available: Some(facts.memory_bytes * 3 / 4),
            temperature_millicelsius: Some((self.celsius * 1_000.0).round() as i32),
            clock_hz: Some(hz),
            uptime_s: Some(now.saturating_duration_since(self.started).as_secs()),
            board: Some(Box::new(board)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::board::PowerSource;
    use bramble_protocol::node::speed_of;

    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_written_in_any_case() {
        for kind in BoardKind::ALL {
            assert_eq!(kind.name().to_lowercase().parse(), Ok(kind));
        }
        let said = "Pentium".parse::<BoardKind>().unwrap_err();
        assert!(said.contains("Zero2W") && said.contains("`Pentium`"), "{said}");
    }

    #[test]
    fn it_warms_up_at_work_is_slowed_by_heat_and_cools_down() {
        let mut now = Instant::now();
        let mut board = Board::new(BoardKind::Zero2W, now);
        board.calibrated(10_000);
        let usual = board.pace.permille.load(Ordering::Relaxed);
        let mut after = |seconds, work| {
            now += Duration::from_secs(seconds);
            board.status(now, work)
        };
        let millicelsius = |status: &NodeStatus| status.temperature_millicelsius.unwrap();
        let cool = after(600, 0.0);
        assert!((43_990..=44_010).contains(&millicelsius(&cool)), "{cool:?}");
        let warm = after(30, 1.0);
        assert!((55_000..75_000).contains(&millicelsius(&warm)), "{warm:?}");
        let hot = after(600, 1.0);
        assert_eq!(hot.board.as_ref().unwrap().restraints.throttled, Some(true));
        assert_eq!(hot.clock_hz, Some(666_666_666));
        let cool = after(600, 0.0);
        let told = cool.board.as_ref().unwrap();
        assert_eq!(told.restraints.throttled, Some(false));
        assert_eq!(told.restraints_since_boot.throttled, Some(true));
        assert_eq!(told.power.unwrap().source, PowerSource::Estimated);
        assert!(cool.model.unwrap().contains("simulated"));
        assert_eq!(board.pace.permille.load(Ordering::Relaxed), usual);
    }

    #[test]
    fn it_is_as_slow_as_the_board_and_says_so() {
        let mut board = Board::new(BoardKind::Pi4B, Instant::now());
        // This computer is twice as fast as the reference core.
        let there_us = board.calibrated(REFERENCE_US / 2);
        assert_eq!(speed_of(there_us), 220);
        let mut usage = Usage { cpu_us: 1_000, wall_us: 2_000, ..Usage::default() };
        let begun = Instant::now();
        board.pace().hold(Duration::from_millis(2), &mut usage, || true);
        assert!(begun.elapsed() >= Duration::from_millis(15));
        assert_eq!((usage.cpu_us, usage.wall_us), (9_090, 18_180));
        // Nobody waits for what was revoked.
        let begun = Instant::now();
        board.pace().hold(Duration::from_secs(600), &mut usage, || false);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_computer_that_is_slower_than_the_board_is_not_held_back() {
        let mut board = Board::new(BoardKind::Pi5, Instant::now());
        assert_eq!(board.calibrated(100_000), 100_000);
        let mut usage = Usage { cpu_us: 7, ..Usage::default() };
        board.pace().hold(Duration::from_secs(600), &mut usage, || true);
        assert_eq!(usage.cpu_us, 7);
    }
}
