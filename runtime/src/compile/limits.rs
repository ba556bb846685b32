//! What a compiling child may use.

use std::time::Duration;

use bramble_hardware::Sensors;

/// Enough for every program we know: CPython as one module (18 MB) takes less than half.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Below this not even a small job compiles, in bytes: the program itself is mapped too.
const MEMORY_BYTES_MIN: u64 = 192 << 20;

/// What one child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Address space, in bytes. Programs of 20 MB need about half a GiB.
    pub memory_bytes_max: u64,
    /// Whether a machine with more memory would allow more.
    pub memory_is_scarce: bool,
    /// Processor time of all its threads, in seconds.
    pub cpu_s_max: u64,
    /// Time on the wall.
    pub wall_max: Duration,
    /// Threads that compile.
    pub threads_max: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            memory_bytes_max: MEMORY_BYTES_MAX,
            memory_is_scarce: false,
            cpu_s_max: 120,
            wall_max: Duration::from_secs(180),
            threads_max: threads.min(4),
        }
    }
}

impl CompileLimits {
    /// The limits for a machine with so much memory: at most half of it, so that a head on a
    /// small board lives on while it compiles.
    pub fn for_memory(bytes_total: u64) -> Self {
        let half = bytes_total / 2;
        Self {
            memory_bytes_max: half.clamp(MEMORY_BYTES_MIN, MEMORY_BYTES_MAX),
            memory_is_scarce: half < MEMORY_BYTES_MAX,
            ..Self::default()
        }
    }

    /// The limits for this machine.
    pub fn for_this_machine() -> Self {
        let status = Sensors::new(std::path::Path::new("/")).read();
        status.memory_bytes_total.map_or_else(Self::default, Self::for_memory)
    }

    /// The memory limit in words.
    pub(super) fn memory(&self) -> String {
        let own =
            if self.memory_is_scarce { ", which is what a head of this size allows" } else { "" };
        format!("{} MiB of memory{own}", self.memory_bytes_max >> 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_head_allows_half_its_memory_and_says_so() {
        let small = CompileLimits::for_memory(512 << 20);
        assert_eq!(small.memory_bytes_max, 256 << 20);
        assert!(small.memory().contains("a head of this size"), "{}", small.memory());
        let desktop = CompileLimits::for_memory(16 << 30);
        assert_eq!(desktop, CompileLimits::default());
        assert_eq!(desktop.memory(), "1024 MiB of memory");
        assert_eq!(CompileLimits::for_memory(128 << 20).memory_bytes_max, MEMORY_BYTES_MIN);
    }
}
