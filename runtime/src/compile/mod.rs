//! Checks and compiles modules, each in a child process with limits of its own.
//!
//! A compiler's need of memory and time is not bounded by the size of what it compiles, and
//! nothing in wasmtime stops it. So the module is checked first, for sizes that no real program
//! has, and then compiled by a process that the kernel stops.

mod check;
mod child;
mod declared;
mod kind;
mod limits;
mod offer;
mod process;
mod report;
mod wrap;

pub use child::child_main;
pub use limits::CompileLimits;
pub use process::{Compiler, ModuleError};
pub use report::{Feature, Import, Memory, Report};

use serde::{Deserialize, Serialize};

/// Recognises a module in this process, for [`crate::fuzzing`].
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn inspect_here(module: &[u8]) -> Result<bramble_protocol::ModuleInfo, Refusal> {
    kind::recognise(module).map(|recognised| recognised.info)
}

/// Why a module cannot be used, for whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong, one line without a full stop.
    pub title: String,
    /// What was found.
    pub detail: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

/// Longest text of a refusal, in bytes: names of 100 KB are valid and may be part of it.
const TEXT_BYTES_MAX: usize = 2 << 10;

impl Refusal {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        let title = crate::sandbox::shorten(&title.into(), TEXT_BYTES_MAX);
        Self { title, detail: None, help: None }
    }

    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(crate::sandbox::shorten(&detail.into(), TEXT_BYTES_MAX));
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
