//! What can go wrong with a project.

use std::io;
use std::path::{Path, PathBuf};

/// Why a project could not be made, read or built.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file or directory cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The directory of a new project is there already.
    #[error("{} is there already", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// A name that cannot be a project's.
    #[error("`{name}` cannot name a project")]
    BadName {
        /// The name.
        name: String,
    },
    /// The directory holds nothing that says how to build it.
    #[error("{} is no project", path.display())]
    NoProject {
        /// The directory.
        path: PathBuf,
    },
    /// `bramble.toml` cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    BadProject {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tool is not installed.
    #[error("{tool} is not installed, or not in PATH")]
    MissingTool {
        /// What was looked for.
        tool: String,
        /// How to install it.
        install: String,
    },
    /// A tool could not be started.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A tool failed; it has said why itself.
    #[error("{tool} failed: {status}")]
    ToolFailed {
        /// Its command line.
        tool: String,
        /// How it ended.
        status: String,
    },
    /// A tool made no module.
    #[error("{tool} made no WebAssembly module")]
    NothingBuilt {
        /// Its command line.
        tool: String,
        /// What may be wrong.
        help: String,
    },
    /// What was built cannot be turned into a module for bramble.
    #[error("what was built is no module for bramble: {reason}")]
    BadModule {
        /// Why not.
        reason: String,
    },
}

impl DevError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Exists { .. } => "choose another name; nothing is overwritten".into(),
            Self::BadName { .. } => {
                "use letters, digits and -, beginning with a letter, at most 60".into()
            }
            Self::NoProject { .. } => "make one with: bramble new NAME --lang rust, or write a \
                 bramble.toml with `language = \"…\"`"
                .into(),
            Self::BadProject { .. } => "see docs/languages.md on bramble.toml".into(),
            Self::MissingTool { install, .. } => install.clone(),
            Self::NothingBuilt { help, .. } => help.clone(),
            Self::ToolFailed { .. } => "its own messages are above".into(),
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Start { .. }
            | Self::BadModule { .. } => return None,
        })
    }
}
