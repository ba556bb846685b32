//! What tells one board from all others, whatever is on its disk.
//!
//! `/etc/machine-id` does not: it is copied with an SD card.

use std::fs;
use std::path::Path;

use bramble_protocol::Digest;

use super::model::FILLERS;
use super::{entries, text};

/// Where a board's or a PC's serial number is, if it has one. Those of PCs only root may read.
pub(crate) const SERIALS: [&str; 4] = [
    "proc/device-tree/serial-number",
    "sys/firmware/devicetree/base/serial-number",
    "sys/class/dmi/id/product_serial",
    "sys/class/dmi/id/board_serial",
];
/// A digest of what is unique to the machine; nothing when nothing is.
pub(crate) fn read(root: &Path) -> Option<Digest> {
    let serial = SERIALS.iter().find_map(|path| serial(&root.join(path)));
    let unique = serial.or_else(|| lowest_mac(&root.join("sys/class/net")))?;
    Some(Digest::of(format!("bramble machine 1\0{unique}").as_bytes()))
}

fn serial(path: &Path) -> Option<String> {
    let serial = text(path)?.to_lowercase();
    (!is_filler(&serial)).then(|| format!("serial {serial}"))
}

/// Whether a serial number in lower case is one that many machines have.
pub(crate) fn is_filler(serial: &str) -> bool {
    serial.chars().all(|c| matches!(c, '0' | 'x' | '-' | '.' | ' '))
        || matches!(serial, "system serial number" | "0123456789" | "123456789")
        || FILLERS.contains(&serial)
}

/// The lowest address of those network interfaces that are part of the machine: adapters on USB
/// come and go.
fn lowest_mac(net: &Path) -> Option<String> {
    let built_in = entries(net, "", "").into_iter().filter(|interface| {
        let bus = fs::read_link(interface.join("device/subsystem"));
        bus.is_ok_and(|bus| bus.file_name().is_some_and(|name| name != "usb"))
    });
    let addresses = built_in.filter_map(|interface| {
        let address = text(&interface.join("address"))?.to_lowercase();
        // The second bit of the first byte says that software has made the address up.
        let first = u8::from_str_radix(address.get(..2)?, 16).ok()?;
        (first & 2 == 0 && address != "00:00:00:00:00:00").then_some(address)
    });
    addresses.min().map(|address| format!("mac {address}"))
}
