//! What the core wants done.

use bramble_protocol::agent::ToAgent;
use bramble_protocol::api::{JobState, JobView, LogEntry};
use bramble_protocol::{Digest, JobId, Mode, NodeId, TargetClass};

use super::event::{ConnectionId, RequestToken};
use super::mutant::{Mutant, mutated};
use super::record::Record;

/// Something to do. Actions are done in their order, in two groups: see
/// [`Action::needs_journal`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Write a record to the journal.
    Append(Record),
    /// Write what an attempt logged next to the journal, in the same transaction as the records.
    SaveLog {
        /// The job.
        job: JobId,
        /// The attempt, how it ended, and its last lines.
        entry: Box<LogEntry>,
    },
    /// Let an agent in.
    Admit {
        /// Its connection.
        connection: ConnectionId,
        /// Its node.
        node: NodeId,
        /// How often it should send a heartbeat, in milliseconds.
        heartbeat_ms: u64,
    },
    /// Turn an agent away.
    Refuse {
        /// Its connection.
        connection: ConnectionId,
        /// Why, and what to do.
        reason: String,
        /// Whether it should try again later.
        retry: bool,
    },
    /// Send a message to an agent.
    Send {
        /// Its connection.
        connection: ConnectionId,
        /// The message.
        message: ToAgent,
    },
    /// Close a connection.
    Disconnect {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: String,
    },
    /// Compile a module, and tell by an event how that ended.
    Compile {
        /// Which.
        module: Digest,
        /// For which kind of machine.
        class: TargetClass,
        /// To be run how.
        mode: Mode,
    },
    /// Switch a node's power, and tell by an event how that ended.
    Switch {
        /// The node.
        node: String,
        /// Whether it is to have power.
        on: bool,
    },
    /// Answer a request.
    Reply {
        /// Which.
        token: RequestToken,
        /// The answer.
        answer: Answer,
    },
    /// Tell those who watch that a job changed.
    JobChanged(JobId),
    /// Tell those who watch that a job ended.
    JobEnded(Box<JobView>),
}

impl Action {
    /// Whether the action lets somebody rely on what happened, so that it may be done only after
    /// all records before it are on disk.
    ///
    /// The others are done at once: a lease that is lost in a crash costs work, never a result.
    pub fn needs_journal(&self) -> bool {
        match self {
            Self::Reply { .. } if mutated(Mutant::AnswerBeforeJournal) => false,
            Self::Send { .. } if mutated(Mutant::AckBeforeJournal) => false,
            Self::Reply { .. } | Self::JobChanged(_) | Self::JobEnded(_) => true,
            Self::Send { message, .. } => matches!(message, ToAgent::Acknowledge { .. }),
            Self::Append(_)
            | Self::SaveLog { .. }
            | Self::Admit { .. }
            | Self::Refuse { .. }
            | Self::Disconnect { .. }
            | Self::Switch { .. }
            | Self::Compile { .. } => false,
        }
    }
}

/// Answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was done; this is the job now.
    Job(Box<JobView>),
    /// It was done, and there is nothing to show.
    Done,
    /// Jobs are not known any more.
    Forgotten {
        /// Those that were stopped for it.
        canceled: u64,
        /// All of them.
        forgotten: u64,
    },
    /// It was not done.
    Rejected(Rejection),
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// No job of this number is known.
    NoSuchJob(JobId),
    /// No node of this name is known.
    NoSuchNode(String),
    /// The job's state does not allow it.
    WrongState {
        /// The job.
        job: JobId,
        /// Its state.
        state: JobState,
    },
    /// The request is not sound.
    Unsound {
        /// What is wrong with it, one line.
        reason: String,
        /// What to do.
        help: Option<String>,
    },
    /// A limit of the user or the class is reached.
    Limit {
        /// Which, and its value, one line.
        reason: String,
        /// Who can raise it, or what to do.
        help: Option<String>,
    },
    /// A limit of the head is reached.
    Busy {
        /// Which.
        reason: String,
    },
}
