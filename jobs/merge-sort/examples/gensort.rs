//! Makes records of 100 bytes for the sort benchmark:
//! `cargo run --release -p merge-sort --example gensort -- [-a] [-bFIRST] COUNT FILE`.

use std::fs::File;
use std::io::{BufWriter, Error, Result, Write};

use merge_sort::gensort::{Kind, Records};

fn main() -> Result<()> {
    let (mut kind, mut first) = (Kind::Binary, 0);
    let mut rest = Vec::new();
    for word in std::env::args().skip(1) {
        match word.strip_prefix('-') {
            Some("a") => kind = Kind::Ascii,
            Some(flag) if flag.starts_with('b') => {
                first = flag[1..].parse().map_err(Error::other)?;
            }
            _ => rest.push(word),
        }
    }
    let [count, path] = &rest[..] else {
        eprintln!("usage: gensort [-a] [-bFIRST] COUNT FILE");
        std::process::exit(2);
    };
    let mut file = BufWriter::new(File::create(path)?);
    for record in Records::from(first, kind).take(count.parse().map_err(Error::other)?) {
        file.write_all(&record)?;
    }
    file.flush()
}
