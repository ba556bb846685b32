//! Estimates π with random points: a job without input.
//!
//! Of points thrown at a square, π/4 fall into the quarter of a circle that fits into it. Each task
//! throws its share and counts; the merge adds the counts. Point number `n` is always the same
//! point, whichever task throws it, so that the result does not depend on how the work is shared.

mod philox;

use bramble_guest::prelude::*;

bramble_guest::params! {
    struct Params {
        /// How many points are thrown.
        points: u64 = 100000000,
        /// How many tasks share the work; the result is the same for any number.
        tasks: u32 = 32,
        /// Another seed gives other points.
        seed: u32 = 1,
    }
}

bramble_guest::job! {
    name: "monte-carlo-pi",
    about: "Estimates pi by throwing random points at a quarter of a circle.",
    input: InputKind::NONE,
    split: Split::Guest,
    params: Params::DECLARED,
    result: ResultKind::TABLE,
    map: map,
    merge: merge,
    cut: cut,
}

/// Points between two reports of progress.
const BLOCK: u64 = 1 << 20;

/// A task needs to know no more than which points are its own.
fn cut(_input: &mut Input, _wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let params = Params::read()?;
    if params.points == 0 {
        return Err(JobError::bad_param("`points` must be at least 1"));
    }
    let shares = shares(0..params.points, params.tasks);
    Ok(shares.map(|share| vec![Piece::numbers(&[share.start, share.end])]).collect())
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let seed = Params::read()?.seed;
    let [from, end] = input.all_numbers()?;
    let mut inside = 0;
    let mut next = from;
    while next < end {
        let block_end = end.min(next.saturating_add(BLOCK));
        inside += (next..block_end).filter(|point| is_inside(philox::random(*point, seed))).count();
        next = block_end;
        progress(next - from, end - from);
    }
    Counts { points: end - from, inside: inside as u64 }.write(output)
}

fn merge(_task: &Task, parts: Vec<Input>, output: &mut Output) -> JobResult {
    let mut sum = Counts { points: 0, inside: 0 };
    for mut part in parts {
        let counts = Counts::read(&mut part)?;
        sum.points += counts.points;
        sum.inside += counts.inside;
    }
    sum.write(output)
}

/// Whether a point lies in the quarter of a circle.
///
/// The square has 2³¹ by 2³¹ cells of side 2, and points are the middles of cells: their
/// coordinates are the odd numbers below 2³². The radius is 2³², so that a point is outside
/// exactly when the sum of the squares does not fit into 64 bits. No fraction is rounded.
#[inline]
fn is_inside([x, y]: [u32; 2]) -> bool {
    let square = |coordinate: u32| u64::from(coordinate | 1) * u64::from(coordinate | 1);
    square(x).checked_add(square(y)).is_some()
}

/// What a task finds out, and what the result says.
struct Counts {
    points: u64,
    inside: u64,
}

impl Counts {
    /// The table that is the result, with all that follows from the counts.
    ///
    /// A point is inside with a probability p, so the share of those inside has the variance
    /// p (1 − p) / points (binomial distribution), and the estimate is 4 of that share.
    fn write(&self, output: &mut Output) -> JobResult {
        let share = self.inside as f64 / self.points as f64;
        let error = 4.0 * (share * (1.0 - share) / self.points as f64).sqrt();
        writeln!(output, "points\t{}\ninside\t{}", self.points, self.inside)?;
        writeln!(output, "pi\t{:.10}\nstandard error\t{error:.10}", 4.0 * share)?;
        Ok(())
    }

    /// The counts of such a table.
    fn read(part: &mut Input) -> JobResult<Self> {
        let mut count = |name: &str| {
            let line = String::from_utf8_lossy(part.next_line().unwrap_or_default()).into_owned();
            let value = line.strip_prefix(name).and_then(|value| value.trim().parse().ok());
            value.ok_or_else(|| JobError::failed(format!("a part has no count of `{name}`")))
        };
        Ok(Self { points: count("points")?, inside: count("inside")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local::Run;

    fn estimate(args: &[(&str, &str)]) -> JobResult<String> {
        let run = args.iter().fold(Run::new(&JOB), |run, (name, value)| run.arg(name, value));
        Ok(String::from_utf8(run.whole_in_any_chunks(b"")?).unwrap())
    }

    #[test]
    fn the_result_is_the_same_for_any_number_of_tasks() {
        let of = |tasks| estimate(&[("points", "10007"), ("tasks", tasks)]).unwrap();
        let expected = of("1");
        for tasks in ["2", "3", "64", "500"] {
            assert_eq!(of(tasks), expected, "{tasks} tasks");
        }
    }

    #[test]
    fn the_counts_are_those_of_another_program() {
        // tests/pi.py, which has the generator and the rule in Python's whole numbers.
        let count = |seed| {
            let result = estimate(&[("points", "100000"), ("tasks", "3"), ("seed", seed)]).unwrap();
            result.lines().nth(1).unwrap().to_owned()
        };
        assert_eq!(count("1"), "inside\t78475");
        assert_eq!(count("4294967295"), "inside\t78468");
    }

    #[test]
    fn the_estimate_lies_within_four_standard_errors() {
        // 1 in 16,000 samples lies further out (normal distribution).
        for seed in ["1", "2", "3"] {
            let result = estimate(&[("points", "1000000"), ("seed", seed)]).unwrap();
            let value = |line: usize| -> f64 {
                result.lines().nth(line).unwrap().split('\t').nth(1).unwrap().parse().unwrap()
            };
            let (pi, error) = (value(2), value(3));
            assert!((pi - std::f64::consts::PI).abs() < 4.0 * error, "{result}");
            // √(π (4 − π) / points), the same formula in π alone.
            assert!((error - 0.001_642_2).abs() < 0.000_002, "{result}");
        }
    }

    #[test]
    fn one_point_is_enough_and_none_is_not() {
        let one = estimate(&[("points", "1")]).unwrap();
        assert!(one.starts_with("points\t1\ninside\t"), "{one}");
        assert!(matches!(estimate(&[("points", "0")]), Err(JobError::BadParam(_))));
        assert!(matches!(estimate(&[("points", "-1")]), Err(JobError::BadParam(_))));
    }

    #[test]
    fn points_on_the_edges_fall_on_the_right_side() {
        assert!(is_inside([0, 0]));
        assert!(is_inside([0, u32::MAX - 2]));
        // (2³² − 1)² + 1² is 2⁶⁴ − 2³³ + 2.
        assert!(is_inside([u32::MAX, 0]));
        assert!(!is_inside([u32::MAX, u32::MAX]));
        // 2³² / √2 is 3,037,000,499.97…
        assert!(is_inside([3_037_000_499, 3_037_000_499]));
        assert!(!is_inside([3_037_000_501, 3_037_000_499]));
    }
}
