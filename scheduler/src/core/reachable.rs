//! Which stored objects something still needs, and why: what a collection of the rest starts from.
//!
//! Only names are listed here. What a manifest of an input names stands in the store, and is for
//! the collector to read.

use bramble_protocol::{Digest, JobSpec, ObjectRef};

use super::Scheduler;
use super::artefact::Artefact;
use super::job::{Body, OpenJob};
use super::record::Submitted;

/// Objects that are needed, by what needs them. One object may stand in several lists, and more
/// than once in each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reachable {
    /// What jobs that have not ended read, have written and are run with. Never to be removed.
    pub open: Vec<Digest>,
    /// Modules of all jobs that are known. Never to be removed.
    pub modules: Vec<Digest>,
    /// Results of jobs that are known. Never to be removed.
    pub results: Vec<Digest>,
    /// What is kept for later tasks of the same work, least recently used first: where an object
    /// stands twice, the later place counts. Before one of them is removed, the scheduler must
    /// have been told: see [`super::Event::ObjectsGone`].
    pub cached: Vec<Digest>,
    /// Manifests of inputs, those of jobs that have ended first, earliest end first: where one
    /// stands twice, the later place counts.
    pub inputs: Vec<Digest>,
}

impl Scheduler {
    /// All that is needed. Takes time in proportion to the tasks of open jobs.
    pub fn reachable(&self) -> Reachable {
        let mut found = Reachable::default();
        for job in self.jobs.values() {
            found.modules.push(job.spec.module);
            match &job.body {
                Body::Pending(pending) => add_submitted(&mut found.open, &pending.submitted),
                Body::Open(open) => add_open(&mut found.open, open),
                Body::Ended(ended) => {
                    found.results.extend(ended.result.iter().flatten().map(|it| it.digest));
                }
            }
        }
        for module in self.modules.values() {
            for artefact in module.artefacts.values() {
                if let Artefact::Ready(object) = artefact {
                    found.open.push(object.digest);
                }
            }
        }
        if let Some(calibration) = &self.config.calibration {
            found.modules.push(calibration.module);
            found.open.push(calibration.input.digest);
        }
        found.cached.extend(self.cache.objects_by_use());
        let ended = self.ended.iter().filter_map(|id| self.jobs.get(id));
        let inputs = ended.map(|job| job.spec.input);
        // What belongs to the input of an open job and is read by no task of it stands only there.
        let open = self.jobs.values().filter(|job| !matches!(job.body, Body::Ended(_)));
        let inputs = inputs.chain(open.map(|job| job.spec.input));
        found.inputs.extend(inputs.filter(|input| *input != JobSpec::NO_INPUT));
        found
    }
}

fn add_submitted(found: &mut Vec<Digest>, submitted: &Submitted) {
    found.push(submitted.spec.input);
    add(found, submitted.chunks.iter().chain(&submitted.sample));
}

fn add_open(found: &mut Vec<Digest>, open: &OpenJob) {
    found.push(open.spec.input);
    add(found, open.chunks.iter().chain(&open.sample));
    for index in 0..open.plan.total() {
        add(found, open.outputs(index));
    }
    for vote in open.trials.values().flat_map(|trial| &trial.votes) {
        add(found, &*vote.outputs);
    }
}

fn add<'a>(found: &mut Vec<Digest>, objects: impl IntoIterator<Item = &'a ObjectRef>) {
    found.extend(objects.into_iter().map(|object| object.digest));
}
