//! What is mounted where, by `proc/self/mountinfo`; without touching what is mounted.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use bramble_protocol::board::{Share, ShareState};

/// Filesystems whose other end is a machine: to touch one may take for ever.
const OF_NETWORKS: [&str; 9] =
    ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "glusterfs", "afs", "fuse.sshfs"];
/// What mounts a share as soon as somebody looks into it.
const ON_DEMAND: &str = "autofs";

/// A line of `mountinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The device as the kernel numbers it; of major 0 if there is none.
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) point: PathBuf,
    pub(crate) read_only: bool,
    pub(crate) filesystem: String,
    /// What is mounted: a device, or whatever the filesystem makes of it.
    pub(crate) source: PathBuf,
}

impl Mount {
    pub(crate) fn is_of_network(&self) -> bool {
        OF_NETWORKS.contains(&self.filesystem.as_str())
    }

    fn is_on_demand(&self) -> bool {
        self.filesystem == ON_DEMAND
    }

    /// Whether a look into it might not come back.
    pub(crate) fn may_hang(&self) -> bool {
        self.is_of_network() || self.is_on_demand()
    }

    /// As a line of `mountinfo` again, with what is read of it and nothing else.
    pub(crate) fn line(&self) -> String {
        let access = if self.read_only { "ro" } else { "rw" };
        let (point, source) = (escaped(&self.point), escaped(&self.source));
        let (major, minor, filesystem) = (self.major, self.minor, &self.filesystem);
        format!("1 0 {major}:{minor} / {point} {access} - {filesystem} {source} {access}\n")
    }
}

/// All mounts of this process, in the order in which they were made.
pub(crate) fn read(root: &Path) -> Vec<Mount> {
    let text = super::long_text(&root.join("proc/self/mountinfo"));
    text.map(|text| text.lines().filter_map(parse).collect()).unwrap_or_default()
}

/// Where a path is. Links in it are not followed: to do so would be to touch it.
pub(crate) fn holding<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    // Later ones hide earlier ones in the same place, and `max_by_key` takes the last of equals.
    let holding = mounts.iter().filter(|mount| path.starts_with(&mount.point));
    holding.max_by_key(|mount| mount.point.components().count())
}

/// How the share at `path` does, if one is to be mounted there.
pub(crate) fn share(mounts: &[Mount], path: &Path) -> Share {
    let state = ShareState::Missing;
    let missing = Share { state, filesystem: None, read_only: None, silent: None };
    let Some(mount) = holding(mounts, path) else { return missing };
    if mount.is_on_demand() {
        return Share { state: ShareState::OnDemand, ..missing };
    }
    if !mount.is_of_network() && mount.point != path {
        return missing;
    }
    Share {
        state: ShareState::Mounted,
        filesystem: Some(mount.filesystem.clone()),
        read_only: Some(mount.read_only),
        silent: None,
    }
}

/// Reads a line: `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue`.
/// Any number of words may stand before the lone hyphen.
fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(2);
    let (major, minor) = before.next()?.split_once(':')?;
    let point = unescaped(before.nth(1)?);
    let options = before.next()?;
    let mut after = after.split(' ');
    let filesystem = after.next()?.to_owned();
    let source = unescaped(after.next()?);
    // A disk with errors is closed as a whole, and its mounts go on to say `rw`.
    let all_options = options.split(',').chain(after.next().unwrap_or_default().split(','));
    let read_only = all_options.into_iter().any(|option| option == "ro");
    let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
    Some(Mount { major, minor, point, read_only, filesystem, source })
}

/// The kernel writes what would divide words, and backslashes, as three octal digits.
fn unescaped(word: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = (*first == b'\\').then(|| octal(tail.get(..3)?)).flatten();
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &tail[3..] } else { tail };
    }
    OsString::from_vec(bytes).into()
}

fn octal(digits: &[u8]) -> Option<u8> {
    if !digits.iter().all(|digit| matches!(digit, b'0'..=b'7')) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

fn escaped(path: &Path) -> String {
    let text = path.to_string_lossy();
    let write = |c: char| match c {
        ' ' | '\t' | '\n' | '\\' | '#' => format!("\\{:03o}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(write).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOUNTS: &str = "\
22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw,errors=remount-ro
23 22 0:21 / /proc rw - proc proc rw
40 22 0:40 / /srv/bramble/chunks rw,relatime shared:9 - autofs systemd-1 rw,fd=50,direct
41 40 0:41 / /srv/bramble/chunks ro,noatime - nfs4 10.66.0.1:/srv/chunks ro,vers=4.2,addr=10.66.0.1
42 22 8:1 / /mnt/a\\040b rw master:3 propagate_from:2 - ext4 /dev/sda1 ro
";

    fn mounts(text: &str) -> Vec<Mount> {
        text.lines().filter_map(parse).collect()
    }

    #[test]
    fn a_path_is_on_the_mount_that_reaches_deepest_and_was_made_last() {
        let mounts = mounts(MOUNTS);
        let filesystem = |path: &str| holding(&mounts, Path::new(path)).unwrap().filesystem.clone();
        assert_eq!(filesystem("/home/pi"), "ext4");
        assert_eq!(filesystem("/proc/self"), "proc");
        assert_eq!(filesystem("/processes"), "ext4");
        assert_eq!(filesystem("/srv/bramble/chunks/objects"), "nfs4");
        assert_eq!(holding(&mounts, Path::new("/mnt/a b/c")).unwrap().minor, 1);
        assert_eq!(holding(&[], Path::new("/")), None);
    }

    #[test]
    fn a_disk_that_its_filesystem_has_closed_is_read_only() {
        let mounts = mounts(MOUNTS);
        let read_only = |path: &str| holding(&mounts, Path::new(path)).unwrap().read_only;
        assert!(read_only("/mnt/a b"), "by the options of the filesystem");
        assert!(!read_only("/"), "errors=remount-ro is only a plan");
    }

    #[test]
    fn a_share_is_mounted_waiting_or_missing() {
        let path = Path::new("/srv/bramble/chunks");
        let state = |text: &str| share(&mounts(text), path);
        let mounted = state(MOUNTS);
        assert_eq!(mounted.state, ShareState::Mounted);
        assert_eq!(mounted.filesystem.as_deref(), Some("nfs4"));
        assert_eq!(mounted.read_only, Some(true));
        let first = |count: usize| MOUNTS.lines().take(count).collect::<Vec<_>>().join("\n");
        assert_eq!(state(&first(3)).state, ShareState::OnDemand);
        assert_eq!(state(&first(2)).state, ShareState::Missing);
        assert_eq!(state("").state, ShareState::Missing);
        let below = "1 0 0:9 / /srv/bramble rw - nfs head:/srv rw";
        assert_eq!(state(below).state, ShareState::Mounted, "part of a larger mount");
        let disk = "1 0 8:1 / /srv/bramble/chunks rw - ext4 /dev/sda1 rw";
        assert_eq!(state(disk).state, ShareState::Mounted, "a disk in its place is a mount too");
    }

    #[test]
    fn lines_that_are_none_are_passed_over() {
        for line in ["", " - ", "1 2 3 4 5 6 - ext4 /dev/sda1 rw", "36 35 98:0 / /p rw", "- - -"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
        assert_eq!(unescaped("a\\04"), Path::new("a\\04"));
        assert_eq!(unescaped("a\\777\\089"), Path::new("a\\777\\089"));
    }

    proptest! {
        #[test]
        fn a_mount_survives_being_written(
            major: u32,
            minor: u32,
            point in "/[a-zä \\\\#]{0,20}",
            read_only: bool,
            filesystem in "[a-z0-9.]{1,8}",
            source in "[a-z0-9:/ ]{1,20}",
        ) {
            let (point, source) = (point.into(), source.into());
            let mount = Mount { major, minor, point, read_only, filesystem, source };
            prop_assert_eq!(parse(mount.line().trim_end_matches('\n')), Some(mount));
        }

        #[test]
        fn any_line_is_read_without_panic(line in "([0-9]+:?| - |/|\\\\[0-7]{0,3}|ro|,|\\PC){0,30}") {
            if let Some(mount) = parse(&line) {
                let _ = share(&[mount], Path::new("/srv"));
            }
        }
    }
}
