//! What goes over the pipes between agent and runner: a length of 4 bytes (little-endian), then
//! that many bytes of JSON.
//!
//! JSON, because the outcome's tagged enums need a format that describes itself.

use std::io::{self, Read, Write};

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, Limits, ObjectRef, Params, Usage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest frame either side accepts, in bytes.
pub(crate) const FRAME_BYTES_MAX: u32 = 16 << 20;

/// What a runner is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// One task.
    Run(Box<Work>),
    /// A module's own planner, over a file that is not in the store yet.
    Plan(PlanWork),
}

/// A call of a module's planner.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanWork {
    /// The module, compiled for this machine.
    pub(crate) artefact: ObjectRef,
    /// The file to cut.
    pub(crate) input: std::path::PathBuf,
    /// How long a chunk should be.
    pub(crate) wanted_bytes: u64,
    /// Parameters for the guest.
    pub(crate) params: Params,
    /// What the planner may use.
    pub(crate) limits: Limits,
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) outcome: AttemptOutcome,
    /// Outputs that wait in the store's `tmp` directory, by file name.
    pub(crate) staged: Vec<(ObjectRef, String)>,
    /// What a planner answered: offset and length in bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) spans: Vec<(u64, u64)>,
    pub(crate) usage: Usage,
    pub(crate) log: String,
}

/// Writes one frame.
pub(crate) fn write_frame<T: Serialize>(mut to: impl Write, message: &T) -> io::Result<()> {
    // One buffer and one write, so that the other side wakes once.
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4)
        .ok()
        .filter(|length| *length <= FRAME_BYTES_MAX)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "message too long"))?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(&frame)?;
    to.flush()
}

/// Reads one frame; `None` at a clean end.
pub(crate) fn read_frame<T: DeserializeOwned>(mut from: impl Read) -> io::Result<Option<T>> {
    let mut length = [0u8; 4];
    match from.read(&mut length[..1])? {
        0 => return Ok(None),
        _ => from.read_exact(&mut length[1..])?,
    }
    let length = u32::from_le_bytes(length);
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
    }
    let mut frame = vec![0; length as usize];
    from.read_exact(&mut frame)?;
    Ok(Some(serde_json::from_slice(&frame)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_the_pipe() {
        let mut pipe = Vec::new();
        write_frame(&mut pipe, &vec![1u32, 2, 3]).unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(read_frame::<Vec<u32>>(&mut from).unwrap(), Some(vec![1, 2, 3]));
        assert_eq!(read_frame::<Vec<u32>>(&mut from).unwrap(), None);
    }

    #[test]
    fn a_frame_that_is_cut_off_or_too_long_is_an_error() {
        let mut pipe = Vec::new();
        write_frame(&mut pipe, &"text").unwrap();
        assert!(read_frame::<String>(&pipe[..pipe.len() - 1]).is_err());
        assert!(read_frame::<String>(&[255u8; 8][..]).is_err());
    }
}
