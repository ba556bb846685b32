//! The agent: the loop on each board that takes leases from the head, has runners work on
//! them, and brings the results back.
//!
//! ```text
//!            WebSocket                 queue                socket
//!   head ◄───────────────► driver ───────────────► slot ───────────────► runner process
//!                             ▲                      │ finished
//!                             └──── committer ◄──────┘
//!                            reports        outputs made durable in groups
//! ```
//!
//! The driver is one async task that owns the connection; slots and the committer are plain
//! threads, because what they do blocks. No guest ever runs in this process.

mod calibrate;
mod committer;
mod connection;
mod driver;
mod objects;
mod pin;
mod queue;
mod report;
mod share;
mod simulated;
mod slot;
mod spool;

use std::path::PathBuf;
use std::time::Duration;

use bramble_protocol::account::Hidden;
use bramble_protocol::{Digest, TargetClass};
use bramble_tls::WrongKey;
use tokio::sync::watch;

pub use connection::ConnectError;
pub use pin::head_of;
pub use simulated::BoardKind;

/// What an agent is told at its start.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Where the head listens, such as `https://10.0.0.1:8420`.
    pub head: String,
    /// How this node shows its own key, and which key the head must have.
    pub tls: bramble_tls::Client,
    /// The secret of a token to join by, for a head that does not know this node yet.
    pub join: Option<Hidden>,
    /// Where the fingerprint of the head is kept once it has said welcome.
    pub head_file: Option<PathBuf>,
    /// What is unique to this board.
    pub machine: Option<Digest>,
    /// The node's name.
    pub name: String,
    /// How many tasks to run at a time, at least 1.
    pub slots: u32,
    /// Where objects are kept: the shared directory, or this node's own.
    pub store: StoreAccess,
    /// Where the head's objects can be read beside [`StoreAccess::Own`]. Of no use where the
    /// directory is shared.
    pub share: Option<ShareAccess>,
    /// Behave as such a board, for practice; the program's own machine is kept out of sight.
    pub simulate: Option<BoardKind>,
    /// What its runners load: see [`choose_class`].
    pub class: TargetClass,
    /// Where the keys of heads are remembered; without a file, for as long as the agent runs.
    pub heads_file: Option<PathBuf>,
    /// The program whose `internal runner` subcommand is a runner: usually the running one.
    pub program: PathBuf,
    /// Version of the program, for people.
    pub version: String,
    /// What shuts the machine down before the head cuts its power: a program and its arguments.
    /// Without it, the head's word that it will do so is only logged.
    pub power_off: Option<Vec<String>>,
    /// Where the agent's loop tells each time that it comes round, at least every ten seconds. What
    /// does not come from there any more hangs.
    pub pulse: watch::Sender<Pulse>,
}

/// How it stands between an agent and its head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pulse {
    /// No head has answered, or the last one is gone.
    #[default]
    Away,
    /// A head gives this node work.
    Connected,
}

/// How an agent gets at objects.
#[derive(Clone, Debug)]
pub enum StoreAccess {
    /// A directory that the head reads and writes too, by NFS or because both are one machine.
    Shared(PathBuf),
    /// A directory of this node's own. What it lacks is fetched from the head, and outputs are
    /// sent there.
    Own(PathBuf),
}

/// The head's objects as this node sees them, such as a mount by NFS. Nothing is written there, and
/// what it does not have, or does not give in time, is fetched from the head.
#[derive(Clone, Debug)]
pub struct ShareAccess {
    /// The head's object directory.
    pub dir: PathBuf,
    /// How long opening a file, or reading a quarter of a mebibyte of it, may take.
    pub patience: Duration,
}

impl StoreAccess {
    /// The directory.
    pub fn dir(&self) -> &std::path::Path {
        match self {
            Self::Shared(dir) | Self::Own(dir) => dir,
        }
    }
}

/// Why an agent ended.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its object directory cannot be used.
    #[error("cannot open the object store at {}", .dir.display())]
    Store {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: bramble_store::StoreError,
    },
    /// A thread could not be started.
    #[error("cannot start a thread for {what}")]
    Thread {
        /// What it was for.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The head does not want this agent and never will.
    #[error("the head refuses this agent: {reason}")]
    Refused {
        /// The head's words.
        reason: String,
    },
    /// Another head than the one that this node joined answers at its address.
    #[error("the head at {head} is not the one that this node's token is for")]
    OtherHead {
        /// Its address.
        head: String,
        /// Which key it should have.
        #[source]
        source: WrongKey,
    },
    /// The head signs by another key than before.
    #[error("the head at {head} signs with key {sent}…, but it had key {known}… before{}", pinned(.file.as_deref()))]
    KeyChanged {
        /// Its address.
        head: String,
        /// The key that is known, its first digits.
        known: String,
        /// The key that it has now.
        sent: String,
        /// Where the known one is remembered.
        file: Option<PathBuf>,
    },
    /// The keys of heads cannot be remembered.
    #[error("cannot use the file of known heads {}", path.display())]
    Pin {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The head's address is unusable.
    #[error("`{url}` is not the address of a head")]
    Address {
        /// As it was given.
        url: String,
    },
}

fn pinned(file: Option<&std::path::Path>) -> String {
    file.map_or_else(String::new, |file| format!(" (remembered in {})", file.display()))
}

/// The class of code that this machine runs best: its own, with guard pages where the kernel has
/// room for them.
pub fn choose_class() -> TargetClass {
    match TargetClass::native() {
        TargetClass::Aarch64 if !crate::sandbox::engine::can_reserve_widely() => {
            tracing::warn!(
                "no room to reserve address space by the gigabyte (`ulimit -v`, or the kernel): \
                 memory accesses are checked by code, which is up to a third slower"
            );
            TargetClass::Aarch64Narrow
        }
        class => class,
    }
}

/// Runs an agent until `shutdown` completes, connecting again whenever the head is lost.
///
/// # Errors
/// When the object store cannot be opened, or the head refuses the agent for good. A head that
/// is not there is no error: the agent waits for it.
pub async fn run(
    config: AgentConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    driver::run(config, shutdown).await
}
