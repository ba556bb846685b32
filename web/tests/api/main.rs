//! The HTTP API against a real scheduler and a real store, called without a socket where that is
//! enough and over loopback where it is not.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod access;
mod agent;
mod basics;
mod files;
mod gc;
mod jobs;
mod limits;
mod metrics;
mod nodes;
mod objects;
mod openapi;
mod server;
mod support;
