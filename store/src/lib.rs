//! Content-addressed objects in a directory, and the cutting of inputs into chunks.
//!
//! An object is a file named by the BLAKE3 hash of its bytes. It is staged in `tmp/` on the same
//! filesystem, made durable, renamed into place and never edited; every read verifies it. The
//! directory may be local or shared by NFS: nothing here locks, polls or relies on append.
//!
//! Everything is synchronous and may wait for a disk: asynchronous callers use their blocking pool.

pub mod cut;
pub mod lock;
pub mod pack;

mod error;
mod store;

pub use error::StoreError;
pub use store::{
    Checkpoint, CheckpointWriter, SavedOutput, Staged, StagedFile, StagedWriter, Store, Stored,
    Swept, Touched,
};
