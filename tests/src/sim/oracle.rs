//! What jobs compute, and what must come out, worked out without the scheduler.
//!
//! A fake map writes one leaf per key range, named by its chunk and range; a fake merge or reduce
//! writes the leaves of its inputs one after another. So the right result of a range is the leaves of
//! all chunks in their order, whatever tree of merges was built.

use std::collections::BTreeMap;

use bramble_protocol::agent::Work;
use bramble_protocol::{Digest, Manifest, ObjectRef, Params, Phase};

/// A parameter of jobs whose maps may say that later chunks are not needed.
pub(super) const ENOUGH: &str = "enough";

/// A chunk's part of one key range.
type Leaf = (Digest, u32);

/// Objects that fake tasks wrote.
#[derive(Debug, Default)]
pub(super) struct Contents(BTreeMap<Digest, Vec<Leaf>>);

impl Contents {
    /// Runs a task: a pure function of its work.
    pub(super) fn run(&mut self, work: &Work) -> Vec<ObjectRef> {
        match work.task.phase {
            Phase::Ranges => vec![ObjectRef::of(work.inputs[0].digest.as_bytes())],
            Phase::Map { .. } => {
                let chunk = work.inputs[0].digest;
                let partitions = 0..work.task.partitions;
                partitions.map(|partition| self.store(leaves(chunk, partition))).collect()
            }
            Phase::Merge { .. } | Phase::Reduce { .. } => {
                let parts = work.inputs.iter().map(|part| self.0[&part.digest].as_slice());
                let merged = parts.collect::<Vec<_>>().concat();
                vec![self.store(merged)]
            }
        }
    }

    fn store(&mut self, leaves: Vec<Leaf>) -> ObjectRef {
        let object = object(&leaves);
        self.0.insert(object.digest, leaves);
        object
    }
}

/// Whether the fake map of a chunk says that no later one is needed, in a job that has the
/// parameter [`ENOUGH`].
pub(super) fn says_enough(params: &Params, chunk: &Digest) -> bool {
    params.contains_key(ENOUGH) && chunk.as_bytes()[1] < 24
}

/// What a job over `input` must give.
pub(super) fn expected(
    input: &Manifest,
    params: &Params,
    merges: bool,
    partitions: u32,
) -> Vec<ObjectRef> {
    let all = || input.chunks.iter().map(|chunk| chunk.digest);
    let enough = all().position(|chunk| !merges && says_enough(params, &chunk));
    let needed = enough.map_or(input.chunks.len(), |chunk| chunk + 1);
    let chunks = || all().take(needed);
    let objects: Vec<ObjectRef> = if merges {
        let range = |partition| {
            let all: Vec<Leaf> = chunks().flat_map(|chunk| leaves(chunk, partition)).collect();
            object(&all)
        };
        (0..partitions).map(range).collect()
    } else {
        chunks().map(|chunk| object(&leaves(chunk, 0))).collect()
    };
    objects.into_iter().filter(|object| object.size > 0).collect()
}

/// What a map writes for one key range: one leaf, or for some chunks nothing.
fn leaves(chunk: Digest, partition: u32) -> Vec<Leaf> {
    let empty = (u32::from(chunk.as_bytes()[0]) + partition).is_multiple_of(7);
    if empty { Vec::new() } else { vec![(chunk, partition)] }
}

fn object(leaves: &[Leaf]) -> ObjectRef {
    let mut bytes = Vec::with_capacity(leaves.len() * 36);
    for (chunk, partition) in leaves {
        bytes.extend_from_slice(chunk.as_bytes());
        bytes.extend_from_slice(&partition.to_le_bytes());
    }
    ObjectRef::of(&bytes)
}
