//! A plain filter from standard input to standard output, without the SDK: any program that a
//! WASI toolchain can build may be a job like this.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

/// The input cannot be read or the output not written; see the guide on exit statuses.
const EXIT_FAILED: u8 = 1;
/// A parameter is unusable, so the whole job fails.
const EXIT_BAD_PARAM: u8 = 78;

fn main() -> ExitCode {
    let argument = env::args().nth(1);
    let parameter = env::var("BRAMBLE_PARAM_SHIFT").ok();
    let shift = match caesar::shift_from(argument.as_deref(), parameter.as_deref()) {
        Ok(shift) => shift,
        Err(message) => return fail(EXIT_BAD_PARAM, &message),
    };
    match caesar::encipher(shift, io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILED, &error.to_string()),
    }
}

fn fail(status: u8, message: &str) -> ExitCode {
    // Nobody is left to tell when this fails too.
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(status)
}
