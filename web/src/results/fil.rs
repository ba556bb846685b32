//! Radio observations as waterfalls, and what a search found in them.

use std::io::Read;

use bramble_protocol::api::JobView;
use maud::{Markup, html};

use super::picture::{Format, Small};
use super::text::valid;
use super::view::{What, measure};
use crate::lang::Lang;
use crate::state::Head;

/// Columns of a waterfall, in pixels.
const COLUMNS_MAX: usize = 1024;
/// Rows of it.
const ROWS_MAX: usize = 512;
/// Rows that are repeated until there are so many, so that there is something to see.
const ROWS_MIN: usize = 256;
/// The longest row of an observation, in bytes.
const ROW_BYTES_MAX: usize = 16 << 20;
/// Rows of an observation that are read.
const ROWS_READ_MAX: usize = 16_384;
/// Candidates that are drawn and listed.
const HITS_MAX: usize = 100;

/// What a header says that matters here: "SIGPROC filterbank format", D. Lorimer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    channels: usize,
    bits: usize,
}

impl Header {
    /// Reads a header; nothing when it is none.
    fn read(reader: &mut impl Read) -> Option<Self> {
        let mut header = Self::default();
        if word(reader)? != "HEADER_START" {
            return None;
        }
        for _ in 0..100 {
            let key = word(reader)?;
            match key.as_str() {
                "HEADER_END" => return Some(header).filter(Self::is_sound),
                "source_name" | "rawdatafile" => drop(word(reader)?),
                "nchans" => header.channels = int(reader)? as usize,
                "nbits" => header.bits = int(reader)? as usize,
                "data_type" | "nifs" | "machine_id" | "telescope_id" | "nbeams" | "ibeam"
                | "barycentric" | "pulsarcentric" | "nsamples" => drop(int(reader)?),
                // All others are numbers of eight bytes.
                _ => reader.read_exact(&mut [0; 8]).ok()?,
            }
        }
        None
    }

    fn is_sound(&self) -> bool {
        let row_bytes = self.channels.saturating_mul(self.bits / 8);
        matches!(self.bits, 8 | 32) && (1..=ROW_BYTES_MAX).contains(&row_bytes)
    }
}

fn int(reader: &mut impl Read) -> Option<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes).ok()?;
    Some(u32::from_le_bytes(bytes))
}

fn word(reader: &mut impl Read) -> Option<String> {
    let length = int(reader)? as usize;
    if !(1..=80).contains(&length) {
        return None;
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

/// An observation as a picture: frequency to the right, time downwards; of channels that share a
/// pixel the strongest, so that narrow lines stay.
pub(super) fn waterfall(mut reader: impl Read) -> Option<Small> {
    let header = Header::read(&mut reader)?;
    let columns = header.channels.min(COLUMNS_MAX);
    let mut bytes = vec![0; header.channels * header.bits / 8];
    let mut rows: Vec<Vec<f32>> = Vec::new();
    while rows.len() < ROWS_READ_MAX && reader.read_exact(&mut bytes).is_ok() {
        rows.push(strongest(&header, columns, &bytes));
    }
    if rows.is_empty() {
        return None;
    }
    let full = (u32::try_from(header.channels).ok()?, u32::try_from(rows.len()).ok()?);
    let rows = averaged(&rows);
    let repeat = ROWS_MIN.div_ceil(rows.len()).max(1);
    let (low, high) = levels(&rows);
    let shade = |value: &f32| (((value - low) / (high - low)).clamp(0.0, 1.0) * 255.0) as u8;
    let mut out = Vec::with_capacity(columns * rows.len() * repeat);
    for row in &rows {
        let shaded: Vec<u8> = row.iter().map(shade).collect();
        (0..repeat).for_each(|_| out.extend_from_slice(&shaded));
    }
    let height = u32::try_from(rows.len() * repeat).ok()?;
    let format = Format::Indexed(viridis());
    Some(Small { width: columns as u32, height, full, format, bytes: out })
}

fn strongest(header: &Header, columns: usize, bytes: &[u8]) -> Vec<f32> {
    let mut row = vec![f32::MIN; columns];
    let mut take = |channel: usize, value: f32| {
        let column = &mut row[channel * columns / header.channels];
        *column = column.max(value);
    };
    if header.bits == 8 {
        bytes.iter().enumerate().for_each(|(channel, value)| take(channel, f32::from(*value)));
    } else {
        let values = bytes.chunks_exact(4).filter_map(|it| it.try_into().ok());
        let values = values.map(f32::from_le_bytes).enumerate();
        values
            .filter(|(_, value)| value.is_finite())
            .for_each(|(channel, value)| take(channel, value));
    }
    row
}

/// At most [`ROWS_MAX`] rows, each the mean of those that it stands for.
fn averaged(rows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let group = rows.len().div_ceil(ROWS_MAX);
    let mean = |rows: &[Vec<f32>]| {
        let sum = |column: usize| rows.iter().map(|row| row[column]).sum::<f32>();
        (0..rows[0].len()).map(|column| sum(column) / rows.len() as f32).collect()
    };
    rows.chunks(group).map(mean).collect()
}

/// What is darkest and what is brightest: noise stays dark, and the strongest thousandth is
/// brightest.
fn levels(rows: &[Vec<f32>]) -> (f32, f32) {
    let mut all: Vec<f32> = rows.iter().flatten().copied().collect();
    all.sort_by(f32::total_cmp);
    let at = |permille: usize| all[(all.len() - 1) * permille / 1000];
    let (low, high) = (at(200), at(999));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

/// The colours of viridis, from dark to bright: the polynomials that M. Zucker fitted to
/// matplotlib's table (shadertoy.com/view/WlfXRN, public domain).
fn viridis() -> Vec<u8> {
    const FIT: [[f64; 7]; 3] = [
        [
            0.277_727_3,
            0.105_093_0,
            -0.330_861_8,
            -4.634_230_5,
            6.228_269_9,
            4.776_385_0,
            -5.435_455_9,
        ],
        [
            0.005_407_3,
            1.404_613_5,
            0.214_847_6,
            -5.799_101_0,
            14.179_933_4,
            -13.745_145_4,
            4.645_852_6,
        ],
        [
            0.334_099_8,
            1.384_590_2,
            0.095_095_2,
            -19.332_441_0,
            56.690_552_6,
            -65.353_032_6,
            26.312_435_2,
        ],
    ];
    let colour = |shade: u16| {
        let t = f64::from(shade) / 255.0;
        FIT.map(|fit| {
            let value = fit.iter().rev().fold(0.0, |sum, factor| sum * t + factor);
            (value.clamp(0.0, 1.0) * 255.0).round() as u8
        })
    };
    (0..256).flat_map(colour).collect()
}

/// A narrow signal that was found.
#[derive(Debug, PartialEq)]
struct Hit {
    drift_hz_s: f64,
    snr: f64,
    frequency_mhz: f64,
    channel: f64,
    flag: String,
}

/// What was found, and of the observation its channel's width in Hz and its length in seconds.
#[derive(Debug, Default, PartialEq)]
struct Found {
    hits: Vec<Hit>,
    channel_hz: f64,
    length_s: f64,
}

/// Reads a table of hits, as turboSETI writes them (Enriquez et al., "The Breakthrough Listen
/// Search for Intelligent Life", 2017).
fn found(text: &str) -> Found {
    let mut found = Found::default();
    for line in text.lines() {
        let number_after = |label: &str| {
            let rest = line.split_once(label)?.1;
            rest.split_whitespace().next()?.parse::<f64>().ok()
        };
        if let Some(comment) = line.strip_prefix('#') {
            if comment.contains("DELTAF") {
                found.channel_hz = number_after("DELTAF(Hz):").unwrap_or_default();
                found.length_s = number_after("obs_length:").unwrap_or_default();
            }
            continue;
        }
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let number = |place: usize| fields.get(place)?.parse::<f64>().ok();
        if let (Some(drift), Some(snr), Some(frequency), Some(channel)) =
            (number(1), number(2), number(3), number(5))
            && found.hits.len() < HITS_MAX
        {
            let flag = fields.get(12).copied().unwrap_or_default().to_owned();
            let hit = Hit { drift_hz_s: drift, snr, frequency_mhz: frequency, channel, flag };
            found.hits.push(hit);
        }
    }
    found
}

/// The observation with what was found drawn on it, a table of that, and what it means.
pub(super) async fn section(head: &Head, lang: Lang, job: &JobView, start: &[u8]) -> Markup {
    let found = found(valid(start));
    let shape = measure(head, job, What::Waterfall).await.ok().flatten();
    let path = format!("/api/v1/jobs/{}/view/{}", job.id, What::Waterfall.name());
    html! {
        @if let Some(shape) = shape {
            @let channels = f64::from(shape.full().0);
            figure.waterfall {
                div {
                    img src=(path) alt=(lang.text("waterfall")) width=(shape.width) height=(shape.height);
                    (marks(&found, channels))
                }
                figcaption { (lang.text("waterfall-help")) }
            }
        }
        @if found.hits.is_empty() { p { (lang.text("no-hits")) } }
        @else {
            table.stack {
                thead {
                    tr {
                        th.number { "№" } th.number { (lang.text("frequency")) }
                        th.number { (lang.text("drift")) } th.number { "SNR" }
                        th { (lang.text("meaning")) }
                    }
                }
                tbody {
                    @for (number, hit) in found.hits.iter().enumerate() {
                        tr {
                            td.number data-label="№" { (number + 1) }
                            td.number data-label=(lang.text("frequency")) { (lang.decimal(hit.frequency_mhz, 6)) " MHz" }
                            td.number data-label=(lang.text("drift")) { (lang.decimal(hit.drift_hz_s, 3)) " Hz/s" }
                            td.number data-label="SNR" { (lang.decimal(hit.snr, 1)) }
                            td data-label=(lang.text("meaning")) { (lang.text(meaning(hit))) }
                        }
                    }
                }
            }
        }
    }
}

/// What a signal most likely is.
fn meaning(hit: &Hit) -> &'static str {
    if hit.flag == "zero-drift" || hit.drift_hz_s.abs() < 1e-9 { "hit-earth" } else { "hit-drifts" }
}

/// Lines over the picture, one for each hit, along its drift.
fn marks(found: &Found, channels: f64) -> Markup {
    let drift = |hit: &Hit| match found.channel_hz {
        0.0 => 0.0,
        width => hit.drift_hz_s * found.length_s / width,
    };
    html! {
        svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true" {
            @for hit in &found.hits {
                @let from = (hit.channel + 0.5) / channels * 1000.0;
                @let to = (hit.channel + 0.5 + drift(hit)) / channels * 1000.0;
                path d=(format!("M{from:.1} 0v6M{to:.1} 100v-6")) {}
                path.drift d=(format!("M{from:.1} 6L{to:.1} 94")) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rows: usize, bits: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let mut put = |name: &str, value: &[u8]| {
            file.extend((name.len() as u32).to_le_bytes());
            file.extend(name.as_bytes());
            file.extend(value);
        };
        put("HEADER_START", &[]);
        put("nchans", &4u32.to_le_bytes());
        put("fch1", &1420.0f64.to_le_bytes());
        put("nbits", &bits.to_le_bytes());
        put("HEADER_END", &[]);
        for row in 0..rows {
            file.extend([10, 10, if row == 1 { 250 } else { 10 }, 10]);
        }
        file
    }

    #[test]
    fn an_observation_becomes_a_picture_with_its_line_brightest() {
        let small = waterfall(file(2, 8).as_slice()).unwrap();
        assert_eq!((small.width, small.full), (4, (4, 2)));
        assert_eq!(small.bytes.len(), 4 * small.height as usize);
        let brightest = small.bytes.iter().position(|it| *it == 255).unwrap();
        assert_eq!(brightest % 4, 2);
        assert!(small.encode().is_some());
    }

    #[test]
    fn what_is_no_observation_is_none() {
        for bad in [&b""[..], b"\x0c\0\0\0HEADER_STARX", b"\xff\xff\xff\xff"] {
            assert_eq!(waterfall(bad), None);
        }
        assert_eq!(waterfall(file(2, 7).as_slice()), None, "seven bits");
        assert_eq!(waterfall(file(0, 8).as_slice()), None, "no row");
    }

    #[test]
    fn viridis_ends_in_its_published_colours() {
        let colours = viridis();
        // The first and last of matplotlib's table: #440154 and #fde725, within what the fit misses.
        for (place, expected) in [(0, [0x44, 0x01, 0x54]), (255, [0xfd, 0xe7, 0x25])] {
            for (found, expected) in colours[place * 3..place * 3 + 3].iter().zip(expected) {
                assert!(found.abs_diff(expected) <= 6, "{place}: {found} and {expected}");
            }
        }
    }

    #[test]
    fn hits_are_read_with_what_they_most_likely_are() {
        let text = "# DELTAT: 18.25\tDELTAF(Hz):  -2.800000\tobs_length: 292.0\n\
                    000001\t  0.0\t 42.9\t 1420.34\t 1420.34\t21845\ta\tb\tc\td\te\tf\tzero-drift\n\
                    000002\t -0.153\t 25.3\t 1420.37\t 1420.37\t10922\ta\tb\tc\td\te\tf\t-\n";
        let found = found(text);
        assert_eq!((found.channel_hz, found.length_s), (-2.8, 292.0));
        assert_eq!(found.hits.iter().map(meaning).collect::<Vec<_>>(), ["hit-earth", "hit-drifts"]);
        // 16 channels to the right in 292 s, as it was made.
        let shown = marks(&found, 32_768.0).into_string();
        assert!(shown.contains("L333.8 94") || shown.contains("L333.9 94"), "{shown}");
    }
}
