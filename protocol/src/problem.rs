//! What the API answers when it does not do what was asked: problem details after RFC 9457.

use serde::{Deserialize, Serialize};

/// The body of every answer with a status of 400 or more (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// What sort of problem; a stable name that programs may compare.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// What went wrong, one line without a full stop.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Why, in more words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Sorts of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The request is malformed.
    BadRequest,
    /// Nobody has signed in, or the session is over.
    SignInNeeded,
    /// The name, the class's code or the PIN is wrong.
    WrongPin,
    /// The PIN is the one that was given: another must be chosen.
    NewPinNeeded,
    /// Too many tries.
    TooManyTries,
    /// Who asks may not do this.
    NotAllowed,
    /// No such account, class or session.
    NoSuchAccount,
    /// There is one of this name already.
    NameTaken,
    /// The module cannot be run as a job.
    BadModule,
    /// A parameter, limit or option of a job is wrong.
    BadJob,
    /// No such job.
    NoSuchJob,
    /// No such node.
    NoSuchNode,
    /// A limit of the user or the class is reached; the title names it and its value.
    LimitReached,
    /// No such object, or not here any more.
    NoSuchObject,
    /// No such page.
    NotFound,
    /// The job is not in a state that allows this.
    WrongState,
    /// The job has no result, because it is not done or has failed.
    NoResult,
    /// Larger than allowed.
    TooLarge,
    /// The disk that holds the objects is full.
    DiskFull,
    /// A stored object does not match its digest.
    Corrupt,
    /// The head has as much to do as it accepts.
    Busy,
    /// A fault of the head, which it has logged.
    Internal,
}

impl ProblemKind {
    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::SignInNeeded | Self::WrongPin => 401,
            Self::NotAllowed | Self::NewPinNeeded => 403,
            Self::BadModule | Self::BadJob => 422,
            Self::LimitReached | Self::TooManyTries => 429,
            Self::NameTaken => 409,
            Self::NoSuchAccount
            | Self::NoSuchJob
            | Self::NoSuchNode
            | Self::NoSuchObject
            | Self::NotFound => 404,
            Self::WrongState | Self::NoResult => 409,
            Self::TooLarge => 413,
            Self::DiskFull => 507,
            Self::Busy => 503,
            Self::Corrupt | Self::Internal => 500,
        }
    }
}

impl Problem {
    /// A problem with only a title.
    pub fn new(kind: ProblemKind, title: impl Into<String>) -> Self {
        Self { kind, title: title.into(), status: kind.status(), detail: None, help: None }
    }

    /// Adds why.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
