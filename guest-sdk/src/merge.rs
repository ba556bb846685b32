//! Merging sorted streams in bounded memory.

use crate::{Input, JobResult};

/// A sorted stream of records, standing at one of them.
pub trait Run {
    /// Goes to the next record. False at the end.
    ///
    /// # Errors
    /// When the next record is malformed.
    fn advance(&mut self) -> JobResult<bool>;

    /// Whether the record it stands at must come before that of `other`. Equal records come in
    /// the order of their runs, so that a merge is stable.
    fn is_before(&self, other: &Self) -> bool;
}

/// Hands the records of all `runs` to `each` in their order, one run at a time: it is called with
/// the run that stands at the next record.
///
/// # Errors
/// The first error of a run or of `each`.
pub fn merge_sorted<R: Run>(runs: Vec<R>, mut each: impl FnMut(&R) -> JobResult) -> JobResult {
    let mut tree = LoserTree::new(runs)?;
    while let Some(run) = tree.first() {
        each(run)?;
        tree.advance()?;
    }
    Ok(())
}

/// A knock-out tournament between runs: each inner place of the tree remembers who lost there,
/// and the winner of all is the smallest. When the winner moves on, only the matches on its way
/// up are played again: log2(runs) comparisons for a record, against twice that with a heap.
struct LoserTree<R> {
    runs: Vec<R>,
    at_end: Vec<bool>,
    /// `losers[0]` is the winner of all; the children of place `n` are `2n` and `2n + 1`, and run
    /// `r` is the leaf at place `runs.len() + r`.
    losers: Vec<usize>,
}

impl<R: Run> LoserTree<R> {
    fn new(mut runs: Vec<R>) -> JobResult<Self> {
        let mut at_end = Vec::with_capacity(runs.len());
        for run in &mut runs {
            at_end.push(!run.advance()?);
        }
        let count = runs.len();
        let mut tree = Self { runs, at_end, losers: vec![0; count] };
        let mut winners: Vec<usize> = vec![0; 2 * count];
        for (run, winner) in winners[count..].iter_mut().enumerate() {
            *winner = run;
        }
        for place in (1..count).rev() {
            let (left, right) = (winners[2 * place], winners[2 * place + 1]);
            let right_wins = tree.wins(right, left);
            winners[place] = if right_wins { right } else { left };
            tree.losers[place] = if right_wins { left } else { right };
        }
        if count > 1 {
            tree.losers[0] = winners[1];
        }
        Ok(tree)
    }

    /// The run that stands at the smallest record.
    fn first(&self) -> Option<&R> {
        let winner = *self.losers.first()?;
        (!self.at_end[winner]).then(|| &self.runs[winner])
    }

    /// Moves that run on.
    fn advance(&mut self) -> JobResult {
        let mut winner = self.losers[0];
        self.at_end[winner] = !self.runs[winner].advance()?;
        let mut place = (self.runs.len() + winner) / 2;
        while place > 0 {
            if self.wins(self.losers[place], winner) {
                std::mem::swap(&mut self.losers[place], &mut winner);
            }
            place /= 2;
        }
        self.losers[0] = winner;
        Ok(())
    }

    /// Whether run `a` comes before run `b`. Of equal ones the earlier run does.
    #[inline]
    fn wins(&self, a: usize, b: usize) -> bool {
        if self.at_end[a] || self.at_end[b] {
            return self.at_end[b] && !self.at_end[a];
        }
        if a < b {
            !self.runs[b].is_before(&self.runs[a])
        } else {
            self.runs[a].is_before(&self.runs[b])
        }
    }
}

/// The lines of an input as a [`Run`], each with a key that is read from it once.
///
/// The key function answers for malformed lines.
pub struct KeyedLines<'a, K, F> {
    input: Input<'a>,
    key_of: F,
    key: Option<K>,
}

impl<'a, K, F: FnMut(&[u8]) -> JobResult<K>> KeyedLines<'a, K, F> {
    /// Standing before the first line.
    pub fn new(input: Input<'a>, key_of: F) -> Self {
        Self { input, key_of, key: None }
    }

    /// The line it stands at, without its line feed.
    pub fn line(&self) -> &[u8] {
        self.input.line()
    }

    /// The key of that line.
    ///
    /// # Panics
    /// Before the first line and after the last.
    pub fn key(&self) -> &K {
        self.key.as_ref().expect("the run stands at a line")
    }
}

impl<K: Ord, F: FnMut(&[u8]) -> JobResult<K>> Run for KeyedLines<'_, K, F> {
    fn advance(&mut self) -> JobResult<bool> {
        self.key = match self.input.next_line() {
            Some(line) => Some((self.key_of)(line)?),
            None => None,
        };
        Ok(self.key.is_some())
    }

    fn is_before(&self, other: &Self) -> bool {
        self.key < other.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobError, local};

    /// Lines are ordered by their first byte only.
    fn key(line: &[u8]) -> JobResult<u8> {
        line.first().copied().ok_or_else(|| JobError::bad_input("an empty line"))
    }

    fn merged(texts: &[&str]) -> JobResult<String> {
        let mut merged = String::new();
        let inputs = texts.iter().map(|text| local::input(text.as_bytes(), 3));
        let runs = inputs.map(|input| KeyedLines::new(input, key)).collect();
        merge_sorted(runs, |run: &KeyedLines<_, _>| {
            merged.push_str(std::str::from_utf8(run.line()).unwrap());
            merged.push(' ');
            Ok(())
        })?;
        Ok(merged)
    }

    #[test]
    fn equal_records_come_in_the_order_of_their_runs() {
        let merged = merged(&["a0\nb0\nb1\nd0", "b2\n", "", "a1\nb3\nc0\n", "b4"]).unwrap();
        assert_eq!(merged, "a0 a1 b0 b1 b2 b3 b4 c0 d0 ");
    }

    #[test]
    fn any_number_of_runs_gives_what_a_stable_sort_gives() {
        for count in 0..20 {
            let texts: Vec<String> = (0..count)
                .map(|run| {
                    let mut lines: Vec<String> = (0..run * 3 % 7)
                        .map(|line| format!("{}{run}.{line}", (line * 5 + run) % 4))
                        .collect();
                    lines.sort_by_key(|line| line.as_bytes()[0]);
                    lines.join("\n")
                })
                .collect();
            let mut expected: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
            expected.sort_by_key(|line| line.as_bytes()[0]);
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            let merged = merged(&borrowed).unwrap();
            assert_eq!(merged.split_whitespace().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_malformed_record_ends_the_merge() {
        assert_eq!(merged(&["a", "b\n\nc"]), Err(JobError::bad_input("an empty line")));
    }
}
