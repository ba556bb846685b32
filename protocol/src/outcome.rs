//! How an attempt ended, and what it used.

use serde::{Deserialize, Serialize};

use crate::{Digest, ObjectRef};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum AttemptOutcome {
    /// It wrote all its outputs, which are in the object store.
    Succeeded {
        /// One object per partition, in order.
        outputs: Vec<ObjectRef>,
    },
    /// The guest said that it failed.
    GuestFailed {
        /// What sort of failure the guest named.
        error: GuestErrorKind,
        /// The guest's own words.
        message: String,
    },
    /// The guest broke a rule of WebAssembly, or panicked.
    Trapped {
        /// Which rule.
        trap: TrapKind,
        /// What wasmtime said, with the guest's backtrace.
        message: String,
    },
    /// It used all its processor time.
    OutOfTime {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// It was not done after its time on the wall.
    TimedOut {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// It was refused memory and then failed.
    MemoryExceeded {
        /// How much it wanted in all, in bytes.
        wanted_bytes: u64,
        /// The limit in bytes.
        limit_bytes: u64,
        /// How often it was refused memory.
        #[serde(default)]
        refusals: u32,
    },
    /// It used all its fuel: the amount of instructions that a task of a verified job has.
    OutOfFuel {
        /// The limit in units of wasmtime's fuel, about one an instruction.
        limit: u64,
    },
    /// It needed more of something than any task may have, or used it more often.
    TooMuch {
        /// Of what.
        of: Countable,
        /// How much or how many are allowed.
        limit: u64,
    },
    /// It wrote more than it may.
    OutputExceeded {
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// An object did not match its digest on this node.
    ChunkCorrupt {
        /// The object's name.
        expected: Digest,
        /// What its bytes hash to.
        found: Digest,
    },
    /// An object could not be read on this node.
    ChunkMissing {
        /// The object's name.
        digest: Digest,
        /// Why.
        message: String,
    },
    /// Something on the node failed: its disk, its runner process.
    NodeFault {
        /// What failed.
        message: String,
    },
    /// Each node on which it ran gave another result. Only the head says so.
    Disagreed {
        /// How many results there were.
        results: u32,
    },
    /// The node did not renew the lease in time.
    LeaseExpired,
    /// The node went away.
    NodeLost,
    /// The user, or the end of the job, stopped it.
    Canceled,
}

/// What a guest may say of its own failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GuestErrorKind {
    /// The input is malformed.
    BadInput,
    /// A parameter is missing or unusable.
    BadParam,
    /// Anything else.
    Failed,
    /// A command ended with an exit status other than 0.
    ExitStatus,
}

/// Which rule a trapped guest broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TrapKind {
    /// `unreachable`, which is also how a Rust panic ends.
    Unreachable,
    /// A load or store outside its memory.
    MemoryOutOfBounds,
    /// A table access out of bounds, or a call through a wrong entry.
    BadCall,
    /// Division by zero, overflow, or a float that fits no integer.
    Arithmetic,
    /// Too deep a recursion.
    StackOverflow,
    /// Anything else.
    Other,
}

/// What is counted in a task besides time, memory and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Countable {
    /// Elements of all its tables together.
    TableElements,
    /// Tables.
    Tables,
    /// Linear memories.
    Memories,
    /// Core instances.
    Instances,
    /// Handles to resources of the host that it holds at a time.
    Handles,
    /// Calls of the host.
    HostCalls,
    /// Bytes that it passes to the host or takes from it.
    HostBytes,
}

impl Countable {
    /// All of them, for tests and listings.
    pub const ALL: [Self; 7] = [
        Self::TableElements,
        Self::Tables,
        Self::Memories,
        Self::Instances,
        Self::Handles,
        Self::HostCalls,
        Self::HostBytes,
    ];

    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TableElements => "table elements",
            Self::Tables => "tables",
            Self::Memories => "memories",
            Self::Instances => "instances",
            Self::Handles => "handles",
            Self::HostCalls => "calls of the host",
            Self::HostBytes => "bytes exchanged with the host",
        }
    }
}

/// What an attempt used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Usage {
    /// Time on the wall in the sandbox, in microseconds: from opening inputs to the last output.
    pub wall_us: u64,
    /// Processor time of the guest's thread, in microseconds.
    pub cpu_us: u64,
    /// Processor time that the reference core would have needed, in microseconds: see
    /// [`crate::node::REFERENCE_US`]. 0 when the node's speed was not known.
    pub reference_us: u64,
    /// Part of `wall_us` spent on reading and checking inputs.
    pub read_us: u64,
    /// Part of `wall_us` spent on storing outputs.
    pub write_us: u64,
    /// Most linear memory at one time, in bytes.
    pub memory_bytes_peak: u64,
    /// Input bytes.
    pub bytes_in: u64,
    /// Output bytes.
    pub bytes_out: u64,
    /// Log bytes that were thrown away because the limit was reached.
    pub log_bytes_dropped: u64,
    /// Pieces of log that were thrown away because they came too fast.
    pub log_lines_dropped: u64,
    /// How often the guest was refused memory.
    pub memory_refusals: u64,
    /// How often the guest called the host, as far as that is counted.
    pub host_calls: u64,
    /// Instructions in units of wasmtime's fuel; 0 where they are not counted.
    pub fuel_used: u64,
    /// Its share of what its node drew meanwhile, in millionths of a joule; 0 where nothing is
    /// known of the node's power. The head reckons it: see [`Usage::draw`].
    pub energy_uj: u64,
    /// The part of `energy_uj` that comes from a sensor; the rest is estimated.
    pub energy_measured_uj: u64,
}

impl Usage {
    /// The most of any sum that one attempt can have: 256 TiB, or 9 years in microseconds.
    const MOST: u64 = 1 << 48;
    /// The longest an attempt can take, in microseconds.
    const TIME_US_MAX: u64 = crate::Limits::WALL_MS_HARD_MAX * 1_000;

    /// Adds `other`; peaks are the larger of the two.
    pub fn add(&mut self, other: &Self) {
        let mut other = *other;
        for (sum, other) in self.sums().into_iter().zip(other.sums()) {
            *sum = sum.saturating_add(*other);
        }
        self.memory_bytes_peak = self.memory_bytes_peak.max(other.memory_bytes_peak);
    }

    /// Sets what an attempt took of a node that drew `power` while it worked on `sharers` tasks at
    /// a time: power times time, in equal parts.
    pub fn draw(&mut self, power: &crate::board::Power, sharers: u32) {
        let nanojoules = u64::from(power.milliwatts).saturating_mul(self.wall_us);
        self.energy_uj = nanojoules / 1000 / u64::from(sharers.max(1));
        let is_measured = power.source == crate::board::PowerSource::Measured;
        self.energy_measured_uj = if is_measured { self.energy_uj } else { 0 };
    }

    /// What an agent may say: nothing that an attempt cannot have used, so that a node that lies
    /// spoils no sum and takes no share of the cluster from a user.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        for sum in self.sums() {
            *sum = (*sum).min(Self::MOST);
        }
        for time in [&mut self.wall_us, &mut self.cpu_us, &mut self.read_us, &mut self.write_us] {
            *time = (*time).min(Self::TIME_US_MAX);
        }
        self.memory_bytes_peak = self.memory_bytes_peak.min(crate::Limits::MEMORY_BYTES_HARD_MAX);
        self
    }

    /// All figures that add up.
    fn sums(&mut self) -> [&mut u64; 14] {
        [
            &mut self.wall_us,
            &mut self.cpu_us,
            &mut self.reference_us,
            &mut self.read_us,
            &mut self.write_us,
            &mut self.bytes_in,
            &mut self.bytes_out,
            &mut self.log_bytes_dropped,
            &mut self.log_lines_dropped,
            &mut self.memory_refusals,
            &mut self.host_calls,
            &mut self.fuel_used,
            &mut self.energy_uj,
            &mut self.energy_measured_uj,
        ]
    }
}

/// Writes what is not 0, which is all that a reader needs: most of a short attempt's numbers are.
/// For messages of which there are many.
///
/// # Errors
/// What the serializer says.
pub fn only_used<S: serde::Serializer>(usage: &Usage, serializer: S) -> Result<S::Ok, S::Error> {
    let Usage {
        wall_us,
        cpu_us,
        reference_us,
        read_us,
        write_us,
        memory_bytes_peak,
        bytes_in,
        bytes_out,
        log_bytes_dropped,
        log_lines_dropped,
        memory_refusals,
        host_calls,
        fuel_used,
        energy_uj,
        energy_measured_uj,
    } = *usage;
    let fields = [
        ("wall_us", wall_us),
        ("cpu_us", cpu_us),
        ("reference_us", reference_us),
        ("read_us", read_us),
        ("write_us", write_us),
        ("memory_bytes_peak", memory_bytes_peak),
        ("bytes_in", bytes_in),
        ("bytes_out", bytes_out),
        ("log_bytes_dropped", log_bytes_dropped),
        ("log_lines_dropped", log_lines_dropped),
        ("memory_refusals", memory_refusals),
        ("host_calls", host_calls),
        ("fuel_used", fuel_used),
        ("energy_uj", energy_uj),
        ("energy_measured_uj", energy_measured_uj),
    ];
    serializer.collect_map(fields.into_iter().filter(|(_, amount)| *amount > 0))
}

impl AttemptOutcome {
    /// Length of the words in it, in bytes.
    pub const fn text_bytes(&self) -> usize {
        match self {
            Self::GuestFailed { message, .. }
            | Self::Trapped { message, .. }
            | Self::ChunkMissing { message, .. }
            | Self::NodeFault { message } => message.len(),
            Self::Succeeded { .. }
            | Self::OutOfTime { .. }
            | Self::TimedOut { .. }
            | Self::MemoryExceeded { .. }
            | Self::OutOfFuel { .. }
            | Self::TooMuch { .. }
            | Self::OutputExceeded { .. }
            | Self::ChunkCorrupt { .. }
            | Self::Disagreed { .. }
            | Self::LeaseExpired
            | Self::NodeLost
            | Self::Canceled => 0,
        }
    }

    /// Its name in JSON, in messages and in the list of errors.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "succeeded",
            Self::GuestFailed { error, .. } => match error {
                GuestErrorKind::BadInput => "bad-input",
                GuestErrorKind::BadParam => "bad-param",
                GuestErrorKind::Failed => "guest-failed",
                GuestErrorKind::ExitStatus => "exit-status",
            },
            Self::Trapped { trap: TrapKind::StackOverflow, .. } => "stack-overflow",
            Self::Trapped { .. } => "trapped",
            Self::OutOfTime { .. } => "out-of-time",
            Self::TimedOut { .. } => "timed-out",
            Self::MemoryExceeded { .. } => "out-of-memory",
            Self::OutOfFuel { .. } => "out-of-fuel",
            Self::TooMuch { of, .. } => match of {
                Countable::TableElements => "too-many-table-elements",
                Countable::Tables => "too-many-tables",
                Countable::Memories => "too-many-memories",
                Countable::Instances => "too-many-instances",
                Countable::Handles => "too-many-handles",
                Countable::HostCalls => "too-many-host-calls",
                Countable::HostBytes => "too-many-host-bytes",
            },
            Self::OutputExceeded { .. } => "too-much-output",
            Self::ChunkCorrupt { .. } => "chunk-corrupt",
            Self::ChunkMissing { .. } => "chunk-missing",
            Self::NodeFault { .. } => "node-fault",
            Self::Disagreed { .. } => "disagreed",
            Self::LeaseExpired => "lease-expired",
            Self::NodeLost => "node-lost",
            Self::Canceled => "canceled",
        }
    }

    /// What happened, in words for the user, without a full stop.
    pub fn message(&self) -> String {
        match self {
            Self::Succeeded { .. } => "succeeded".into(),
            Self::GuestFailed { message, .. } => message.clone(),
            Self::Trapped { message, .. } => message.clone(),
            Self::OutOfTime { limit_ms } => {
                format!("used all its processor time ({})", seconds(*limit_ms))
            }
            Self::TimedOut { limit_ms } => format!("was not done after {}", seconds(*limit_ms)),
            Self::MemoryExceeded { wanted_bytes, limit_bytes, refusals } => format!(
                "wanted {} MiB of memory, the limit is {} MiB{}",
                wanted_bytes.div_ceil(1 << 20),
                limit_bytes >> 20,
                if *refusals > 1 { format!(" (refused {refusals} times)") } else { String::new() }
            ),
            Self::OutOfFuel { limit } => format!("used all its fuel ({limit} instructions)"),
            Self::TooMuch { of, limit } => {
                format!("wanted more than {limit} {}, which is the limit", of.name())
            }
            Self::OutputExceeded { limit_bytes } => {
                format!("wrote more than its limit of {limit_bytes} bytes")
            }
            Self::ChunkCorrupt { expected, found } => format!(
                "object {} is damaged: its bytes hash to {}",
                expected.short(),
                found.short()
            ),
            Self::ChunkMissing { digest, message } => {
                format!("object {} could not be read: {message}", digest.short())
            }
            Self::NodeFault { message } => format!("the node failed: {message}"),
            Self::Disagreed { results } => {
                format!("gave {results} different results on as many nodes")
            }
            Self::LeaseExpired => "the node did not answer in time".into(),
            Self::NodeLost => "the node went away".into(),
            Self::Canceled => "was cancelled".into(),
        }
    }

    /// What the user can do about it, where there is something.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OutOfTime { .. } => Some(
                "an endless loop, or chunks too big: try a smaller --chunk-size or a larger --cpu-time",
            ),
            Self::TimedOut { .. } => Some("raise --time-limit, or cut smaller with --chunk-size"),
            Self::MemoryExceeded { .. } => Some("raise --memory, or cut smaller with --chunk-size"),
            Self::OutputExceeded { .. } => Some("raise --output-limit"),
            Self::OutOfFuel { .. } => Some(
                "an endless loop, or chunks too big: try a smaller --chunk-size or a larger --cpu-time",
            ),
            Self::TooMuch { of: Countable::HostCalls | Countable::HostBytes, .. } => {
                Some("read and write in blocks of 64 KiB, and cut smaller with --chunk-size")
            }
            Self::TooMuch { of: Countable::Handles, .. } => {
                Some("let go of streams and other handles as soon as they are done with")
            }
            Self::TooMuch { .. } => Some("see what the module declares with `bramble inspect`"),
            Self::Trapped { trap: TrapKind::StackOverflow, .. } => {
                Some("recursion without an end, or too deep: the stack holds 512 KiB")
            }
            Self::GuestFailed { error: GuestErrorKind::BadParam, .. } => {
                Some("parameters are given with --arg name=value")
            }
            Self::ChunkCorrupt { .. } => {
                Some("submit the input again to replace it, and check the disk that holds it")
            }
            _ => None,
        }
    }
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

#[cfg(test)]
mod tests;
