//! Processor load, use and clock, and how long the machine has been up.

use std::path::Path;

use bramble_protocol::board::{ClockPolicy, LIST_MAX};

/// Fastest clock that is believed, in Hz.
const CLOCK_HZ_MAX: u64 = 20_000_000_000;

/// Time that all processors together have spent since the machine started, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTime {
    used: u64,
    total: u64,
}

impl CpuTime {
    pub(crate) fn read(root: &Path) -> Option<Self> {
        let text = super::text(&root.join("proc/stat"))?;
        let mut words = text.lines().next()?.split_whitespace();
        if words.next() != Some("cpu") {
            return None;
        }
        // user, nice, system, idle, iowait, irq, softirq, steal; guest time, which follows, is
        // part of user time already.
        let ticks: Vec<u64> = words.take(8).map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let total = ticks.iter().try_fold(0u64, |sum, ticks| sum.checked_add(*ticks))?;
        let idle = ticks.get(3)? + ticks.get(4).unwrap_or(&0);
        Some(Self { used: total - idle, total })
    }

    /// Part of the time since `before` in which a processor worked, in thousandths. `None` when
    /// no time has passed, or when a counter has gone back, as those of idle time may.
    pub(crate) fn used_permille_since(self, before: Self) -> Option<u32> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)?;
        let used = self.used.checked_sub(before.used)?;
        u32::try_from(u128::from(used) * 1000 / u128::from(total)).ok().filter(|used| *used <= 1000)
    }
}

/// Load average over a minute, in thousandths.
pub(crate) fn load_milli(root: &Path) -> Option<u32> {
    let text = super::text(&root.join("proc/loadavg"))?;
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    // Rounded to an integer that the range check has shown to fit.
    (0.0..=1e6).contains(&load).then(|| (load * 1000.0).round() as u32)
}

/// Clock of the first processor in Hz. Where the firmware of a board slows it down by itself,
/// this is still the clock the kernel has asked for.
pub(crate) fn clock_hz(root: &Path) -> Option<u64> {
    let path = root.join("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq");
    hz(&path)
}

/// The clocks of all groups of processors that have one in common.
pub(crate) fn clocks(root: &Path) -> Vec<ClockPolicy> {
    let dirs = super::entries(&root.join("sys/devices/system/cpu/cpufreq"), "policy", "");
    let mut clocks: Vec<ClockPolicy> = dirs
        .iter()
        .filter_map(|dir| {
            let policy = dir.file_name()?.to_str()?.strip_prefix("policy")?.parse().ok()?;
            Some(ClockPolicy {
                policy,
                hz: hz(&dir.join("scaling_cur_freq"))?,
                hz_min: hz(&dir.join("cpuinfo_min_freq")),
                hz_max: hz(&dir.join("cpuinfo_max_freq")),
            })
        })
        .collect();
    clocks.sort_by_key(|clock| clock.policy);
    clocks.truncate(LIST_MAX);
    clocks
}

/// The kernel gives kHz.
fn hz(path: &Path) -> Option<u64> {
    let hz = super::number::<u64>(path)?.checked_mul(1000)?;
    (1..=CLOCK_HZ_MAX).contains(&hz).then_some(hz)
}

/// Since the machine started, in whole seconds.
pub(crate) fn uptime_s(root: &Path) -> Option<u64> {
    let text = super::text(&root.join("proc/uptime"))?;
    text.split(['.', ' ']).next()?.parse().ok()
}
