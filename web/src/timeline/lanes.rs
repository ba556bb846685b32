//! Attempts side by side: which of them can share a row, because none began before the other ended.

use std::collections::BTreeMap;

use bramble_protocol::attempts::AttemptView;

/// One row: a slot of a node, as far as that can be told from the times.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lane<'a> {
    pub(crate) node: &'a str,
    /// Counted from 1 on each node.
    pub(crate) slot: u32,
    /// In the order in which they began.
    pub(crate) attempts: Vec<&'a AttemptView>,
}

impl Lane<'_> {
    /// How long it was at work, in microseconds.
    pub(crate) fn busy_us(&self) -> u64 {
        self.attempts.iter().map(|attempt| attempt.wall_us).sum()
    }
}

/// By how much two attempts may seem to overlap and yet have run one after the other, in
/// milliseconds: reports are not under way equally long.
const TOLERANCE_MS: u64 = 20;

/// Puts each attempt into the first row of its node in which there is room. Nodes come in the order
/// of their names, numbers in names by their value.
pub(crate) fn lanes(attempts: &[AttemptView]) -> Vec<Lane<'_>> {
    let mut nodes: BTreeMap<(&str, u64, &str), Vec<&AttemptView>> = BTreeMap::new();
    for attempt in attempts {
        nodes.entry(order(&attempt.node)).or_default().push(attempt);
    }
    let mut all = Vec::new();
    for ((_, _, node), mut attempts) in nodes {
        attempts.sort_by_key(|it| (it.started_at_ms, it.attempt.task.index, it.attempt.number));
        let first = all.len();
        for attempt in attempts {
            let has_room = |lane: &&mut Lane<'_>| {
                let last = lane.attempts.last().map_or(0, |last| last.ended_at_ms);
                last <= attempt.started_at_ms + TOLERANCE_MS
            };
            match all[first..].iter_mut().find(has_room) {
                Some(lane) => lane.attempts.push(attempt),
                None => {
                    let slot = (all.len() - first + 1) as u32;
                    all.push(Lane { node, slot, attempts: vec![attempt] });
                }
            }
        }
    }
    all
}

/// Sorts `node-2` before `node-10`.
fn order(name: &str) -> (&str, u64, &str) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().unwrap_or(0), name)
}

#[cfg(test)]
mod tests {
    use super::super::tests::attempt;
    use super::*;

    #[test]
    fn what_runs_at_the_same_time_stands_in_rows_of_its_own() {
        let attempts = [
            attempt(0, "node-10", 0, 100),
            attempt(1, "node-2", 0, 100),
            attempt(2, "node-2", 50, 150),
            attempt(3, "node-2", 95, 200),
        ];
        let found: Vec<_> = lanes(&attempts)
            .iter()
            .map(|lane| {
                let tasks: Vec<u32> =
                    lane.attempts.iter().map(|it| it.attempt.task.index).collect();
                (lane.node, lane.slot, tasks)
            })
            .collect();
        assert_eq!(
            found,
            [("node-2", 1, vec![1, 3]), ("node-2", 2, vec![2]), ("node-10", 1, vec![0])]
        );
        assert_eq!(lanes(&attempts)[0].busy_us(), 205_000);
    }
}
