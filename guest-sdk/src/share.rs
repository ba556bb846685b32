//! Sharing out work that is numbered: points, nonces, rows of a picture.

use std::ops::Range;

/// The most tasks that a job may have, because it may have no more chunks.
const TASKS_MAX: u32 = 65_536;

/// Cuts a range of numbers into `tasks` ranges in order, as even as can be.
///
/// None is empty, so that there are fewer when there are fewer numbers than tasks. There is at
/// least one task, and at most 65,536.
///
/// ```
/// # use bramble_guest::shares;
/// assert_eq!(shares(0..10, 3).collect::<Vec<_>>(), [0..3, 3..6, 6..10]);
/// ```
pub fn shares(numbers: Range<u64>, tasks: u32) -> impl Iterator<Item = Range<u64>> {
    let count = numbers.end.saturating_sub(numbers.start);
    let tasks = u64::from(tasks.clamp(1, TASKS_MAX)).min(count);
    // Products of a count and a number of tasks need more than 64 bits.
    let border = move |task: u64| {
        let passed = u128::from(count) * u128::from(task) / u128::from(tasks.max(1));
        numbers.start + passed as u64
    };
    (0..tasks).map(move |task| border(task)..border(task + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_leave_nothing_out() {
        for (numbers, tasks) in [(0..1, 5), (3..103, 7), (0..u64::MAX, 1000), (5..7, 0), (0..9, 9)]
        {
            let all: Vec<Range<u64>> = shares(numbers.clone(), tasks).collect();
            assert_eq!(all.first().unwrap().start, numbers.start);
            assert_eq!(all.last().unwrap().end, numbers.end);
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
            let sizes = || all.iter().map(|share| share.end - share.start);
            assert!(sizes().min().unwrap() > 0);
            assert!(sizes().max().unwrap() - sizes().min().unwrap() <= 1);
        }
    }

    #[test]
    fn there_are_as_many_tasks_as_wanted_and_possible() {
        assert_eq!(shares(0..100, 8).count(), 8);
        assert_eq!(shares(0..3, 8).count(), 3);
        assert_eq!(shares(0..u64::MAX, u32::MAX).count(), 65_536);
        assert_eq!(shares(4..4, 8).count(), 0);
    }
}
