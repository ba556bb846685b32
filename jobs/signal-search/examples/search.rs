//! Searches a file natively, in one thread:
//! `cargo run --release -p signal-search --example search -- FILE.fil [NAME=VALUE…]`.

use bramble_guest::local::Run;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let input = std::fs::read(words.next().ok_or("which file?")?)?;
    let run = words.fold(Run::new(&signal_search::JOB), |run, word| {
        let (name, value) = word.split_once('=').expect("NAME=VALUE");
        run.arg(name, value)
    });
    let chunks = run.chunks(&input, 8 << 20)?;
    let borrowed: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    print!("{}", String::from_utf8_lossy(&run.whole(&borrowed)?));
    Ok(())
}
