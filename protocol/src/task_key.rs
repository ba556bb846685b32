//! What names the work of a task, whoever does it and in whichever job.

use crate::agent::Work;
use crate::{Digest, Mode, ModuleKind, ObjectRef, Params, TaskContext};

/// Everything that a task's outputs may depend on, beside the module.
#[derive(Clone, Copy, Debug)]
pub struct KeyParts<'a> {
    /// How it is run.
    pub mode: Mode,
    /// What kind of module.
    pub kind: ModuleKind,
    /// Its place; the job's number is left out.
    pub task: &'a TaskContext,
    /// What it reads.
    pub inputs: &'a [ObjectRef],
    /// The borders of the key ranges.
    pub ranges: Option<ObjectRef>,
    /// Parameters.
    pub params: &'a Params,
    /// Command-line arguments.
    pub args: &'a [String],
    /// Exit statuses that mean success, beside 0.
    pub ok_statuses: &'a [i32],
    /// Where the virtual clock starts, in milliseconds since 1970.
    pub clock_ms: u64,
    /// What stands for the job's secrets: see [`crate::SecretNames::tag`].
    pub secrets_tag: Option<Digest>,
}

/// [`key_of`] for work as it is sent to a node.
pub fn task_key(module: &Digest, work: &Work) -> Digest {
    let parts = KeyParts {
        mode: work.mode,
        kind: work.kind,
        task: &work.task,
        inputs: &work.inputs,
        ranges: work.ranges,
        params: &work.params,
        args: &work.args,
        ok_statuses: &work.ok_statuses,
        clock_ms: work.clock_ms,
        secrets_tag: work.secrets_tag,
    };
    key_of(module, &parts)
}

/// BLAKE3 over everything that a task's outputs may depend on.
///
/// `module` is the digest of the module as it was uploaded. The artefact is left out, so that
/// nodes of several kinds resume each other's work; so are limits, the job's number and its name.
/// The virtual clock's start is part of it: what a task saw of it may be in what it wrote.
/// Saved work of one task can be resumed by exactly those with the same key, and its results are
/// theirs too.
pub fn key_of(module: &Digest, work: &KeyParts<'_>) -> Digest {
    // Gathered first: a hasher would be 2 KB to set up, and called for each field.
    let mut fields = Fields(Vec::with_capacity(512));
    let task = work.task;
    fields.bytes(module.as_bytes());
    fields.bytes(work.mode.name().as_bytes());
    fields.bytes(match work.kind {
        ModuleKind::Job => b"job",
        ModuleKind::Command => b"command",
    });
    fields.bytes(task.phase.kind().name().as_bytes());
    for number in [task.index, task.count, task.partitions] {
        fields.number(number.into());
    }
    for number in [task.seed, task.offset, work.clock_ms] {
        fields.number(number);
    }
    fields.number(work.params.len() as u64);
    for (name, value) in work.params {
        fields.bytes(name.as_bytes());
        fields.bytes(value.as_bytes());
    }
    fields.number(work.args.len() as u64);
    work.args.iter().for_each(|arg| fields.bytes(arg.as_bytes()));
    fields.number(work.ok_statuses.len() as u64);
    work.ok_statuses.iter().for_each(|status| fields.bytes(&status.to_le_bytes()));
    fields.number(work.inputs.len() as u64);
    for input in work.inputs.iter().chain(&work.ranges) {
        fields.bytes(input.digest.as_bytes());
    }
    // Only where there are some, so that all other work is called what it always was.
    if let Some(tag) = work.secrets_tag {
        fields.bytes(b"secrets");
        fields.bytes(tag.as_bytes());
    }
    Digest::from_bytes(blake3::derive_key("bramble 2026-11 task key 1", &fields.0))
}

/// Fields with their lengths, so that no two lists of fields look alike.
struct Fields(Vec<u8>);

impl Fields {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobId, Mode, ObjectRef, Params, Phase};

    fn work() -> Work {
        let inputs = vec![ObjectRef::of(b"input")];
        Work::alone(ObjectRef::of(b"artefact"), ModuleKind::Job, "test", inputs)
    }

    #[test]
    fn whatever_changes_the_output_changes_the_key_and_nothing_else_does() {
        let module = Digest::of(b"module");
        let key = task_key(&module, &work());
        assert_ne!(task_key(&Digest::of(b"other"), &work()), key);
        let changed = |change: fn(&mut Work)| {
            let mut work = work();
            change(&mut work);
            task_key(&module, &work)
        };
        for change in [
            (|work| work.mode = Mode::Verify) as fn(&mut Work),
            |work| work.kind = ModuleKind::Command,
            |work| work.task.phase = Phase::Ranges,
            |work| work.task.index = 1,
            |work| work.task.partitions = 2,
            |work| work.clock_ms = 1,
            |work| work.params = Params::from([("a".into(), "b".into())]),
            |work| work.args = vec!["a".into()],
            |work| work.ok_statuses = vec![1],
            |work| work.inputs = vec![ObjectRef::of(b"other")],
            |work| work.secrets_tag = Some(Digest::of(b"tag")),
            |work| work.ranges = Some(ObjectRef::of(b"ranges")),
            |work| work.ranges = work.inputs.pop(),
        ] {
            assert_ne!(changed(change), key);
        }
        assert_eq!(changed(|work| work.task.job = JobId(2)), key);
        assert_eq!(changed(|work| work.artefact = ObjectRef::of(b"for another board")), key);
        assert_eq!(changed(|work| work.limits.attempts_max = 9), key);
        let tagged =
            |tag: &[u8]| task_key(&module, &Work { secrets_tag: Some(Digest::of(tag)), ..work() });
        assert_ne!(tagged(b"one"), tagged(b"other"));
    }
}
