//! What the machine under an agent is and how it does.
//!
//! The only crate that looks at `/sys` and `/proc`. The root under which both are found is a
//! parameter, so that tests can show it the files of boards that are not there.

mod board;
mod calls;
mod linux;
mod name;
mod record;
mod sensors;
mod slow;

use std::path::Path;

use bramble_protocol::Digest;

pub use board::Watched;
pub use name::default_node_name;
pub use record::{RecordError, record};
pub use sensors::Sensors;

/// A digest of what is unique to the machine under `root`, whatever is on its disk: the board's
/// serial number, or the address of its network interface. Nothing where nothing is known.
pub fn machine_id(root: &Path) -> Option<Digest> {
    linux::machine::read(root)
}
