//! Pictures of hits: how the power moves through the channels while time goes down.
//!
//! Each hit gets a strip of two pictures. On the left the band as it was received, where a drifting
//! signal is a slanted line; on the right the same after its drift was taken out, where it stands
//! upright. The strips make one sheet, a PNG that carries the table of its hits as text, so that
//! sheets of several tasks can be merged into one of the strongest.

use std::io::Cursor;

use bramble_guest::{JobError, JobResult};

use crate::band::Band;
use crate::hits::Line;
use crate::table::Table;

/// Channels of a picture on either side of its middle.
pub const HALF_CHANNELS: u64 = 128;
const WIDTH: usize = 2 * HALF_CHANNELS as usize;
const GAP: usize = 4;
const STRIP_WIDTH: usize = WIDTH + GAP + WIDTH;
const HEIGHT: usize = 64;
/// A strip with the gap below it.
const STRIP_BYTES: usize = STRIP_WIDTH * (HEIGHT + GAP);
/// The keyword of the table in the file.
const TABLE_KEYWORD: &str = "Hits";
/// Shade of no signal, and shades for each standard deviation of noise.
const SHADES: (f32, f32) = (40.0, 24.0);

/// The strip of a line: grey shades, row by row.
pub fn strip(band: &Band, line: &Line) -> Vec<u8> {
    let rows = band.lines.rows as usize;
    let steps = (band.powers.count() as i64 - 1).max(1);
    let start = line.channel as i64 - band.all.first as i64;
    // So many channels in one column that the whole line fits.
    let zoom = 1 + line.drift.unsigned_abs() as usize / HALF_CHANNELS as usize;
    let mut strip = vec![0; STRIP_BYTES];
    for (height, shades) in strip.chunks_exact_mut(STRIP_WIDTH).take(HEIGHT).enumerate() {
        let from = height * rows / HEIGHT;
        let to = ((height + 1) * rows / HEIGHT).max(from + 1);
        let (received, straight) = shades.split_at_mut(WIDTH + GAP);
        let left = start + line.drift / 2 - (HALF_CHANNELS as usize * zoom) as i64;
        add_up(band, from..to, |_| left, zoom, &mut received[..WIDTH]);
        let at = |row: usize| start + (line.drift * row as i64 + steps / 2).div_euclid(steps);
        add_up(band, from..to, |row| at(row) - HALF_CHANNELS as i64, 1, straight);
    }
    strip
}

/// Fills one line of a picture with the powers of some rows, from the channel `first` says on.
fn add_up(
    band: &Band,
    rows: std::ops::Range<usize>,
    first: impl Fn(usize) -> i64,
    zoom: usize,
    shades: &mut [u8],
) {
    // Levelled powers add up to a deviation of 1 over all rows.
    let scale = (band.lines.rows as f32 / (rows.len() * zoom) as f32).sqrt();
    for (column, shade) in shades.iter_mut().enumerate() {
        let mut sum = 0.0;
        for row in rows.clone() {
            let channel = first(row) + (column * zoom) as i64;
            let powers = (channel..channel + zoom as i64)
                .filter_map(|channel| band.powers.row(row).get(usize::try_from(channel).ok()?));
            sum += powers.sum::<f32>();
        }
        // Numbers out of range become the nearest shade.
        *shade = (SHADES.0 + SHADES.1 * sum * scale) as u8;
    }
}

/// A table with its pictures as PNG; a black strip where there is no hit.
///
/// # Errors
/// None that the input could cause.
pub fn to_png(table: &Table) -> JobResult<Vec<u8>> {
    let mut shades: Vec<u8> = table.rows.iter().flat_map(|row| row.picture.clone()).collect();
    shades.resize(shades.len().max(STRIP_BYTES), 0);
    let height = shades.len() / STRIP_WIDTH;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, STRIP_WIDTH as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.add_itxt_chunk(TABLE_KEYWORD.into(), table.to_text()).map_err(JobError::failed)?;
    let mut writer = encoder.write_header().map_err(JobError::failed)?;
    writer.write_image_data(&shades).map_err(JobError::failed)?;
    writer.finish().map_err(JobError::failed)?;
    Ok(file)
}

/// Reads what [`to_png`] wrote.
///
/// # Errors
/// Bad input where it is anything else.
pub fn from_png(file: &[u8]) -> JobResult<Table> {
    let wrong = |why: &dyn std::fmt::Display| {
        JobError::bad_input(format!("a part is no sheet of waterfalls: {why}"))
    };
    let decoder = png::Decoder::new(Cursor::new(file));
    let mut reader = decoder.read_info().map_err(|why| wrong(&why))?;
    let texts = &reader.info().utf8_text;
    let text = texts.iter().find(|text| text.keyword == TABLE_KEYWORD);
    let text = text.ok_or_else(|| wrong(&"it has no table"))?;
    let mut table = Table::parse(&text.get_text().map_err(|why| wrong(&why))?)?;
    let bytes = reader.output_buffer_size().unwrap_or(0);
    if reader.info().width as usize != STRIP_WIDTH || bytes < table.rows.len() * STRIP_BYTES {
        return Err(wrong(&"its size is not that of its strips"));
    }
    let mut shades = vec![0; bytes];
    reader.next_frame(&mut shades).map_err(|why| wrong(&why))?;
    for (row, strip) in table.rows.iter_mut().zip(shades.chunks_exact(STRIP_BYTES)) {
        row.picture = strip.to_vec();
    }
    Ok(table)
}
