//! Why a display shows nothing.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a display shows nothing, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    /// It is not there.
    #[error("there is no {what}; {hint}")]
    Missing {
        /// What was looked for, and where.
        what: String,
        /// What to do.
        hint: String,
    },
    /// This process may not use it.
    #[error("may not open {}; {hint}", .path.display())]
    Forbidden {
        /// Its file.
        path: PathBuf,
        /// Which group may, and how to become a member.
        hint: &'static str,
    },
    /// Somebody else uses it.
    #[error("{} is in use; {hint}", .path.display())]
    Taken {
        /// Its file.
        path: PathBuf,
        /// Who that may be.
        hint: &'static str,
    },
    /// It cannot be opened for another reason.
    #[error("cannot open {}", .path.display())]
    Open {
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It did not take what was sent.
    #[error("cannot write to {}; {hint}", .path.display())]
    Send {
        /// Its file.
        path: PathBuf,
        /// What may be the matter.
        hint: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// This program was built without what it takes.
    #[error(
        "this build of bramble has no driver for {driver}; build it with the feature `{driver}`"
    )]
    NotBuilt {
        /// The driver.
        driver: &'static str,
    },
}

/// What to do about a file that cannot be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hints {
    pub(crate) missing: &'static str,
    pub(crate) forbidden: &'static str,
    pub(crate) taken: &'static str,
}

impl DisplayError {
    /// The reason why `path` cannot be opened, in plain words where there are some.
    pub(crate) fn open(path: &Path, hints: Hints) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            match source.kind() {
                ErrorKind::NotFound => Self::missing(&path, hints.missing),
                ErrorKind::PermissionDenied => Self::Forbidden { path, hint: hints.forbidden },
                ErrorKind::ResourceBusy => Self::Taken { path, hint: hints.taken },
                _ => Self::Open { path, source },
            }
        }
    }

    pub(crate) fn missing(path: &Path, hint: &str) -> Self {
        Self::Missing { what: path.display().to_string(), hint: hint.into() }
    }

    pub(crate) fn send(path: &Path, hint: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Send { path: path.to_owned(), hint, source }
    }

    /// The whole chain as one sentence.
    pub(crate) fn in_full(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}
