//! Compiled modules: one artefact per module, class of machine and mode, made when first needed.

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::{Digest, JobId, Mode, NodeId, NodeSelector, ObjectRef, TargetClass};

use super::Scheduler;
use super::action::Action;
use super::event::Timestamp;
use super::job::Job;
use super::record::Record;

/// A module of open jobs.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) jobs: BTreeSet<JobId>,
    pub(crate) artefacts: BTreeMap<(TargetClass, Mode), Artefact>,
}

/// A module for one class of machine and mode. What is not listed was not needed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Artefact {
    /// Being compiled, for the nth time.
    Compiling { attempt: u32 },
    /// To be compiled again.
    Postponed { attempt: u32, until: Timestamp },
    /// There.
    Ready(ObjectRef),
    /// Cannot be had.
    Failed { message: String },
}

impl Scheduler {
    /// Has a new job's module compiled for the nodes that are there.
    pub(super) fn compile_for_job(&mut self, job: JobId) {
        let spec = &self.open(job).spec;
        let (module, mode) = (spec.module, spec.mode);
        for class in self.classes_for(job) {
            self.compile(module, class, mode);
        }
    }

    /// The classes of the nodes that are there and may run a job.
    fn classes_for(&self, job: JobId) -> BTreeSet<TargetClass> {
        let present = self.cluster.index().present.iter().map(|id| self.cluster.get(*id));
        match &self.open(job).spec.nodes {
            NodeSelector::Named(names) => {
                let named = present.filter(|node| names.contains(&node.name));
                named.map(|node| node.class).collect()
            }
            NodeSelector::Any | NodeSelector::AtMost(_) => present.map(|node| node.class).collect(),
        }
    }

    /// Has the modules of all jobs compiled that a new node may run.
    pub(super) fn compile_for_node(&mut self, node: NodeId) {
        let node = self.cluster.get(node);
        let class = node.class;
        let calibration =
            self.config.calibration.map(|calibration| (calibration.module, Mode::Fast));
        let wanted: BTreeSet<(Digest, Mode)> = self
            .open
            .iter()
            .filter_map(|id| self.jobs.get(id).and_then(Job::open))
            .filter(|open| open.admits(node.id, &node.name))
            .map(|open| (open.spec.module, open.spec.mode))
            .chain(calibration)
            .collect();
        for (module, mode) in wanted {
            self.compile(module, class, mode);
        }
    }

    fn compile(&mut self, digest: Digest, class: TargetClass, mode: Mode) {
        if let Some(module) = self.modules.get_mut(&digest)
            && !module.artefacts.contains_key(&(class, mode))
        {
            module.artefacts.insert((class, mode), Artefact::Compiling { attempt: 1 });
            self.step.actions.push(Action::Compile { module: digest, class, mode });
        }
    }

    pub(super) fn on_compiled(
        &mut self,
        digest: Digest,
        class: TargetClass,
        mode: Mode,
        artefact: ObjectRef,
    ) {
        // Without a job that needs it, nobody waits for it.
        if let Some(module) = self.modules.get_mut(&digest) {
            module.artefacts.insert((class, mode), Artefact::Ready(artefact));
            self.step.changed.extend(&module.jobs);
            self.step.more_ready = true;
        }
        if self.is_calibration(&digest) {
            self.calibrate_class(class);
        }
    }

    pub(super) fn on_compile_failed(
        &mut self,
        digest: Digest,
        class: TargetClass,
        mode: Mode,
        message: String,
        retry: bool,
    ) {
        let key = (class, mode);
        let Some(module) = self.modules.get_mut(&digest) else { return };
        let attempt = match module.artefacts.get(&key) {
            Some(Artefact::Compiling { attempt } | Artefact::Postponed { attempt, .. }) => *attempt,
            _ => 1,
        };
        if retry && attempt < self.config.compile_attempts_max {
            let until = self.now.plus_ms(self.config.compile_retry_ms);
            let postponed = Artefact::Postponed { attempt, until };
            module.artefacts.insert(key, postponed);
            return;
        }
        let message = super::attempt::truncated(message, super::config::MESSAGE_BYTES_MAX);
        module.artefacts.insert(key, Artefact::Failed { message });
        let jobs: Vec<JobId> = module.jobs.iter().copied().collect();
        for job in jobs {
            self.fail_if_unrunnable(job);
        }
    }

    pub(super) fn retry_compilations(&mut self) {
        for (digest, module) in &mut self.modules {
            for ((class, mode), artefact) in &mut module.artefacts {
                if let Artefact::Postponed { attempt, until } = *artefact
                    && until <= self.now
                {
                    *artefact = Artefact::Compiling { attempt: attempt + 1 };
                    let action = Action::Compile { module: *digest, class: *class, mode: *mode };
                    self.step.actions.push(action);
                }
            }
        }
    }

    /// Fails a job whose module can be compiled for none of the nodes that may run it.
    pub(super) fn fail_if_unrunnable(&mut self, job: JobId) {
        let spec = &self.open(job).spec;
        let (module, mode) = (spec.module, spec.mode);
        let classes = self.classes_for(job);
        let mut reasons = Vec::new();
        for class in &classes {
            let Some(Artefact::Failed { message }) = self.artefact(&module, *class, mode) else {
                return;
            };
            reasons.push(format!("the module cannot be compiled for {class}: {message}"));
        }
        if !reasons.is_empty() {
            let reason = reasons.join("; ");
            self.commit(Record::JobFailed { job, at_ms: self.now.0, reason });
            self.end_if_over(job);
        }
    }

    pub(super) fn artefact(
        &self,
        module: &Digest,
        class: TargetClass,
        mode: Mode,
    ) -> Option<&Artefact> {
        self.modules.get(module)?.artefacts.get(&(class, mode))
    }
}
