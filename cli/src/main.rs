//! `bramble`: head, agent, client and local cluster in one program.
//!
//! This crate wires the others together and speaks with people; it decides nothing itself.

#![cfg_attr(
    not(feature = "head"),
    allow(dead_code, reason = "a program for nodes leaves out what only a head uses of the rest")
)]

mod args;
mod client;
mod commands;
mod credentials;
mod error;
mod local;
mod output;
mod paths;
mod request;
mod serve;
mod signals;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    commands::run(args::Cli::parse_from(args::values::with_counts(std::env::args_os())))
}
