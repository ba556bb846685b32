//! What a node needs to run a task, and what names that work.

use bramble_protocol::agent::Work;
use bramble_protocol::job::task_seed;
use bramble_protocol::task_key::{KeyParts, key_of};
use bramble_protocol::{Digest, JobSpec, ObjectRef, Phase, TaskContext};

use super::job::OpenJob;

/// All that a node needs to run a task.
pub(super) fn work(open: &OpenJob, index: u32, artefact: ObjectRef) -> Work {
    let phase = open.plan.phase(index);
    let spec = &open.spec;
    Work {
        artefact,
        task_key: Some(key(open, index)),
        kind: open.module.kind,
        mode: spec.mode,
        owner: None,
        job_name: spec.name.clone(),
        task: context(open, index),
        inputs: open.inputs(phase),
        ranges: ranges(open, phase),
        params: spec.params.clone(),
        secrets_tag: secrets_tag(open),
        secrets: Default::default(),
        args: args(open, phase).to_vec(),
        ok_statuses: spec.command.ok_statuses.clone(),
        limits: spec.limits,
        clock_ms: clock_ms(open),
    }
}

/// What names the work of a task all of whose inputs are there.
pub(super) fn key(open: &OpenJob, index: u32) -> Digest {
    let phase = open.plan.phase(index);
    let spec = &open.spec;
    key_of(
        &spec.module,
        &KeyParts {
            mode: spec.mode,
            kind: open.module.kind,
            task: &context(open, index),
            inputs: &open.inputs(phase),
            ranges: ranges(open, phase),
            params: &spec.params,
            args: args(open, phase),
            ok_statuses: &spec.command.ok_statuses,
            clock_ms: clock_ms(open),
            secrets_tag: secrets_tag(open),
        },
    )
}

/// The objects that a task reads beside its module's artefact: those of them that are there.
pub(super) fn objects(open: &OpenJob, index: u32) -> Vec<ObjectRef> {
    let phase = open.plan.phase(index);
    match phase {
        Phase::Ranges | Phase::Map { .. } => {
            open.inputs(phase).into_iter().chain(ranges(open, phase)).collect()
        }
        // The twin of a task that is done may be out while one before it is done once more.
        Phase::Merge { .. } | Phase::Reduce { .. } => {
            let parts = open.plan.parts(phase).into_iter();
            parts
                .filter_map(|(task, output)| open.outputs(task).get(output as usize).copied())
                .collect()
        }
    }
}

fn secrets_tag(open: &OpenJob) -> Option<Digest> {
    open.spec.secrets.as_ref().map(|secrets| secrets.tag)
}

fn context(open: &OpenJob, index: u32) -> TaskContext {
    let phase = open.plan.phase(index);
    let (place, count) = open.plan.place(index);
    let spec = &open.spec;
    TaskContext {
        job: open.id,
        phase,
        index: place,
        count,
        partitions: match phase {
            // It has one output, which must say how to tell so many key ranges apart.
            Phase::Ranges => open.plan.partitions(),
            _ => open.plan.outputs(phase),
        },
        seed: task_seed(&spec.module, &spec.params, phase.kind(), place),
        offset: match phase {
            Phase::Map { chunk } => open.offsets[chunk as usize],
            Phase::Ranges | Phase::Merge { .. } | Phase::Reduce { .. } => 0,
        },
    }
}

fn ranges(open: &OpenJob, phase: Phase) -> Option<ObjectRef> {
    match phase {
        Phase::Map { .. } if open.plan.has_ranges() => open.outputs(0).first().copied(),
        _ => None,
    }
}

fn args(open: &OpenJob, phase: Phase) -> &[String] {
    match (phase, &open.spec.command.merge_args) {
        (Phase::Merge { .. }, Some(args)) => args,
        _ => &open.spec.args,
    }
}

fn clock_ms(open: &OpenJob) -> u64 {
    open.spec.clock_ms.unwrap_or(JobSpec::CLOCK_MS)
}
