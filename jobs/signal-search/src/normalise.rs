//! Levelling the band: every channel gets the same noise, whatever the receiver made of it.
//!
//! It works in blocks of channels that are counted from the start of the whole band, so that a
//! channel gets the same values in whatever sub-band it is looked at. Medians are used throughout:
//! a strong signal moves an average, but not the median of its block.

/// Channels of a block, whose noise is measured together: so many that a drifting signal passes
/// through a small part of them. The last block takes what is left, and has up to twice as many.
pub const BLOCK_CHANNELS: u64 = 2048;
/// Channels of a part of a block, whose level is measured by itself: the receiver's gain hardly
/// changes over so few. Parts have up to twice as many.
const PART_CHANNELS: usize = 128;
/// From a median of absolute deviations to a standard deviation, for normal noise: 1/Φ⁻¹(3/4).
const SIGMA_OF_MAD: f32 = 1.482_602_2;
/// From a mean of absolute deviations to a standard deviation, for normal noise: √(π/2).
const SIGMA_OF_MEAN: f32 = 1.253_314_1;
/// What lies beyond is no measurement, and its sums would overflow.
const POWER_MAX: f32 = 1e30;

/// Number of blocks in a band.
pub fn blocks_in(channels: u64) -> u64 {
    (channels / BLOCK_CHANNELS).max(1)
}

/// Where a block starts; the end of the band for the block after the last one.
pub fn block_start(block: u64, channels: u64) -> u64 {
    if block >= blocks_in(channels) { channels } else { block * BLOCK_CHANNELS }
}

/// The block that a channel is in.
pub fn block_of(channel: u64, channels: u64) -> u64 {
    (channel / BLOCK_CHANNELS).min(blocks_in(channels) - 1)
}

/// Levels one block in place. `rows` are its powers, a row for each moment.
///
/// Afterwards a sum over all rows, taken along any line, has a median of 0 and noise of a standard
/// deviation of 1: it is a signal-to-noise ratio. What is not a number counts as no signal, and so
/// does a block without any noise.
pub fn level_block(rows: &mut [&mut [f32]]) {
    let Some(first) = rows.first() else { return };
    let len = first.len();
    let mut scratch = Vec::with_capacity(len);
    level_parts(rows, &mut scratch);
    let mut sums = vec![0.0_f32; len];
    for row in rows.iter() {
        sums.iter_mut().zip(row.iter()).for_each(|(sum, value)| *sum += *value);
    }
    scratch.clear();
    scratch.extend_from_slice(&sums);
    let median_sum = median(&mut scratch);
    let sigma = spread(&sums, median_sum, &mut scratch);
    if sigma <= 0.0 {
        rows.iter_mut().for_each(|row| row.fill(0.0));
        return;
    }
    let (median, scale) = (median_sum / rows.len() as f32, 1.0 / sigma);
    for row in rows.iter_mut() {
        for value in row.iter_mut() {
            *value = (*value - median) * scale;
        }
    }
}

/// Takes the level out, and the gain as well where the levels tell it: powers are above 0, and
/// their noise grows with them. Between the middles of the parts both change in a straight line.
fn level_parts(rows: &mut [&mut [f32]], scratch: &mut Vec<f32>) {
    let len = rows[0].len();
    let parts = (len / PART_CHANNELS).max(1);
    let places: Vec<Place> = (0..len).map(|channel| Place::new(channel, len, parts)).collect();
    let mut levels = vec![0.0_f32; parts];
    let mut sums = vec![0.0_f32; parts];
    for row in rows.iter_mut() {
        for (number, level) in levels.iter_mut().enumerate() {
            let part = &row[number * len / parts..(number + 1) * len / parts];
            scratch.clear();
            scratch.extend(part.iter().copied().filter(|value| value.abs() < POWER_MAX));
            *level = median(scratch);
            sums[number] += *level;
        }
        for (value, place) in row.iter_mut().zip(&places) {
            let is_power = value.abs() < POWER_MAX;
            *value = if is_power { *value - place.between(&levels) } else { 0.0 };
        }
    }
    let least = sums.iter().copied().fold(f32::INFINITY, f32::min);
    if least > 0.0 {
        // A line that goes on beyond the last middle may fall below what there is.
        let level = |place: &Place| place.between(&sums).max(least / 2.0);
        let gains: Vec<f32> = places.iter().map(|place| 1.0 / level(place)).collect();
        for row in rows.iter_mut() {
            row.iter_mut().zip(&gains).for_each(|(value, gain)| *value *= *gain);
        }
    }
}

/// Where a channel lies between the middles of two parts.
struct Place {
    before: usize,
    after: usize,
    share: f32,
}

impl Place {
    fn new(channel: usize, len: usize, parts: usize) -> Self {
        if parts == 1 {
            return Self { before: 0, after: 0, share: 0.0 };
        }
        let place = (channel as f32 + 0.5) * parts as f32 / len as f32 - 0.5;
        let before = (place.max(0.0) as usize).min(parts - 2);
        Self { before, after: before + 1, share: place - before as f32 }
    }

    fn between(&self, levels: &[f32]) -> f32 {
        levels[self.before] + self.share * (levels[self.after] - levels[self.before])
    }
}

/// The standard deviation of normal noise that spreads as these values do around `centre`. More
/// than half of few-bit samples may be equal, which is why there is a second way.
fn spread(values: &[f32], centre: f32, scratch: &mut Vec<f32>) -> f32 {
    scratch.clear();
    scratch.extend(values.iter().map(|value| (value - centre).abs()));
    let mad = median(scratch);
    if mad > 0.0 {
        return mad * SIGMA_OF_MAD;
    }
    scratch.iter().sum::<f32>() / scratch.len() as f32 * SIGMA_OF_MEAN
}

/// The middle one, or the upper of two; 0 of none. Changes the order.
fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levelled(mut rows: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
        let mut borrowed: Vec<&mut [f32]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
        level_block(&mut borrowed);
        rows
    }

    fn sums(rows: &[Vec<f32>]) -> Vec<f32> {
        (0..rows[0].len()).map(|at| rows.iter().map(|row| row[at]).sum()).collect()
    }

    #[test]
    fn blocks_cover_a_band_of_any_size() {
        for channels in [1, 2047, 2048, 2049, 4095, 4096, 4097, 20_000] {
            let blocks = blocks_in(channels);
            assert_eq!((block_start(0, channels), block_start(blocks, channels)), (0, channels));
            for channel in 0..channels {
                let block = block_of(channel, channels);
                let (start, end) = (block_start(block, channels), block_start(block + 1, channels));
                assert!(start <= channel && channel < end, "{channel} of {channels}");
            }
        }
    }

    /// Deviations of -2, -1, 0, 1, 2 around a median: their MAD is 1, so the sigma is 1.4826.
    #[test]
    fn gain_and_level_are_taken_out() {
        let row = |level: f32, gain: f32| {
            vec![-2.0, 1.0, 0.0, -1.0, 2.0]
                .into_iter()
                .map(|value: f32| level + gain * value)
                .collect::<Vec<_>>()
        };
        let quiet = sums(&levelled(vec![row(10.0, 1.0), row(20.0, 1.0)]));
        let loud = sums(&levelled(vec![row(1e4, 64.0), row(3e4, 64.0)]));
        assert_eq!(quiet, loud);
        assert!((quiet[4] - 2.0 / 1.4826).abs() < 1e-4, "{quiet:?}");
    }

    #[test]
    fn a_slope_of_the_band_is_taken_out() {
        let row = (0..1000).map(|at| {
            let noise = [-2.0, 1.0, 0.0, -1.0, 2.0][at % 5];
            (100.0 + noise) * (1.0 + at as f32 / 200.0)
        });
        let row = &levelled(vec![row.collect()])[0];
        for at in [0, 1, 500, 998, 999] {
            let expected = [-2.0, 1.0, 0.0, -1.0, 2.0][at % 5] / 1.4826;
            assert!((row[at] - expected).abs() < 0.2, "{at}: {} {expected}", row[at]);
        }
    }

    #[test]
    fn one_strong_channel_does_not_move_the_level() {
        let mut row: Vec<f32> = (0..101_u8).map(f32::from).collect();
        let before = levelled(vec![row.clone()]);
        row[100] = 1e9;
        let after = levelled(vec![row]);
        assert_eq!(before[0][..100], after[0][..100]);
    }

    #[test]
    fn what_is_no_number_or_has_no_noise_is_no_signal() {
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
        let mut row: Vec<f32> = (0..64_u8).map(|at| f32::from(at % 7)).collect();
        row[10..14].copy_from_slice(&bad);
        let levelled_row = &levelled(vec![row])[0];
        assert!(levelled_row.iter().all(|value| value.is_finite()));
        assert_eq!(levelled(vec![vec![5.0; 9], vec![7.0; 9]]), vec![vec![0.0; 9]; 2]);
        assert_eq!(levelled(vec![vec![f32::NAN; 3]]), vec![vec![0.0; 3]]);
        assert_eq!(levelled(vec![vec![3.0]]), vec![vec![0.0]]);
    }

    /// A byte per sample, nearly all of them equal: the median of the deviations is 0.
    #[test]
    fn a_block_of_nearly_equal_samples_still_has_a_noise() {
        let mut row = vec![4.0; 100];
        row[7] = 5.0;
        let levelled_row = &levelled(vec![row])[0];
        assert!(levelled_row[7] > 10.0 && levelled_row[8] == 0.0);
    }
}
