//! Checks a sorted file of records of 100 bytes by the rules of the sort benchmark:
//! `cargo run --release -p merge-sort --example valsort -- FILE`.

use std::fs::File;
use std::io::{BufReader, Result};
use std::process::ExitCode;

use merge_sort::gensort::Summary;

fn main() -> Result<ExitCode> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: valsort FILE");
        return Ok(ExitCode::from(2));
    };
    let summary = Summary::of(BufReader::with_capacity(1 << 20, File::open(path)?))?;
    println!("{summary}");
    Ok(if summary.unordered == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
