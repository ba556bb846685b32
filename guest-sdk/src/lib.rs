//! Jobs for bramble in Rust.
//!
//! A job is a crate of type `cdylib` with a function for each phase it has, and [`job!`], which
//! names them. This one turns text into capitals, and is complete:
//!
//! ```
//! use bramble_guest::prelude::*;
//!
//! bramble_guest::job! {
//!     name: "shout",
//!     about: "Turns text into capitals.",
//!     split: Split::Lines,
//!     map: shout,
//! }
//!
//! fn shout(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
//!     for line in input.text_lines() {
//!         writeln!(output, "{}", line?.to_uppercase())?;
//!     }
//!     Ok(())
//! }
//!
//! // In a test, without WebAssembly:
//! let result = bramble_guest::local::Run::new(&JOB).whole(&[b"hey\n", b"you\n"]);
//! assert_eq!(result.unwrap(), b"HEY\nYOU\n");
//! ```
//!
//! The host cuts the input into chunks where `split` allows it and runs `shout` once for each,
//! on whatever node is free, in a sandbox that has no files, no network and no clock. The result
//! is what the maps wrote, in order of the chunks.
//!
//! A job may also `merge` what its maps wrote. With `ranges` the maps write each record to the
//! partition of its key range, and each range is merged by itself: see [`choose_splitters`],
//! [`merge_sorted`] and the jobs `word-count` and `merge-sort`.
//!
//! A panic ends the task; its message is in the task's log.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[path = "bindings.rs"]
pub mod __bindings;
mod declare;
mod error;
pub mod host;
mod input;
mod job;
pub mod local;
mod macros;
mod merge;
mod output;
mod ranges;

pub use declare::{Declaration, Param, Split};
pub use error::{JobError, JobResult};
pub use input::{Input, lines_of};
pub use job::{Job, MapBytesFn, MapFn, MergeFn, PlanFn, RangesFn, Span, Task};
pub use merge::{KeyedLines, Run, merge_sorted};
pub use output::{Output, Partition};
pub use ranges::{choose_splitters, partition_of};

/// All that most jobs need.
pub mod prelude {
    pub use std::io::{Read as _, Write as _};

    pub use crate::host::{self, param, param_as, param_or, progress};
    pub use crate::{
        Input, JobError, JobResult, KeyedLines, Output, Param, Span, Split, Task, choose_splitters,
        lines_of, merge_sorted, partition_of,
    };
}

/// Text for a message, in backticks and cut to a length that can be read.
pub fn quote(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    if text.chars().count() <= CHARS_MAX {
        return format!("`{text}`");
    }
    let start: String = text.chars().take(CHARS_MAX).collect();
    format!("`{start}…`")
}
