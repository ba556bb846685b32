//! From raw voltages to a filterbank: the Fourier transform that a telescope's computer makes.
//!
//! Voltages are cut by time, because a spectrum needs all samples of its moment; a search is cut by
//! frequency, because a line needs all moments. So these are two jobs, one after the other.

use std::io::Read;

use bramble_guest::{Input, JobError, JobResult, Output, Piece};
use rustfft::{FftPlanner, num_complex::Complex32};

use crate::filterbank::{Header, Sample};

/// What a chunk may have is 64 MiB.
const CHUNK_BYTES_MAX: u64 = 63 << 20;
/// Fewer than the 65,536 chunks that a job may have.
const CHUNKS_MAX: u64 = 60_000;

/// How one voltage is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voltage {
    /// Whether a sample has a real and an imaginary part.
    pub is_complex: bool,
    /// Whether a part is a float of four bytes, else a signed byte.
    pub is_float: bool,
}

impl Voltage {
    /// One of `i8-complex`, `f32-complex`, `i8-real` and `f32-real`.
    pub fn named(name: &str) -> Self {
        Self { is_complex: name.ends_with("complex"), is_float: name.starts_with("f32") }
    }

    fn bytes(self) -> u64 {
        (if self.is_float { 4 } else { 1 }) * (if self.is_complex { 2 } else { 1 })
    }

    fn decode(self, stored: &[u8], samples: &mut [Complex32]) {
        let int = |part: u8| f32::from(part as i8);
        match (self.is_float, self.is_complex) {
            (false, false) => fill(samples, stored, |[re]: [u8; 1]| (int(re), 0.0)),
            (false, true) => fill(samples, stored, |[re, im]: [u8; 2]| (int(re), int(im))),
            (true, false) => fill(samples, stored, |re: [u8; 4]| (f32::from_le_bytes(re), 0.0)),
            (true, true) => fill(samples, stored, |[a, b, c, d, e, f, g, h]: [u8; 8]| {
                (f32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h]))
            }),
        }
    }
}

fn fill<const N: usize>(
    samples: &mut [Complex32],
    stored: &[u8],
    decode: impl Fn([u8; N]) -> (f32, f32),
) {
    for (sample, bytes) in samples.iter_mut().zip(stored.as_chunks::<N>().0) {
        let (re, im) = decode(*bytes);
        *sample = Complex32 { re, im };
    }
}

/// A recording of voltages, and the spectra that are wanted of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recording {
    /// How it is stored.
    pub voltage: Voltage,
    /// Samples a second.
    pub rate_hz: f64,
    /// The frequency in the middle of the recorded band.
    pub centre_mhz: f64,
    /// Samples of a transform.
    pub fft_len: u64,
    /// How many spectra are added up in a row.
    pub spectra_per_row: u64,
}

impl Recording {
    fn row_bytes(&self) -> u64 {
        self.fft_len * self.spectra_per_row * self.voltage.bytes()
    }

    /// The header of the filterbank. Frequencies ascend. A real recording has half as many
    /// channels: its other half mirrors them.
    pub fn header(&self) -> Header {
        let (channels, below_centre) = match self.voltage.is_complex {
            true => (self.fft_len, self.rate_hz / 2.0),
            false => (self.fft_len / 2, self.rate_hz / 4.0),
        };
        Header {
            source: "VOLTAGES".into(),
            right_ascension: 0.0,
            declination: 0.0,
            channels,
            streams: 1,
            sample: Sample::F32,
            first_mhz: self.centre_mhz - below_centre / 1e6,
            step_mhz: self.rate_hz / self.fft_len as f64 / 1e6,
            row_s: (self.fft_len * self.spectra_per_row) as f64 / self.rate_hz,
            start_mjd: 0.0,
            rows: None,
            header_bytes: 0,
        }
    }

    /// Cuts the recording into whole rows, of about `wanted_bytes` together.
    ///
    /// # Errors
    /// Bad input where it is shorter than a row, a bad parameter where a row is too long.
    pub fn cut(&self, input: &Input<'_>, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
        let (row_bytes, bytes) = (self.row_bytes(), input.size());
        let rows = bytes / row_bytes;
        if row_bytes > CHUNK_BYTES_MAX {
            return Err(JobError::bad_param(format!(
                "a row of {} spectra of {} samples has {row_bytes} bytes, and can have \
                 {CHUNK_BYTES_MAX}: make `fft_len` or `spectra_per_row` smaller",
                self.spectra_per_row, self.fft_len
            )));
        }
        if rows == 0 {
            return Err(JobError::bad_input(format!(
                "the recording has {bytes} bytes, less than the {row_bytes} of one row of spectra"
            )));
        }
        let rows_per_chunk = (wanted_bytes / row_bytes)
            .max(rows.div_ceil(CHUNKS_MAX))
            .clamp(1, CHUNK_BYTES_MAX / row_bytes);
        let starts = (0..rows).step_by(rows_per_chunk as usize);
        let chunk = |first: u64| {
            let rows = rows_per_chunk.min(rows - first);
            vec![Piece::Input { offset: first * row_bytes, len: rows * row_bytes }]
        };
        Ok(starts.map(chunk).collect())
    }

    /// Turns a chunk into rows of powers.
    ///
    /// # Errors
    /// When the chunk has no whole number of rows.
    pub fn write_rows(&self, input: &mut Input<'_>, output: &mut Output<'_>) -> JobResult {
        let len = self.fft_len as usize;
        let fft = FftPlanner::new().plan_fft_forward(len);
        let mut stored = vec![0; len * self.voltage.bytes() as usize];
        let mut samples = vec![Complex32::default(); len];
        let mut scratch = vec![Complex32::default(); fft.get_inplace_scratch_len()];
        // The transform starts at the centre of a complex recording; what lies below it comes last.
        let first = if self.voltage.is_complex { len.div_ceil(2) } else { 0 };
        let channels = self.header().channels as usize;
        for _ in 0..input.size() / self.row_bytes() {
            let mut powers = vec![0.0_f32; channels];
            for _ in 0..self.spectra_per_row {
                input.read_exact(&mut stored)?;
                self.voltage.decode(&stored, &mut samples);
                fft.process_with_scratch(&mut samples, &mut scratch);
                let ascending = samples[first..].iter().chain(&samples[..first]);
                for (power, value) in powers.iter_mut().zip(ascending) {
                    *power += value.norm_sqr();
                }
            }
            powers.into_iter().for_each(|power| output.number(power));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local;

    fn recording(kind: &str, fft_len: u64, spectra_per_row: u64) -> Recording {
        let voltage = Voltage::named(kind);
        Recording { voltage, rate_hz: 1e6, centre_mhz: 100.0, fft_len, spectra_per_row }
    }

    #[test]
    fn frequencies_are_those_of_the_channels() {
        let complex = recording("i8-complex", 8, 3).header();
        assert_eq!((complex.channels, complex.first_mhz, complex.step_mhz), (8, 99.5, 0.125));
        assert_eq!(complex.row_s, 24e-6);
        let real = recording("f32-real", 8, 1).header();
        assert_eq!((real.channels, real.first_mhz, real.step_mhz), (4, 99.75, 0.125));
    }

    #[test]
    fn samples_of_each_kind_are_decoded() {
        let decoded = |kind: &str, stored: &[u8]| {
            let mut samples = [Complex32::default()];
            Voltage::named(kind).decode(stored, &mut samples);
            (samples[0].re, samples[0].im)
        };
        assert_eq!(decoded("i8-complex", &[1, 0xff]), (1.0, -1.0));
        assert_eq!(decoded("i8-real", &[0x80]), (-128.0, 0.0));
        assert_eq!(decoded("f32-real", &[0, 0, 128, 63]), (1.0, 0.0));
        assert_eq!(decoded("f32-complex", &[0, 0, 128, 63, 0, 0, 0, 192]), (1.0, -2.0));
    }

    #[test]
    fn a_recording_is_cut_between_rows_and_its_rest_is_left() {
        let input = local::input(&[0; 100], 64);
        let chunks = recording("i8-complex", 4, 2).cut(&input, 40).expect("a cut");
        let lens = chunks.iter().map(|pieces| match pieces[..] {
            [Piece::Input { offset, len }] => (offset, len),
            _ => panic!("{pieces:?}"),
        });
        assert_eq!(lens.collect::<Vec<_>>(), [(0, 32), (32, 32), (64, 32)]);
        let refused =
            |kind, len, input: &Input<'_>| recording(kind, len, 1).cut(input, 1).unwrap_err();
        assert!(matches!(refused("i8-real", 101, &input), JobError::BadInput(_)));
        assert!(matches!(refused("f32-complex", 8 << 20, &input), JobError::BadParam(_)));
    }
}
