//! Why a file could not be taken.

use std::io;
use std::path::{Path, PathBuf};

use bramble_protocol::ProblemKind;

use crate::body::refusal;
use crate::error::ApiError;

/// Why a file could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// There is none of this name, or it is another's.
    #[error("there is no such upload")]
    Unknown,
    /// It would be longer than any may be.
    #[error("{length} bytes are too many for one file")]
    TooLong {
        /// How long it would be, in bytes.
        length: u64,
    },
    /// Too many are on their way.
    #[error("too many files are on their way")]
    TooMany {
        /// Whether they are those of whoever asks.
        own: bool,
    },
    /// Somebody else writes or reads it.
    #[error("this file is being written or read already")]
    Taken,
    /// Another number of bytes is here than the sender believes.
    #[error("{here} bytes of this file are here")]
    Offset {
        /// How many are here.
        here: u64,
    },
    /// More came than was said.
    #[error("more came than the {length} bytes that were announced")]
    TooMuch {
        /// How long it should be, in bytes.
        length: u64,
    },
    /// It is not all here.
    #[error("only {here} of {length} bytes of this file are here")]
    NotWhole {
        /// How many bytes are here.
        here: u64,
        /// How many there should be.
        length: u64,
    },
    /// The request broke off.
    #[error("the request broke off")]
    Body(#[source] io::Error),
    /// No random number is to be had.
    #[error("no random number is to be had")]
    Random(#[source] getrandom::Error),
    /// The disk failed.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl UploadError {
    pub(super) fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { doing, path: path.to_owned(), source }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let told = error.to_string();
        match error {
            UploadError::Unknown => Self::new(ProblemKind::NotFound, told)
                .help("files that nobody touches are removed after a day: send it again"),
            UploadError::TooLong { .. } | UploadError::TooMuch { .. } => {
                Self::new(ProblemKind::TooLarge, told)
            }
            UploadError::TooMany { own } => {
                Self::new(ProblemKind::LimitReached, told).help(if own {
                    "submit or remove those that you have sent"
                } else {
                    "try again later"
                })
            }
            UploadError::Taken => Self::new(ProblemKind::WrongState, told).help("wait a moment"),
            UploadError::Offset { .. } => Self::new(ProblemKind::WrongState, told)
                .help("ask with HEAD how much is here, and go on from there"),
            UploadError::NotWhole { .. } => {
                Self::new(ProblemKind::WrongState, told).help("send the rest of it first")
            }
            UploadError::Body(ref source) => {
                refusal(source).unwrap_or_else(|| Self::bad_request(told))
            }
            UploadError::Random(_) | UploadError::File { .. } => Self::fault(error),
        }
    }
}
