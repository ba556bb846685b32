//! Memory, by `proc/meminfo`.

use std::path::Path;

use bramble_protocol::board::Swap;

/// What there is and what is left, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) bytes_total: Option<u64>,
    pub(crate) bytes_available: Option<u64>,
    pub(crate) swap: Option<Swap>,
}

pub(crate) fn read(root: &Path) -> Memory {
    let Some(text) = super::text(&root.join("proc/meminfo")) else { return Memory::default() };
    let bytes = |name: &str| {
        let mut words = text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
        let kibibytes: u64 = words.next()?.parse().ok()?;
        (words.next() == Some("kB")).then(|| kibibytes.checked_mul(1024)).flatten()
    };
    let bytes_total = bytes("MemTotal:").filter(|total| *total > 0);
    let bytes_available = bytes("MemAvailable:");
    let fits = |available: &u64| bytes_total.is_none_or(|total| *available <= total);
    let swap = match (bytes("SwapTotal:"), bytes("SwapFree:")) {
        (Some(bytes_total), Some(bytes_free)) if bytes_free <= bytes_total => {
            Some(Swap { bytes_total, bytes_free })
        }
        _ => None,
    };
    Memory { bytes_total, bytes_available: bytes_available.filter(fits), swap }
}
