//! SIGPROC filterbank files: reading and writing their headers, and turning samples into numbers.
//!
//! A file is a header of keywords, then rows: for each moment a power for each channel. The format
//! is described in the SIGPROC manual by D. Lorimer (section "SIGPROC data format").

use bramble_guest::{Input, JobError, JobResult};

/// More than any header of a real file, so that a wrong one is found out early.
const HEADER_BYTES_MAX: usize = 64 << 10;
/// The longest keyword or text in SIGPROC's own reader.
const TEXT_BYTES_MAX: usize = 80;

/// How a power is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// One byte without a sign.
    U8,
    /// One byte with a sign.
    I8,
    /// Two bytes without a sign, little-endian.
    U16,
    /// Four bytes, a float, little-endian.
    F32,
}

impl Sample {
    /// Its length in bytes.
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 => 2,
            Self::F32 => 4,
        }
    }

    /// Turns stored samples into numbers.
    pub fn decode(self, bytes: &[u8], numbers: &mut [f32]) {
        match self {
            Self::U8 => fill(numbers, bytes, |[a]: [u8; 1]| f32::from(a)),
            Self::I8 => fill(numbers, bytes, |[a]: [u8; 1]| f32::from(a as i8)),
            Self::U16 => fill(numbers, bytes, |two: [u8; 2]| f32::from(u16::from_le_bytes(two))),
            Self::F32 => fill(numbers, bytes, f32::from_le_bytes),
        }
    }
}

fn fill<const N: usize>(numbers: &mut [f32], bytes: &[u8], decode: impl Fn([u8; N]) -> f32) {
    for (number, stored) in numbers.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *number = decode(*stored);
    }
}

/// What a filterbank file says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Name of what the telescope looked at.
    pub source: String,
    /// Right ascension, as a number whose digits are hhmmss.s.
    pub right_ascension: f64,
    /// Declination, as a number whose digits are ddmmss.s.
    pub declination: f64,
    /// Number of channels.
    pub channels: u64,
    /// Number of polarisations (IF streams) in each row; only the first is searched.
    pub streams: u64,
    /// How a power is stored.
    pub sample: Sample,
    /// Frequency of the first channel's centre.
    pub first_mhz: f64,
    /// From one channel to the next; negative when frequencies descend.
    pub step_mhz: f64,
    /// Time from one row to the next.
    pub row_s: f64,
    /// When the first row was taken, as a modified Julian date.
    pub start_mjd: f64,
    /// Number of rows, where the file says it.
    pub rows: Option<u64>,
    /// Length of the header itself.
    pub header_bytes: u64,
}

impl Header {
    /// Length of a whole row with all its streams.
    pub fn row_bytes(&self) -> u64 {
        self.channels * self.streams * self.sample.bytes()
    }

    /// Frequency of a channel's centre.
    pub fn mhz(&self, channel: f64) -> f64 {
        self.first_mhz + channel * self.step_mhz
    }

    /// Reads the header at the start of a file, without moving where `input` is read.
    ///
    /// # Errors
    /// Bad input, with the byte and the keyword.
    pub fn read(input: &Input<'_>) -> JobResult<Self> {
        Self::parse(&input.read_at(0, HEADER_BYTES_MAX))
    }

    /// Reads the header that `bytes` start with.
    ///
    /// # Errors
    /// Bad input, with the byte and the keyword.
    pub fn parse(bytes: &[u8]) -> JobResult<Self> {
        let mut fields = Fields { bytes, at: 0 };
        if fields.text().ok().as_deref() != Some("HEADER_START") {
            return Err(JobError::bad_input(
                "this is no SIGPROC filterbank: it does not start with HEADER_START",
            ));
        }
        let mut found = Found::default();
        loop {
            let at = fields.at;
            let keyword = fields.text()?;
            if keyword == "HEADER_END" {
                break;
            }
            found.take(&keyword, &mut fields, at)?;
        }
        found.checked(fields.at as u64)
    }

    /// The header as it stands in a file. The number of rows is left to the file's length.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let text = |bytes: &mut Vec<u8>, text: &str| {
            bytes.extend_from_slice(&(text.len() as i32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        };
        text(&mut bytes, "HEADER_START");
        text(&mut bytes, "source_name");
        text(&mut bytes, &self.source);
        let integers = [
            ("telescope_id", 0),
            ("machine_id", 0),
            ("data_type", 1),
            ("nchans", self.channels as i32),
            ("nifs", self.streams as i32),
            ("nbits", self.sample.bytes() as i32 * 8),
        ];
        for (keyword, value) in integers {
            text(&mut bytes, keyword);
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let numbers = [
            ("fch1", self.first_mhz),
            ("foff", self.step_mhz),
            ("tsamp", self.row_s),
            ("tstart", self.start_mjd),
            ("src_raj", self.right_ascension),
            ("src_dej", self.declination),
        ];
        for (keyword, value) in numbers {
            text(&mut bytes, keyword);
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        if self.sample == Sample::I8 {
            text(&mut bytes, "signed");
            bytes.push(1);
        }
        text(&mut bytes, "HEADER_END");
        bytes
    }
}

/// The bytes of a header, read from front to back.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> JobResult<[u8; N]> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let found = found.ok_or_else(|| {
            JobError::bad_input(format!("the header ends at byte {} without HEADER_END", self.at))
        })?;
        self.at += N;
        Ok(*found)
    }

    fn integer(&mut self) -> JobResult<i64> {
        self.take().map(|bytes| i64::from(i32::from_le_bytes(bytes)))
    }

    fn number(&mut self) -> JobResult<f64> {
        self.take().map(f64::from_le_bytes)
    }

    fn text(&mut self) -> JobResult<String> {
        let at = self.at;
        let len = self.integer()?;
        let len = usize::try_from(len).ok().filter(|len| *len <= TEXT_BYTES_MAX).ok_or_else(|| {
            JobError::bad_input(format!(
                "header, byte {at}: a text of {len} bytes, where at most {TEXT_BYTES_MAX} can be"
            ))
        })?;
        let found = self.bytes.get(self.at..self.at + len).ok_or_else(|| {
            JobError::bad_input(format!("the header ends within the text at byte {at}"))
        })?;
        self.at += len;
        Ok(String::from_utf8_lossy(found).into_owned())
    }
}

/// The keywords that matter here, as they were found.
#[derive(Default)]
struct Found {
    source: String,
    right_ascension: f64,
    declination: f64,
    channels: i64,
    streams: Option<i64>,
    bits: i64,
    signed: bool,
    first_mhz: f64,
    step_mhz: f64,
    row_s: f64,
    start_mjd: f64,
    rows: i64,
}

impl Found {
    fn take(&mut self, keyword: &str, fields: &mut Fields<'_>, at: usize) -> JobResult {
        match keyword {
            "source_name" => self.source = fields.text()?,
            "rawdatafile" => drop(fields.text()?),
            "nchans" => self.channels = fields.integer()?,
            "nifs" => self.streams = Some(fields.integer()?),
            "nbits" => self.bits = fields.integer()?,
            "nsamples" => self.rows = fields.integer()?,
            "telescope_id" | "machine_id" | "data_type" | "barycentric" | "pulsarcentric"
            | "nbeams" | "ibeam" => drop(fields.integer()?),
            "fch1" => self.first_mhz = fields.number()?,
            "foff" => self.step_mhz = fields.number()?,
            "tsamp" => self.row_s = fields.number()?,
            "tstart" => self.start_mjd = fields.number()?,
            "src_raj" => self.right_ascension = fields.number()?,
            "src_dej" => self.declination = fields.number()?,
            "az_start" | "za_start" | "refdm" | "period" => drop(fields.number()?),
            "signed" => self.signed = fields.take::<1>()? != [0],
            other => {
                return Err(JobError::bad_input(format!(
                    "header, byte {at}: the keyword {} is not known, so that its length is not \
                     either",
                    bramble_guest::quote(other)
                )));
            }
        }
        Ok(())
    }

    fn checked(self, header_bytes: u64) -> JobResult<Header> {
        let wrong = |what: &str, value: &dyn std::fmt::Display, should: &str| {
            Err(JobError::bad_input(format!("header: {what} is {value}, and should be {should}")))
        };
        if !(1..=1 << 30).contains(&self.channels) {
            return wrong("nchans", &self.channels, "from 1 to 2^30");
        }
        let streams = self.streams.unwrap_or(1);
        if !(1..=16).contains(&streams) {
            return wrong("nifs", &streams, "from 1 to 16");
        }
        let sample = match (self.bits, self.signed) {
            (8, false) => Sample::U8,
            (8, true) => Sample::I8,
            (16, false) => Sample::U16,
            (32, _) => Sample::F32,
            _ => return wrong("nbits", &self.bits, "8, 16 (unsigned) or 32"),
        };
        if !(1e-12..=1e6).contains(&self.row_s) {
            return wrong("tsamp", &self.row_s, "from 1e-12 to 1e6 seconds");
        }
        let step = self.step_mhz.abs();
        if !(1e-12..=1e6).contains(&step) {
            return wrong("foff", &self.step_mhz, "a distance of channels in MHz, not 0");
        }
        if !(-1e9..=1e9).contains(&self.first_mhz) {
            return wrong("fch1", &self.first_mhz, "a frequency in MHz");
        }
        let finite = |number: f64| if number.is_finite() { number } else { 0.0 };
        Ok(Header {
            source: self.source.split_whitespace().collect::<Vec<_>>().join("_"),
            right_ascension: finite(self.right_ascension),
            declination: finite(self.declination),
            channels: self.channels as u64,
            streams: streams as u64,
            sample,
            first_mhz: self.first_mhz,
            step_mhz: self.step_mhz,
            row_s: self.row_s,
            start_mjd: finite(self.start_mjd),
            rows: u64::try_from(self.rows).ok().filter(|rows| *rows > 0),
            header_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let mut header = Header {
            source: "TEST".into(),
            right_ascension: 171003.984,
            declination: 121058.8,
            channels: 1024,
            streams: 1,
            sample: Sample::F32,
            first_mhz: 8421.386717353016,
            step_mhz: -2.7939677238464355e-6,
            row_s: 18.253611008,
            start_mjd: 57650.78209490741,
            rows: None,
            header_bytes: 0,
        };
        header.header_bytes = header.to_bytes().len() as u64;
        header
    }

    #[test]
    fn what_is_written_is_read_again() {
        for sample in [Sample::U8, Sample::I8, Sample::U16, Sample::F32] {
            let mut written = Header { sample, streams: 2, ..header() };
            written.header_bytes = written.to_bytes().len() as u64;
            assert_eq!(Header::parse(&written.to_bytes()).unwrap(), written);
        }
    }

    #[test]
    fn a_header_cut_off_anywhere_is_refused() {
        let bytes = header().to_bytes();
        for len in 0..bytes.len() {
            assert!(matches!(Header::parse(&bytes[..len]), Err(JobError::BadInput(_))), "{len}");
        }
    }

    #[test]
    fn absurd_numbers_are_refused_by_name() {
        let refused = |keyword: &str, value: &[u8]| {
            let mut bytes = header().to_bytes();
            let at = bytes.windows(keyword.len()).position(|w| w == keyword.as_bytes()).unwrap();
            let at = at + keyword.len();
            bytes[at..at + value.len()].copy_from_slice(value);
            let error = Header::parse(&bytes).unwrap_err().to_string();
            assert!(error.contains(keyword), "{error}");
        };
        for channels in [0, -1, i32::MIN, i32::MAX] {
            refused("nchans", &channels.to_le_bytes());
        }
        refused("nifs", &0_i32.to_le_bytes());
        refused("nifs", &i32::MAX.to_le_bytes());
        refused("nbits", &7_i32.to_le_bytes());
        refused("nbits", &64_i32.to_le_bytes());
        for number in [0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            refused("tsamp", &number.to_le_bytes());
            refused("foff", &number.to_le_bytes());
        }
        refused("tsamp", &(-1.0_f64).to_le_bytes());
        refused("fch1", &f64::NAN.to_le_bytes());
    }

    #[test]
    fn what_is_no_filterbank_or_has_unknown_keywords_says_so() {
        let error = |bytes: &[u8]| Header::parse(bytes).unwrap_err().to_string();
        assert!(error(b"\x89HDF\r\n\x1a\n more").contains("HEADER_START"));
        let mut bytes = header().to_bytes();
        let at = bytes.windows(5).position(|w| w == b"tsamp").unwrap();
        bytes[at..at + 5].copy_from_slice(b"tsmap");
        assert!(error(&bytes).contains("`tsmap`"));
        bytes[at - 4..at].copy_from_slice(&(-5_i32).to_le_bytes());
        assert!(error(&bytes).contains(&format!("byte {}", at - 4)));
    }

    #[test]
    fn samples_of_each_kind_become_numbers() {
        let decoded = |sample: Sample, bytes: &[u8]| {
            let mut numbers = [0.0; 2];
            sample.decode(bytes, &mut numbers);
            numbers
        };
        assert_eq!(decoded(Sample::U8, &[0, 255]), [0.0, 255.0]);
        assert_eq!(decoded(Sample::I8, &[1, 255]), [1.0, -1.0]);
        assert_eq!(decoded(Sample::U16, &[0, 1, 255, 255]), [256.0, 65535.0]);
        assert_eq!(decoded(Sample::F32, &[0, 0, 128, 63, 0, 0, 0, 192]), [1.0, -2.0]);
    }
}
