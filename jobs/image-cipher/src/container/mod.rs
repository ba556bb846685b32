//! The container of sealed files, for any file: its parts in order, and what makes a file a sealed
//! one. No constructions of our own are in it, see [`suite`].
//!
//! | bytes | hold |
//! |---|---|
//! | 0 to 32 | what is sealed how: [`Header`] |
//! | 32 to 56 | the salt |
//! | 56 to 88 | the commitment to the key |
//! | from 88 | the segments, each with its tag behind it |

mod derive;
mod header;
mod host;
mod layout;
mod mgm;
mod segment;
mod suite;

pub use derive::{FileKeys, c2sp_keys, derive, stream_key};
pub use header::{Cost, HEADER_BYTES, Header, PREFIX_BYTES, SALT_BYTES};
pub use host::HostSegments;
pub use layout::{SealedShape, TextShape};
pub use mgm::Mgm;
pub use segment::{Segments, SoftSegments};
pub use suite::{Construction, SUITES, Suite};
