//! The journal: records and logs in one SQLite file, written in groups.
//!
//! A group is one transaction with a full sync, so that what was acknowledged after it survives
//! the loss of power. One thread owns the file. Nothing is ever repaired or skipped by itself: a
//! file that does not read back whole is an error for the operator.

mod filesystem;
mod log;
mod row;
mod sqlite;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;

use bramble_protocol::JobId;
use bramble_protocol::api::LogEntry;
use bramble_protocol::version::JOURNAL_FORMAT;

use crate::core::{Record, ReplayError};

pub use sqlite::{Journal, Restored};
pub(crate) use writer::Writer;

/// What one transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Records in their order, each with its time in milliseconds since 1970.
    pub records: Vec<(u64, Record)>,
    /// What attempts logged.
    pub logs: Vec<(JobId, LogEntry)>,
}

impl Group {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.logs.is_empty()
    }
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It lies on a filesystem that cannot promise that what was synced is there after a crash.
    #[error(
        "{path} lies on a network filesystem ({filesystem}), where a crash can damage a journal: \
         choose a data directory on a disk of this machine"
    )]
    NetworkFilesystem {
        /// The file.
        path: PathBuf,
        /// What the filesystem is called.
        filesystem: &'static str,
    },
    /// The filesystem could not be asked what it is.
    #[error("failed to find out on which filesystem {path} lies")]
    Filesystem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("{path} is in use by another head: stop that one first")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A later version of the program wrote it.
    #[error(
        "{path} has format {found}, this program reads up to {}: use the newer program again, or \
         another data directory",
        JOURNAL_FORMAT
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It does not read back as it was written.
    #[error(
        "{path} is damaged ({detail}): put a backup in its place with `bramble restore`, or move it \
         away to start with an empty one; the objects are not touched by either"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Its records contradict one another.
    #[error(
        "{path} is damaged: put a backup in its place with `bramble restore`, or move it away to \
         start with an empty one; the objects are not touched by either"
    )]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        source: ReplayError,
    },
    /// It could not be created.
    #[error("failed to create {path}")]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A question to SQLite failed.
    #[error("failed to {what} {path}")]
    Sqlite {
        /// What was to be done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// Its thread could not be started.
    #[error("failed to start the journal's thread")]
    Thread(#[source] std::io::Error),
    /// Its thread ended early.
    #[error("the journal's thread has ended")]
    Gone,
}
