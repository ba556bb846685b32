//! Where results differ, and what that says of the job.

use bramble_protocol::{ModuleInfo, ModuleKind};

use super::{Order, Trial, TrialReport, Variant};

/// How much is shown of a result at the place where it differs, in bytes.
const SHOWN_BYTES: usize = 40;

/// Two results that should be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What the difference comes from.
    pub suspect: Suspect,
    /// Where it begins.
    pub place: Place,
    /// How long the two results are, in bytes.
    pub bytes: (u64, u64),
    /// What to do about it, in lines.
    pub help: Vec<String>,
}

/// What a difference comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspect {
    /// The result is not what `expect/` says.
    Expectation,
    /// The input was cut into so many chunks, and into so many.
    Cutting(usize, usize),
    /// The same chunks were worked on in another order.
    Order(Order),
    /// The job was cut into another number of key ranges.
    Partitions,
}

/// The first place where two results differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In bytes, from 0.
    pub offset: u64,
    /// The line, from 1.
    pub line: u64,
    /// What stands there in the first.
    pub first: String,
    /// What stands there in the second.
    pub second: String,
}

impl TrialReport {
    /// Compares the last run with the first.
    pub(super) fn compare(&mut self, info: &ModuleInfo, trial: &Trial, result: &[u8]) {
        let Some(place) = first_difference(&self.result, result) else { return };
        let (first, last) = (self.runs[0].variant, self.runs[self.runs.len() - 1].variant);
        let suspect = suspect(&self.runs.iter().map(|run| run.variant).collect::<Vec<_>>());
        let same_kind = |known: &Difference| {
            std::mem::discriminant(&known.suspect) == std::mem::discriminant(&suspect)
        };
        if self.differences.iter().any(same_kind) || self.is_explained(last) {
            return;
        }
        let help = match suspect {
            Suspect::Cutting(..) => cutting_help(info, trial),
            Suspect::Order(_) => vec![
                "a task depends on something beside its chunk, its parameters and its place".into(),
            ],
            Suspect::Partitions => vec![
                "the maps must write each record to the partition of its key range, and the ranges \
                 must be in order"
                    .into(),
            ],
            Suspect::Expectation => Vec::new(),
        };
        debug_assert_ne!(first, last);
        let bytes = (self.result.len() as u64, result.len() as u64);
        self.differences.push(Difference { suspect, place, bytes, help });
    }

    /// Whether the run before gave another result already, with the same chunks: then this one
    /// differs from the first for the same reason.
    fn is_explained(&self, last: Variant) -> bool {
        let cutting = |known: &Difference| matches!(known.suspect, Suspect::Cutting(..));
        last.order != Order::Forward && self.differences.iter().any(cutting)
    }

    /// Compares what came out with what was expected.
    pub(super) fn compare_with_expected(&mut self, trial: &Trial) {
        let Some(expected) = &trial.expected else { return };
        if let Some(place) = first_difference(expected, &self.result) {
            let bytes = (expected.len() as u64, self.result.len() as u64);
            let help = vec!["if the new result is right: bramble test --update".into()];
            let suspect = Suspect::Expectation;
            self.differences.insert(0, Difference { suspect, place, bytes, help });
        }
    }
}

/// What the last of some runs has that the first has not.
fn suspect(variants: &[Variant]) -> Suspect {
    let (first, last) = (variants[0], variants[variants.len() - 1]);
    if last.order != Order::Forward {
        return Suspect::Order(last.order);
    }
    if last.partitions != first.partitions {
        return Suspect::Partitions;
    }
    Suspect::Cutting(first.chunks, last.chunks)
}

fn cutting_help(info: &ModuleInfo, trial: &Trial) -> Vec<String> {
    let exports = info.effective_exports(&trial.params);
    if exports.merger || exports.reducer {
        return vec![
            "a merge must give the same however many parts there are, and what a map writes must \
             be a merged part already"
                .into(),
        ];
    }
    let why = "the chunks' results are only put one after the other: a merge is missing";
    let what = match (info.kind, &trial.command.merge_args) {
        (ModuleKind::Command, Some(_)) => {
            return vec![
                "the program merges, but gives something else for other parts: what it writes \
                 for a chunk must be what it can merge"
                    .into(),
            ];
        }
        (ModuleKind::Command, None) => {
            "let the program merge: --merge or --merge-arg, or merge-args in bramble.toml"
        }
        (ModuleKind::Job, _) => "give the job a merge: see docs/jobs.md",
    };
    let cut = "or cut the input only where that does no harm: --split, or `split` of the module";
    vec![why.into(), what.into(), cut.into()]
}

/// The first place where two results differ; `None` when they are the same.
fn first_difference(first: &[u8], second: &[u8]) -> Option<Place> {
    if first == second {
        return None;
    }
    let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    let line_start = first[..same].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // From the start of the line, unless that is far away.
    let from = if same - line_start <= SHOWN_BYTES / 2 { line_start } else { same };
    Some(Place {
        offset: same as u64,
        line: 1 + first[..same].iter().filter(|byte| **byte == b'\n').count() as u64,
        first: excerpt(first, from),
        second: excerpt(second, from),
    })
}

fn excerpt(bytes: &[u8], from: usize) -> String {
    let rest = &bytes[from.min(bytes.len())..];
    if rest.is_empty() {
        return "(the end)".into();
    }
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or(rest);
    let shown = &line[..line.len().min(SHOWN_BYTES)];
    let more = if shown.len() < line.len() { "…" } else { "" };
    format!("\"{}\"{more}", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told_with_its_line() {
        assert_eq!(first_difference(b"abc", b"abc"), None);
        let place = first_difference(b"one\ntwo\nthree\n", b"one\ntwice\n").unwrap();
        assert_eq!((place.offset, place.line), (6, 2));
        assert_eq!((place.first.as_str(), place.second.as_str()), ("\"two\"", "\"twice\""));
        let place = first_difference(b"one\n", b"one\nmore").unwrap();
        assert_eq!((place.offset, place.line), (4, 2));
        assert_eq!((place.first.as_str(), place.second.as_str()), ("(the end)", "\"more\""));
    }

    #[test]
    fn what_is_shown_cannot_steer_a_terminal_and_has_a_bound() {
        let place = first_difference(&[0x1b; 100], b"").unwrap();
        assert!(place.first.starts_with("\"\\x1b") && place.first.ends_with('…'));
    }
}
