//! The table of hits, in the columns of turboSETI's `.dat` files, so that its tools read it, and
//! one column more. Tables are merged as text: what is sorted by is what is printed.

use bramble_guest::{JobError, JobResult};

use crate::band::{Band, Lines};
use crate::filterbank::Header;
use crate::hits::Hit;

/// The columns of turboSETI 2.3.2, and `Flag`.
const COLUMNS: [&str; 13] = [
    "Top_Hit_#",
    "Drift_Rate",
    "SNR",
    "Uncorrected_Frequency",
    "Corrected_Frequency",
    "Index",
    "freq_start",
    "freq_end",
    "SEFD",
    "SEFD_freq",
    "Coarse_Channel_Number",
    "Full_number_of_hits",
    "Flag",
];
/// Lines before the first hit; turboSETI's tools skip so many.
const HEAD_LINES: usize = 9;

/// Hits with what stands before them, the strongest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The lines before the hits.
    head: String,
    /// The hits.
    pub rows: Vec<Row>,
}

/// One hit.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// All columns but the first.
    text: String,
    snr: f64,
    coarse: u64,
    index: u64,
    /// Its picture, where pictures are wanted.
    pub picture: Vec<u8>,
}

impl Table {
    /// A table of the hits of one band.
    pub fn new(band: &Band, hits: &[Hit], max_drift_hz_s: f64) -> Self {
        let rows = hits.iter().map(|hit| Row::new(&band.header, &band.lines, hit, band.per_coarse));
        let mut table = Self { head: head(band, max_drift_hz_s), rows: rows.collect() };
        table.sort();
        table
    }

    /// One table of all hits.
    pub fn merged(tables: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut tables = tables.into_iter();
        let mut all = tables.next()?;
        tables.for_each(|table| all.rows.extend(table.rows));
        all.sort();
        Some(all)
    }

    fn sort(&mut self) {
        self.rows.sort_by(|one, other| {
            let strongest_first = other.snr.total_cmp(&one.snr);
            strongest_first.then((one.coarse, one.index).cmp(&(other.coarse, other.index)))
        });
    }

    /// Leaves out all but the strongest.
    pub fn keep(&mut self, strongest: usize) {
        self.rows.truncate(strongest);
    }

    /// The table as it stands in a file.
    pub fn to_text(&self) -> String {
        let mut text = self.head.clone();
        for (number, row) in (1..).zip(&self.rows) {
            text += &format!("{number:06}\t{}\n", row.text);
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// Bad input, with the line.
    pub fn parse(text: &str) -> JobResult<Self> {
        let mut lines = text.lines().zip(1..);
        let head: String =
            lines.by_ref().take(HEAD_LINES).map(|(line, _)| format!("{line}\n")).collect();
        let rows = lines.map(|(line, number)| {
            Row::parse(line).ok_or_else(|| {
                JobError::bad_input(format!("line {number} of a part is no hit: {line}"))
            })
        });
        Ok(Self { head, rows: rows.collect::<JobResult<_>>()? })
    }
}

impl Row {
    fn new(header: &Header, lines: &Lines, hit: &Hit, per_coarse: u64) -> Self {
        let line = hit.line;
        let (coarse, index) = (line.channel / per_coarse, line.channel % per_coarse);
        // A drift of 0 is 0 in either direction of the channels.
        let drift_hz_s = line.drift as f64 * lines.drift_step_hz_s + 0.0;
        let (snr, mhz) = (f64::from(line.snr), header.mhz(line.channel as f64));
        let (start, end) =
            (header.mhz(hit.around.first as f64), header.mhz(hit.around.end as f64 - 1.0));
        let flag = if line.drift == 0 { "zero-drift" } else { "-" };
        let text = format!(
            "{drift_hz_s:10.6}\t{snr:10.6}\t{mhz:14.6}\t{mhz:14.6}\t{index}\t{start:14.6}\t\
             {end:14.6}\t0.0\t{:14.6}\t{coarse}\t{}\t{flag}",
            0.0, hit.lines_around
        );
        Self::parse(&format!("0\t{text}")).expect("a row that was just written")
    }

    /// The channel in which it starts, counted from the start of the whole band.
    pub fn channel(&self, per_coarse: u64) -> u64 {
        self.coarse * per_coarse + self.index
    }

    fn parse(line: &str) -> Option<Self> {
        let (_, text) = line.split_once('\t')?;
        let fields: Vec<&str> = text.split('\t').map(str::trim).collect();
        if fields.len() != COLUMNS.len() - 1 {
            return None;
        }
        Some(Self {
            snr: fields[1].parse().ok()?,
            index: fields[4].parse().ok()?,
            coarse: fields[9].parse().ok()?,
            text: text.to_owned(),
            picture: Vec::new(),
        })
    }
}

fn head(band: &Band, max_drift_hz_s: f64) -> String {
    let Band { header, lines, .. } = band;
    let Header { source, start_mjd, row_s, .. } = header;
    let (ra, dec) =
        (sexagesimal(header.right_ascension, 'h'), sexagesimal(header.declination, 'd'));
    let rule = "# --------------------------";
    let columns: String = COLUMNS.iter().map(|name| format!("{name} \t")).collect();
    format!(
        "{rule} o --------------------------\n\
         # File ID: {source}.fil \n\
         {rule} o --------------------------\n\
         # Source:{source}\n\
         # MJD: {start_mjd:18.12}\tRA: {ra}\tDEC: {dec}\n\
         # DELTAT: {row_s:10.6}\tDELTAF(Hz): {:10.6}\tmax_drift_rate: {max_drift_hz_s:10.6}\t\
         obs_length: {:10.6}\n\
         {rule}\n\
         # {columns}\n\
         {rule}\n",
        header.step_mhz * 1e6,
        lines.rows as f64 * row_s,
    )
}

/// `171003.984` as `17h10m03.984s`.
fn sexagesimal(number: f64, unit: char) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    let thousandths = (number.abs() * 1000.0 + 0.5) as u64;
    let (seconds, whole) = (thousandths % 100_000, thousandths / 100_000);
    format!(
        "{sign}{:02}{unit}{:02}m{:02}.{:03}s",
        whole / 100,
        whole % 100,
        seconds / 1000,
        seconds % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_written_as_people_read_them() {
        assert_eq!(sexagesimal(171003.984, 'h'), "17h10m03.984s");
        assert_eq!(sexagesimal(-51234.5, 'd'), "-05d12m34.500s");
        assert_eq!(sexagesimal(0.0, 'h'), "00h00m00.000s");
    }

    fn table(snrs: &[(f64, u64)]) -> Table {
        let rows = snrs.iter().map(|(snr, index)| {
            let text =
                format!("1\t 0.100000\t{snr:10.6}\t1.0\t1.0\t{index}\t1.0\t1.0\t0.0\t0.0\t0\t1\t-");
            Row::parse(&text).unwrap()
        });
        let head = "# line\n".repeat(HEAD_LINES);
        Table { head, rows: rows.collect() }
    }

    #[test]
    fn merged_tables_are_numbered_from_the_strongest() {
        let merged =
            Table::merged([table(&[(30.0, 5), (10.0, 1)]), table(&[(30.0, 2), (11.0, 9)])]);
        let text = merged.unwrap().to_text();
        let found: Vec<(&str, &str)> = text
            .lines()
            .skip(HEAD_LINES)
            .map(|line| {
                let f: Vec<&str> = line.split('\t').collect();
                (f[0], f[5])
            })
            .collect();
        assert_eq!(found, [("000001", "2"), ("000002", "5"), ("000003", "9"), ("000004", "1")]);
        assert_eq!(Table::parse(&text).unwrap().to_text(), text);
    }

    #[test]
    fn a_part_that_is_no_table_is_refused() {
        let text = table(&[(30.0, 5)]).to_text();
        let error = Table::parse(&text[..text.len() - 4]).unwrap_err().to_string();
        assert!(error.contains("line 10"), "{error}");
        assert!(Table::merged([]).is_none());
    }
}
