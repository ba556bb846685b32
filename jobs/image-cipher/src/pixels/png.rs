//! PNG, decoded row by row. Palettes and few bits become whole samples; transparency is left out.

use bramble_guest::{JobError, JobResult};
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use super::{DECODED_BYTES_MAX, Rows, Shape, Window};

/// The rows of a PNG.
pub(super) struct PngRows<'a> {
    reader: Reader<Window<'a>>,
    shape: Shape,
    pixel_bytes: usize,
    /// The whole picture, if it is interlaced: then its first row needs its last bytes.
    whole: Option<Vec<u8>>,
    line: Vec<u8>,
    rows_done: u32,
}

impl<'a> PngRows<'a> {
    pub(super) fn new(file: Window<'a>) -> JobResult<Self> {
        let mut decoder = Decoder::new_with_limits(file, Limits { bytes: DECODED_BYTES_MAX });
        decoder.set_transformations(Transformations::EXPAND);
        decoder.ignore_checksums(false);
        // What they hold is not looked at, and may be large.
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let reader = decoder.read_info().map_err(damaged)?;
        let (width, height) = reader.info().size();
        let (color, depth) = reader.output_color_type();
        let (channels, stored) = match color {
            ColorType::Grayscale => (1, 1),
            ColorType::GrayscaleAlpha => (1, 2),
            ColorType::Rgb => (3, 3),
            ColorType::Rgba => (3, 4),
            ColorType::Indexed => unreachable!("palettes are expanded"),
        };
        let sample_bytes = if depth == BitDepth::Sixteen { 2 } else { 1 };
        let shape = Shape::new(width, height, channels, sample_bytes)?;
        let line_bytes = reader.output_line_size(width).unwrap_or(usize::MAX);
        let mut rows = Self {
            reader,
            shape,
            pixel_bytes: stored * usize::from(sample_bytes),
            whole: None,
            line: Vec::new(),
            rows_done: 0,
        };
        if rows.reader.info().interlaced {
            let bytes = rows.reader.output_buffer_size().unwrap_or(usize::MAX);
            if bytes > DECODED_BYTES_MAX {
                return Err(JobError::bad_input(format!(
                    "the PNG is interlaced and so must be held whole: its {width} x {height} \
                     pixels take {bytes} bytes, and at most {DECODED_BYTES_MAX} fit; save it \
                     without interlacing"
                )));
            }
            rows.whole = Some(Vec::new());
        } else {
            rows.line = vec![0; line_bytes];
        }
        Ok(rows)
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    fn damaged_in_row(&self, error: DecodingError) -> JobError {
        match damaged(error) {
            JobError::BadInput(text) => {
                JobError::bad_input(format!("{text} (in row {})", self.rows_done))
            }
            other => other,
        }
    }
}

impl Rows for PngRows<'_> {
    fn next_row(&mut self, row: &mut [u8]) -> JobResult {
        if self.whole.is_some() && self.rows_done == 0 {
            let mut whole = vec![0; self.reader.output_buffer_size().unwrap_or(0)];
            self.reader.next_frame(&mut whole).map_err(damaged)?;
            self.whole = Some(whole);
        }
        if let Some(whole) = &self.whole {
            let line_bytes = whole.len() / self.shape.height as usize;
            let start = self.rows_done as usize * line_bytes;
            keep(row, &whole[start..start + line_bytes], &self.shape, self.pixel_bytes);
        } else {
            let mut line = std::mem::take(&mut self.line);
            let read = self.reader.read_row(&mut line);
            self.line = line;
            match read {
                Ok(Some(_)) => keep(row, &self.line, &self.shape, self.pixel_bytes),
                Ok(None) => return Err(JobError::bad_input("the PNG has too few rows")),
                Err(error) => return Err(self.damaged_in_row(error)),
            }
        }
        self.rows_done += 1;
        Ok(())
    }

    fn finish(&mut self) -> JobResult {
        self.reader.finish().map_err(damaged)
    }
}

/// The samples of `line` without transparency.
fn keep(row: &mut [u8], line: &[u8], shape: &Shape, pixel_bytes: usize) {
    let kept = usize::from(shape.channels) * usize::from(shape.sample_bytes);
    for (to, from) in row.chunks_exact_mut(kept).zip(line.chunks_exact(pixel_bytes)) {
        to.copy_from_slice(&from[..kept]);
    }
}

fn damaged(error: DecodingError) -> JobError {
    match error {
        DecodingError::IoError(_) => JobError::bad_input("the PNG is cut short"),
        DecodingError::LimitsExceeded => JobError::bad_input(format!(
            "decoding the PNG takes more than {DECODED_BYTES_MAX} bytes of memory"
        )),
        other => JobError::bad_input(format!("the PNG is damaged: {other}")),
    }
}
