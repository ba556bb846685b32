//! What users ask for: jobs to be accepted, jobs to be stopped.

use bramble_protocol::job::CommandOptions;
use bramble_protocol::node::is_node_name;
use bramble_protocol::{JobId, JobSpec, Manifest, ModuleInfo, ModuleKind, NodeSelector, SplitRule};

use super::Scheduler;
use super::action::{Action, Answer, Rejection};
use super::config::{NAME_BYTES_MAX, PARAMS_BYTES_MAX};
use super::event::{NewJob, RequestToken};
use super::plan::{self, PARTITIONS_MAX, Plan, choose_partitions};
use super::quorum;
use super::record::{Record, Submitted};

impl Scheduler {
    pub(super) fn on_submit(&mut self, token: RequestToken, job: NewJob) {
        let answer = match self.accept(job) {
            Ok(id) => self.answer_with(id),
            Err(rejection) => Answer::Rejected(rejection),
        };
        self.step.actions.push(Action::Reply { token, answer });
    }

    fn accept(&mut self, job: NewJob) -> Result<JobId, Rejection> {
        check_job(&job)?;
        self.check_upstream(&job.spec)?;
        let NewJob { mut spec, mut module, manifest, owns_input } = job;
        // Whether a command merges is not in the module but in what the user said.
        module.exports.merger |= spec.command.merge_args.is_some();
        // Nor is whether a job does that has declared it for some values of a parameter.
        module.exports = module.effective_exports(&spec.params);
        let chunks = manifest.chunks.len() as u32;
        let slots = self.slots_for(&spec.nodes);
        let sampled = manifest.sample.is_some();
        let wanted = self.earlier_partitions(&spec, spec.input).or(spec.partitions);
        let partitions = choose_partitions(&module, wanted, chunks, sampled, slots);
        let tasks = match chunks {
            // Nobody knows yet how many there will be.
            0 => 0,
            chunks => Plan::new(&module, chunks, partitions).total() as usize,
        };
        self.check_room(tasks)?;
        let input_bytes = manifest.chunks.iter().map(|chunk| chunk.size).sum();
        self.check_limits(&mut spec, input_bytes)?;
        let id = JobId(self.next_job);
        self.commit(Record::JobSubmitted(Box::new(Submitted {
            job: id,
            at_ms: self.now.0,
            spec: with_result_name(spec, &module, id),
            module,
            chunks: manifest.chunks,
            sample: manifest.sample,
            partitions,
            owns_input,
            epoch: self.lease_numbers.epoch(),
        })));
        if self.jobs[&id].spec.secrets.is_some() {
            self.unlock(id);
        }
        if super::graph::is_downstream(&self.jobs[&id].spec) {
            self.release();
        } else {
            self.begin(id);
        }
        Ok(id)
    }

    fn check_room(&self, tasks: usize) -> Result<(), Rejection> {
        let busy = |reason| Err(Rejection::Busy { reason });
        let jobs = self.open_jobs();
        if jobs >= self.config.jobs_open_max {
            return busy(format!("{jobs} jobs have not ended yet"));
        }
        if self.tasks_open + tasks > self.config.tasks_open_max {
            return busy(format!(
                "its {tasks} tasks and {} of other jobs are more than {}",
                self.tasks_open, self.config.tasks_open_max
            ));
        }
        Ok(())
    }

    pub(super) fn on_cancel(&mut self, token: RequestToken, job: JobId) {
        let answer = match self.job_state(job) {
            None => Answer::Rejected(Rejection::NoSuchJob(job)),
            Some(state) if state.is_final() => {
                Answer::Rejected(Rejection::WrongState { job, state })
            }
            Some(_) => {
                self.commit(Record::JobCanceled { job, at_ms: self.now.0 });
                self.end_if_over(job);
                self.answer_with(job)
            }
        };
        self.step.actions.push(Action::Reply { token, answer });
    }

    fn answer_with(&self, job: JobId) -> Answer {
        match self.job(job) {
            Some(view) => Answer::Job(Box::new(view)),
            None => Answer::Rejected(Rejection::NoSuchJob(job)),
        }
    }
}

/// A result that nobody has named ends as the module declares, if it does.
fn with_result_name(mut spec: JobSpec, module: &ModuleInfo, id: JobId) -> JobSpec {
    if spec.result_name.is_empty()
        && let Some(result) = module.declared.result_for(&spec.params)
    {
        spec.result_name = format!("{}-{id}.{}", spec.name, result.extension());
    }
    spec
}

/// What can be wrong with a job whatever the head has to do.
fn check_job(job: &NewJob) -> Result<(), Rejection> {
    let NewJob { spec, module, manifest, .. } = job;
    let unsound = |reason: String, help: Option<&str>| {
        Err(Rejection::Unsound { reason, help: help.map(str::to_owned) })
    };
    if spec.module != module.digest {
        return unsound(
            "the job names another module than the one that was inspected".into(),
            None,
        );
    }
    if !plan::maps(module) {
        let help = "export `mapper`, `mapper-bytes` or `mapper-pairs` of bramble:job, or build a \
                    WASI command";
        return unsound("the module exports nothing that maps a chunk".into(), Some(help));
    }
    if spec.policy.input_from.is_some()
        && module.declared.split_rule(&spec.params) == SplitRule::Guest
    {
        let help = "fetch the result with `bramble get`, and submit it as a file";
        return unsound(
            "the module makes its chunks itself, and the parts of another job's result are \
             chunks already"
                .into(),
            Some(help),
        );
    }
    let has_input = !manifest.chunks.is_empty() || spec.input != JobSpec::NO_INPUT;
    if has_input && spec.policy.input_from.is_some() {
        return unsound("the job has an input, and another job's result as its input".into(), None);
    }
    if manifest.chunks.is_empty() && spec.policy.input_from.is_none() {
        return unsound("the input is empty".into(), Some("give an input of at least one byte"));
    }
    if manifest.chunks.len() > Manifest::CHUNKS_MAX {
        return unsound(
            format!("the input has {} chunks", manifest.chunks.len()),
            Some("cut it into fewer with a larger --chunk-size"),
        );
    }
    if let Some(fault) = spec.limits.fault() {
        return unsound(fault, None);
    }
    if let Some(fault) = module.declared.param_fault(&spec.params) {
        return unsound(fault, None);
    }
    if let Some(fault) = module.declared.secrets_fault(spec.secrets.as_ref()) {
        return unsound(fault, None);
    }
    if module.kind == ModuleKind::Command && spec.secrets.is_some() {
        let help = "make the module with the SDK, whose `host::secret` reads them";
        return unsound("a WASI command cannot be given secrets".into(), Some(help));
    }
    if module.kind == ModuleKind::Job && spec.command != CommandOptions::default() {
        let help = "a module made with the SDK exports `merger`, and ends without a status";
        return unsound(
            "only WASI commands have exit statuses and merge arguments".into(),
            Some(help),
        );
    }
    if let Some(fault) = spec_fault(spec) {
        return unsound(fault, None);
    }
    Ok(())
}

fn spec_fault(spec: &JobSpec) -> Option<String> {
    let params: usize = spec.params.iter().map(|(name, value)| name.len() + value.len()).sum();
    let args = spec.args.iter().chain(spec.command.merge_args.iter().flatten());
    let args: usize = args.map(String::len).sum();
    if spec.name.len() > NAME_BYTES_MAX || spec.result_name.len() > NAME_BYTES_MAX {
        return Some(format!("a name is longer than {NAME_BYTES_MAX} bytes"));
    }
    if params > PARAMS_BYTES_MAX || args > PARAMS_BYTES_MAX {
        return Some(format!("parameters or arguments are longer than {PARAMS_BYTES_MAX} bytes"));
    }
    if spec.partitions.is_some_and(|wanted| !(1..=PARTITIONS_MAX).contains(&wanted)) {
        return Some(format!("the number of partitions must be 1 to {PARTITIONS_MAX}"));
    }
    if let Some(fault) = spec.command.fault() {
        return Some(fault);
    }
    let policy = spec.policy.fault().or_else(|| quorum::fault(spec));
    if let Some(fault) = spec.clock_fault().or(policy) {
        return Some(fault);
    }
    match &spec.nodes {
        NodeSelector::AtMost(0) => Some("a job needs at least one node".into()),
        NodeSelector::Named(names) if names.is_empty() => {
            Some("a job needs at least one node".into())
        }
        NodeSelector::Named(names) => names.iter().find(|name| !is_node_name(name)).map(|name| {
            format!("`{}` cannot name a node", name.chars().take(80).collect::<String>())
        }),
        NodeSelector::Any | NodeSelector::AtMost(_) => None,
    }
}
