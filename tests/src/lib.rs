//! What the tests that cross crates share: real clusters on loopback, inputs and their expected
//! results, and the simulator of the scheduler.

pub mod browser;
pub mod census;
pub mod cluster;
pub mod data;
pub mod hostile;
pub mod kills;
pub mod lesson;
pub mod mutate;
pub mod sim;
