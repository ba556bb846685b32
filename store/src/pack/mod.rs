//! Many objects in one stream, as laid out in [`bramble_protocol::pack`].

mod error;
mod reader;
mod receive;
mod writer;

pub use error::PackError;
pub use reader::{Entry, PackReader};
pub use receive::{receive, receive_telling};
pub use writer::PackWriter;
