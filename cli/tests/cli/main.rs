//! The real binary against files, addresses and heads that are not as they should be.

mod develop;
mod fetching;
mod support;
mod usage;
