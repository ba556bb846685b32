//! The processes of a cluster: where all crates are wired together.

pub(crate) mod agent;
#[cfg(feature = "head")]
mod archive;
#[cfg(feature = "head")]
pub(crate) mod backup;
mod data;
#[cfg(feature = "head")]
mod detach;
#[cfg(feature = "head")]
mod displays;
pub(crate) mod down;
#[cfg(feature = "head")]
pub(crate) mod fleet;
#[cfg(feature = "head")]
pub(crate) mod head;
pub(crate) mod internal;
mod logging;
mod membership;
#[cfg(feature = "head")]
mod modules;
mod notify;
#[cfg(feature = "head")]
mod part;
#[cfg(feature = "head")]
mod power;
#[cfg(feature = "head")]
mod refusals;
#[cfg(feature = "head")]
pub(crate) mod restore;
mod stop;
#[cfg(feature = "head")]
mod supervisor;
#[cfg(feature = "head")]
pub(crate) mod up;
