//! What can be wrong with a pack.

use std::io;

use bramble_protocol::{Digest, pack};

use crate::StoreError;

/// Why a pack could not be written, read or received.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It does not begin like a pack.
    #[error("not a pack: it does not begin with `bramble-pack/1`")]
    NotAPack,
    /// It ends in the midst of an object, or before its first line is complete.
    #[error("the pack is cut short after {objects} objects")]
    Truncated {
        /// How many complete objects came before.
        objects: u64,
    },
    /// An object longer than a pack may carry.
    #[error(
        "object {digest} has {size} bytes, more than the {} MiB a pack may carry",
        pack::OBJECT_BYTES_MAX >> 20
    )]
    ObjectTooLarge {
        /// The object's name.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// Bytes that are not the object they are said to be.
    #[error("object {expected} was sent with bytes that hash to {found}")]
    WrongDigest {
        /// The name in the pack.
        expected: Digest,
        /// What the bytes hash to.
        found: Digest,
    },
    /// Bytes to be written that are not as many as their reference says.
    #[error("object {digest} has {found} bytes, not {expected}")]
    WrongSize {
        /// The object's name.
        digest: Digest,
        /// Length in bytes by the reference.
        expected: u64,
        /// How many bytes there are.
        found: u64,
    },
    /// More objects than one pack may carry.
    #[error("the pack has more than {objects_max} objects")]
    TooManyObjects {
        /// How many it may have.
        objects_max: u64,
    },
    /// The stream could not be read.
    #[error("cannot read the pack after {objects} objects")]
    Read {
        /// How many complete objects came before.
        objects: u64,
        /// What the stream said.
        #[source]
        source: io::Error,
    },
    /// The stream, or what an object is copied to, could not be written.
    #[error("cannot write object {digest}")]
    Write {
        /// The object's name.
        digest: Digest,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The first line could not be written.
    #[error("cannot begin a pack")]
    Begin(#[source] io::Error),
    /// The last bytes could not be written.
    #[error("cannot end a pack")]
    End(#[source] io::Error),
    /// An object could not be stored.
    #[error("cannot store the pack's objects")]
    Store(#[source] StoreError),
}

impl PackError {
    /// Whether the pack itself is at fault, and not this machine or the connection.
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::NotAPack
            | Self::Truncated { .. }
            | Self::ObjectTooLarge { .. }
            | Self::WrongDigest { .. }
            | Self::WrongSize { .. }
            | Self::TooManyObjects { .. } => true,
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Begin(_)
            | Self::End(_)
            | Self::Store(_) => false,
        }
    }
}
