//! What a user asks for, and what one task of it is.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Digest, JobId, JobPolicy, SecretNames};

/// Named parameters of a job, in the order of their names.
pub type Params = BTreeMap<String, String>;

/// A job as the head accepts and journals it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobSpec {
    /// What people call it; need not be unique.
    pub name: String,
    /// The module as uploaded.
    pub module: Digest,
    /// The input's manifest.
    pub input: Digest,
    /// Parameters for the guest.
    #[serde(default)]
    pub params: Params,
    /// Which secrets it was given. Their values are nowhere in what describes a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<SecretNames>,
    /// Command-line arguments for a WASI command, after its own name.
    #[serde(default)]
    pub args: Vec<String>,
    /// How a WASI command ends well, and whether its parts are merged.
    #[serde(default)]
    pub command: CommandOptions,
    /// Which nodes may run it.
    #[serde(default)]
    pub nodes: NodeSelector,
    /// What each of its tasks may use.
    #[serde(default)]
    pub limits: Limits,
    /// Whether results must be the same bytes on every kind of processor.
    #[serde(default)]
    pub mode: Mode,
    /// How many key ranges or partitions a job that merges or reduces is cut into; chosen by the
    /// head when absent.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// What the result's file should be called when the user names none.
    #[serde(default)]
    pub result_name: String,
    /// Where the virtual clock of its tasks starts, in milliseconds since 1970;
    /// [`JobSpec::CLOCK_MS`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<u64>,
    /// Who asks for it, what it waits for, and what is done about failures and doubts.
    #[serde(default)]
    pub policy: JobPolicy,
}

/// What may be said of a WASI command that was not written for bramble.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CommandOptions {
    /// Exit statuses that mean success, beside 0: `grep` ends with 1 when it found nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ok_statuses: Vec<i32>,
    /// The arguments with which the same program merges: it gets the outputs of several tasks,
    /// one after the other, on its standard input. Without them there is no merge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_args: Option<Vec<String>>,
}

impl CommandOptions {
    /// The most exit statuses that may be declared.
    pub const OK_STATUSES_MAX: usize = 32;

    /// The first thing wrong with them, in words for the user.
    pub fn fault(&self) -> Option<String> {
        if self.ok_statuses.len() > Self::OK_STATUSES_MAX {
            return Some(format!("more than {} exit statuses are declared", Self::OK_STATUSES_MAX));
        }
        let negative = self.ok_statuses.iter().find(|status| **status < 0)?;
        Some(format!("{negative} is not an exit status"))
    }
}

impl JobSpec {
    /// In place of an input's manifest where the input is another job's result.
    pub const NO_INPUT: Digest = Digest::ZERO;
    /// Where virtual clocks start unless the user chose: the first second of 2026 (UTC), in
    /// milliseconds since 1970. The same for every job, so that the same work has the same name
    /// whenever it is done.
    pub const CLOCK_MS: u64 = 1_767_225_600_000;
    /// The latest start of a virtual clock, in milliseconds since 1970: in the year 2286. Guests
    /// are told nanoseconds, which end in 2554.
    pub const CLOCK_MS_MAX: u64 = 9_999_999_999_999;

    /// What is wrong with the start of the virtual clock, in words for the user.
    pub fn clock_fault(&self) -> Option<String> {
        self.clock_ms
            .filter(|ms| *ms > Self::CLOCK_MS_MAX)
            .map(|ms| format!("a clock cannot start {ms} ms after 1970: that is after 2286"))
    }
}

/// How code is compiled and run. Part of what names a task's work.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// At full speed. The bits of a NaN may differ between kinds of processors.
    #[default]
    Fast,
    /// So that every node gives the same bytes: NaNs have one form, and a fixed amount of fuel
    /// ends a task at the same instruction everywhere.
    Verify,
}

impl Mode {
    /// Both, for tests and listings.
    pub const ALL: [Self; 2] = [Self::Fast, Self::Verify];

    /// Its name, as in messages and in keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Verify => "verify",
        }
    }
}

/// What one task may use. Every field has a hard upper bound in [`Limits::fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Linear memory of the guest, in bytes.
    pub memory_bytes_max: u64,
    /// Processor time, in milliseconds.
    pub cpu_ms_max: u64,
    /// Time on the wall, in milliseconds.
    pub wall_ms_max: u64,
    /// All outputs together, in bytes; chosen from the input's length when absent.
    #[serde(default)]
    pub output_bytes_max: Option<u64>,
    /// Instructions of a task in [`Mode::Verify`], in units of wasmtime's fuel; chosen from the
    /// processor time when absent. See [`Limits::fuel_max_for`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel_max: Option<u64>,
    /// Log lines kept, in bytes.
    pub log_bytes_max: u32,
    /// How often a task is tried before the job fails.
    pub attempts_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 << 20,
            cpu_ms_max: 60_000,
            wall_ms_max: 300_000,
            output_bytes_max: None,
            fuel_max: None,
            log_bytes_max: 64 << 10,
            attempts_max: 4,
        }
    }
}

impl Limits {
    /// The largest memory a job may ask for, in bytes: what a 32-bit guest can address.
    pub const MEMORY_BYTES_HARD_MAX: u64 = 4 << 30;
    /// The longest a task may run, in milliseconds: a day.
    pub const WALL_MS_HARD_MAX: u64 = 24 * 3600 * 1000;

    /// The output limit of a task whose inputs hold `input_bytes`.
    ///
    /// Eight times the input and at least 16 MiB unless the user set one.
    pub fn output_bytes_max_for(&self, input_bytes: u64) -> u64 {
        self.output_bytes_max.unwrap_or_else(|| input_bytes.saturating_mul(8).max(16 << 20))
    }

    /// The fuel of a task in `mode`, in units of wasmtime's fuel, about one an instruction; no
    /// limit in [`Mode::Fast`].
    ///
    /// A million for each millisecond of processor time unless the user set one: boards of the
    /// Pi 4's class do fewer, so that there the processor time ends a task first, and a faster
    /// board is stopped at the same instruction as any other of its class.
    pub fn fuel_max_for(&self, mode: Mode) -> Option<u64> {
        match mode {
            Mode::Fast => None,
            Mode::Verify => {
                Some(self.fuel_max.unwrap_or_else(|| self.cpu_ms_max.saturating_mul(1_000_000)))
            }
        }
    }

    /// How often a task may call the host: 2,000 times for each millisecond of processor time,
    /// and at least 10 million times. Reading and writing byte by byte gets there; blocks do not.
    pub const fn host_calls_max(&self) -> u64 {
        let by_time = self.cpu_ms_max.saturating_mul(2_000);
        if by_time > 10_000_000 { by_time } else { 10_000_000 }
    }

    /// How many bytes a task with `input_bytes` may exchange with the host: 64 times its input
    /// and output limit, and at least 4 GiB.
    pub fn host_bytes_max(&self, input_bytes: u64) -> u64 {
        let held = input_bytes.saturating_add(self.output_bytes_max_for(input_bytes));
        held.saturating_mul(64).max(4 << 30)
    }

    /// What tasks should be allowed by default where the smallest board has `memory_total_bytes`
    /// of memory: 64 MiB of linear memory, or an eighth of the board's on one with less than
    /// 512 MiB, so that four slots and the system fit.
    pub fn default_for(memory_total_bytes: u64) -> Self {
        let memory_bytes_max = (memory_total_bytes / 8).clamp(16 << 20, 64 << 20);
        Self { memory_bytes_max, ..Self::default() }
    }

    /// The first limit that is out of bounds, in words for the user.
    pub fn fault(&self) -> Option<String> {
        let within = |name: &str, value: u64, low: u64, high: u64| {
            (value < low || value > high)
                .then(|| format!("{name} is {value}, allowed is {low} to {high}"))
        };
        within("memory (bytes)", self.memory_bytes_max, 64 << 10, Self::MEMORY_BYTES_HARD_MAX)
            .or(within("CPU time (ms)", self.cpu_ms_max, 1, Self::WALL_MS_HARD_MAX))
            .or(within("time (ms)", self.wall_ms_max, 1, Self::WALL_MS_HARD_MAX))
            .or(within("fuel", self.fuel_max.unwrap_or(1), 1, u64::MAX))
            .or(within("log (bytes)", self.log_bytes_max.into(), 0, 1 << 20))
            .or(within("attempts", self.attempts_max.into(), 1, 100))
    }
}

/// Which nodes may run a job. Text form: `any`, `2`, `p1,p3`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NodeSelector {
    /// Every node.
    #[default]
    Any,
    /// At most this many nodes; the first that take a task of the job keep their place.
    AtMost(u32),
    /// Only these, by name.
    Named(Vec<String>),
}

impl FromStr for NodeSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "any" {
            return Ok(Self::Any);
        }
        if let Ok(count) = text.parse::<u32>() {
            return if count == 0 {
                Err("a job needs at least one node".into())
            } else {
                Ok(Self::AtMost(count))
            };
        }
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.iter().any(|name| !crate::node::is_node_name(name)) {
            return Err(format!("`{text}` is neither a number nor a list of node names"));
        }
        Ok(Self::Named(names))
    }
}

/// A step of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PhaseKind {
    /// Choose key ranges from the input's sample.
    Ranges,
    /// Work on one chunk.
    Map,
    /// Merge the parts of one key range, or the sorted pairs of one partition.
    Merge,
    /// Reduce the pairs of one partition.
    Reduce,
}

impl PhaseKind {
    /// Its name, as shown and as part of task keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ranges => "ranges",
            Self::Map => "map",
            Self::Merge => "merge",
            Self::Reduce => "reduce",
        }
    }
}

impl fmt::Display for PhaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where in a job's phases a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The one task that chooses key ranges.
    Ranges,
    /// The task of one chunk.
    Map {
        /// Which chunk, from 0.
        chunk: u32,
    },
    /// A merge of parts of one key range. For jobs that reduce, the host merges sorted pairs and
    /// asks the guest for no more than to combine them.
    Merge {
        /// 1 for merges of map outputs, 2 for merges of those, and so on.
        level: u32,
        /// Which key range, from 0.
        partition: u32,
        /// Which of the merges of this level and range, from 0.
        group: u32,
    },
    /// The last task of one partition of a job that reduces.
    Reduce {
        /// Which partition, from 0.
        partition: u32,
    },
}

impl Phase {
    /// The phase without its place.
    pub const fn kind(self) -> PhaseKind {
        match self {
            Self::Ranges => PhaseKind::Ranges,
            Self::Map { .. } => PhaseKind::Map,
            Self::Merge { .. } => PhaseKind::Merge,
            Self::Reduce { .. } => PhaseKind::Reduce,
        }
    }
}

/// What a guest is told of its place in the job. The same for a retry, a twin on another
/// node and a task that is resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskContext {
    /// The job's number, for messages only.
    pub job: JobId,
    /// The phase.
    pub phase: Phase,
    /// Place among the tasks of the phase, from 0.
    pub index: u32,
    /// Number of tasks in the phase.
    pub count: u32,
    /// Number of key ranges of the job, at least 1. See [`TaskContext::outputs`].
    pub partitions: u32,
    /// The only seed a guest has. See [`task_seed`].
    pub seed: u64,
    /// Length in bytes of the input before this task's chunk; 0 outside the map phase.
    pub offset: u64,
}

impl TaskContext {
    /// How many outputs the task has: a map writes one for each key range, any other task one.
    pub const fn outputs(&self) -> u32 {
        match self.phase {
            Phase::Map { .. } => self.partitions,
            Phase::Ranges | Phase::Merge { .. } | Phase::Reduce { .. } => 1,
        }
    }
}

/// Seed of a task: the first 8 bytes (little-endian) of BLAKE3 over module digest, parameters,
/// phase name and index.
///
/// It leaves the job's number out, so that the same work gives the same bytes in another job.
pub fn task_seed(module: &Digest, params: &Params, phase: PhaseKind, index: u32) -> u64 {
    // Gathered first: a hasher for each would be 2 KB to set up and as many calls as fields.
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(module.as_bytes());
    for (name, value) in params {
        for text in [name, value] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes.extend_from_slice(&(params.len() as u64).to_le_bytes());
    bytes.extend_from_slice(phase.name().as_bytes());
    bytes.extend_from_slice(&index.to_le_bytes());
    let hash = blake3::derive_key("bramble 2026-11 task seed 1", &bytes);
    let mut first = [0u8; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_selectors_are_read_from_text() {
        assert_eq!("any".parse(), Ok(NodeSelector::Any));
        assert_eq!("2".parse(), Ok(NodeSelector::AtMost(2)));
        assert_eq!("p1,p3".parse(), Ok(NodeSelector::Named(vec!["p1".into(), "p3".into()])));
        for bad in ["0", "", "p1,,p2", "a b"] {
            assert!(bad.parse::<NodeSelector>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_seed_depends_on_all_that_names_the_work_and_nothing_else() {
        let module = Digest::of(b"module");
        let params = Params::from([("a".into(), "b".into())]);
        let seed = task_seed(&module, &params, PhaseKind::Map, 3);
        assert_eq!(seed, task_seed(&module, &params, PhaseKind::Map, 3));
        assert_ne!(seed, task_seed(&module, &params, PhaseKind::Map, 4));
        assert_ne!(seed, task_seed(&module, &params, PhaseKind::Merge, 3));
        assert_ne!(seed, task_seed(&module, &Params::new(), PhaseKind::Map, 3));
        assert_ne!(seed, task_seed(&Digest::of(b"other"), &params, PhaseKind::Map, 3));
    }

    #[test]
    fn limits_out_of_bounds_are_named() {
        assert_eq!(Limits::default().fault(), None);
        let limits = Limits { memory_bytes_max: 8 << 30, ..Limits::default() };
        assert!(limits.fault().unwrap().starts_with("memory"));
        let limits = Limits { fuel_max: Some(0), ..Limits::default() };
        assert!(limits.fault().unwrap().starts_with("fuel"));
    }

    #[test]
    fn only_verified_jobs_have_fuel_and_small_boards_give_less_memory() {
        let limits = Limits { cpu_ms_max: 2, ..Limits::default() };
        assert_eq!(limits.fuel_max_for(Mode::Fast), None);
        assert_eq!(limits.fuel_max_for(Mode::Verify), Some(2_000_000));
        let limits = Limits { fuel_max: Some(7), ..limits };
        assert_eq!(limits.fuel_max_for(Mode::Verify), Some(7));
        assert_eq!(Limits::default_for(8 << 30), Limits::default());
        assert_eq!(Limits::default_for(256 << 20).memory_bytes_max, 32 << 20);
        assert_eq!(Limits::default_for(0).memory_bytes_max, 16 << 20);
    }
}
