//! What a board tells of itself: identity, heat, supply, disk, network, clock, power.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bramble_protocol::BoardStatus;
use bramble_protocol::board::{Power, PowerMethod, Swap, Wear};

use crate::calls::{Calls, Live, Recorded};
use crate::linux::disk::{self, Space};
use crate::linux::identity::{self, Identity};
use crate::linux::mounts::{self, Mount};
use crate::linux::{clock_set, cpu, gencmd, hwmon, network, pressure, restraints, temperature};
use crate::slow::Slow;

/// How long a board is waited for when it is asked what may take long. That takes a few
/// milliseconds where all is well, and elsewhere the wait is a part of one heartbeat.
const PATIENCE: Duration = Duration::from_millis(250);
/// Files of a recording come sooner or later, and its readers want them all.
const PATIENCE_WITH_RECORDINGS: Duration = Duration::from_secs(60);

/// Directories whose state belongs to that of the board. Paths are absolute; links in them are not
/// followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Where the agent keeps its objects.
    pub data_dir: Option<PathBuf>,
    /// Where chunks of the head are to be mounted. It is never touched.
    pub share: Option<PathBuf>,
}

impl Watched {
    /// Where [`crate::record`] puts them, whatever they are called on the board.
    pub fn in_recording() -> Self {
        Self { data_dir: Some("/data".into()), share: Some("/share".into()) }
    }
}

/// Reads one board. What cannot change is read once, what may take long at most each 10 seconds
/// and by another thread, and the rest, some dozens of small files, each time.
#[derive(Debug)]
pub(crate) struct Board {
    root: PathBuf,
    watched: Watched,
    calls: Arc<dyn Calls>,
    identity: Identity,
    slow: Slow<SlowReadings>,
}

/// What may take long.
#[derive(Clone, Debug, Default)]
struct SlowReadings {
    throttled: Option<u32>,
    arm_clock_hz: Option<u64>,
    pmic_milliwatts: Option<u32>,
    meter_milliwatts: Option<u32>,
    space: Option<Space>,
    wear: Option<Wear>,
}

impl Board {
    /// The board whose files are under `root`: that of this process, or a recorded one.
    pub(crate) fn new(root: &Path, watched: Watched) -> Self {
        let (calls, patience): (Arc<dyn Calls>, _) = if root == Path::new("/") {
            (Arc::new(Live), PATIENCE)
        } else {
            (Arc::new(Recorded::new(root)), PATIENCE_WITH_RECORDINGS)
        };
        let (root, identity) = (root.to_path_buf(), identity::read(root));
        Self { root, watched, calls, identity, slow: Slow::new(patience) }
    }

    /// How it does at `now`, with what has been read of it already.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        cpu_used_permille: Option<u32>,
        swap: Option<Swap>,
    ) -> BoardStatus {
        let mounts = mounts::read(&self.root);
        let slow = self.slow_readings(now, &mounts);
        let (root, identity) = (&self.root, &self.identity);
        let (restraints, restraints_since_boot) =
            restraints::read(root, slow.throttled, identity.has_voltage_detector);
        let dir = self.watched.data_dir.as_deref();
        let mut disk = dir.and_then(|dir| disk::read(root, &mounts, dir));
        if let Some(disk) = &mut disk {
            disk.wear = slow.wear;
            slow.space.into_iter().for_each(|space| disk::add_space(disk, space));
        }
        BoardStatus {
            identity: identity.told.clone(),
            zones: temperature::zones(root),
            clocks: cpu::clocks(root),
            arm_clock_hz: slow.arm_clock_hz,
            has_voltage_detector: identity.has_voltage_detector,
            restraints,
            restraints_since_boot,
            swap,
            pressure: pressure::read(root),
            disk,
            interfaces: network::read(root),
            share: self.watched.share.as_deref().map(|share| mounts::share(&mounts, share)),
            time_ms: self.calls.time_ms(),
            clock_synchronised: clock_set::read(root),
            power: self.power(&slow, cpu_used_permille),
        }
    }

    fn slow_readings(&mut self, now: Instant, mounts: &[Mount]) -> SlowReadings {
        let (root, calls) = (self.root.clone(), self.calls.clone());
        let has_pmic = self.identity.has_pmic();
        let mounts = mounts.to_vec();
        // A share in the place of a disk is the head's business, and could hang.
        let dir = self
            .watched
            .data_dir
            .clone()
            .filter(|dir| mounts::holding(&mounts, dir).is_some_and(|mount| !mount.may_hang()));
        let read = move || {
            let ask = |command: &str| calls.firmware(command);
            SlowReadings {
                throttled: ask(gencmd::THROTTLED).and_then(|reply| gencmd::throttled(&reply)),
                arm_clock_hz: ask(gencmd::ARM_CLOCK).and_then(|reply| gencmd::frequency_hz(&reply)),
                pmic_milliwatts: has_pmic
                    .then(|| gencmd::pmic_milliwatts(&ask(gencmd::PMIC)?))
                    .flatten(),
                meter_milliwatts: hwmon::meter_milliwatts(&root),
                space: dir.as_deref().and_then(|dir| calls.space(dir)),
                wear: dir.as_deref().and_then(|dir| disk::wear(&root, &mounts, dir)),
            }
        };
        self.slow.read(now, read).unwrap_or_default()
    }

    /// A meter sees all that the board draws, its power chip most of it, and a model nothing.
    fn power(&self, slow: &SlowReadings, cpu_used_permille: Option<u32>) -> Option<Power> {
        let by = |method| move |milliwatts| Power::by(method, milliwatts);
        let model = || Some(self.identity.told.power_model?.at(cpu_used_permille?));
        slow.meter_milliwatts
            .map(by(PowerMethod::Meter))
            .or_else(|| slow.pmic_milliwatts.map(by(PowerMethod::Pmic)))
            .or_else(model)
    }
}
