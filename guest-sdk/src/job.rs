//! What a job is made of: a declaration and a function for each phase it has.

use crate::{Declaration, Emitter, Groups, Input, JobResult, Output};

/// Where a task stands in its job. Another attempt at the same task, on whatever node, is told
/// the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// The job's number, for messages only.
    pub job: u64,
    /// Place among the tasks of this phase, from 0. For a map: the number of the chunk.
    pub index: u32,
    /// How many tasks this phase has.
    pub count: u32,
    /// How many partitions there are to write to, at least 1. For `ranges`: how many key ranges
    /// are wanted.
    pub partitions: u32,
    /// The only seed to use for random numbers, so that a repeated task gives the same bytes.
    pub seed: u64,
    /// Length in bytes of the input before this chunk.
    pub offset: u64,
}

/// A piece of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// A piece of a chunk that a job makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes: a header for every chunk, or all that a task without input needs.
    Bytes(Vec<u8>),
    /// A stretch of the input.
    Input {
        /// Where it starts, in bytes.
        offset: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// Stretches of the input of one length and one distance, one after the other: a column of a
    /// table, a tile of an image, a band of a spectrum.
    Rows {
        /// Where the first one starts, in bytes.
        offset: u64,
        /// Length of each in bytes.
        len: u64,
        /// Bytes from the start of one to the start of the next.
        stride: u64,
        /// How many there are.
        count: u64,
    },
}

impl Piece {
    /// Literal numbers, little-endian, for a task that needs no more: its place in a range, say.
    /// The map reads them by
    /// [`Input::all_numbers`].
    pub fn numbers(numbers: &[u64]) -> Self {
        Self::Bytes(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }
}

/// Works on one chunk.
pub type MapFn = fn(&Task, &mut Input<'_>, &mut Output<'_>) -> JobResult;
/// The same, for chunks that are small enough to hold.
pub type MapBytesFn = fn(&Task, &[u8]) -> JobResult<Vec<u8>>;
/// Turns one chunk into keys and values.
pub type MapPairsFn = fn(&Task, &mut Input<'_>, &mut Emitter<'_>) -> JobResult;
/// Shrinks the pairs of one partition on their way. It must emit keys that it is given, in the
/// order in which it is given them, and may be called any number of times, or never.
pub type CombineFn = fn(&Task, &mut Groups<'_>, &mut Emitter<'_>) -> JobResult;
/// Turns all pairs of one partition into its part of the result.
pub type ReduceFn = fn(&Task, &mut Groups<'_>, &mut Output<'_>) -> JobResult;
/// Chooses key ranges from a sample of the input, in a form that only the job must understand.
pub type RangesFn = fn(&Task, &mut Input<'_>) -> JobResult<Vec<u8>>;
/// Joins the parts of one key range, which are in the order of their chunks.
pub type MergeFn = fn(&Task, Vec<Input<'_>>, &mut Output<'_>) -> JobResult;
/// Cuts the input into pieces of about so many bytes, in order and without a gap.
pub type PlanFn = fn(&mut Input<'_>, u64) -> JobResult<Vec<Span>>;

/// Makes the chunks itself, of about so many bytes each: a list of pieces for every chunk.
pub type CutFn = fn(&mut Input<'_>, u64) -> JobResult<Vec<Vec<Piece>>>;

/// A job, as [`job!`](crate::job!) defines it.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// What it says of itself.
    pub declaration: Declaration,
    /// The same as JSON.
    pub manifest: &'static str,
    /// Works on one chunk.
    pub map: Option<MapFn>,
    /// Works on one small chunk.
    pub map_bytes: Option<MapBytesFn>,
    /// Turns one chunk into keys and values.
    pub map_pairs: Option<MapPairsFn>,
    /// Shrinks pairs on their way.
    pub combine: Option<CombineFn>,
    /// Turns the pairs of one partition into its part of the result.
    pub reduce: Option<ReduceFn>,
    /// Chooses key ranges.
    pub ranges: Option<RangesFn>,
    /// Joins parts.
    pub merge: Option<MergeFn>,
    /// Cuts the input.
    pub plan: Option<PlanFn>,
    /// Makes the chunks.
    pub cut: Option<CutFn>,
}

impl Job {
    /// Refuses, while it is compiled, a job that could not run.
    #[doc(hidden)]
    pub const fn check(&self) {
        let maps = self.map.is_some() as u8
            + self.map_bytes.is_some() as u8
            + self.map_pairs.is_some() as u8;
        assert!(maps == 1, "a job needs one of `map`, `map_bytes` and `map_pairs`");
        assert!(
            self.map_pairs.is_some() == self.reduce.is_some(),
            "`map_pairs` and `reduce` belong together"
        );
        assert!(
            self.combine.is_none() || self.map_pairs.is_some(),
            "`combine` is for jobs that have `map_pairs`"
        );
        assert!(
            self.merge.is_none() || self.reduce.is_none(),
            "a job ends either in `merge` or in `reduce`"
        );
        let ends = (self.merge.is_some() && self.map.is_some()) || self.reduce.is_some();
        assert!(
            self.ranges.is_none() || ends,
            "`ranges` is for jobs that have `map` and `merge`, or `map_pairs` and `reduce`"
        );
        assert!(
            !self.declaration.split.asks_the_guest() || self.plan.is_some() || self.cut.is_some(),
            "`Split::Guest` needs `cut` or `plan`"
        );
        assert!(self.plan.is_none() || self.cut.is_none(), "a job has `cut` or `plan`, not both");
        assert!(
            !self.declaration.input.is_none() || self.cut.is_some(),
            "a job without input makes its chunks by `cut`"
        );
        assert!(
            self.declaration.merge_when.is_none() || self.merge.is_some(),
            "`merge_when` is for jobs that have `merge`"
        );
    }
}
