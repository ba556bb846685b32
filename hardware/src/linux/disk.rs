//! The disk under a directory: how full, how much written, how worn.

use std::path::{Path, PathBuf};

use bramble_protocol::board::{Disk, Wear};

use super::mounts::{self, Mount};
use super::{entries, long_text, text};

/// What the kernel counts in here, whatever a disk's own blocks are.
const SECTOR_BYTES: u64 = 512;

/// Room on a filesystem, as `statvfs` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) bytes_total: u64,
    pub(crate) bytes_available: u64,
    /// 0 where the filesystem makes them as it needs them.
    pub(crate) files_total: u64,
    pub(crate) files_available: u64,
}

impl Space {
    /// As a recording keeps it.
    pub(crate) fn line(&self) -> String {
        let Self { bytes_total, bytes_available, files_total, files_available } = self;
        format!("{bytes_total} {bytes_available} {files_total} {files_available}\n")
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self {
            bytes_total: next()?,
            bytes_available: next()?,
            files_total: next()?,
            files_available: next()?,
        })
    }
}

/// The disk under `dir`, as far as files tell.
pub(crate) fn read(root: &Path, mounts: &[Mount], dir: &Path) -> Option<Disk> {
    let mount = mounts::holding(mounts, dir)?;
    let diskstats = long_text(&root.join("proc/diskstats"));
    let sectors = diskstats.and_then(|table| sectors_written(&table, mount));
    Some(Disk {
        filesystem: Some(mount.filesystem.clone()),
        read_only: Some(mount.read_only),
        bytes_written: sectors.and_then(|sectors| sectors.checked_mul(SECTOR_BYTES)),
        ..Disk::default()
    })
}

/// Adds what is left on it. A filesystem without any blocks is one of the kernel's own.
pub(crate) fn add_space(disk: &mut Disk, space: Space) {
    if space.bytes_total > 0 && space.bytes_available <= space.bytes_total {
        disk.bytes_total = Some(space.bytes_total);
        disk.bytes_available = Some(space.bytes_available);
    }
    if space.files_total > 0 && space.files_available <= space.files_total {
        disk.files_total = Some(space.files_total);
        disk.files_available = Some(space.files_available);
    }
}

/// How worn the disk under `dir` is. Only eMMC has a standard for that.
pub(crate) fn wear(root: &Path, mounts: &[Mount], dir: &Path) -> Option<Wear> {
    let mount = mounts::holding(mounts, dir)?;
    let table = long_text(&root.join("proc/diskstats"))?;
    let name = device_name(&table, mount)?;
    // `mmcblk0` for its partition `mmcblk0p2`.
    let disks = entries(&root.join("sys/block"), "", "");
    let is_of_disk = |disk: &&PathBuf| {
        disk.file_name().and_then(|disk| disk.to_str()).is_some_and(|disk| name.starts_with(disk))
    };
    let disk = disks.iter().filter(is_of_disk).max_by_key(|disk| disk.as_os_str().len())?;
    let life = text(&disk.join("device/life_time"));
    let wear = Wear {
        life_used_percent: life.and_then(|life| life_used_percent(&life)),
        reserve_low: reserve_low(&text(&disk.join("device/pre_eol_info")).unwrap_or_default()),
    };
    (wear != Wear::default()).then_some(wear)
}

/// Of the two kinds of memory on a chip, each with its step of a tenth, the one that is more worn:
/// `0x01 0x02`. 11 is past the end, 0 unknown (JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST).
fn life_used_percent(text: &str) -> Option<u8> {
    let steps = text.split_whitespace().filter_map(hexadecimal);
    steps.filter(|step| (1..=11).contains(step)).max().map(|step| step * 10)
}

/// 1 is normal, 2 says that 80 % of the spare blocks are used, 3 that 90 % are (PRE_EOL_INFO).
fn reserve_low(text: &str) -> Option<bool> {
    match hexadecimal(text.trim())? {
        1 => Some(false),
        2 | 3 => Some(true),
        _ => None,
    }
}

fn hexadecimal(word: &str) -> Option<u8> {
    u8::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// The line of `diskstats` for what is mounted. Filesystems over several disks have numbers of
/// their own, and name one of these disks.
fn line_of<'a>(table: &'a str, mount: &Mount) -> Option<Vec<&'a str>> {
    let rows = || table.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
    let numbers = [mount.major.to_string(), mount.minor.to_string()];
    let by_number = rows().find(|row| row.get(..2).is_some_and(|found| *found == numbers));
    let by_name = || {
        let name = mount.source.strip_prefix("/dev").ok()?.to_str()?;
        rows().find(|row| row.get(2) == Some(&name))
    };
    by_number.or_else(by_name)
}

fn device_name<'a>(table: &'a str, mount: &Mount) -> Option<&'a str> {
    line_of(table, mount)?.get(2).copied()
}

/// The seventh number after the name.
fn sectors_written(table: &str, mount: &Mount) -> Option<u64> {
    line_of(table, mount)?.get(9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = " 179       0 mmcblk0 5000 10 400000 900 700 20 90000 800 0 100 1700\n \
        179       2 mmcblk0p2 4000 10 300000 800 600 20 80000 700 0 90 1500 0 0 0 0\n";

    fn mount(major: u32, minor: u32, source: &str) -> Mount {
        let (point, source) = ("/".into(), source.into());
        Mount { major, minor, point, read_only: false, filesystem: "ext4".into(), source }
    }

    #[test]
    fn writes_are_those_of_the_partition() {
        assert_eq!(sectors_written(TABLE, &mount(179, 2, "/dev/root")), Some(80_000));
        assert_eq!(device_name(TABLE, &mount(179, 2, "/dev/root")), Some("mmcblk0p2"));
        assert_eq!(sectors_written(TABLE, &mount(0, 31, "/dev/mmcblk0p2")), Some(80_000), "btrfs");
        assert_eq!(sectors_written(TABLE, &mount(0, 31, "overlay")), None);
        assert_eq!(sectors_written("179 2 mmcblk0p2 1 2 3", &mount(179, 2, "")), None);
        assert_eq!(sectors_written("179 2 x 1 2 3 4 5 6 -7", &mount(179, 2, "")), None);
    }

    #[test]
    fn wear_is_that_of_the_worse_kind_of_memory() {
        assert_eq!(life_used_percent("0x01 0x02"), Some(20));
        assert_eq!(life_used_percent("0x0b 0x00"), Some(110));
        for none in ["", "0x00 0x00", "0x0c 0xff", "01 02", "-1"] {
            assert_eq!(life_used_percent(none), None, "{none:?}");
        }
        assert_eq!(reserve_low("0x01"), Some(false));
        assert_eq!((reserve_low("0x02"), reserve_low("0x03")), (Some(true), Some(true)));
        assert_eq!((reserve_low("0x00"), reserve_low(""), reserve_low("2")), (None, None, None));
    }

    #[test]
    fn room_that_cannot_be_is_no_reading() {
        let mut disk = Disk::default();
        let none = Space { bytes_total: 0, bytes_available: 0, files_total: 5, files_available: 6 };
        add_space(&mut disk, none);
        assert_eq!(disk, Disk::default());
        add_space(&mut disk, Space { bytes_total: 10, ..none });
        assert_eq!(
            (disk.bytes_total, disk.bytes_available),
            (Some(10), Some(0)),
            "full is a state"
        );
        assert_eq!(disk.files_total, None);
    }

    proptest! {
        #[test]
        fn space_survives_being_written(a: u64, b: u64, c: u64, d: u64) {
            let space = Space {
                bytes_total: a, bytes_available: b, files_total: c, files_available: d,
            };
            prop_assert_eq!(Space::parse(&space.line()), Some(space));
        }

        #[test]
        fn any_table_is_read_without_panic(
            table in "(179|2| |\n|mmcblk0|[0-9]{1,21}|-|\\PC){0,40}",
            words in "(0x|[0-9a-f]| |\\PC){0,10}",
        ) {
            let _ = sectors_written(&table, &mount(179, 2, "/dev/mmcblk0"));
            let _ = (life_used_percent(&words), reserve_low(&words), Space::parse(&table));
        }
    }
}
