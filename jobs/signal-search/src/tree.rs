//! De-Doppler: the strongest straight line that starts in each channel, by Taylor's tree.
//!
//! A transmitter on a turning planet drifts through the channels while it is recorded. To gather
//! its power one must add along its line, for every line there could be. Lines share most of their
//! samples, and the tree adds shared parts once: sums over two rows make those over four, and so
//! on. N rows cost log2(N) additions for each line instead of N (J. H. Taylor, "A Sensitive Method
//! for Detecting Dispersed Radio Emission", A&A Suppl. 15, 367, 1974).
//!
//! The tree finds drifts of 0 to N-1 channels over N rows. For faster ones, row `t` is first moved
//! by `b*t` channels, for each whole number `b`: that gives drifts from `b*(N-1)` on.

/// Levelled powers with room for lines that leave the sub-band.
pub struct Rows {
    powers: Vec<f32>,
    stride: usize,
    margin: usize,
    width: usize,
    count: usize,
}

impl Rows {
    /// Nothing but zeros: `width` channels, and `rows` moments or more, up to a power of two. Lines
    /// may drift by `drift_max` channels from the first row to the last.
    pub fn new(width: usize, rows: usize, drift_max: usize) -> Self {
        let count = padded(rows);
        let margin = drift_max + count;
        let stride = width + 2 * margin;
        Self { powers: vec![0.0; stride * count], stride, margin, width, count }
    }

    /// Number of rows, with those that were added.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The powers at one moment.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.powers[row * self.stride + self.margin..][..self.width]
    }

    /// The powers of some channels, to be changed: a slice for each of the first `rows` moments.
    pub fn columns_mut(&mut self, rows: usize, from: usize, to: usize) -> Vec<&mut [f32]> {
        let start = self.margin + from;
        let end = self.margin + to;
        self.powers
            .chunks_exact_mut(self.stride)
            .take(rows)
            .map(|row| &mut row[start..end])
            .collect()
    }

    /// The power at a moment and a place, which may lie outside of the sub-band by as much as a
    /// line can drift.
    fn from(&self, row: usize, channel: isize, len: usize) -> &[f32] {
        let at = (row * self.stride + self.margin) as isize + channel;
        &self.powers[at as usize..][..len]
    }
}

/// Rows with those that a tree needs more: the next power of two.
pub fn padded(rows: usize) -> usize {
    rows.max(1).next_power_of_two()
}

/// The strongest line from each of some channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// Sum of the powers along it.
    pub sum: Vec<f32>,
    /// Channels from the first row to the last (added ones included).
    pub drift: Vec<i32>,
}

/// Finds the strongest line of at most `drift_max` channels, up or down, from each channel in
/// `from..to`.
pub fn strongest_lines(rows: &Rows, from: usize, to: usize, drift_max: usize) -> Best {
    let len = to - from;
    let mut best = Best { sum: vec![f32::NEG_INFINITY; len], drift: vec![0; len] };
    if rows.count == 1 {
        best.sum.copy_from_slice(&rows.row(0)[from..to]);
        return best;
    }
    // A tile and all partial sums of its lines stay in the processor's cache.
    let tile = 1024.max(2 * rows.count);
    let mut tree = Tree::new(rows, tile);
    let steps = rows.count as isize - 1;
    let drift_max = drift_max as isize;
    let moves = (-drift_max).div_euclid(steps)..=drift_max / steps;
    for start in (0..len).step_by(tile) {
        let end = (start + tile).min(len);
        for channels_per_row in moves.clone() {
            let least = channels_per_row * steps;
            // The last line of a tree is the first one of the next.
            let wanted = (-drift_max - least).max(0)..(drift_max - least + 1).min(steps);
            let (sum, drift) = (&mut best.sum[start..end], &mut best.drift[start..end]);
            tree.lines((from + start) as isize, channels_per_row, wanted, sum, drift);
        }
    }
    best
}

/// The partial sums of one tile, of one level and of the next.
struct Tree<'r> {
    rows: &'r Rows,
    stride: usize,
    level: Vec<f32>,
    next: Vec<f32>,
}

impl<'r> Tree<'r> {
    fn new(rows: &'r Rows, tile: usize) -> Self {
        let stride = tile + rows.count;
        let sums = vec![0.0; stride * rows.count];
        Self { rows, stride, level: sums.clone(), next: sums }
    }

    /// Adds up the lines that start at `channel` and after it, and keeps those that are stronger
    /// than what is in `sum`.
    fn lines(
        &mut self,
        channel: isize,
        channels_per_row: isize,
        wanted: std::ops::Range<isize>,
        sum: &mut [f32],
        drift: &mut [i32],
    ) {
        let count = self.rows.count;
        let mut half = 1;
        while 2 * half < count {
            // Later levels look at channels further on, by as much as their lines drift.
            let width = sum.len() + count - 2 * half;
            for group in (0..count).step_by(2 * half) {
                for line in 0..half {
                    let shape = Shape { half, group, line, channel, channels_per_row };
                    let to = (group + 2 * line) * self.stride;
                    let (first, second) = shape.halves(self.rows, &self.level, self.stride, width);
                    let [even, odd] = rows_mut(&mut self.next, to, self.stride, width);
                    add(first, second, even, odd);
                }
            }
            std::mem::swap(&mut self.level, &mut self.next);
            half *= 2;
        }
        let least = channels_per_row * (count as isize - 1);
        for line in 0..half {
            let shape = Shape { half, group: 0, line, channel, channels_per_row };
            let (first, second) = shape.halves(self.rows, &self.level, self.stride, sum.len());
            let even = 2 * line as isize;
            let takes = [wanted.contains(&even), wanted.contains(&(even + 1))];
            let drifts = [(least + even) as i32, (least + even + 1) as i32];
            match takes {
                [true, true] => keep_stronger_of_two(first, second, drifts, sum, drift),
                [true, false] => keep_stronger(first, second, drifts[0], sum, drift),
                [false, true] => keep_stronger(first, &second[1..], drifts[1], sum, drift),
                [false, false] => {}
            }
        }
    }
}

/// Which lines are to be added up: two halves of `half` rows each, from row `group` on, each of
/// which drifts by `line` channels.
struct Shape {
    half: usize,
    group: usize,
    line: usize,
    channel: isize,
    channels_per_row: isize,
}

impl Shape {
    /// The sums of the two halves of lines `2*line` and `2*line + 1`; the second half has one
    /// channel more, for the latter.
    fn halves<'a>(
        &self,
        rows: &'a Rows,
        level: &'a [f32],
        stride: usize,
        width: usize,
    ) -> (&'a [f32], &'a [f32]) {
        if self.half == 1 {
            let at = |row: usize| self.channel + self.channels_per_row * row as isize;
            let first = rows.from(self.group, at(self.group), width);
            return (first, rows.from(self.group + 1, at(self.group + 1), width + 1));
        }
        let first = (self.group + self.line) * stride;
        let second = first + self.half * stride + self.line;
        (&level[first..first + width], &level[second..second + width + 1])
    }
}

/// Two neighbouring rows of sums, from `at` on.
fn rows_mut(sums: &mut [f32], at: usize, stride: usize, width: usize) -> [&mut [f32]; 2] {
    let (even, odd) = sums[at..at + stride + width].split_at_mut(stride);
    [&mut even[..width], odd]
}

/// How many sums are made in one go. With a number that the compiler knows it unrolls the loop,
/// which WebAssembly needs: counting took a third of the time. (Fewer keep it from using vector
/// instructions on x86-64.)
const LANES: usize = 32;

/// Both lines at once, because what they share is then read once.
fn add(first: &[f32], second: &[f32], even: &mut [f32], odd: &mut [f32]) {
    let len = first.len();
    let (evens, even_rest) = even.as_chunks_mut::<LANES>();
    let (odds, odd_rest) = odd.as_chunks_mut::<LANES>();
    let (firsts, first_rest) = first.as_chunks::<LANES>();
    let (seconds, second_rest) = second[..len].as_chunks::<LANES>();
    let (afters, after_rest) = second[1..=len].as_chunks::<LANES>();
    let sums = evens.iter_mut().zip(odds);
    for ((first, (second, after)), (even, odd)) in
        firsts.iter().zip(seconds.iter().zip(afters)).zip(sums)
    {
        add_lanes([first, second, after], even, odd);
    }
    add_lanes([first_rest, second_rest, after_rest], even_rest, odd_rest);
}

#[inline(always)]
fn add_lanes([first, second, after]: [&[f32]; 3], even: &mut [f32], odd: &mut [f32]) {
    let sums = even.iter_mut().zip(odd);
    for ((first, (second, after)), (even, odd)) in
        first.iter().zip(second.iter().zip(after)).zip(sums)
    {
        *even = first + second;
        *odd = first + after;
    }
}

fn keep_stronger(first: &[f32], second: &[f32], drift: i32, best: &mut [f32], drifts: &mut [i32]) {
    let powers = first.iter().zip(second);
    for ((best, best_drift), (first, second)) in best.iter_mut().zip(drifts).zip(powers) {
        let sum = first + second;
        let stronger = sum > *best;
        *best_drift = if stronger { drift } else { *best_drift };
        *best = if stronger { sum } else { *best };
    }
}

/// Two at once, because reading and writing the best so far takes longer than adding.
fn keep_stronger_of_two(
    first: &[f32],
    second: &[f32],
    both: [i32; 2],
    best: &mut [f32],
    drifts: &mut [i32],
) {
    let len = best.len();
    let (best, best_rest) = best.as_chunks_mut::<LANES>();
    let (drifts, drifts_rest) = drifts.as_chunks_mut::<LANES>();
    let (firsts, first_rest) = first[..len].as_chunks::<LANES>();
    let (seconds, second_rest) = second[..len].as_chunks::<LANES>();
    let (afters, after_rest) = second[1..=len].as_chunks::<LANES>();
    let powers = firsts.iter().zip(seconds.iter().zip(afters));
    for ((best, drifts), (first, (second, after))) in best.iter_mut().zip(drifts).zip(powers) {
        keep_lanes([first, second, after], both, best, drifts);
    }
    keep_lanes([first_rest, second_rest, after_rest], both, best_rest, drifts_rest);
}

#[inline(always)]
fn keep_lanes(
    [first, second, after]: [&[f32]; 3],
    [even, odd]: [i32; 2],
    best: &mut [f32],
    drifts: &mut [i32],
) {
    let powers = first.iter().zip(second.iter().zip(after));
    for ((best, best_drift), (first, (second, after))) in best.iter_mut().zip(drifts).zip(powers) {
        let (even_sum, odd_sum) = (first + second, first + after);
        let odd_wins = odd_sum > even_sum;
        let sum = if odd_wins { odd_sum } else { even_sum };
        let drift = if odd_wins { odd } else { even };
        let stronger = sum > *best;
        *best_drift = if stronger { drift } else { *best_drift };
        *best = if stronger { sum } else { *best };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offset of a tree's line at a row, from its definition: each half of a line of `2^k` rows
    /// drifts by half of it, and the second half starts where rounding up puts it.
    fn offset(count: usize, drift: usize, row: usize) -> usize {
        match count {
            1 => 0,
            _ if row < count / 2 => offset(count / 2, drift / 2, row),
            _ => drift.div_ceil(2) + offset(count / 2, drift / 2, row - count / 2),
        }
    }

    fn powers(width: usize, count: usize, drift_max: usize) -> Rows {
        let mut rows = Rows::new(width, count, drift_max);
        let mut state = 7_u32;
        for row in rows.columns_mut(count, 0, width) {
            for power in row {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Whole numbers, so that sums are the same in any order.
                *power = (state >> 24) as f32;
            }
        }
        rows
    }

    fn strongest_by_adding_each_line(rows: &Rows, from: usize, to: usize, max: isize) -> Best {
        let steps = rows.count() as isize - 1;
        let mut best = Best { sum: vec![f32::NEG_INFINITY; to - from], drift: vec![0; to - from] };
        for start in from..to {
            for drift in -max..=max {
                let (moved, rest) = (drift.div_euclid(steps), drift.rem_euclid(steps));
                let sum: f32 = (0..rows.count())
                    .map(|row| {
                        let inner = offset(rows.count(), rest as usize, row) as isize;
                        let channel = start as isize + moved * row as isize + inner;
                        let inside = usize::try_from(channel).ok();
                        inside.and_then(|at| rows.row(row).get(at)).copied().unwrap_or(0.0)
                    })
                    .sum();
                if sum > best.sum[start - from] {
                    (best.sum[start - from], best.drift[start - from]) = (sum, drift as i32);
                }
            }
        }
        best
    }

    #[test]
    fn the_tree_finds_what_adding_each_line_finds() {
        for (width, count, drift_max) in [
            (50, 2, 1),
            (50, 2, 5),
            (70, 4, 3),
            (2500, 4, 2),
            (90, 8, 29),
            (40, 16, 60),
            (9, 32, 0),
        ] {
            let rows = powers(width, count, drift_max);
            let (from, to) = (width / 7, width - width / 9);
            let found = strongest_lines(&rows, from, to, drift_max);
            let expected = strongest_by_adding_each_line(&rows, from, to, drift_max as isize);
            assert_eq!(found.sum, expected.sum, "{width} x {count}, {drift_max}");
            assert_eq!(found.drift, expected.drift, "{width} x {count}, {drift_max}");
        }
    }

    /// A straight line in whole channels per row belongs to a tree as it is.
    #[test]
    fn a_line_is_found_with_its_drift() {
        for drift_per_row in -5..=5_isize {
            let mut rows = Rows::new(400, 16, 80);
            for (row, powers) in rows.columns_mut(16, 0, 400).into_iter().enumerate() {
                powers[(200 + drift_per_row * row as isize) as usize] = 1.0;
            }
            let best = strongest_lines(&rows, 0, 400, 80);
            assert_eq!((best.sum[200], best.drift[200]), (16.0, 15 * drift_per_row as i32));
        }
    }

    #[test]
    fn one_row_has_no_drift() {
        let rows = powers(10, 1, 0);
        let best = strongest_lines(&rows, 2, 9, 0);
        assert_eq!(best.sum, rows.row(0)[2..9]);
        assert_eq!(best.drift, [0; 7]);
    }

    #[test]
    fn rows_are_added_up_to_a_power_of_two() {
        let counts = [0, 1, 2, 3, 5, 16, 17].map(|rows| Rows::new(1, rows, 0).count());
        assert_eq!(counts, [1, 1, 2, 4, 8, 16, 32]);
    }
}
