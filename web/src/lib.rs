//! The head's HTTP API: axum handlers over the scheduler and the object store.
//!
//! [`app`] is the whole API as a router, which tests call without a socket; [`serve`] puts it on
//! a listener with limits on time, headers and connections. Nothing is decided here: handlers
//! check what came in, ask the scheduler or the store, and say what they answered.

mod access;
mod body;
mod collector;
mod counters;
mod crowd;
mod cutting;
mod damaged;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gallery;
mod input;
mod lang;
mod limits;
mod live;
mod metrics;
mod nodes;
mod openapi;
mod origin;
mod pace;
mod pages;
mod peer;
mod previews;
mod results;
mod router;
mod routes;
mod sent;
mod server;
mod serving;
mod spec;
mod state;
mod stored;
mod timeline;
mod uploads;

pub use access::{Need, RouteNeed, needs};
pub use collector::{CollectError, Collector};
pub use openapi::openapi;
pub use peer::Peer;
pub use results::{Seen, look_at};
pub use router::app;
pub use server::serve;
pub use state::AppState;
