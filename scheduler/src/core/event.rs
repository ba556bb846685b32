//! What the core is told.

use std::fmt;

use bramble_protocol::agent::{FromAgent, Hello};
use bramble_protocol::power::{Outlet, PowerPolicy, Supply};
use bramble_protocol::{
    Digest, JobId, JobSpec, Manifest, Mode, ModuleInfo, ObjectRef, Order, TargetClass,
};
use serde::{Deserialize, Serialize};

/// A time in milliseconds since 1970. The core never reads a clock: each event brings its time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`; 0 when that is later.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// One connection of an agent. Given by the driver, never used again within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Ties a reply to the request it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestToken(pub u64);

/// A job to be accepted. Its module, manifest and chunks are stored.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What the user asks for. The secrets that it names are at hand.
    pub spec: JobSpec,
    /// What the module is.
    pub module: ModuleInfo,
    /// The input.
    pub manifest: Manifest,
    /// Whether the user has this input himself, so that what others made of it may be used.
    pub owns_input: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A user submits a job.
    Submit {
        /// For the answer.
        token: RequestToken,
        /// The job.
        job: Box<NewJob>,
    },
    /// A user cancels a job.
    Cancel {
        /// For the answer.
        token: RequestToken,
        /// Which.
        job: JobId,
    },
    /// The secrets of a job are at hand again.
    Unlock {
        /// For the answer.
        token: RequestToken,
        /// Which.
        job: JobId,
    },
    /// Somebody gives an order.
    Order {
        /// For the answer.
        token: RequestToken,
        /// The order.
        order: Box<Order>,
    },
    /// An agent connected and said who it is.
    AgentConnected {
        /// The new connection.
        connection: ConnectionId,
        /// Its first message.
        hello: Box<Hello>,
    },
    /// An agent sent a later message.
    AgentMessage {
        /// On this connection.
        connection: ConnectionId,
        /// The message.
        message: FromAgent,
    },
    /// A connection is gone.
    AgentDisconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// A module was compiled.
    Compiled {
        /// Which.
        module: Digest,
        /// For which kind of machine.
        class: TargetClass,
        /// To be run how.
        mode: Mode,
        /// The stored artefact.
        artefact: ObjectRef,
    },
    /// A module could not be compiled.
    CompileFailed {
        /// Which.
        module: Digest,
        /// For which kind of machine.
        class: TargetClass,
        /// To be run how.
        mode: Mode,
        /// Why, one line.
        message: String,
        /// Whether it may succeed later.
        retry: bool,
    },
    /// Objects were removed from the store, or are about to be. Results that contain one are not
    /// used any more.
    ObjectsGone {
        /// For the answer.
        token: RequestToken,
        /// Which.
        digests: std::collections::BTreeSet<Digest>,
    },
    /// The head has read its configuration of what switches nodes, and looked at the hardware.
    PowerFound {
        /// What can be switched.
        outlets: Vec<Outlet>,
        /// What is switched without being asked.
        policy: Box<PowerPolicy>,
    },
    /// The hardware was looked at again.
    PowerRead {
        /// The node.
        node: String,
        /// How its supply is.
        supply: Supply,
    },
    /// An [`Action::Switch`](super::Action::Switch) was done, or could not be.
    PowerSwitched {
        /// The node.
        node: String,
        /// Whether it was to be switched on.
        on: bool,
        /// Why it was not, one line.
        fault: Option<String>,
    },
    /// Time passed. Due a few times a second.
    Tick,
}
