//! Pictures made small: PNG, PGM and PPM, row by row, so that a large one needs little memory.

use std::io::{BufRead, Read};

/// The long side of what is shown, in pixels.
const SIDE_MAX: u32 = 1024;
/// Pixels of a picture that is decoded.
const PIXELS_MAX: u64 = 100_000_000;
/// Bytes of one row of it.
const ROW_BYTES_MAX: u64 = 4 << 20;

/// A small picture: eight bits a sample.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Small {
    pub(super) width: u32,
    pub(super) height: u32,
    /// As wide and high as it was.
    pub(super) full: (u32, u32),
    pub(super) format: Format,
    /// Rows from above, without gaps.
    pub(super) bytes: Vec<u8>,
}

/// What a byte of a small picture is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Samples: 1 is grey, 3 is red, green and blue; with one more for opacity.
    Samples(usize),
    /// A place in a list of colours.
    Indexed(Vec<u8>),
}

/// Whether bytes begin as a picture does that can be shown.
pub(super) fn is_one(start: &[u8]) -> bool {
    let is_pnm = matches!(start, [b'P', b'5' | b'6', space, ..] if space.is_ascii_whitespace());
    is_pnm || start.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// Decodes a picture and makes it small; `None` when it is none, broken or too large.
pub(super) fn small(mut reader: impl BufRead) -> Option<Small> {
    let is_png = reader.fill_buf().ok()?.starts_with(b"\x89");
    if is_png { png_small(reader) } else { pnm_small(reader) }
}

fn png_small(reader: impl BufRead) -> Option<Small> {
    let limits = png::Limits { bytes: 16 << 20 };
    let mut decoder = png::Decoder::new_with_limits(NoSeek::new(reader), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().ok()?;
    let info = reader.info();
    let (width, height) = (info.width, info.height);
    if info.interlaced {
        return None;
    }
    let samples = reader.output_color_type().0.samples();
    let mut shrink = Shrink::new(width, height, samples)?;
    while let Some(row) = reader.next_row().ok()? {
        shrink.row(row.data());
    }
    shrink.finish()
}

/// PNG decoders want to seek, and do not when they read from the beginning to the end.
struct NoSeek<R> {
    reader: R,
    at: u64,
}

impl<R> NoSeek<R> {
    const fn new(reader: R) -> Self {
        Self { reader, at: 0 }
    }
}

impl<R: Read> Read for NoSeek<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.at += length as u64;
        Ok(length)
    }
}

impl<R: BufRead> BufRead for NoSeek<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
        self.reader.consume(amount);
    }
}

impl<R> std::io::Seek for NoSeek<R> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        match to {
            std::io::SeekFrom::Current(0) => Ok(self.at),
            _ => Err(std::io::ErrorKind::Unsupported.into()),
        }
    }
}

fn pnm_small(mut reader: impl BufRead) -> Option<Small> {
    let samples = match word(&mut reader)?.as_str() {
        "P5" => 1,
        "P6" => 3,
        _ => return None,
    };
    let width: u32 = word(&mut reader)?.parse().ok()?;
    let height: u32 = word(&mut reader)?.parse().ok()?;
    let most: u32 = word(&mut reader)?.parse().ok()?;
    if !(1..=65_535).contains(&most) {
        return None;
    }
    let mut shrink = Shrink::new(width, height, samples)?;
    let bytes_each = if most > 255 { 2 } else { 1 };
    let mut row = vec![0; width as usize * samples * bytes_each];
    let mut scaled = vec![0; width as usize * samples];
    for _ in 0..height {
        reader.read_exact(&mut row).ok()?;
        for (to, from) in scaled.iter_mut().zip(row.chunks_exact(bytes_each)) {
            let value = from.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
            *to = (value.min(most) * 255 / most) as u8;
        }
        shrink.row(&scaled);
    }
    shrink.finish()
}

/// The next word of a header, past comments: "PPM format specification", Netpbm.
fn word(reader: &mut impl BufRead) -> Option<String> {
    let mut word = String::new();
    let mut is_comment = false;
    for byte in reader.bytes().take(10_000) {
        let byte = byte.ok()?;
        match byte {
            b'\n' => is_comment = false,
            b'#' if word.is_empty() => is_comment = true,
            _ if is_comment => {}
            _ if !byte.is_ascii_whitespace() => {
                word.push(char::from(byte));
                continue;
            }
            _ => {}
        }
        // One white space ends a word; the first byte after the last header word is a sample.
        if !word.is_empty() {
            return Some(word);
        }
    }
    None
}

/// Averages squares of pixels, row by row.
struct Shrink {
    full: (u32, u32),
    /// Pixels of the full picture, in each direction, that become one.
    factor: u32,
    samples: usize,
    sums: Vec<u32>,
    /// Rows in the sums.
    rows: u32,
    out: Vec<u8>,
}

impl Shrink {
    fn new(width: u32, height: u32, samples: usize) -> Option<Self> {
        let pixels = u64::from(width) * u64::from(height);
        let row_bytes = u64::from(width) * samples as u64 * 2;
        if pixels == 0 || pixels > PIXELS_MAX || row_bytes > ROW_BYTES_MAX {
            return None;
        }
        let factor = width.max(height).div_ceil(SIDE_MAX);
        let columns = width.div_ceil(factor) as usize;
        let sums = vec![0; columns * samples];
        Some(Self { full: (width, height), factor, samples, sums, rows: 0, out: Vec::new() })
    }

    fn row(&mut self, row: &[u8]) {
        let factor = self.factor as usize;
        for (column, pixel) in row.chunks_exact(self.samples).enumerate() {
            let place = column / factor * self.samples;
            for (sum, sample) in self.sums[place..].iter_mut().zip(pixel) {
                *sum += u32::from(*sample);
            }
        }
        self.rows += 1;
        if self.rows == self.factor {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let columns = self.sums.len() / self.samples;
        let factor = self.factor;
        for column in 0..columns {
            let last = column + 1 == columns;
            let wide = if last { self.full.0 - column as u32 * factor } else { factor };
            let count = wide * self.rows;
            let place = column * self.samples;
            let averages =
                self.sums[place..place + self.samples].iter().map(|sum| (sum / count) as u8);
            self.out.extend(averages);
        }
        self.sums.fill(0);
        self.rows = 0;
    }

    fn finish(mut self) -> Option<Small> {
        if self.rows > 0 {
            self.flush();
        }
        let (width, height) =
            (self.full.0.div_ceil(self.factor), self.full.1.div_ceil(self.factor));
        let is_whole = self.out.len() == width as usize * height as usize * self.samples;
        let format = Format::Samples(self.samples);
        is_whole.then_some(Small { width, height, full: self.full, format, bytes: self.out })
    }
}

impl Small {
    /// As PNG; `None` when it is nothing that PNG knows.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let colour = match &self.format {
            Format::Samples(1) => png::ColorType::Grayscale,
            Format::Samples(2) => png::ColorType::GrayscaleAlpha,
            Format::Samples(3) => png::ColorType::Rgb,
            Format::Samples(4) => png::ColorType::Rgba,
            Format::Samples(_) => return None,
            Format::Indexed(colours) => {
                encoder.set_palette(colours.clone());
                png::ColorType::Indexed
            }
        };
        encoder.set_color(colour);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.bytes).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_survives_being_encoded_and_decoded() {
        let ppm = b"P6\n# a comment\n2 2\n255\n\xff\x00\x00\x00\xff\x00\x00\x00\xff\x0a\x14\x1e";
        let decoded = small(&ppm[..]).unwrap();
        assert_eq!((decoded.width, decoded.height, decoded.full), (2, 2, (2, 2)));
        assert_eq!(decoded.bytes, &ppm[ppm.len() - 12..]);
        let png = decoded.encode().unwrap();
        assert!(is_one(&png) && is_one(ppm));
        assert_eq!(small(png.as_slice()).unwrap(), decoded);
    }

    #[test]
    fn squares_of_pixels_are_averaged_and_the_rest_at_the_edge_too() {
        let mut shrink = Shrink::new(3, 2, 1).unwrap();
        shrink.factor = 2;
        shrink.sums = vec![0; 2];
        shrink.row(&[0, 100, 7]);
        shrink.row(&[100, 200, 9]);
        // (0 + 100 + 100 + 200) / 4, and (7 + 9) / 2.
        assert_eq!(shrink.finish().unwrap().bytes, [100, 8]);
        let two_bytes = b"P5 1 2 65535\n\xff\xff\x80\x00";
        assert_eq!(small(&two_bytes[..]).unwrap().bytes, [255, 127]);
    }

    #[test]
    fn what_lies_about_its_size_or_breaks_off_is_no_picture() {
        for bad in [
            &b"P6 4000000000 4000000000 255\n"[..],
            b"P5 0 5 255\n",
            b"P5 2 2 255\nabc",
            b"P5 2 2 70000\nabcdabcd",
            b"P7 2 2",
            b"\x89PNG\r\n\x1a\nnonsense",
            b"",
        ] {
            assert_eq!(small(bad), None, "{bad:?}");
        }
    }
}
