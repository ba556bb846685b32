//! A seeded simulation of a whole cluster around the scheduler's pure core.
//!
//! Time, network, disks, nodes and users are fake and driven by one random number generator, so
//! that a seed replays a run exactly. The core is the real one. Messages are late and connections
//! break; nodes crash, freeze and lose power; the head dies at any point and starts again with
//! what its journal had written. Then the faults end, and every job must end as it should.

mod agents;
pub mod dice;
mod disk;
mod fleet;
mod head;
mod jobs;
mod mischief;
mod network;
mod options;
mod oracle;
mod orders;
mod rack;
mod trouble;
mod users;
mod verdict;
mod world;

pub use options::{Options, Outcome};
pub use world::run;
