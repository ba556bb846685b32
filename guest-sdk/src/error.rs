//! How a task says that it cannot go on.

use std::fmt;

/// What the functions of a job return.
pub type JobResult<T = ()> = Result<T, JobError>;

/// Why a task failed, which decides what happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError {
    /// The input is malformed. No other attempt can help, so the job fails at once.
    BadInput(String),
    /// A parameter is missing or unusable. The job fails at once.
    BadParam(String),
    /// Anything else. The task is tried again on another node, a few times.
    Failed(String),
}

impl JobError {
    /// The input is malformed; say where and how.
    pub fn bad_input(message: impl fmt::Display) -> Self {
        Self::BadInput(message.to_string())
    }

    /// A parameter is unusable; say which and what would do.
    pub fn bad_param(message: impl fmt::Display) -> Self {
        Self::BadParam(message.to_string())
    }

    /// Something failed that may well work the next time.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(message.to_string())
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadInput(message) => write!(f, "bad input: {message}"),
            Self::BadParam(message) => write!(f, "bad parameter: {message}"),
            Self::Failed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for JobError {}

/// For `writeln!(output, …)?`, which cannot fail here, and for readers of other libraries.
impl From<std::io::Error> for JobError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
