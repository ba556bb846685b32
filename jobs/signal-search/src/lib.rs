//! Searches a radio observation for narrow signals that drift: what a transmitter on another
//! planet would look like.
//!
//! [`band`] cuts the spectrum into sub-bands, each a task. A task levels its noise
//! ([`normalise`]), adds up the power along every line ([`tree`]) and keeps those that stand out
//! ([`hits`]); the [`table`]s of all tasks, or sheets of pictures ([`waterfall`]), are merged into
//! one. A recording of raw voltages is first turned into a spectrum ([`spectra`]), by the same job.

pub mod band;
pub mod filterbank;
pub mod hits;
pub mod normalise;
pub mod spectra;
pub mod synthetic;
pub mod table;
pub mod tree;
pub mod waterfall;

use band::{Band, Reading, Stretch};
use bramble_guest::{InputKind, Piece, prelude::*};
use hits::Hit;
use spectra::{Recording, Voltage};
use table::Table;

bramble_guest::params! {
    struct Params {
        /// What to make: a table of hits, pictures of the strongest hits, or (of a recording of
        /// voltages) the spectra that can then be searched.
        output: String = "hits" in ["hits", "waterfalls", "spectra"],
        /// How fast a signal may drift, up or down, in Hz per second.
        max_drift: f64 = 4.0,
        /// How far a line must stand out: its power in standard deviations of the noise.
        min_snr: f32 = 12.0,
        /// How many hits to show as pictures.
        pictures: u8 = 16,
        /// How many coarse channels (of the telescope's first filter) the file has.
        coarse_channels: u64 = 1,
        /// Leave out the channel in the middle of each coarse channel, where many receivers make
        /// a signal of their own.
        blank_dc: bool = false,
        /// The first row of the observation to search, from 0.
        first_row: u64 = 0,
        /// How many rows to search; 0 means all.
        rows: u64 = 0,
        /// Of a recording: how each voltage is stored (numbers are little-endian).
        voltages: String = "i8-complex" in ["i8-complex", "i8-real", "f32-complex", "f32-real"],
        /// Of a recording: samples per second.
        rate_hz: Option<f64>,
        /// Of a recording: the frequency in the middle of its band.
        centre_mhz: f64 = 0.0,
        /// Of a recording: samples of each Fourier transform; more make channels finer.
        fft_len: u32 = 65536,
        /// Of a recording: spectra added up in a row; more make rows longer.
        spectra_per_row: u32 = 1,
    }
}

bramble_guest::job! {
    name: "signal-search",
    about: "Searches a radio observation for narrow signals that drift, as SETI does.",
    input: InputKind::BINARY.about("a SIGPROC filterbank, or raw voltages").extensions(&["fil"]),
    split: Split::Guest,
    params: Params::DECLARED,
    result: ResultKind::by_param("output", &[
        ("hits", ResultKind::TABLE.extension("dat")),
        ("waterfalls", ResultKind::IMAGE),
        ("spectra", ResultKind::BINARY.extension("fil")),
    ]),
    map: map,
    merge: merge,
    merge_when: ("output", &["hits", "waterfalls"]),
    cut: cut,
}

impl Params {
    fn checked() -> JobResult<Self> {
        let params = Self::read()?;
        let should_be = |ok: bool, name: &str, what: &str| {
            let error = || JobError::bad_param(format!("`{name}` should be {what}"));
            if ok { Ok(()) } else { Err(error()) }
        };
        should_be((0.0..=1e6).contains(&params.max_drift), "max_drift", "from 0 to 1e6")?;
        should_be(params.min_snr > 0.0, "min_snr", "above 0")?;
        should_be(params.pictures > 0, "pictures", "1 or more")?;
        should_be(params.coarse_channels > 0, "coarse_channels", "1 or more")?;
        should_be(params.rate_hz.is_none_or(|rate| rate > 0.0), "rate_hz", "above 0")?;
        should_be((2..=1 << 24).contains(&params.fft_len), "fft_len", "from 2 to 2^24")?;
        should_be(params.spectra_per_row > 0, "spectra_per_row", "1 or more")?;
        Ok(params)
    }

    fn reading(&self) -> Reading {
        Reading {
            max_drift_hz_s: self.max_drift,
            coarse_channels: self.coarse_channels,
            blank_dc: self.blank_dc,
        }
    }

    /// None where a filterbank is to be searched.
    fn recording(&self) -> JobResult<Option<Recording>> {
        if self.output != "spectra" {
            return Ok(None);
        }
        let rate_hz = self.rate_hz.ok_or_else(|| {
            JobError::bad_param("`rate_hz` is missing: spectra need to know the samples per second")
        })?;
        Ok(Some(Recording {
            voltage: Voltage::named(&self.voltages),
            rate_hz,
            centre_mhz: self.centre_mhz,
            fft_len: self.fft_len.into(),
            spectra_per_row: self.spectra_per_row.into(),
        }))
    }
}

fn cut(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let params = Params::checked()?;
    if let Some(recording) = params.recording()? {
        return recording.cut(input, wanted_bytes);
    }
    let stretch = Stretch { first_row: params.first_row, rows: params.rows };
    band::cut(input, wanted_bytes, stretch, params.max_drift)
}

fn map(task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let params = Params::checked()?;
    if let Some(recording) = params.recording()? {
        if task.index == 0 {
            output.put(&recording.header().to_bytes());
        }
        return recording.write_rows(input, output);
    }
    let band = Band::read(input, &params.reading())?;
    let hits = hits::find(&band, params.min_snr);
    let table = Table::new(&band, &hits, params.max_drift);
    if !hits.is_empty() {
        host::preview("image/png", &sheet(&band, &hits, table.clone(), 1)?);
    }
    if params.output == "waterfalls" {
        output.put(&sheet(&band, &hits, table, params.pictures.into())?);
    } else {
        output.put(table.to_text().as_bytes());
    }
    Ok(())
}

/// The strongest hits of a band as a PNG.
fn sheet(band: &Band, hits: &[Hit], mut table: Table, strongest: usize) -> JobResult<Vec<u8>> {
    table.keep(strongest);
    for row in &mut table.rows {
        let channel = row.channel(band.per_coarse);
        if let Some(hit) = hits.iter().find(|hit| hit.line.channel == channel) {
            row.picture = waterfall::strip(band, &hit.line);
        }
    }
    waterfall::to_png(&table)
}

fn merge(_: &Task, parts: Vec<Input>, output: &mut Output) -> JobResult {
    let params = Params::checked()?;
    let is_sheet = params.output == "waterfalls";
    let tables = parts.into_iter().map(|mut part| {
        let part = part.read_all();
        if is_sheet {
            return waterfall::from_png(&part);
        }
        let not_text = |_| JobError::bad_input("a part is no text");
        Table::parse(std::str::from_utf8(&part).map_err(not_text)?)
    });
    let tables = tables.collect::<JobResult<Vec<_>>>()?;
    let Some(mut table) = Table::merged(tables) else { return Ok(()) };
    if is_sheet {
        table.keep(params.pictures.into());
        output.put(&waterfall::to_png(&table)?);
    } else {
        output.put(table.to_text().as_bytes());
    }
    Ok(())
}
