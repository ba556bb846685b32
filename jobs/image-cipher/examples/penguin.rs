//! Writes the test picture, a penguin with large flat areas, to standard output as a PPM:
//! `cargo run -p image-cipher --example penguin -- 640 640 > penguin.ppm`

use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut sizes = std::env::args().skip(1).map(|word| word.parse());
    let (Ok(width), Ok(height)) =
        (sizes.next().unwrap_or(Ok(640)), sizes.next().unwrap_or(Ok(640)))
    else {
        eprintln!("give width and height in pixels, or nothing for 640 640");
        std::process::exit(2);
    };
    std::io::stdout().lock().write_all(&image_cipher::drawing::penguin(width, height))
}
