//! What the head's machine tells of a node by its files: USB devices, links, leases, neighbours, and
//! what a node tells of its mounts.

use std::fs::{self, File};
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;

use super::{LinkSeen, ShareSeen};
use crate::Mac;

/// Longer files than this are none of these, in bytes.
const BYTES_MAX: u64 = 1 << 20;
/// More devices than this no board has.
const DEVICES_MAX: usize = 512;
/// Where dnsmasq keeps its leases in Debian.
const LEASES: &str = "var/lib/misc/dnsmasq.leases";
/// The vendor of Cluster HATs and their gadgets.
const VENDOR: &str = "3171";

/// The text of a file under `root`, up to a limit. Bytes that are no text are replaced.
fn text(root: &Path, path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(root.join(path)).ok()?.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether the board in this slot is seen on USB. None where there is no USB to look at.
pub fn usb(root: &Path, slot: u8) -> Option<bool> {
    let dir = "sys/bus/usb/devices";
    let devices = fs::read_dir(root.join(dir)).ok()?;
    let is_board = |name: &str| {
        let value = |file: &str| text(root, &format!("{dir}/{name}/{file}"));
        value("idVendor").is_some_and(|vendor| vendor.trim() == VENDOR)
            && value("serial").is_some_and(|serial| serial.trim() == slot.to_string())
    };
    let names =
        devices.take(DEVICES_MAX).filter_map(|device| device.ok()?.file_name().into_string().ok());
    Some(names.into_iter().any(|name| is_board(&name)))
}

/// How the link by this interface is. None where interfaces cannot be seen.
pub fn link(root: &Path, interface: &str) -> Option<LinkSeen> {
    let all = root.join("sys/class/net");
    if !all.is_dir() || !crate::names::is_interface(interface) {
        return None;
    }
    let dir = format!("sys/class/net/{interface}");
    if !root.join(&dir).exists() {
        return Some(LinkSeen::Missing);
    }
    // A kernel refuses to read it while the interface is switched off.
    if text(root, &format!("{dir}/carrier")).is_none_or(|carrier| carrier.trim() != "1") {
        return Some(LinkSeen::Down);
    }
    let bridge = fs::read_link(root.join(&dir).join("brport/bridge")).ok();
    let bridge = bridge.and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
    Some(LinkSeen::Up(bridge))
}

/// The address that dnsmasq has given to a node. None where there is no list of leases.
pub fn lease(root: &Path, mac: Mac, now_s: u64) -> Option<Option<Ipv4Addr>> {
    Some(lease_in(&text(root, LEASES)?, mac, now_s))
}

/// Lines of `EXPIRY MAC ADDRESS NAME CLIENT`; an expiry of 0 is never.
fn lease_in(leases: &str, mac: Mac, now_s: u64) -> Option<Ipv4Addr> {
    leases.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let expiry: u64 = words.next()?.parse().ok()?;
        let is_node = words.next()?.parse::<Mac>().ok()? == mac;
        let address = words.next()?.parse().ok()?;
        (is_node && (expiry == 0 || expiry > now_s)).then_some(address)
    })
}

/// Whether the kernel has heard of a machine with this address lately. None where it has not asked.
pub fn neighbour(root: &Path, address: Ipv4Addr) -> Option<bool> {
    let table = text(root, "proc/net/arp")?;
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace();
        let is_node = words.next()?.parse::<Ipv4Addr>().ok()? == address;
        // The second column after is a word of bits, of which the second says: complete.
        let flags = words.nth(1)?.strip_prefix("0x")?;
        let flags = u32::from_str_radix(flags, 16).ok()?;
        is_node.then_some(flags & 2 != 0)
    })
}

/// How the share of the machine under `root` is. Never touches the share itself, which may hang.
/// An automount that nobody has looked at yet counts as mounted: it will be.
pub fn share(root: &Path, share: &Path) -> Option<ShareSeen> {
    let mounts = text(root, "proc/self/mountinfo")?;
    let wanted = share.to_str()?;
    let is_mounted = mounts.lines().any(|line| {
        let Some((left, right)) = line.split_once(" - ") else { return false };
        let kind = right.split(' ').next().unwrap_or_default();
        left.split(' ').nth(4) == Some(wanted) && (kind.starts_with("nfs") || kind == "autofs")
    });
    Some(if is_mounted { ShareSeen::Mounted } else { ShareSeen::NotMounted })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    #[test]
    fn boards_are_known_by_vendor_and_serial() {
        let root = machine(&[
            ("sys/bus/usb/devices/1-1.2/idVendor", "3171\n"),
            ("sys/bus/usb/devices/1-1.2/serial", "2\n"),
            ("sys/bus/usb/devices/1-1.3/idVendor", "046d\n"),
            ("sys/bus/usb/devices/1-1.3/serial", "3\n"),
        ]);
        assert_eq!(usb(root.path(), 2), Some(true));
        assert_eq!(usb(root.path(), 3), Some(false));
        assert_eq!(usb(machine(&[]).path(), 2), None);
    }

    #[test]
    fn a_link_tells_its_bridge() {
        let root = machine(&[
            ("sys/class/net/ethpi1/carrier", "1\n"),
            ("sys/class/net/ethpi2/carrier", "0\n"),
            ("sys/class/net/eth0/carrier", "1\n"),
            ("sys/class/net/bramble0/carrier", "1\n"),
            ("sys/class/net/ethpi1/brport/state", "3\n"),
        ]);
        let net = root.path().join("sys/class/net");
        symlink("../../bramble0", net.join("ethpi1/brport/bridge")).unwrap();
        assert_eq!(link(root.path(), "ethpi1"), Some(LinkSeen::Up(Some("bramble0".into()))));
        assert_eq!(link(root.path(), "ethpi2"), Some(LinkSeen::Down));
        assert_eq!(link(root.path(), "eth0"), Some(LinkSeen::Up(None)));
        assert_eq!(link(root.path(), "ethpi3"), Some(LinkSeen::Missing));
        assert_eq!(link(root.path(), "../x"), None);
    }

    #[test]
    fn leases_count_until_they_end() {
        let text = "duid 00:01\n1000 00:22:82:ff:ff:01 10.66.0.11 p1 *\n\
                    0 00:22:82:ff:ff:02 10.66.0.12 * *\ngarbage\n\u{fffd} x y\n";
        let root = machine(&[(LEASES, text)]);
        let lease = |slot, now| lease(root.path(), Mac::of_gadget(slot), now);
        assert_eq!(lease(1, 999), Some(Some(Ipv4Addr::new(10, 66, 0, 11))));
        assert_eq!(lease(1, 1000), Some(None));
        assert_eq!(lease(2, u64::MAX), Some(Some(Ipv4Addr::new(10, 66, 0, 12))));
        assert_eq!(lease(3, 0), Some(None));
    }

    #[test]
    fn neighbours_and_shares_are_read_without_touching_them() {
        let root = machine(&[
            (
                "proc/net/arp",
                "IP address  HW type  Flags  HW address  Mask  Device\n\
                 10.66.0.11 0x1 0x2 00:22:82:ff:ff:01 * bramble0\n\
                 10.66.0.12 0x1 0x0 00:00:00:00:00:00 * bramble0\n",
            ),
            (
                "proc/self/mountinfo",
                "36 35 0:40 / /srv/bramble/store ro - nfs4 10.66.0.1:/srv rw\n\
                 37 35 0:41 / /srv/other rw - ext4 /dev/a rw\n",
            ),
        ]);
        let neighbour = |last| neighbour(root.path(), Ipv4Addr::new(10, 66, 0, last));
        assert_eq!((neighbour(11), neighbour(12), neighbour(13)), (Some(true), Some(false), None));
        let share = |path: &str| share(root.path(), Path::new(path));
        assert_eq!(share("/srv/bramble/store"), Some(ShareSeen::Mounted));
        assert_eq!(share("/srv/other"), Some(ShareSeen::NotMounted));
    }
}
