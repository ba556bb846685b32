//! Why an input cannot be cut, in words for whoever submits it.

use std::io;

use bramble_protocol::{Manifest, pack};

/// Why an input cannot be cut.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// There is nothing to work on.
    #[error("the input is empty")]
    Empty,
    /// A chunk size out of bounds.
    #[error(
        "a chunk cannot have {chunk_bytes} bytes: choose a chunk size from 1 byte to {} MiB",
        pack::OBJECT_BYTES_MAX >> 20
    )]
    ChunkBytes {
        /// The size asked for.
        chunk_bytes: u64,
    },
    /// A record size out of bounds.
    #[error(
        "a record cannot have {record_bytes} bytes: it must fit into a chunk, \
         of {} MiB at most",
        pack::OBJECT_BYTES_MAX >> 20
    )]
    RecordBytes {
        /// The size asked for.
        record_bytes: u64,
    },
    /// The rule says that the module's own planner cuts the input.
    #[error("only the module's own planner can say where this input may be cut")]
    NeedsPlanner,
    /// Lines are never torn, so each must fit into a chunk.
    #[error(
        "the line at byte {offset} is longer than a chunk of {chunk_bytes} bytes: \
         choose a larger chunk size, or check that the input is text in lines"
    )]
    LineTooLong {
        /// Where the line begins, in bytes from the start of the input.
        offset: u64,
        /// Size of a chunk.
        chunk_bytes: u64,
    },
    /// The input ends in the midst of a record.
    #[error(
        "the input has {total} bytes, which is not a multiple of the {record_bytes} bytes of a \
         record: it may be cut short, or of another kind"
    )]
    PartialRecord {
        /// Length of the input in bytes.
        total: u64,
        /// Length of a record in bytes.
        record_bytes: u64,
    },
    /// More chunks than a manifest lists.
    #[error(
        "the input has more than {} chunks of {chunk_bytes} bytes: {}",
        Manifest::CHUNKS_MAX,
        larger_chunks(*chunk_bytes)
    )]
    TooManyChunks {
        /// Size of a chunk.
        chunk_bytes: u64,
    },
    /// The planner's spans leave a gap, overlap, or are empty.
    #[error(
        "span {index} of the plan begins at byte {offset} and has {len} bytes, but one of 1 byte \
         to {} MiB was due at byte {due}: the module's planner is wrong",
        pack::OBJECT_BYTES_MAX >> 20
    )]
    BadSpan {
        /// Its place in the plan, from 0.
        index: usize,
        /// Where it begins, in bytes.
        offset: u64,
        /// Its length in bytes.
        len: u64,
        /// Where it should have begun.
        due: u64,
    },
    /// The pieces of a module's own chunks are not within the input, or too many.
    #[error("the chunks that the module made cannot be used: {reason}")]
    BadPieces {
        /// What is wrong with them.
        reason: String,
    },
    /// The planner's spans and the input do not end together.
    #[error(
        "the plan covers {planned} bytes but the input {}: \
         it was changed meanwhile, or the module's planner is wrong",
        if *is_longer { "is longer" } else { "is shorter" }
    )]
    NotCovered {
        /// Sum over the spans in bytes.
        planned: u64,
        /// Whether the input goes on after the last span; otherwise it ends before.
        is_longer: bool,
    },
    /// The input could not be read.
    #[error("cannot read the input at byte {offset}")]
    Read {
        /// Where reading failed, in bytes from the start.
        offset: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A length that would do is not known before the input has been read, so the advice is a
/// generous one.
fn larger_chunks(chunk_bytes: u64) -> String {
    if chunk_bytes >= pack::OBJECT_BYTES_MAX {
        return "split the input into several jobs".to_owned();
    }
    let larger = chunk_bytes.saturating_mul(16).next_power_of_two().min(pack::OBJECT_BYTES_MAX);
    format!("choose a larger chunk size, such as {larger}")
}
