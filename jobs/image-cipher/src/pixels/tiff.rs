//! TIFF: the first picture of a file, gray or RGB with 8 or 16 bits.
//!
//! Without compression its rows are read where they lie. Strips and tiles that are compressed
//! (Deflate, LZW, PackBits) are decoded one after the other.

use bramble_guest::{Input, JobError, JobResult};
use tiff::decoder::{ChunkType, Decoder, DecodingResult, Limits};
use tiff::tags::{ByteOrder, CompressionMethod, Tag};
use tiff::{ColorType, TiffError, TiffFormatError};

use super::stored::{Samples, Stored, Stretch};
use super::{Coder, DECODED_BYTES_MAX, Picture, Rows, Shape, Window};

/// Photometric interpretations whose samples need no change, and others (TIFF 6.0, tag 262).
const BLACK_IS_ZERO: u32 = 1;
const RGB: u32 = 2;

/// Looks how the picture is stored.
pub(super) fn open(input: &Input<'_>) -> JobResult<Picture> {
    let mut file = File::new(Window::new(input, 0))?;
    match file.stretches(input.size())? {
        None => Ok(Picture::Coded(Coder::Tiff, file.shape)),
        Some(stretches) => {
            let little_endian = file.decoder.byte_order() == ByteOrder::LittleEndian;
            let samples = Samples {
                channels_stored: file.channels_stored,
                white: file.shape.white() as u16,
                little_endian,
            };
            Ok(Picture::Stored(Stored { shape: file.shape, samples, stretches }))
        }
    }
}

/// A file and what its tags say.
struct File<'a> {
    decoder: Decoder<Window<'a>>,
    shape: Shape,
    channels_stored: u8,
}

impl<'a> File<'a> {
    fn new(file: Window<'a>) -> JobResult<Self> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = DECODED_BYTES_MAX;
        limits.intermediate_buffer_size = DECODED_BYTES_MAX;
        limits.ifd_value_size = 4 << 20;
        let mut decoder = Decoder::new(file).map_err(damaged)?.with_limits(limits);
        let (width, height) = decoder.dimensions().map_err(damaged)?;
        let color = decoder.colortype().map_err(damaged)?;
        let (channels, stored, bits) = match color {
            ColorType::Gray(bits) => (1, 1, bits),
            ColorType::RGB(bits) => (3, 3, bits),
            ColorType::RGBA(bits) => (3, 4, bits),
            other => return Err(unsupported(&format!("its pixels are {other:?}"))),
        };
        if !matches!(bits, 8 | 16) {
            return Err(unsupported(&format!("its samples have {bits} bits")));
        }
        let shape = Shape::new(width, height, channels, bits / 8)?;
        let mut tag = |tag, usual: u32| -> JobResult<u32> {
            Ok(decoder.find_tag_unsigned(tag).map_err(damaged)?.unwrap_or(usual))
        };
        if tag(Tag::PlanarConfiguration, 1)? != 1 {
            return Err(unsupported("its channels are stored one after the other (planar)"));
        }
        if tag(Tag::SamplesPerPixel, 1)? != u32::from(stored) {
            return Err(unsupported("its pixels have samples beyond color and transparency"));
        }
        Ok(Self { decoder, shape, channels_stored: stored })
    }

    fn tag(&mut self, tag: Tag, usual: u32) -> JobResult<u32> {
        Ok(self.decoder.find_tag_unsigned(tag).map_err(damaged)?.unwrap_or(usual))
    }

    fn numbers(&mut self, tag: Tag) -> JobResult<Vec<u64>> {
        Ok(self.decoder.find_tag_unsigned_vec(tag).map_err(damaged)?.unwrap_or_default())
    }

    /// Whether all strips or tiles end within the file: a decoder may have all samples before it
    /// has read all bytes.
    fn check_extents(&mut self, size: u64) -> JobResult {
        let (offsets, lengths) = match self.decoder.get_chunk_type() {
            ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
            ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
        };
        let extents = self.numbers(offsets)?.into_iter().zip(self.numbers(lengths)?);
        for (number, (offset, length)) in extents.enumerate() {
            if offset.checked_add(length).is_none_or(|end| end > size) {
                return Err(JobError::bad_input(format!(
                    "the TIFF is cut short or damaged: strip or tile {number} has {length} bytes \
                     from byte {offset} on, and the file has {size} bytes"
                )));
            }
        }
        Ok(())
    }

    /// Where the rows lie, if they lie there as they are.
    fn stretches(&mut self, size: u64) -> JobResult<Option<Vec<Stretch>>> {
        let plain = u32::from(CompressionMethod::None.to_u16());
        let as_it_is = self.tag(Tag::Compression, plain)? == plain
            && matches!(self.tag(Tag::PhotometricInterpretation, RGB)?, BLACK_IS_ZERO | RGB)
            && self.tag(Tag::SampleFormat, 1).unwrap_or(1) == 1
            && self.decoder.get_chunk_type() == ChunkType::Strip;
        if !as_it_is {
            return Ok(None);
        }
        let row_bytes = self.shape.row_bytes() / u64::from(self.shape.channels)
            * u64::from(self.channels_stored);
        let height = self.shape.height;
        let rows_per_strip = self.tag(Tag::RowsPerStrip, height)?.clamp(1, height);
        let offsets = self.numbers(Tag::StripOffsets)?;
        if offsets.len() != height.div_ceil(rows_per_strip) as usize {
            return Err(JobError::bad_input(format!(
                "the TIFF is damaged: it has {} strips of {rows_per_strip} rows for {height} rows",
                offsets.len()
            )));
        }
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut rows_left = height;
        for (number, offset) in offsets.into_iter().enumerate() {
            let rows = rows_left.min(rows_per_strip);
            rows_left -= rows;
            let end = offset.checked_add(row_bytes * u64::from(rows));
            if end.is_none_or(|end| end > size) {
                return Err(JobError::bad_input(format!(
                    "the TIFF is cut short or damaged: strip {number} has {rows} rows of \
                     {row_bytes} bytes from byte {offset} on, and the file has {size} bytes"
                )));
            }
            match stretches.last_mut() {
                Some(last) if last.offset + row_bytes * u64::from(last.rows) == offset => {
                    last.rows += rows;
                }
                _ => stretches.push(Stretch { offset, rows }),
            }
        }
        Ok(Some(stretches))
    }
}

/// The rows of a TIFF that is decoded.
pub(super) struct TiffRows<'a> {
    file: File<'a>,
    /// Strips or tiles beside each other.
    across: u32,
    /// How many there are.
    chunks: u32,
    next_chunk: u32,
    /// Rows of one strip, or of one row of tiles, as the job wants them.
    band: Vec<u8>,
    band_at: usize,
}

impl<'a> TiffRows<'a> {
    pub(super) fn new(file: Window<'a>) -> JobResult<Self> {
        let size = file.size();
        let mut file = File::new(file)?;
        file.check_extents(size)?;
        let (width, height) = file.decoder.chunk_dimensions();
        if width == 0 || height == 0 {
            return Err(JobError::bad_input("the TIFF is damaged: its strips or tiles are empty"));
        }
        let across = file.shape.width.div_ceil(width);
        let band_bytes = file.shape.row_bytes() * u64::from(height.min(file.shape.height));
        if band_bytes > DECODED_BYTES_MAX as u64 {
            return Err(JobError::bad_input(format!(
                "a strip or row of tiles of the TIFF has {band_bytes} bytes, and at most \
                 {DECODED_BYTES_MAX} fit: save it with fewer rows per strip"
            )));
        }
        let chunks = match file.decoder.get_chunk_type() {
            ChunkType::Strip => file.decoder.strip_count(),
            ChunkType::Tile => file.decoder.tile_count(),
        };
        let chunks = chunks.map_err(damaged)?;
        Ok(Self { file, across, chunks, next_chunk: 0, band: Vec::new(), band_at: 0 })
    }

    pub(super) fn shape(&self) -> Shape {
        self.file.shape
    }

    /// Decodes the next strip or row of tiles.
    fn next_band(&mut self) -> JobResult {
        self.band.clear();
        self.band_at = 0;
        let row_bytes = self.file.shape.row_bytes() as usize;
        let mut left = 0;
        for _ in 0..self.across {
            if self.next_chunk >= self.chunks {
                return Err(JobError::bad_input("the TIFF has too few strips or tiles"));
            }
            let (width, height) = self.file.decoder.chunk_data_dimensions(self.next_chunk);
            self.band.resize(row_bytes * height as usize, 0);
            let decoded = self.file.decoder.read_chunk(self.next_chunk);
            let number = self.next_chunk;
            let samples = match decoded {
                Ok(DecodingResult::U8(samples)) => samples,
                Ok(DecodingResult::U16(samples)) => {
                    samples.into_iter().flat_map(u16::to_be_bytes).collect()
                }
                Ok(_) => return Err(unsupported("its samples are not whole numbers from 0 on")),
                Err(error) => {
                    let JobError::BadInput(text) = damaged(error) else { continue };
                    return Err(JobError::bad_input(format!("{text} (strip or tile {number})")));
                }
            };
            let stored = usize::from(self.file.channels_stored);
            left += self.place(&samples, width as usize, stored, left);
            self.next_chunk += 1;
        }
        Ok(())
    }

    /// Puts a strip or tile into the band, `left` bytes from its left edge. Gives its width in
    /// bytes.
    fn place(&mut self, samples: &[u8], width: usize, stored: usize, left: usize) -> usize {
        let Shape { channels, sample_bytes, .. } = self.file.shape;
        let kept = usize::from(channels) * usize::from(sample_bytes);
        let pixel_bytes = stored * usize::from(sample_bytes);
        let row_bytes = self.file.shape.row_bytes() as usize;
        let rows = self.band.chunks_exact_mut(row_bytes);
        for (row, line) in rows.zip(samples.chunks_exact(width * pixel_bytes)) {
            let pixels = row[left..].chunks_exact_mut(kept);
            for (to, from) in pixels.zip(line.chunks_exact(pixel_bytes)) {
                to.copy_from_slice(&from[..kept]);
            }
        }
        width * kept
    }
}

impl Rows for TiffRows<'_> {
    fn next_row(&mut self, row: &mut [u8]) -> JobResult {
        if self.band_at == self.band.len() {
            self.next_band()?;
        }
        row.copy_from_slice(&self.band[self.band_at..self.band_at + row.len()]);
        self.band_at += row.len();
        Ok(())
    }
}

fn unsupported(what: &str) -> JobError {
    JobError::bad_input(format!(
        "this kind of TIFF is not read: {what}; save it as gray or RGB with 8 or 16 bits a sample"
    ))
}

fn damaged(error: TiffError) -> JobError {
    match error {
        TiffError::IoError(_) => JobError::bad_input("the TIFF is cut short or damaged"),
        TiffError::FormatError(TiffFormatError::TiffSignatureNotFound) => {
            JobError::bad_input("the input is no TIFF")
        }
        TiffError::UnsupportedError(what) => unsupported(&what.to_string()),
        TiffError::LimitsExceeded => JobError::bad_input(format!(
            "a strip or tile of the TIFF takes more than {DECODED_BYTES_MAX} bytes: save it with \
             fewer rows per strip"
        )),
        other => JobError::bad_input(format!("the TIFF is damaged: {other}")),
    }
}
