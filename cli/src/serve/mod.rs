//! The processes of a cluster: where all crates are wired together.

pub(crate) mod agent;
mod data;
mod detach;
pub(crate) mod down;
pub(crate) mod head;
pub(crate) mod internal;
mod logging;
mod modules;
mod stop;
mod supervisor;
pub(crate) mod up;
