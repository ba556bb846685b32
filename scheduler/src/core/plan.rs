//! The shape of a job: which tasks it has and which wait for which.
//!
//! Tasks are numbered in this order: the ranges task if there is one, the maps by chunk, the
//! merges by level, key range and group, then the reduces by partition. The shape follows from
//! four numbers, so nothing of it is stored per task.

use bramble_protocol::{ModuleInfo, ModuleKind, Phase, PhaseKind};

/// The most parts that one merge reads. Each part costs the guest a buffer: 128 blocks of 64 KiB
/// are 8 MiB, which leaves room in the smallest memory limit that people use.
pub const FAN_IN: u32 = 128;
/// The most key ranges of a job.
pub(crate) const PARTITIONS_MAX: u32 = 256;
/// The most key ranges that the head chooses by itself.
const PARTITIONS_CHOSEN_MAX: u32 = 64;
/// Slots to reckon with while no node is connected.
const SLOTS_ASSUMED: u32 = 2;

/// The shape of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    ranges: bool,
    maps: u32,
    partitions: u32,
    /// Merges per key range on each level. Empty without merges. The last level has one merge,
    /// or for jobs that reduce as many as a reduce can read.
    levels: Vec<u32>,
    /// Whether each partition ends in a reduce.
    reduces: bool,
}

/// Into how many key ranges a job is cut.
///
/// One for a job that merges, unless it chooses ranges, and there is a sample to choose from, and
/// more than one chunk. One for a job that reduces only if it chooses ranges and there is no
/// sample. Else what the user asked for, or two for each slot, so that a slow range does not hold
/// up the end; of ranges never more than there are chunks.
pub(crate) fn choose_partitions(
    module: &ModuleInfo,
    wanted: Option<u32>,
    chunks: u32,
    sampled: bool,
    slots: u32,
) -> u32 {
    let exports = module.exports;
    let by_ranges = exports.partitioner && sampled;
    let parallel = match (exports.reducer, exports.merger) {
        (true, _) => by_ranges || !exports.partitioner,
        (false, true) => by_ranges && chunks > 1,
        (false, false) => false,
    };
    match wanted {
        _ if !parallel => 1,
        Some(wanted) => wanted.clamp(1, PARTITIONS_MAX),
        None => {
            let slots = if slots == 0 { SLOTS_ASSUMED } else { slots };
            let chosen = slots.saturating_mul(2).clamp(1, PARTITIONS_CHOSEN_MAX);
            // By ranges the result is the same whatever their number, so that few will do.
            if exports.partitioner { chosen.min(chunks) } else { chosen }
        }
    }
}

/// Whether the module can do what every job needs.
pub(crate) fn maps(module: &ModuleInfo) -> bool {
    let exports = module.exports;
    module.kind == ModuleKind::Command
        || exports.mapper
        || exports.mapper_bytes
        || exports.mapper_pairs
}

impl Plan {
    /// The shape of a job over `chunks` chunks and `partitions` key ranges.
    ///
    /// The output of a single map is a valid merged part already, so one chunk needs no merge. It
    /// is no result of a job that reduces, so that one has a reduce in any case.
    pub(crate) fn new(module: &ModuleInfo, chunks: u32, partitions: u32) -> Self {
        let reduces = module.exports.reducer;
        let merges = module.exports.merger && chunks > 1;
        let mut levels = Vec::new();
        if merges || reduces {
            let enough = if reduces { FAN_IN } else { 1 };
            let mut parts = chunks;
            while parts > enough {
                parts = parts.div_ceil(FAN_IN);
                levels.push(parts);
            }
        }
        let partitions = if merges || reduces { partitions } else { 1 };
        let ranges = partitions > 1 && module.exports.partitioner;
        Self { ranges, maps: chunks, partitions, levels, reduces }
    }

    /// All tasks.
    pub(crate) fn total(&self) -> u32 {
        self.first_reduce() + self.reduces()
    }

    /// The phases with the number of their tasks, in order.
    pub(crate) fn phases(&self) -> Vec<(PhaseKind, u32)> {
        let all = [
            (PhaseKind::Ranges, u32::from(self.ranges)),
            (PhaseKind::Map, self.maps),
            (PhaseKind::Merge, self.merges()),
            (PhaseKind::Reduce, self.reduces()),
        ];
        all.into_iter().filter(|(_, total)| *total > 0).collect()
    }

    /// The phase of a task.
    pub(crate) fn phase(&self, index: u32) -> Phase {
        let first_map = u32::from(self.ranges);
        if index < first_map {
            return Phase::Ranges;
        }
        if index < self.first_merge() {
            return Phase::Map { chunk: index - first_map };
        }
        if index >= self.first_reduce() {
            return Phase::Reduce { partition: index - self.first_reduce() };
        }
        let mut rest = index - self.first_merge();
        for (groups, level) in self.levels.iter().zip(1..) {
            if rest < groups * self.partitions {
                return Phase::Merge { level, partition: rest / groups, group: rest % groups };
            }
            rest -= groups * self.partitions;
        }
        unreachable!("task {index} of {}", self.total())
    }

    /// The task of a phase.
    pub(crate) fn index(&self, phase: Phase) -> u32 {
        match phase {
            Phase::Ranges => 0,
            Phase::Map { chunk } => u32::from(self.ranges) + chunk,
            Phase::Merge { level, partition, group } => {
                let level = level as usize - 1;
                let before: u32 = self.levels[..level].iter().sum();
                self.first_merge()
                    + before * self.partitions
                    + partition * self.levels[level]
                    + group
            }
            Phase::Reduce { partition } => self.first_reduce() + partition,
        }
    }

    /// A task's place among the tasks of its phase, and how many there are.
    pub(crate) fn place(&self, index: u32) -> (u32, u32) {
        match self.phase(index) {
            Phase::Ranges => (0, 1),
            Phase::Map { chunk } => (chunk, self.maps),
            Phase::Merge { .. } => (index - self.first_merge(), self.merges()),
            Phase::Reduce { partition } => (partition, self.partitions),
        }
    }

    /// How many outputs a task has.
    pub(crate) fn outputs(&self, phase: Phase) -> u32 {
        if phase.kind() == PhaseKind::Map { self.partitions } else { 1 }
    }

    /// Key ranges of the job.
    pub(crate) fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Whether the maps are all there is: each is numbered by its chunk, and what they write is the
    /// result.
    pub(crate) fn only_maps(&self) -> bool {
        self.total() == self.maps
    }

    /// The map tasks.
    pub(crate) fn maps(&self) -> std::ops::Range<u32> {
        u32::from(self.ranges)..self.first_merge()
    }

    /// Whether there is a ranges task.
    pub(crate) fn has_ranges(&self) -> bool {
        self.ranges
    }

    /// How many tasks must be done before this one.
    pub(crate) fn dependencies(&self, phase: Phase) -> u32 {
        match phase {
            Phase::Ranges => 0,
            Phase::Map { .. } => u32::from(self.ranges),
            Phase::Merge { level, group, .. } => {
                let (from, to) = self.span(level, group);
                to - from
            }
            Phase::Reduce { .. } => self.parts_of(self.last_level()),
        }
    }

    /// The tasks that wait for this one.
    pub(crate) fn dependents(&self, phase: Phase) -> Vec<u32> {
        match phase {
            Phase::Ranges => (0..self.maps).map(|chunk| self.index(Phase::Map { chunk })).collect(),
            Phase::Map { chunk } => (0..self.partitions)
                .filter_map(|partition| self.dependent(0, partition, chunk))
                .collect(),
            Phase::Merge { level, partition, group } => {
                self.dependent(level, partition, group).into_iter().collect()
            }
            Phase::Reduce { .. } => Vec::new(),
        }
    }

    /// The task that reads what a task of `level` wrote for a partition; level 0 are the maps.
    fn dependent(&self, level: u32, partition: u32, part: u32) -> Option<u32> {
        let Some(&groups) = self.levels.get(level as usize) else {
            return self.reduces.then(|| self.index(Phase::Reduce { partition }));
        };
        let group = group_of(part, self.parts_of(level + 1), groups);
        Some(self.index(Phase::Merge { level: level + 1, partition, group }))
    }

    /// The tasks whose outputs a merge or a reduce reads, and which output of each. None for
    /// other tasks.
    pub(crate) fn parts(&self, phase: Phase) -> Vec<(u32, u32)> {
        let (level, partition, (from, to)) = match phase {
            Phase::Ranges | Phase::Map { .. } => return Vec::new(),
            Phase::Merge { level, partition, group } => (level, partition, self.span(level, group)),
            Phase::Reduce { partition } => {
                let level = self.last_level();
                (level, partition, (0, self.parts_of(level)))
            }
        };
        (from..to)
            .map(|part| match level {
                1 => (self.index(Phase::Map { chunk: part }), partition),
                _ => (self.index(Phase::Merge { level: level - 1, partition, group: part }), 0),
            })
            .collect()
    }

    /// The tasks whose first outputs, in order, are the result.
    pub(crate) fn last_tasks(&self) -> std::ops::Range<u32> {
        if self.levels.is_empty() && !self.reduces {
            u32::from(self.ranges)..self.total()
        } else {
            self.total() - self.partitions..self.total()
        }
    }

    fn first_merge(&self) -> u32 {
        u32::from(self.ranges) + self.maps
    }

    fn merges(&self) -> u32 {
        self.levels.iter().sum::<u32>() * self.partitions
    }

    fn first_reduce(&self) -> u32 {
        self.first_merge() + self.merges()
    }

    fn reduces(&self) -> u32 {
        if self.reduces { self.partitions } else { 0 }
    }

    /// The level of the reduces, after that of the last merges.
    fn last_level(&self) -> u32 {
        self.levels.len() as u32 + 1
    }

    /// How many parts of one partition a level reads.
    fn parts_of(&self, level: u32) -> u32 {
        if level == 1 { self.maps } else { self.levels[level as usize - 2] }
    }

    /// The parts that one group of a level reads: consecutive, so that order is kept, and as
    /// many in each group as possible.
    fn span(&self, level: u32, group: u32) -> (u32, u32) {
        let parts = self.parts_of(level);
        let groups = self.levels[level as usize - 1];
        (border(group, parts, groups), border(group + 1, parts, groups))
    }
}

fn border(group: u32, parts: u32, groups: u32) -> u32 {
    (u64::from(group) * u64::from(parts) / u64::from(groups)) as u32
}

fn group_of(part: u32, parts: u32, groups: u32) -> u32 {
    (((u64::from(part) + 1) * u64::from(groups) - 1) / u64::from(parts)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{map_module, merge_module, reduce_module, sort_module};

    #[test]
    fn a_module_that_only_maps_has_one_task_per_chunk_and_its_outputs_are_the_result() {
        let plan = Plan::new(&map_module(), 5, 1);
        assert_eq!(plan.phases(), [(PhaseKind::Map, 5)]);
        assert_eq!(plan.last_tasks(), 0..5);
        assert!(plan.dependents(Phase::Map { chunk: 4 }).is_empty());
    }

    #[test]
    fn one_chunk_needs_neither_ranges_nor_merge() {
        let plan = Plan::new(&sort_module(), 1, 4);
        assert_eq!(plan.phases(), [(PhaseKind::Map, 1)]);
        assert_eq!(plan.outputs(Phase::Map { chunk: 0 }), 1);
    }

    #[test]
    fn a_sort_chooses_ranges_then_maps_then_merges_each_range() {
        let plan = Plan::new(&sort_module(), 10, 4);
        assert_eq!(
            plan.phases(),
            [(PhaseKind::Ranges, 1), (PhaseKind::Map, 10), (PhaseKind::Merge, 4)]
        );
        assert_eq!(plan.outputs(Phase::Map { chunk: 0 }), 4);
        assert_eq!(plan.dependents(Phase::Ranges).len(), 10);
        assert_eq!(plan.last_tasks(), 11..15);
    }

    #[test]
    fn more_parts_than_one_merge_reads_make_another_level() {
        let plan = Plan::new(&merge_module(), FAN_IN + 1, 1);
        assert_eq!(plan.phases()[1], (PhaseKind::Merge, 3));
        let merge = |group| Phase::Merge { level: 1, partition: 0, group };
        let sizes = [plan.parts(merge(0)).len(), plan.parts(merge(1)).len()];
        assert_eq!(sizes.iter().sum::<usize>(), FAN_IN as usize + 1);
        assert!(sizes.iter().all(|size| *size >= 64), "even groups: {sizes:?}");
    }

    #[test]
    fn a_job_that_reduces_does_so_for_one_chunk_too_and_never_needs_ranges() {
        let plan = Plan::new(&reduce_module(), 1, 3);
        assert_eq!(plan.phases(), [(PhaseKind::Map, 1), (PhaseKind::Reduce, 3)]);
        assert_eq!(plan.outputs(Phase::Map { chunk: 0 }), 3);
        assert_eq!(plan.last_tasks(), 1..4);
        assert_eq!(plan.parts(Phase::Reduce { partition: 2 }), [(0, 2)]);
    }

    #[test]
    fn a_reduce_reads_no_more_parts_than_a_merge() {
        let plan = Plan::new(&reduce_module(), FAN_IN, 2);
        assert_eq!(plan.phases(), [(PhaseKind::Map, FAN_IN), (PhaseKind::Reduce, 2)]);
        let plan = Plan::new(&reduce_module(), FAN_IN + 1, 2);
        assert_eq!(plan.phases()[1..], [(PhaseKind::Merge, 4), (PhaseKind::Reduce, 2)]);
        assert_eq!(plan.parts(Phase::Reduce { partition: 1 }).len(), 2);
    }

    #[test]
    fn a_job_that_reduces_is_cut_by_what_is_asked_or_by_the_slots() {
        assert_eq!(choose_partitions(&reduce_module(), None, 1, false, 4), 8);
        assert_eq!(choose_partitions(&reduce_module(), Some(3), 1, false, 4), 3);
        let mut ranged = reduce_module();
        ranged.exports.partitioner = true;
        assert_eq!(choose_partitions(&ranged, None, 50, true, 4), 8);
        assert_eq!(choose_partitions(&ranged, None, 5, true, 4), 5);
        assert_eq!(choose_partitions(&ranged, Some(3), 1, true, 4), 3);
        assert_eq!(choose_partitions(&ranged, None, 5, false, 4), 1, "no sample, no ranges");
        assert!(Plan::new(&ranged, 5, 8).has_ranges());
        assert!(!Plan::new(&ranged, 5, 1).has_ranges());
    }

    #[test]
    fn key_ranges_need_a_merger_a_partitioner_a_sample_and_two_chunks() {
        assert_eq!(choose_partitions(&sort_module(), None, 100, true, 4), 8);
        assert_eq!(choose_partitions(&sort_module(), None, 3, true, 4), 3);
        assert_eq!(choose_partitions(&sort_module(), Some(7), 3, true, 4), 7);
        assert_eq!(choose_partitions(&sort_module(), None, 100, true, 1000), 64);
        assert_eq!(choose_partitions(&sort_module(), None, 100, true, 0), 4);
        assert_eq!(choose_partitions(&sort_module(), Some(7), 1, true, 4), 1);
        assert_eq!(choose_partitions(&sort_module(), Some(7), 100, false, 4), 1);
        assert_eq!(choose_partitions(&merge_module(), Some(7), 100, true, 4), 1);
    }

    proptest! {
        #[test]
        fn every_shape_is_sound(
            chunks in 1u32..3_000,
            partitions in 1u32..9,
            reduces in any::<bool>(),
            ranged in any::<bool>(),
        ) {
            let mut module = if reduces { reduce_module() } else { sort_module() };
            module.exports.partitioner = ranged;
            let plan = Plan::new(&module, chunks, partitions);
            let mut waits = vec![0u32; plan.total() as usize];
            for index in 0..plan.total() {
                let phase = plan.phase(index);
                prop_assert_eq!(plan.index(phase), index);
                for dependent in plan.dependents(phase) {
                    prop_assert!(dependent > index);
                    waits[dependent as usize] += 1;
                }
            }
            let counted: u32 = plan.phases().iter().map(|(_, total)| total).sum();
            prop_assert_eq!(counted, plan.total());
            for index in 0..plan.total() {
                let phase = plan.phase(index);
                prop_assert_eq!(waits[index as usize], plan.dependencies(phase));
                if let Phase::Merge { .. } | Phase::Reduce { .. } = phase {
                    let parts = plan.parts(phase);
                    prop_assert_eq!(parts.len() as u32, plan.dependencies(phase));
                    prop_assert!(parts.len() as u32 <= FAN_IN);
                    for (part, output) in parts {
                        prop_assert!(plan.dependents(plan.phase(part)).contains(&index));
                        prop_assert!(output < plan.outputs(plan.phase(part)));
                    }
                }
            }
            for last in plan.last_tasks() {
                prop_assert!(plan.dependents(plan.phase(last)).is_empty());
            }
        }
    }
}
