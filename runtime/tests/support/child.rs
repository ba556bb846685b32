//! Stands in for `bramble` in this crate's tests: only its `internal` subcommands.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["internal", "module", ..] => bramble_runtime::compile::child_main(&args[2..]),
        ["internal", "runner", ..] => bramble_runtime::runner::child_main(&args[2..]),
        _ => ExitCode::from(2),
    }
}
