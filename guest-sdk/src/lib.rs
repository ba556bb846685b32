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
//! # Keys and values
//! A job of `map_pairs` and `reduce` emits keys with values, and gets all values of each key
//! together. In between the host sorts them, on as many nodes as there are. This one counts words:
//!
//! ```
//! use bramble_guest::prelude::*;
//!
//! bramble_guest::job! {
//!     name: "count",
//!     about: "Counts how often each word occurs.",
//!     map_pairs: map,
//!     combine: combine,
//!     reduce: reduce,
//! }
//!
//! fn map(_: &Task, input: &mut Input, pairs: &mut Emitter) -> JobResult {
//!     for line in input.text_lines() {
//!         line?.split_whitespace().for_each(|word| pairs.emit(word, 1u64));
//!     }
//!     Ok(())
//! }
//!
//! fn combine(_: &Task, groups: &mut Groups, pairs: &mut Emitter) -> JobResult {
//!     while let Some((word, counts)) = groups.next::<String, u64>() {
//!         let count: u64 = counts.sum();
//!         pairs.emit(word, count);
//!     }
//!     Ok(())
//! }
//!
//! fn reduce(_: &Task, groups: &mut Groups, output: &mut Output) -> JobResult {
//!     while let Some((word, counts)) = groups.next::<String, u64>() {
//!         writeln!(output, "{word}\t{}", counts.sum::<u64>())?;
//!     }
//!     Ok(())
//! }
//!
//! let result = bramble_guest::local::Run::new(&JOB).whole_in_any_chunks(b"b a\nb\nc b\n");
//! assert_eq!(result.unwrap(), b"a\t1\nb\t3\nc\t1\n");
//! ```
//!
//! # Parts that are merged
//! A job may instead `merge` what its maps wrote. With `ranges` the maps write each record to the
//! partition of its key range, and each range is merged, or reduced, by itself: see
//! [`choose_splitters`], [`merge_sorted`] and the jobs `merge-sort` and `word-count`.
//!
//! # Long tasks
//! What cannot be cut into tasks of a minute or so should save where it is, so that a power cut
//! costs little: see [`Output::save`], [`host::should_save`] and the job `primes`.
//!
//! A panic ends the task; its message is in the task's log.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[path = "bindings.rs"]
pub mod __bindings;
mod code;
pub mod crypto;
mod declare;
mod error;
pub mod host;
mod input;
mod job;
mod json;
pub mod local;
mod macros;
mod merge;
mod numbers;
mod output;
mod pairs;
mod params;
mod ranges;
mod share;

pub use code::{Key, OwnedKey, OwnedValue, Value};
pub use declare::{Declaration, InputKind, Param, ResultKind, Split};
pub use error::{JobError, JobResult};
pub use input::{Input, lines_of};
pub use job::{
    CombineFn, CutFn, Job, MapBytesFn, MapFn, MapPairsFn, MergeFn, Piece, PlanFn, RangesFn,
    ReduceFn, Span, Task,
};
pub use merge::{KeyedLines, Run, merge_sorted};
pub use numbers::Number;
pub use output::{Output, Partition};
pub use pairs::{Emitter, Groups, Values};
pub use params::{ParamKind, ParamValue};
#[doc(hidden)]
pub use params::{read_param, unquoted};
pub use ranges::{choose_splitters, partition_of};
pub use share::shares;

/// All that most jobs need.
pub mod prelude {
    pub use std::io::{Read as _, Write as _};

    pub use crate::host::{self, param, param_as, param_or, progress};
    pub use crate::{
        Emitter, Groups, Input, InputKind, JobError, JobResult, KeyedLines, Output, Param, Piece,
        ResultKind, Span, Split, Task, choose_splitters, lines_of, merge_sorted, partition_of,
        shares,
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
