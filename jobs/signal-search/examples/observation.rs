//! Makes an observation with known signals:
//! `cargo run --release -p signal-search --example observation -- FILE.fil [CHANNELS] [flat]`.

use signal_search::synthetic::Observation;

fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1);
    let Some(path) = words.next() else {
        eprintln!("usage: observation FILE.fil [CHANNELS] [flat]");
        std::process::exit(2);
    };
    let channels = words.next().map_or(Ok(1 << 20), |text| text.parse());
    let channels = channels.map_err(std::io::Error::other)?;
    // turboSETI does not level the band, and finds little in one that is not flat.
    let is_flat = words.next().as_deref() == Some("flat");
    std::fs::write(path, Observation { is_flat, ..Observation::lesson(channels) }.to_bytes())
}
