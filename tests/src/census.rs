//! What a process holds, as the kernel tells it: to see that nothing stays behind.

use std::fs;

/// What a process holds at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Open descriptors.
    pub descriptors: usize,
    /// Processes that it has started and that are still there.
    pub children: usize,
    /// Memory that is in use, in bytes.
    pub resident_bytes: u64,
}

/// What process `id` holds.
pub fn holdings(id: u32) -> Holdings {
    let descriptors = fs::read_dir(format!("/proc/{id}/fd"));
    Holdings {
        descriptors: descriptors
            .unwrap_or_else(|error| panic!("process {id} is gone: {error}"))
            .count(),
        children: children(id).len(),
        resident_bytes: resident_bytes(id),
    }
}

/// The processes whose parent is process `id`.
pub fn children(id: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("Linux has /proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|child| parent(*child) == Some(id)).collect()
}

fn parent(id: u32) -> Option<u32> {
    // A process that has ended meanwhile has no parent any more.
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before it may hold anything, blanks and brackets too.
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// Memory of process `id` that is in use, in bytes; 0 when it has ended.
pub fn resident_bytes(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// Processor time of process `id` in its own code, in hundredths of a second; 0 when it has ended.
pub fn processor_ticks(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(11).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}
