//! Copies its chunk as one list of bytes.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "copy-bytes",
    about: "Copies bytes all at once.",
    split: Split::Bytes,
    map_bytes: copy,
}

fn copy(_task: &Task, chunk: &[u8]) -> JobResult<Vec<u8>> {
    Ok(chunk.to_vec())
}
