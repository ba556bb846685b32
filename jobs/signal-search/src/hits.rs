//! Hits: the lines that stand out of the noise, each signal once.
//!
//! A strong signal makes many lines stand out: those beside it, and all that cross it somewhere.
//! Such a line is *explained* by the stronger one, and no hit. turboSETI instead keeps only the
//! strongest line of a whole neighbourhood, and with it loses weaker signals nearby.

use crate::band::{Band, Lines, Span};
use crate::tree::strongest_lines;

/// How far apart, in channels, lines may be and still share the power of one narrow signal.
const NEAR_CHANNELS: f64 = 2.0;
/// What noise may add, in standard deviations, to the strongest of very many lines.
const LUCK_SIGMAS: f64 = 5.0;

/// The strongest line that starts in a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Where it starts, counted from the start of the whole band.
    pub channel: u64,
    /// Channels from the first row to the last (padded) one.
    pub drift: i64,
    /// Its power above the noise, in standard deviations of the noise.
    pub snr: f32,
}

/// A line that nothing stronger explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The line.
    pub line: Line,
    /// The channels whose lines could cross it: twice the largest drift on both sides.
    pub around: Span,
    /// How many lines above the threshold start in these.
    pub lines_around: u64,
}

/// How far from a line another one can start and still explain it.
pub fn reach(lines: &Lines) -> u64 {
    2 * lines.drift_max + near(lines, lines.drift_max as f64) as u64 + 1
}

/// Finds the hits that start in the core of a band, in order of their channels.
pub fn find(band: &Band, snr_min: f32) -> Vec<Hit> {
    let lines = candidates(band, snr_min);
    let reach = reach(&band.lines);
    let mut hits = Vec::new();
    let (mut from, mut to) = (0, 0);
    for line in &lines {
        while lines[from].channel + reach < line.channel {
            from += 1;
        }
        while to < lines.len() && lines[to].channel <= line.channel + reach {
            to += 1;
        }
        let core = band.core.first..band.core.end;
        let others = &lines[from..to];
        if core.contains(&line.channel)
            && !others.iter().any(|other| explains(other, line, &band.lines))
        {
            hits.push(hit(line, others, band));
        }
    }
    hits
}

fn hit(line: &Line, others: &[Line], band: &Band) -> Hit {
    let distance = 2 * band.lines.drift_max;
    let around = Span {
        first: line.channel.saturating_sub(distance),
        end: (line.channel + distance + 1).min(band.header.channels),
    };
    let starts_there = |other: &&Line| (around.first..around.end).contains(&other.channel);
    Hit { line: *line, around, lines_around: others.iter().filter(starts_there).count() as u64 }
}

/// The strongest line of each channel that is above the threshold.
fn candidates(band: &Band, snr_min: f32) -> Vec<Line> {
    let reach = reach(&band.lines);
    let first = band.core.first.saturating_sub(reach).max(band.all.first);
    let end = (band.core.end + reach).min(band.all.end);
    let offset = |channel: u64| (channel - band.all.first) as usize;
    let drift_max = band.lines.drift_max as usize;
    let best = strongest_lines(&band.powers, offset(first), offset(end), drift_max);
    let lines = (first..end).zip(best.sum.iter().zip(&best.drift));
    lines
        .filter(|(_, (sum, _))| **sum >= snr_min)
        .map(|(channel, (sum, drift))| Line { channel, drift: i64::from(*drift), snr: *sum })
        .collect()
}

/// Whether `weak` is no more than what it shares with the signal on `strong`, and luck.
fn explains(strong: &Line, weak: &Line, lines: &Lines) -> bool {
    let stronger =
        strong.snr > weak.snr || (strong.snr == weak.snr && strong.channel < weak.channel);
    if !stronger {
        return false;
    }
    let apart_first = strong.channel as f64 - weak.channel as f64;
    let apart_more = (strong.drift - weak.drift) as f64;
    let drift = strong.drift.unsigned_abs().max(weak.drift.unsigned_abs());
    let near = near(lines, drift as f64);
    match share(apart_first, apart_more, near) {
        0.0 => false,
        share if share >= 1.0 => true,
        share => {
            let rows = share.max(1.0 / lines.rows as f64);
            f64::from(weak.snr) <= f64::from(strong.snr) * rows + LUCK_SIGMAS
        }
    }
}

/// How near a line must come to share power: a fast signal fills several channels in one row.
fn near(lines: &Lines, drift: f64) -> f64 {
    let steps = crate::tree::padded(lines.rows as usize).max(2) - 1;
    NEAR_CHANNELS + drift / steps as f64
}

/// The part of the time from 0 to 1 in which `|first + more * time| <= near`.
fn share(first: f64, more: f64, near: f64) -> f64 {
    if more == 0.0 {
        return if first.abs() <= near { 1.0 } else { 0.0 };
    }
    let (one, other) = ((-near - first) / more, (near - first) / more);
    (one.max(other).min(1.0) - one.min(other).max(0.0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Lines = Lines { rows: 16, drift_max: 400, drift_step_hz_s: 0.01 };

    fn line(channel: u64, drift: i64, snr: f32) -> Line {
        Line { channel, drift, snr }
    }

    #[test]
    fn the_time_that_lines_share_follows_from_their_distance() {
        assert_eq!(share(0.0, 0.0, 2.0), 1.0);
        assert_eq!(share(3.0, 0.0, 2.0), 0.0);
        assert_eq!(share(0.0, 4.0, 2.0), 0.5);
        assert_eq!(share(-8.0, 16.0, 2.0), 0.25);
        assert_eq!(share(-10.0, 5.0, 2.0), 0.0);
        assert_eq!(share(10.0, 5.0, 2.0), 0.0);
    }

    #[test]
    fn a_line_beside_or_across_a_strong_one_is_explained() {
        let strong = line(1000, 0, 1000.0);
        assert!(explains(&strong, &line(1001, 1, 990.0), &LINES), "beside it");
        assert!(explains(&strong, &line(900, 200, 60.0), &LINES), "across it");
        assert!(!explains(&strong, &line(900, 200, 200.0), &LINES), "too strong for that");
        assert!(!explains(&strong, &line(900, 80, 60.0), &LINES), "never reaches it");
        assert!(!explains(&line(1000, 0, 10.0), &strong, &LINES), "weaker");
    }

    #[test]
    fn of_two_equal_lines_the_first_remains() {
        let (first, second) = (line(10, 0, 50.0), line(11, 0, 50.0));
        assert!(explains(&first, &second, &LINES) && !explains(&second, &first, &LINES));
        assert!(!explains(&first, &first, &LINES));
    }
}
