//! Strips of the picture as PNG files of a byte for each pixel, and stacking them.

use std::io::Cursor;

use bramble_guest::{Input, JobError, JobResult, Output};

/// Colours beside that of the set itself, which is number 0.
const COLOURS: u32 = 254;
/// How many colours further each step is.
const COLOURS_PER_STEP: u64 = 5;
/// The darkest and the lightest colour. Blue and yellow are told apart by almost everybody, and
/// between these two the lightness grows evenly, as in cividis (Nuñez, Anderton, Renslow 2018).
const DARK: [u32; 3] = [0, 32, 96];
const LIGHT: [u32; 3] = [255, 234, 112];
/// Where a PNG file has its width and height (ISO/IEC 15948, the IHDR chunk comes first).
const SIZE_OFFSET: u64 = 16;
/// A preview has at most so many pixels: well below its 64 KiB, even when nothing is compressed.
const PREVIEW_PIXELS: usize = 48 << 10;

/// The number of the colour for a point that left after `steps`.
pub(crate) fn colour(steps: u32, steps_max: u32) -> u8 {
    if steps >= steps_max {
        return 0;
    }
    (1 + u64::from(steps) * COLOURS_PER_STEP % u64::from(COLOURS)) as u8
}

/// Red, green and blue of each colour: black, then from dark to light and back, so that there is
/// no jump where the numbers start anew.
fn palette() -> Vec<u8> {
    let half = COLOURS / 2;
    let mut palette = vec![0; 3];
    for number in 0..COLOURS {
        let lightness = if number < half { number } else { COLOURS - 1 - number };
        palette.extend((0..3).map(|part| {
            ((DARK[part] * (half - 1 - lightness) + LIGHT[part] * lightness) / (half - 1)) as u8
        }));
    }
    palette
}

fn encoder<W: std::io::Write>(to: W, width: u32, height: u32) -> JobResult<png::Writer<W>> {
    let mut encoder = png::Encoder::new(to, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette());
    encoder.set_compression(png::Compression::Balanced);
    // Differences of numbers of colours mean nothing.
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header().map_err(unencoded)
}

/// Rows of pixels as a PNG file.
pub(crate) fn encoded(width: u32, colours: &[u8]) -> JobResult<Vec<u8>> {
    let height = colours.len() / width as usize;
    let mut file = Vec::new();
    let writer = encoder(&mut file, width, height as u32)?;
    write_rows(writer, |add| add(colours))?;
    Ok(file)
}

/// All pictures are written as streams, so that the same pixels give the same bytes.
fn write_rows<W: std::io::Write>(
    mut writer: png::Writer<W>,
    rows: impl FnOnce(&mut dyn FnMut(&[u8]) -> JobResult) -> JobResult,
) -> JobResult {
    let mut stream = writer.stream_writer().map_err(unencoded)?;
    rows(&mut |pixels| Ok(std::io::Write::write_all(&mut stream, pixels)?))?;
    stream.finish().map_err(unencoded)?;
    writer.finish().map_err(unencoded)
}

/// The same rows, smaller, for a preview.
pub(crate) fn small(width: u32, colours: &[u8]) -> JobResult<Vec<u8>> {
    let pixels_of = |step: usize| {
        let rows = colours.chunks(width as usize).step_by(step);
        rows.flat_map(|row| row.iter().step_by(step).copied()).collect::<Vec<u8>>()
    };
    let mut step = 1;
    while colours.len().div_ceil(step * step) > PREVIEW_PIXELS {
        step += 1;
    }
    encoded(width.div_ceil(step as u32), &pixels_of(step))
}

/// Stacks pictures of one width, one of them in memory at a time.
pub(crate) fn stack(parts: Vec<Input>, output: &mut Output) -> JobResult {
    let sizes = parts.iter().map(size_of).collect::<JobResult<Vec<(u32, u32)>>>()?;
    let width = sizes.first().map_or(0, |size| size.0);
    if sizes.iter().any(|size| size.0 != width) {
        return Err(JobError::failed("the strips differ in width"));
    }
    let height = sizes.iter().map(|size| size.1).sum();
    write_rows(encoder(output, width, height)?, |add| {
        for mut part in parts {
            add(&decoded(&part.read_all())?.2)?;
        }
        Ok(())
    })
}

fn size_of(part: &Input) -> JobResult<(u32, u32)> {
    let size = part.read_at(SIZE_OFFSET, 8);
    match size.as_chunks::<4>().0 {
        [width, height] => Ok((u32::from_be_bytes(*width), u32::from_be_bytes(*height))),
        _ => Err(JobError::failed("a strip is no PNG file")),
    }
}

/// Width, height and the numbers of the colours of a picture that [`encoded`] made.
pub(crate) fn decoded(file: &[u8]) -> JobResult<(u32, u32, Vec<u8>)> {
    let unreadable = |error| JobError::failed(format!("a strip cannot be read: {error}"));
    let mut reader = png::Decoder::new(Cursor::new(file)).read_info().map_err(unreadable)?;
    let size =
        reader.output_buffer_size().ok_or_else(|| JobError::failed("a strip is too large"))?;
    let mut colours = vec![0; size];
    let frame = reader.next_frame(&mut colours).map_err(unreadable)?;
    Ok((frame.width, frame.height, colours))
}

fn unencoded(error: impl std::fmt::Display) -> JobError {
    JobError::failed(format!("the picture cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_colours_are_alike_and_none_is_black_but_the_first() {
        let palette = palette();
        let colours = palette.as_chunks::<3>().0;
        assert_eq!(colours.len(), 255);
        assert_eq!(colours[0], [0, 0, 0]);
        let brightness = |colour: &[u8; 3]| colour.iter().map(|part| i32::from(*part)).sum::<i32>();
        for (n, colour) in colours.iter().enumerate().skip(1) {
            let next = &colours[if n == 254 { 1 } else { n + 1 }];
            assert!((brightness(colour) - brightness(next)).abs() < 9, "{n}");
            assert!(brightness(colour) > 100);
        }
    }

    #[test]
    fn only_points_of_the_set_have_its_colour() {
        assert_eq!(colour(1000, 1000), 0);
        for steps in 0..1000 {
            assert!((1..=254).contains(&colour(steps, 1000)));
        }
        assert_ne!(colour(u32::MAX - 1, u32::MAX), 0);
    }

    #[test]
    fn a_picture_can_be_read_back() {
        let colours: Vec<u8> = (0..=254).cycle().take(37 * 11).collect();
        let file = encoded(37, &colours).unwrap();
        assert_eq!(decoded(&file).unwrap(), (37, 11, colours));
    }
}
