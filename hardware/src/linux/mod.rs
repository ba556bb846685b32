//! The kernel's files, one reader for each kind.

pub(crate) mod clock_set;
pub(crate) mod cpu;
pub(crate) mod disk;
pub(crate) mod gencmd;
pub(crate) mod hwmon;
pub(crate) mod identity;
pub(crate) mod machine;
pub(crate) mod mailbox;
pub(crate) mod memory;
pub(crate) mod model;
pub(crate) mod mounts;
pub(crate) mod network;
pub(crate) mod pressure;
pub(crate) mod restraints;
mod revision;
pub(crate) mod temperature;
mod watts;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most that is read of a file: everything looked for stands at its beginning.
const FILE_BYTES_MAX: u64 = 4 << 10;
/// The same for lists with a line for each processor, disk or mount.
const LIST_BYTES_MAX: u64 = 256 << 10;
/// The most entries of a directory that are looked at.
const ENTRIES_MAX: usize = 256;

/// The beginning of a file, without what surrounds its text; `None` when there is none.
pub(crate) fn text(path: &Path) -> Option<String> {
    text_up_to(FILE_BYTES_MAX, path)
}

/// The same of a file that is a list.
pub(crate) fn long_text(path: &Path) -> Option<String> {
    text_up_to(LIST_BYTES_MAX, path)
}

fn text_up_to(bytes_max: u64, path: &Path) -> Option<String> {
    let bytes = bytes_up_to(bytes_max, path)?;
    let text = String::from_utf8_lossy(&bytes);
    // Texts of the device tree end with NUL.
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// The beginning of a file as it is.
fn bytes(path: &Path) -> Option<Vec<u8>> {
    bytes_up_to(FILE_BYTES_MAX, path)
}

fn bytes_up_to(bytes_max: u64, path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(bytes_max).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The number that is all a file holds.
fn number<T: std::str::FromStr>(path: &Path) -> Option<T> {
    text(path)?.parse().ok()
}

/// Entries of a directory whose names begin and end so, by name.
pub(crate) fn entries(dir: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let Ok(listed) = fs::read_dir(dir) else { return Vec::new() };
    let matches = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(prefix) && name.ends_with(suffix))
    };
    let mut found: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(matches)
        .take(ENTRIES_MAX)
        .collect();
    found.sort();
    found
}
