//! The shape of a job: which tasks it has and which wait for which.
//!
//! Tasks are numbered in this order: the ranges task if there is one, the maps by chunk, then
//! the merges by level, key range and group. The shape follows from four numbers, so nothing of
//! it is stored per task.

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
    /// Merges per key range on each level; the last level has one. Empty without merges.
    levels: Vec<u32>,
}

/// Into how many key ranges a job is cut.
///
/// One unless the module merges, chooses ranges, and there is a sample to choose from. Else what
/// the user asked for, or two for each slot, so that a slow range does not hold up the end. Never
/// more than there are chunks.
pub(crate) fn choose_partitions(
    module: &ModuleInfo,
    wanted: Option<u32>,
    chunks: u32,
    sampled: bool,
    slots: u32,
) -> u32 {
    if !(module.exports.merger && module.exports.partitioner && sampled) || chunks < 2 {
        return 1;
    }
    match wanted {
        Some(wanted) => wanted.clamp(1, PARTITIONS_MAX),
        None => {
            let slots = if slots == 0 { SLOTS_ASSUMED } else { slots };
            slots.saturating_mul(2).clamp(1, PARTITIONS_CHOSEN_MAX).min(chunks)
        }
    }
}

/// Whether the module can do what every job needs.
pub(crate) fn maps(module: &ModuleInfo) -> bool {
    module.kind == ModuleKind::Command || module.exports.mapper || module.exports.mapper_bytes
}

impl Plan {
    /// The shape of a job over `chunks` chunks and `partitions` key ranges.
    ///
    /// The output of a single map is a valid merged part already, so one chunk needs no merge.
    pub(crate) fn new(module: &ModuleInfo, chunks: u32, partitions: u32) -> Self {
        let merges = module.exports.merger && chunks > 1;
        let mut levels = Vec::new();
        if merges {
            let mut parts = chunks;
            while parts > 1 {
                parts = parts.div_ceil(FAN_IN);
                levels.push(parts);
            }
        }
        let partitions = if merges { partitions } else { 1 };
        Self { ranges: partitions > 1, maps: chunks, partitions, levels }
    }

    /// All tasks.
    pub(crate) fn total(&self) -> u32 {
        self.first_merge() + self.merges()
    }

    /// The phases with the number of their tasks, in order.
    pub(crate) fn phases(&self) -> Vec<(PhaseKind, u32)> {
        let all = [
            (PhaseKind::Ranges, u32::from(self.ranges)),
            (PhaseKind::Map, self.maps),
            (PhaseKind::Merge, self.merges()),
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
        }
    }

    /// A task's place among the tasks of its phase, and how many there are.
    pub(crate) fn place(&self, index: u32) -> (u32, u32) {
        match self.phase(index) {
            Phase::Ranges => (0, 1),
            Phase::Map { chunk } => (chunk, self.maps),
            Phase::Merge { .. } => (index - self.first_merge(), self.merges()),
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
        }
    }

    /// The tasks that wait for this one.
    pub(crate) fn dependents(&self, phase: Phase) -> Vec<u32> {
        match phase {
            Phase::Ranges => (0..self.maps).map(|chunk| self.index(Phase::Map { chunk })).collect(),
            Phase::Map { chunk } => {
                let Some(&groups) = self.levels.first() else { return Vec::new() };
                let group = group_of(chunk, self.maps, groups);
                (0..self.partitions)
                    .map(|partition| self.index(Phase::Merge { level: 1, partition, group }))
                    .collect()
            }
            Phase::Merge { level, partition, group } => {
                let Some(&groups) = self.levels.get(level as usize) else { return Vec::new() };
                let group = group_of(group, self.levels[level as usize - 1], groups);
                vec![self.index(Phase::Merge { level: level + 1, partition, group })]
            }
        }
    }

    /// The tasks whose outputs a merge reads, and which output of each.
    pub(crate) fn parts(&self, level: u32, partition: u32, group: u32) -> Vec<(u32, u32)> {
        let (from, to) = self.span(level, group);
        (from..to)
            .map(|part| match level {
                1 => (self.index(Phase::Map { chunk: part }), partition),
                _ => (self.index(Phase::Merge { level: level - 1, partition, group: part }), 0),
            })
            .collect()
    }

    /// The tasks whose first outputs, in order, are the result.
    pub(crate) fn last_tasks(&self) -> std::ops::Range<u32> {
        if self.levels.is_empty() {
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

    /// The parts that one group of a level reads: consecutive, so that order is kept, and as
    /// many in each group as possible.
    fn span(&self, level: u32, group: u32) -> (u32, u32) {
        let parts = if level == 1 { self.maps } else { self.levels[level as usize - 2] };
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
    use crate::testing::{map_module, merge_module, sort_module};

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
        let sizes = [plan.parts(1, 0, 0).len(), plan.parts(1, 0, 1).len()];
        assert_eq!(sizes.iter().sum::<usize>(), FAN_IN as usize + 1);
        assert!(sizes.iter().all(|size| *size >= 64), "even groups: {sizes:?}");
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
        fn every_shape_is_sound(chunks in 1u32..3_000, partitions in 1u32..9) {
            let plan = Plan::new(&sort_module(), chunks, partitions);
            let mut waits = vec![0u32; plan.total() as usize];
            for index in 0..plan.total() {
                let phase = plan.phase(index);
                prop_assert_eq!(plan.index(phase), index);
                for dependent in plan.dependents(phase) {
                    prop_assert!(dependent > index);
                    waits[dependent as usize] += 1;
                }
            }
            for index in 0..plan.total() {
                let phase = plan.phase(index);
                prop_assert_eq!(waits[index as usize], plan.dependencies(phase));
                if let Phase::Merge { level, partition, group } = phase {
                    let parts = plan.parts(level, partition, group);
                    prop_assert_eq!(parts.len() as u32, plan.dependencies(phase));
                    prop_assert!(parts.len() as u32 <= FAN_IN);
                    for (part, _) in parts {
                        prop_assert!(plan.dependents(plan.phase(part)).contains(&index));
                    }
                }
            }
        }
    }
}
