//! Searches a radio observation for narrow signals that drift: what a transmitter on another
//! planet would look like.
//!
//! [`band`] cuts the spectrum into sub-bands, each a task. A task levels its noise
//! ([`normalise`]), adds up the power along every line ([`tree`]) and keeps those that stand out
//! ([`hits`]); the [`table`]s of all tasks are merged into one.

pub mod band;
pub mod filterbank;
pub mod hits;
pub mod normalise;
pub mod synthetic;
pub mod table;
pub mod tree;
pub mod waterfall;

use band::{Band, Reading, Stretch};
use bramble_guest::{InputKind, Piece, prelude::*};
use table::Table;

bramble_guest::params! {
    struct Params {
        /// How fast a signal may drift, up or down, in Hz per second.
        max_drift: f64 = 4.0,
        /// How far a line must stand out: its power in standard deviations of the noise.
        min_snr: f32 = 10.0,
        /// How many coarse channels (of the telescope's first filter) the file has.
        coarse_channels: u64 = 1,
        /// Leave out the channel in the middle of each coarse channel, where many receivers make
        /// a signal of their own.
        blank_dc: bool = false,
        /// The first row of the observation to search, from 0.
        first_row: u64 = 0,
        /// How many rows to search; 0 means all.
        rows: u64 = 0,
    }
}

bramble_guest::job! {
    name: "signal-search",
    about: "Searches a radio observation for narrow signals that drift, as SETI does.",
    input: InputKind::BINARY.about("SIGPROC filterbank").extensions(&["fil"]),
    split: Split::Guest,
    params: Params::DECLARED,
    result: ResultKind::TABLE.extension("dat"),
    map: map,
    merge: merge,
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
        should_be(params.coarse_channels > 0, "coarse_channels", "1 or more")?;
        Ok(params)
    }

    fn reading(&self) -> Reading {
        Reading {
            max_drift_hz_s: self.max_drift,
            coarse_channels: self.coarse_channels,
            blank_dc: self.blank_dc,
        }
    }
}

fn cut(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let params = Params::checked()?;
    let stretch = Stretch { first_row: params.first_row, rows: params.rows };
    band::cut(input, wanted_bytes, stretch, params.max_drift)
}

fn map(_: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let params = Params::checked()?;
    let band = Band::read(input, &params.reading())?;
    let hits = hits::find(&band, params.min_snr);
    let table = Table::new(&band, &hits, params.max_drift);
    output.put(table.to_text().as_bytes());
    Ok(())
}

fn merge(_: &Task, parts: Vec<Input>, output: &mut Output) -> JobResult {
    let tables = parts.into_iter().map(|mut part| {
        let text = String::from_utf8(part.read_all());
        Table::parse(&text.map_err(|_| JobError::bad_input("a part is no text"))?)
    });
    let tables = tables.collect::<JobResult<Vec<_>>>()?;
    if let Some(table) = Table::merged(tables) {
        output.put(table.to_text().as_bytes());
    }
    Ok(())
}
