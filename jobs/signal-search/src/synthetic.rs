//! Observations with known signals, for tests, lessons and benchmarks.

use crate::filterbank::{Header, Sample};

/// A transmitter of constant power that drifts through the channels.
#[derive(Clone, Copy, Debug)]
pub struct Tone {
    /// The channel it is in at the start of the first row.
    pub channel: f64,
    /// Channels per row.
    pub drift: f64,
    /// Its power in each row, in standard deviations of a sample's noise.
    pub power: f32,
}

/// An observation to be made.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Its header.
    pub header: Header,
    /// Number of rows.
    pub rows: usize,
    /// Its transmitters.
    pub tones: Vec<Tone>,
    /// Whether the receiver amplifies all channels alike; real ones do not.
    pub is_flat: bool,
    /// What its noise follows from.
    pub seed: u64,
}

/// The level of the noise, before the band's shape.
const LEVEL: f32 = 100.0;
/// The standard deviation of the noise.
const SIGMA: f32 = 10.0;

impl Observation {
    /// An observation like those of Breakthrough Listen (2.79 Hz, 18.25 s): noise and no tones.
    pub fn new(channels: u64, rows: usize) -> Self {
        let header = Header {
            source: "SYNTHETIC".into(),
            right_ascension: 171003.984,
            declination: 121058.8,
            channels,
            streams: 1,
            sample: Sample::F32,
            first_mhz: 8421.386717353016,
            step_mhz: -2.7939677238464355e-6,
            row_s: 18.253611008,
            start_mjd: 57650.78209490741,
            rows: None,
            header_bytes: 0,
        };
        Self { header, rows, tones: Vec::new(), is_flat: false, seed: 1 }
    }

    /// The observation of the lesson and of the comparison with turboSETI: two drifting tones in
    /// each direction, one of them through many channels a row, and two transmitters on Earth.
    pub fn lesson(channels: u64) -> Self {
        let at = |part: f64| (channels as f64 * part).floor() + 0.5;
        let tone = |part, drift, power| Tone { channel: at(part), drift, power };
        Self {
            tones: vec![
                tone(0.11, 1.0, 20.0),
                tone(0.23, -0.6, 9.0),
                tone(0.37, 6.4, 60.0),
                tone(0.62, 0.0, 40.0),
                tone(0.71, -2.2, 25.0),
                tone(0.84, 0.0, 15.0),
            ],
            ..Self::new(channels, 16)
        }
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.to_bytes();
        let mut noise = Noise(self.seed);
        let width = self.header.channels as usize;
        for row in 0..self.rows {
            for _ in 0..self.header.streams {
                let mut powers: Vec<f32> = (0..width).map(|_| SIGMA * noise.next()).collect();
                self.tones.iter().for_each(|tone| tone.add(row, &mut powers));
                for (channel, power) in powers.into_iter().enumerate() {
                    let place = channel as f32 / width as f32;
                    let gain = if self.is_flat { 1.0 } else { shape(place) };
                    let whole = gain * (LEVEL + power);
                    match self.header.sample {
                        Sample::U8 => bytes.push(whole as u8),
                        Sample::I8 => bytes.push((whole - LEVEL) as i8 as u8),
                        Sample::U16 => bytes.extend(((64.0 * whole) as u16).to_le_bytes()),
                        Sample::F32 => bytes.extend(whole.to_le_bytes()),
                    }
                }
            }
        }
        bytes
    }
}

impl Tone {
    /// Spreads the tone's power over the channels that it passes through during one row.
    fn add(&self, row: usize, powers: &mut [f32]) {
        const STEPS: usize = 64;
        for step in 0..STEPS {
            let rows = row as f64 + (step as f64 + 0.5) / STEPS as f64;
            let channel = self.channel + self.drift * rows;
            if channel >= 0.0
                && let Some(power) = powers.get_mut(channel as usize)
            {
                *power += SIGMA * self.power / STEPS as f32;
            }
        }
    }
}

/// The gain of the receiver along the band, from 0 to 1: falling at both ends, and never the same.
fn shape(place: f32) -> f32 {
    let edge = (place * (1.0 - place) * 4.0).min(0.5) * 2.0;
    (0.2 + 0.8 * edge) * (1.0 + 0.3 * place)
}

/// Noise that is nearly normal, with a mean of 0 and a standard deviation of 1.
struct Noise(u64);

impl Noise {
    /// The number of ones among 64 random bits has a standard deviation of 4; a fraction between
    /// two of its values makes it smooth. The bits are splitmix64's (G. Steele and others, "Fast
    /// Splittable Pseudorandom Number Generators", 2014).
    fn next(&mut self) -> f32 {
        let ones = self.bits().count_ones() as f32 - 32.0;
        let fraction = (self.bits() >> 40) as f32 / (1 << 24) as f32 - 0.5;
        (ones + fraction) / 4.0
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_is_as_said() {
        let mut noise = Noise(5);
        let values: Vec<f64> = (0..100_000).map(|_| f64::from(noise.next())).collect();
        let mean = values.iter().sum::<f64>() / 1e5;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance.sqrt() - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn the_file_has_its_header_and_all_its_rows() {
        for (sample, bytes) in [(Sample::U8, 1), (Sample::U16, 2), (Sample::F32, 4)] {
            let mut observation = Observation::new(100, 3);
            observation.header.sample = sample;
            let file = observation.to_bytes();
            let header = Header::parse(&file).unwrap();
            assert_eq!(file.len() as u64, header.header_bytes + 3 * 100 * bytes);
        }
    }
}
