//! How hot the processor is.

use std::path::{Path, PathBuf};

use bramble_protocol::board::{LIST_MAX, ThermalZone};

/// Below and above, a sensor is broken or measures something else; in thousandths of a degree.
const RANGE_MILLICELSIUS: std::ops::RangeInclusive<i32> = -40_000..=150_000;
/// Drivers in `hwmon` whose sensors sit in processors.
const DRIVERS: [&str; 7] =
    ["coretemp", "k8temp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal"];

/// The hottest processor sensor in thousandths of a degree Celsius. Zones of the thermal
/// framework come first, because boards have them and they are one for each cluster of cores.
pub(crate) fn read(root: &Path) -> Option<i32> {
    let zones = super::entries(&root.join("sys/class/thermal"), "thermal_zone", "");
    let of_cpu = zones.iter().filter(|zone| is_cpu_zone(zone));
    let hottest = of_cpu.filter_map(|zone| millicelsius(&zone.join("temp"))).max();
    hottest.or_else(|| hottest_by_driver(root))
}

/// What all sensors say, by what they are called: also those of graphics and memory, but at most
/// as many as a head keeps.
pub(crate) fn zones(root: &Path) -> Vec<ThermalZone> {
    let mut dirs = super::entries(&root.join("sys/class/thermal"), "thermal_zone", "");
    // Zone 10 comes after zone 9.
    dirs.sort_by_key(|dir| (dir.as_os_str().len(), dir.clone()));
    let zone = |dir: PathBuf| {
        let kind = super::model::clean(&super::text(&dir.join("type"))?);
        Some(ThermalZone { kind, millicelsius: millicelsius(&dir.join("temp"))? })
    };
    let zones: Vec<ThermalZone> = dirs.into_iter().filter_map(zone).take(LIST_MAX).collect();
    if !zones.is_empty() {
        return zones;
    }
    // Some PCs have drivers only.
    let by_driver = hottest_by_driver(root);
    by_driver
        .map(|millicelsius| ThermalZone { kind: "cpu".into(), millicelsius })
        .into_iter()
        .collect()
}

/// Types are free text of each driver: `cpu-thermal` on a Raspberry Pi, `cpu_thermal` or
/// `soc-thermal` on Allwinner and Rockchip boards, there also one for each cluster.
fn is_cpu_zone(zone: &Path) -> bool {
    let Some(kind) = super::text(&zone.join("type")) else { return false };
    let kind = kind.to_lowercase();
    let prefixes = ["cpu", "soc", "bigcore", "littlecore", "x86_pkg_temp"];
    prefixes.iter().any(|prefix| kind.starts_with(prefix))
}

fn hottest_by_driver(root: &Path) -> Option<i32> {
    // Numbers of hwmon directories change with every start: only names count.
    let is_cpu = |dir: &PathBuf| {
        super::text(&dir.join("name")).is_some_and(|name| DRIVERS.contains(&name.as_str()))
    };
    super::entries(&root.join("sys/class/hwmon"), "hwmon", "")
        .into_iter()
        .filter(is_cpu)
        .flat_map(|dir| super::entries(&dir, "temp", "_input"))
        .filter_map(|path| millicelsius(&path))
        .max()
}

/// A sensor that is switched off or broken says 0 on many boards, and vendors' old kernels give
/// whole degrees.
fn millicelsius(path: &Path) -> Option<i32> {
    let value: i32 = super::number(path)?;
    let value = if (1..=150).contains(&value) { value * 1000 } else { value };
    (value != 0 && RANGE_MILLICELSIUS.contains(&value)).then_some(value)
}
