//! Which files a recording takes. A sensor that reads another file has to be added here.

/// How much of a file is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep {
    /// It as it is.
    All,
    /// Lines that begin so.
    Lines(&'static [&'static str]),
    /// That there is a serial number, and whether it is a filler.
    Serial,
    /// That there is a hardware address, and whether somebody has made it up.
    Address,
}

use Keep::{Address, All, Lines, Serial};

const RELEASE: Keep = Lines(&["BOARD=", "BOARD_NAME="]);

/// Files by patterns of their paths.
#[rustfmt::skip]
pub(super) const FILES: &[(&str, Keep)] = &[
    ("etc/armbian-release", RELEASE),
    ("etc/orangepi-release", RELEASE),
    ("proc/cpuinfo", Lines(&["model name", "Revision"])),
    ("proc/device-tree/compatible", All),
    ("proc/device-tree/model", All),
    ("proc/device-tree/serial-number", Serial),
    ("proc/device-tree/system/linux,revision", All),
    ("proc/diskstats", All),
    ("proc/loadavg", All),
    ("proc/meminfo", All),
    ("proc/pressure/cpu", All),
    ("proc/pressure/io", All),
    ("proc/pressure/memory", All),
    ("proc/stat", Lines(&["cpu "])),
    ("proc/sys/kernel/osrelease", All),
    ("proc/uptime", All),
    ("run/systemd/timesync/synchronized", All),
    ("sys/block/*/device/life_time", All),
    ("sys/block/*/device/pre_eol_info", All),
    ("sys/class/dmi/id/board_serial", Serial),
    ("sys/class/dmi/id/product_name", All),
    ("sys/class/dmi/id/product_serial", Serial),
    ("sys/class/hwmon/hwmon*/in0_lcrit_alarm", All),
    ("sys/class/hwmon/hwmon*/name", All),
    ("sys/class/hwmon/hwmon*/power1_average", All),
    ("sys/class/hwmon/hwmon*/power1_input", All),
    ("sys/class/hwmon/hwmon*/temp*_input", All),
    ("sys/class/net/*/address", Address),
    ("sys/class/net/*/carrier_changes", All),
    ("sys/class/net/*/operstate", All),
    ("sys/class/net/*/speed", All),
    ("sys/class/net/*/statistics/rx_bytes", All),
    ("sys/class/net/*/statistics/rx_dropped", All),
    ("sys/class/net/*/statistics/rx_errors", All),
    ("sys/class/net/*/statistics/tx_bytes", All),
    ("sys/class/net/*/statistics/tx_dropped", All),
    ("sys/class/net/*/statistics/tx_errors", All),
    ("sys/class/thermal/cooling_device*/cur_state", All),
    ("sys/class/thermal/cooling_device*/type", All),
    ("sys/class/thermal/thermal_zone*/temp", All),
    ("sys/class/thermal/thermal_zone*/type", All),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", All),
    ("sys/devices/system/cpu/cpufreq/policy*/cpuinfo_max_freq", All),
    ("sys/devices/system/cpu/cpufreq/policy*/cpuinfo_min_freq", All),
    ("sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq", All),
    ("sys/firmware/devicetree/base/serial-number", Serial),
];

/// Links of which the last name counts: the bus that an interface is on.
pub(super) const LINKS: &[&str] = &["sys/class/net/*/device/subsystem"];
