//! Sub-bands: what a chunk of a search is, how the cut makes it, and how a task reads it.
//!
//! A line that starts in one sub-band may end in another. So each chunk holds a *core*, whose
//! channels no other chunk has as core, and on both sides an *overlap*, wide enough that everything
//! which decides on a hit in the core is there. A hit belongs to the chunk whose core it starts in.

use bramble_guest::{Input, JobError, JobResult, Piece, host};
use std::io::Read;

use crate::filterbank::Header;
use crate::hits;
use crate::normalise::{block_of, block_start, blocks_in, level_block};
use crate::tree::{Rows, padded};
use crate::waterfall;

/// First channel and number of channels of the chunk, then of its core: all as `u64`.
const PREFIX_BYTES: usize = 4 * 8;
/// What a chunk may have is 64 MiB; this leaves room for the header.
const CHUNK_BYTES_MAX: u64 = 63 << 20;
/// What the powers of one chunk should need at most: a task has 64 MiB unless the user gives more.
const POWERS_BYTES_WANTED: u64 = 32 << 20;
/// What they may need at most, where rows are many and drifts are large.
const POWERS_BYTES_MAX: u64 = 1 << 30;
/// Rows of a search: far more than can be held with any drift.
const ROWS_MAX: u64 = 1 << 20;
/// Fewer than the 65,536 chunks that a job may have.
const CHUNKS_MAX: u64 = 60_000;

/// Which lines are looked for in how many rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lines {
    /// Number of rows.
    pub rows: u64,
    /// Channels from the first row to the last (padded) one, up or down.
    pub drift_max: u64,
    /// One channel over all (padded) rows, in Hz/s; as negative as the step of channels.
    pub drift_step_hz_s: f64,
}

impl Lines {
    /// Lines of at most so many Hz/s in so many rows.
    pub fn new(header: &Header, rows: u64, max_drift_hz_s: f64) -> Self {
        let steps = padded(rows as usize) - 1;
        if steps == 0 {
            return Self { rows, drift_max: 0, drift_step_hz_s: 0.0 };
        }
        let drift_step_hz_s = header.step_mhz * 1e6 / (steps as f64 * header.row_s);
        let drift_max = (max_drift_hz_s / drift_step_hz_s).abs() as u64;
        // What drifts out of the whole band is not seen anyway.
        Self { rows, drift_max: drift_max.min(header.channels), drift_step_hz_s }
    }

    /// How many channels have room in so much memory.
    fn channels_in(&self, bytes: u64) -> u64 {
        let padded_rows = padded(self.rows as usize) as u64;
        (bytes / (4 * padded_rows)).saturating_sub(2 * (self.drift_max + padded_rows))
    }

    /// How many channels beyond its core a chunk needs: for the lines that compete with those of
    /// the core, wherever they drift, and for the pictures.
    fn overlap(&self) -> u64 {
        hits::reach(self) + self.drift_max + waterfall::HALF_CHANNELS
    }
}

/// The rows of a file that are searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// The first row, from 0.
    pub first_row: u64,
    /// How many from there on; 0 for all.
    pub rows: u64,
}

impl Stretch {
    /// The number of rows that it has of a file.
    fn rows_of(&self, header: &Header, input_bytes: u64) -> JobResult<u64> {
        let (bytes, row_bytes) =
            (input_bytes.saturating_sub(header.header_bytes), header.row_bytes());
        let whole = bytes / row_bytes;
        let promised = header.rows.unwrap_or(whole);
        if whole < promised || (header.rows.is_none() && !bytes.is_multiple_of(row_bytes)) {
            host::warn(format!("the file is cut off: only its {whole} whole rows are searched"));
        }
        let there = promised.min(whole);
        if there == 0 {
            return Err(JobError::bad_input(format!(
                "after the header, from byte {} on, there are {bytes} bytes, less than the \
                 {row_bytes} of one row",
                header.header_bytes
            )));
        }
        let left = there.saturating_sub(self.first_row);
        if left == 0 {
            return Err(JobError::bad_param(format!(
                "`first_row` cannot be {}: the rows are 0 to {}",
                self.first_row,
                there - 1
            )));
        }
        let rows = if self.rows == 0 { left } else { left.min(self.rows) };
        if rows > ROWS_MAX {
            return Err(JobError::bad_param(format!(
                "`rows` can be at most {ROWS_MAX}, and there are {rows}: search one part after the \
                 other"
            )));
        }
        Ok(rows)
    }
}

/// Cuts a filterbank into sub-bands of about `wanted_bytes` each.
///
/// # Errors
/// Bad input where the header is wrong, and a bad parameter where the rows that belong together do
/// not fit into one chunk.
pub fn cut(
    input: &Input<'_>,
    wanted_bytes: u64,
    stretch: Stretch,
    max_drift_hz_s: f64,
) -> JobResult<Vec<Vec<Piece>>> {
    let header = Header::read(input)?;
    let rows = stretch.rows_of(&header, input.size())?;
    let lines = Lines::new(&header, rows, max_drift_hz_s);
    let (channels, sample_bytes) = (header.channels, header.sample.bytes());
    let blocks = blocks_in(channels);
    let block_channels = channels / blocks;
    let most = lines.channels_in(POWERS_BYTES_WANTED).saturating_sub(2 * lines.overlap());
    // A core that is smaller than its overlap would be read for the overlap's sake.
    let core_blocks = (wanted_bytes / (block_channels * sample_bytes * rows))
        .min(most / block_channels)
        .max(lines.overlap() / block_channels)
        .max(blocks.div_ceil(CHUNKS_MAX))
        .max(1);
    let mut chunks = Vec::new();
    for block in (0..blocks).step_by(usize::try_from(core_blocks).unwrap_or(usize::MAX)) {
        let core = Span {
            first: block_start(block, channels),
            end: block_start(block.saturating_add(core_blocks), channels),
        };
        let all = core.with_overlap(lines.overlap(), channels);
        check_size(&lines, all.end - all.first, sample_bytes)?;
        let prefix = [all.first, all.end - all.first, core.first, core.end - core.first];
        chunks.push(vec![
            Piece::Bytes(prefix.into_iter().flat_map(u64::to_le_bytes).collect()),
            Piece::Input { offset: 0, len: header.header_bytes },
            Piece::Rows {
                offset: header.header_bytes
                    + stretch.first_row * header.row_bytes()
                    + all.first * sample_bytes,
                len: (all.end - all.first) * sample_bytes,
                stride: header.row_bytes(),
                count: rows,
            },
        ]);
    }
    Ok(chunks)
}

/// Some channels that follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The first one, counted from the start of the whole band.
    pub first: u64,
    /// The one after the last.
    pub end: u64,
}

impl Span {
    /// So many channels more on both sides, and on to the next borders of blocks, because blocks
    /// are levelled as a whole.
    fn with_overlap(self, overlap: u64, channels: u64) -> Self {
        let last = self.end.saturating_add(overlap).min(channels) - 1;
        Self {
            first: block_start(block_of(self.first.saturating_sub(overlap), channels), channels),
            end: block_start(block_of(last, channels) + 1, channels),
        }
    }
}

fn check_size(lines: &Lines, width: u64, sample_bytes: u64) -> JobResult {
    let chunk_bytes = width.saturating_mul(lines.rows).saturating_mul(sample_bytes);
    if chunk_bytes > CHUNK_BYTES_MAX || lines.channels_in(POWERS_BYTES_MAX) < width {
        return Err(JobError::bad_param(format!(
            "lines through {} rows that drift by up to {} channels need {width} channels at once, \
             which is too much for one task: give fewer `rows` or a smaller `max_drift`",
            lines.rows, lines.drift_max
        )));
    }
    Ok(())
}

/// How a chunk is to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The fastest drift looked for, in Hz/s.
    pub max_drift_hz_s: f64,
    /// How many coarse channels the whole band has.
    pub coarse_channels: u64,
    /// Whether the channel in the middle of each counts as no signal.
    pub blank_dc: bool,
}

/// A chunk, read and levelled.
pub struct Band {
    /// Of the whole file.
    pub header: Header,
    /// Its channels.
    pub all: Span,
    /// The channels that only it has.
    pub core: Span,
    /// How many channels a coarse channel has.
    pub per_coarse: u64,
    /// What is looked for.
    pub lines: Lines,
    /// The powers of its channels.
    pub powers: Rows,
}

impl Band {
    /// Reads a chunk.
    ///
    /// # Errors
    /// Bad input where the chunk is not as [`cut`] makes them.
    pub fn read(input: &mut Input<'_>, reading: &Reading) -> JobResult<Self> {
        let not_ours =
            || JobError::bad_input("this chunk was not made by the cut of signal-search");
        let prefix: [u8; PREFIX_BYTES] = input.next_record()?.ok_or_else(not_ours)?;
        let [first, width, core_first, core_width] = std::array::from_fn(|at| {
            u64::from_le_bytes(std::array::from_fn(|byte| prefix[at * 8 + byte]))
        });
        let rest = input.read_at(PREFIX_BYTES as u64, 64 << 10);
        let header = Header::parse(&rest)?;
        let all = Span { first, end: first.saturating_add(width) };
        let core = Span { first: core_first, end: core_first.saturating_add(core_width) };
        let is_inside =
            core.first >= all.first && core.end <= all.end && all.end <= header.channels;
        if width == 0 || core_width == 0 || !is_inside {
            return Err(not_ours());
        }
        let row_bytes = width * header.sample.bytes();
        let bytes = input.size().saturating_sub(PREFIX_BYTES as u64 + header.header_bytes);
        if bytes == 0 || !bytes.is_multiple_of(row_bytes) {
            return Err(not_ours());
        }
        let lines = Lines::new(&header, bytes / row_bytes, reading.max_drift_hz_s);
        check_size(&lines, width, header.sample.bytes())?;
        let powers = Rows::new(width as usize, lines.rows as usize, lines.drift_max as usize);
        let per_coarse = header.channels.div_ceil(reading.coarse_channels.max(1));
        let mut band = Self { header, all, core, per_coarse, lines, powers };
        band.fill(input, reading.blank_dc)?;
        band.level();
        Ok(band)
    }

    fn fill(&mut self, input: &mut Input<'_>, blank_dc: bool) -> JobResult {
        let width = (self.all.end - self.all.first) as usize;
        let middle = self.per_coarse / 2;
        let middles: Vec<usize> = (0..width)
            .filter(|at| blank_dc && (self.all.first + *at as u64) % self.per_coarse == middle)
            .collect();
        input.read_exact(&mut vec![0; self.header.header_bytes as usize])?;
        let mut stored = vec![0; width * self.header.sample.bytes() as usize];
        for row in self.powers.columns_mut(self.lines.rows as usize, 0, width) {
            input.read_exact(&mut stored)?;
            self.header.sample.decode(&stored, row);
            middles.iter().for_each(|at| row[*at] = f32::NAN);
        }
        Ok(())
    }

    fn level(&mut self) {
        let channels = self.header.channels;
        let blocks = block_of(self.all.first, channels)..=block_of(self.all.end - 1, channels);
        for block in blocks {
            let from = block_start(block, channels) - self.all.first;
            let to = block_start(block + 1, channels) - self.all.first;
            let rows = self.lines.rows as usize;
            level_block(&mut self.powers.columns_mut(rows, from as usize, to as usize));
        }
    }
}
