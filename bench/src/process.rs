//! What the kernel counts of other processes.

use std::time::Duration;

use anyhow::{Context, Result};

/// Processor time of a process and of those it has started: of its children that live, and of
/// those that it has waited for.
pub(crate) fn cpu_of_family(process: u32) -> Result<Duration> {
    let living: Duration = children(process).into_iter().filter_map(|id| cpu(id, 2).ok()).sum();
    Ok(cpu(process, 4)? + living)
}

/// Processor time of a process alone, in user and in kernel mode.
pub(crate) fn cpu_alone(process: u32) -> Result<Duration> {
    cpu(process, 2)
}

/// The sum of the first `fields` of utime, stime, cutime and cstime.
fn cpu(process: u32, fields: usize) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The name, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(')').context("a stat without a name")?;
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(fields)
        .map(|field| field.parse::<u64>().context("a time that is no number"))
        .sum::<Result<u64>>()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Processes that a process has started.
pub(crate) fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    let lists = tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("children")));
    let lists: Vec<String> = lists.filter_map(Result::ok).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|id| id.parse().ok()).collect()
}

/// Memory that a process holds, in KiB.
pub(crate) fn resident_kib(process: u32) -> Option<u64> {
    kib(process, "VmRSS:")
}

/// The most memory that a process has held so far, in KiB.
pub(crate) fn peak_kib(process: u32) -> Option<u64> {
    kib(process, "VmHWM:")
}

fn kib(process: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
