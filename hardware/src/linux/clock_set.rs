//! Whether somebody has set the clock.
//!
//! Boards without a battery start in the past. Whether the kernel's clock is disciplined only
//! `adjtimex` tells; systemd's time service leaves the same in a file, and with another service
//! nothing is known.

use std::path::Path;

const SERVICE: &str = "run/systemd/timesync";

/// Whether systemd's time service has set the clock since the machine started; nothing where it
/// does not run.
pub(crate) fn read(root: &Path) -> Option<bool> {
    let service = root.join(SERVICE);
    service.is_dir().then(|| service.join("synchronized").exists())
}
