//! What the machine under an agent is and how it does.
//!
//! The only crate that looks at `/sys` and `/proc`. The root under which both are found is a
//! parameter, so that tests can show it the files of boards that are not there.

mod linux;
mod name;
mod sensors;

pub use name::default_node_name;
pub use sensors::Sensors;
