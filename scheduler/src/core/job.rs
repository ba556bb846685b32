//! One job: its tasks, and all that is counted of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bramble_protocol::api::{FailureView, JobState, PhaseView, Saved, TaskCounts};
use bramble_protocol::{
    Digest, JobId, JobSpec, ModuleInfo, NodeId, NodeSelector, ObjectRef, Phase, PhaseKind, TaskId,
    Usage,
};

use super::event::Timestamp;
use super::graph::Pending;
use super::mutant::{Mutant, mutated};
use super::plan::Plan;
use super::record::{Ended, Shape, Submitted};
use super::task::{Task, TaskState};
use super::trial::Trial;

/// Tasks that are looked at to find one that has not failed on the node that asks.
const RETRY_SCAN_MAX: usize = 64;

/// A job that was accepted.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) spec: Arc<JobSpec>,
    pub(crate) submitted_at: Timestamp,
    pub(crate) input_bytes: u64,
    /// The manifest of the input, or what it would be.
    pub(crate) input: Digest,
    pub(crate) partitions: u32,
    pub(crate) body: Body,
}

/// What is kept of it.
#[derive(Debug)]
pub(crate) enum Body {
    /// What was accepted, while other jobs must be done first.
    Pending(Box<Pending>),
    /// Everything, while it has not ended.
    Open(Box<OpenJob>),
    /// A summary, when it has.
    Ended(Box<Ended>),
}

/// A job that has not ended.
#[derive(Debug)]
pub(crate) struct OpenJob {
    pub(crate) id: JobId,
    pub(crate) spec: Arc<JobSpec>,
    /// Which head accepted it.
    pub(crate) epoch: u32,
    pub(crate) module: ModuleInfo,
    pub(crate) chunks: Vec<ObjectRef>,
    /// Input bytes before each chunk.
    pub(crate) offsets: Vec<u64>,
    pub(crate) sample: Option<ObjectRef>,
    /// Whether the chunks at the end of the input are smaller.
    pub(crate) tail: bool,
    pub(crate) plan: Plan,
    pub(crate) tasks: Vec<Task>,
    /// What is known beside their state of those tasks that are being tried.
    pub(crate) trials: BTreeMap<u32, Trial>,
    /// Ready tasks without a trial, in order.
    pub(crate) fresh: BTreeSet<u32>,
    /// Ready tasks with a trial: they failed before, or more than one result is wanted.
    pub(crate) retry: BTreeSet<u32>,
    /// Tasks that wait for their next attempt, and until when.
    pub(crate) delayed: BTreeSet<(Timestamp, u32)>,
    /// Tasks that are done and of which another node gave another result.
    pub(crate) disputed: BTreeSet<u32>,
    pub(crate) counts: TaskCounts,
    pub(crate) phases: Vec<PhaseView>,
    pub(crate) shares: BTreeMap<NodeId, Share>,
    /// Nodes that keep their place in a job for at most so many nodes.
    pub(crate) members: BTreeSet<NodeId>,
    /// Whether it is older than this head process.
    pub(crate) restored: bool,
    /// Whether it has secrets that are not at hand.
    pub(crate) locked: bool,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) usage: Usage,
    /// Processor time of all attempts, in microseconds: also of those that failed.
    pub(crate) spent_us: u64,
    /// Tasks that earlier ones did.
    pub(crate) reused: BTreeSet<u32>,
    /// What earlier tasks have saved it.
    pub(crate) saved: Saved,
    /// Tasks that said that those of later chunks are not needed.
    pub(crate) said_enough: BTreeSet<u32>,
    /// Tasks that were done before another said that they are not needed.
    pub(crate) done_unneeded: u32,
    /// Whether somebody was told that it is of no use to say so in this job.
    pub(crate) enough_told: bool,
    /// Whether the user had the input himself.
    pub(crate) owns_input: bool,
    /// Log bytes kept since this head started.
    pub(crate) log_bytes: usize,
    /// The first tasks that failed for good.
    pub(crate) failures: Vec<FailureView>,
    pub(crate) fate: Option<Fate>,
}

/// One node's part in a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) succeeded: u32,
    pub(crate) leased: u32,
    pub(crate) cpu_us: u64,
    pub(crate) energy_uj: u64,
    pub(crate) energy_measured_uj: u64,
}

impl Share {
    /// Counts what an attempt used.
    pub(crate) fn used(&mut self, usage: &Usage) {
        self.cpu_us = self.cpu_us.saturating_add(usage.cpu_us);
        self.energy_uj = self.energy_uj.saturating_add(usage.energy_uj);
        self.energy_measured_uj = self.energy_measured_uj.saturating_add(usage.energy_measured_uj);
    }
}

/// What ends a job before its tasks are done.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// More tasks failed for good than may; this is the last.
    Failed(FailureView),
    /// It cannot be run.
    Unrunnable(String),
    /// A user stopped it.
    Canceled,
}

/// How an attempt did that succeeded.
pub(crate) struct Success {
    pub(crate) node: NodeId,
    pub(crate) leased_at: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) outputs: Vec<ObjectRef>,
    pub(crate) usage: Usage,
    pub(crate) enough: bool,
}

impl Job {
    pub(crate) fn open(&self) -> Option<&OpenJob> {
        match &self.body {
            Body::Open(open) => Some(open),
            Body::Pending(_) | Body::Ended(_) => None,
        }
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut OpenJob> {
        match &mut self.body {
            Body::Open(open) => Some(open),
            Body::Pending(_) | Body::Ended(_) => None,
        }
    }

    /// What is kept of its input when it has ended.
    pub(crate) fn shape(&self) -> Shape {
        let Self { input, input_bytes, partitions, .. } = *self;
        Shape { input, input_bytes, partitions }
    }

    pub(crate) fn pending(&self) -> Option<&Pending> {
        match &self.body {
            Body::Pending(pending) => Some(pending),
            Body::Open(_) | Body::Ended(_) => None,
        }
    }

    pub(crate) fn pending_mut(&mut self) -> Option<&mut Pending> {
        match &mut self.body {
            Body::Pending(pending) => Some(pending),
            Body::Open(_) | Body::Ended(_) => None,
        }
    }

    /// Derived from what is counted, never stored while the job is open.
    pub(crate) fn state(&self) -> JobState {
        match &self.body {
            Body::Pending(pending) => pending.state(),
            Body::Ended(ended) => ended.state,
            Body::Open(open) => open.state(),
        }
    }
}

impl OpenJob {
    pub(crate) fn new(submitted: Submitted, spec: Arc<JobSpec>) -> Self {
        let Submitted { job, module, chunks, sample, partitions, owns_input, epoch, .. } =
            submitted;
        let plan = Plan::new(&module, chunks.len() as u32, partitions);
        let offsets = chunks
            .iter()
            .scan(0u64, |sum, chunk| {
                let before = *sum;
                *sum += chunk.size;
                Some(before)
            })
            .collect();
        let tail = match chunks.as_slice() {
            [first, .., late, _] => late.size.saturating_mul(2) <= first.size,
            _ => false,
        };
        let tasks: Vec<Task> = (0..plan.total())
            .map(|index| {
                let state = match plan.dependencies(plan.phase(index)) {
                    0 => TaskState::Ready,
                    dependencies => TaskState::Waiting { dependencies },
                };
                Task { state, number: 0 }
            })
            .collect();
        let fresh: BTreeSet<u32> =
            (0..plan.total()).filter(|i| tasks[*i as usize].state == TaskState::Ready).collect();
        let ready = fresh.len() as u32;
        let counts = TaskCounts {
            total: plan.total(),
            waiting: plan.total() - ready,
            ready,
            ..TaskCounts::default()
        };
        let phases = plan.phases().into_iter().map(|(kind, total)| phase_view(kind, total));
        Self {
            id: job,
            spec,
            epoch,
            phases: phases.collect(),
            module,
            chunks,
            offsets,
            sample,
            tail,
            plan,
            tasks,
            fresh,
            trials: BTreeMap::new(),
            retry: BTreeSet::new(),
            delayed: BTreeSet::new(),
            disputed: BTreeSet::new(),
            counts,
            shares: BTreeMap::new(),
            members: BTreeSet::new(),
            restored: false,
            locked: false,
            started_at: None,
            usage: Usage::default(),
            spent_us: 0,
            reused: BTreeSet::new(),
            saved: Saved::default(),
            said_enough: BTreeSet::new(),
            done_unneeded: 0,
            enough_told: false,
            owns_input,
            log_bytes: 0,
            failures: Vec::new(),
            fate: None,
        }
    }

    pub(crate) fn state(&self) -> JobState {
        match &self.fate {
            Some(Fate::Failed(_) | Fate::Unrunnable(_)) => JobState::Failed,
            Some(Fate::Canceled) => JobState::Canceled,
            None if self.counts.succeeded == self.counts.total && self.disputed.is_empty() => {
                JobState::Done
            }
            // What waits for a task that failed never runs.
            None if self.counts.ended > 0 && !self.may_go_on() => JobState::Failed,
            None if self.started_at.is_some() => JobState::Running,
            None => JobState::Waiting,
        }
    }

    /// Whether any task runs or is due to.
    fn may_go_on(&self) -> bool {
        self.counts.ready + self.counts.delayed + self.counts.leased > 0
    }

    pub(crate) fn task_id(&self, index: u32) -> TaskId {
        TaskId { job: self.id, index }
    }

    pub(crate) fn phase_mut(&mut self, kind: PhaseKind) -> &mut PhaseView {
        self.phases
            .iter_mut()
            .find(|view| view.phase == kind)
            .expect("a job lists the phases of all its tasks")
    }

    /// Mean time of the phase's tasks so far, in microseconds; `None` before the first is done.
    pub(crate) fn mean_wall_us(&self, kind: PhaseKind) -> Option<u64> {
        let view = self.phases.iter().find(|view| view.phase == kind)?;
        // Those that were done before took no time here.
        let run = view.succeeded - view.reused + self.done_unneeded;
        view.usage.wall_us.checked_div(run.into())
    }

    /// The ready task that should run next on a node. One that was tried before goes first,
    /// unless `avoid` says that it should run elsewhere.
    ///
    /// Where the input was cut smaller towards its end, slow nodes work from there.
    pub(crate) fn next_ready(&self, slow: bool, avoid: impl Fn(&Trial) -> bool) -> Option<u32> {
        let tried = self.retry.iter().take(RETRY_SCAN_MAX);
        tried.copied().find(|index| !avoid(&self.trials[index])).or_else(|| self.next_fresh(slow))
    }

    /// The ready task without a trial that should run next on a node.
    pub(crate) fn next_fresh(&self, slow: bool) -> Option<u32> {
        let smallest = || self.fresh.range(self.plan.maps()).next_back();
        let fresh = (slow && self.tail).then(smallest).flatten().or_else(|| self.fresh.first());
        fresh.copied()
    }

    /// How much work a ready task is beside the mean of the others, as two numbers: by its bytes
    /// where chunks have different sizes.
    pub(crate) fn weight(&self, index: u32) -> (u64, u64) {
        match self.plan.phase(index) {
            Phase::Map { chunk } if self.tail => {
                let last = self.chunks.last().map_or(0, |chunk| chunk.size);
                let input_bytes = self.offsets.last().map_or(0, |before| before + last);
                let mean = input_bytes / self.chunks.len().max(1) as u64;
                (self.chunks[chunk as usize].size.max(1), mean.max(1))
            }
            _ => (1, 1),
        }
    }

    /// Gives a node a place in a job for at most so many nodes.
    pub(crate) fn join(&mut self, node: NodeId) {
        if let NodeSelector::AtMost(_) = self.spec.nodes {
            self.members.insert(node);
        }
    }

    /// Marks a task as done and returns the others that became ready by it. The lease of the
    /// attempt is dropped.
    pub(crate) fn succeed(&mut self, index: u32, success: Success, counted: bool) -> Vec<u32> {
        let share = self.shares.entry(success.node).or_default();
        share.succeeded += 1;
        // What a vote used is counted when it is given.
        if !counted {
            share.used(&success.usage);
            self.usage.add(&success.usage);
        }
        self.started(index, success.leased_at);
        let phase = self.plan.phase(index);
        self.phase_mut(phase.kind()).usage.add(&success.usage);
        self.finish(index, success.outputs, success.at)
    }

    /// Counts a task as done; returns the others that became ready by it.
    pub(crate) fn finish(
        &mut self,
        index: u32,
        outputs: Vec<ObjectRef>,
        at: Timestamp,
    ) -> Vec<u32> {
        let phase = self.plan.phase(index);
        let view = self.phase_mut(phase.kind());
        view.succeeded += 1;
        if view.succeeded == view.total {
            view.ended_at_ms = Some(at.0);
        }
        self.set_state(index, TaskState::Succeeded { outputs: outputs.into() });
        self.forget_trial(index);
        let mut ready = Vec::new();
        for dependent in self.plan.dependents(phase) {
            match &mut self.tasks[dependent as usize].state {
                TaskState::Waiting { dependencies } if *dependencies > 1 => {
                    let twice = mutated(Mutant::CountsTwice) && *dependencies > 2;
                    *dependencies -= if twice { 2 } else { 1 };
                }
                TaskState::Waiting { .. } => {
                    self.set_state(dependent, TaskState::Ready);
                    ready.push(dependent);
                }
                // It had its input before this task was done once more.
                _ => {}
            }
        }
        ready
    }

    /// Counts a task's move from one state to another.
    pub(super) fn set_state(&mut self, index: u32, next: TaskState) {
        let task = &mut self.tasks[index as usize];
        assert!(task.state.may_become(&next), "task {index}: {:?} to {next:?}", task.state);
        let before = std::mem::replace(&mut task.state, next);
        *counter(&mut self.counts, &before) -= 1;
        match before {
            TaskState::Ready => {
                self.fresh.remove(&index);
                self.retry.remove(&index);
            }
            TaskState::Delayed { until } => {
                self.delayed.remove(&(until, index));
            }
            _ => {}
        }
        match self.tasks[index as usize].state {
            TaskState::Ready if self.trials.contains_key(&index) => {
                self.retry.insert(index);
            }
            TaskState::Ready => {
                self.fresh.insert(index);
            }
            TaskState::Delayed { until } => {
                self.delayed.insert((until, index));
            }
            _ => {}
        }
        *counter(&mut self.counts, &self.tasks[index as usize].state) += 1;
    }

    pub(super) fn started(&mut self, index: u32, at: Timestamp) {
        let earliest = |known: Option<u64>| Some(known.map_or(at.0, |known| known.min(at.0)));
        self.started_at = earliest(self.started_at.map(|at| at.0)).map(Timestamp);
        let view = self.phase_mut(self.plan.phase(index).kind());
        view.started_at_ms = earliest(view.started_at_ms);
    }

    /// The objects that a task reads.
    pub(crate) fn inputs(&self, phase: Phase) -> Vec<ObjectRef> {
        match phase {
            Phase::Ranges => self.sample.into_iter().collect(),
            Phase::Map { chunk } => vec![self.chunks[chunk as usize]],
            Phase::Merge { .. } | Phase::Reduce { .. } => in_order(self.plan.parts(phase))
                .into_iter()
                .map(|(task, output)| self.outputs(task)[output as usize])
                .filter(|part| part.size > 0)
                .collect(),
        }
    }

    /// What a task that is done wrote; nothing for others.
    pub(crate) fn outputs(&self, index: u32) -> &[ObjectRef] {
        match self.tasks.get(index as usize).map(|task| &task.state) {
            Some(TaskState::Succeeded { outputs }) => outputs,
            _ => &[],
        }
    }

    /// The result's objects in order; empty ones are left out.
    pub(crate) fn result(&self) -> Vec<ObjectRef> {
        let last = self.plan.last_tasks();
        last.flat_map(|task| self.outputs(task)).filter(|part| part.size > 0).copied().collect()
    }

    /// Whether the selector lets a node take a task.
    pub(crate) fn admits(&self, node: NodeId, name: &str) -> bool {
        match &self.spec.nodes {
            NodeSelector::Any => true,
            NodeSelector::AtMost(max) => {
                self.members.contains(&node) || self.members.len() < *max as usize
            }
            NodeSelector::Named(names) => names.iter().any(|allowed| allowed == name),
        }
    }
}

/// What counts the tasks of a state.
pub(super) fn counter<'a>(counts: &'a mut TaskCounts, state: &TaskState) -> &'a mut u32 {
    match state {
        TaskState::Waiting { .. } => &mut counts.waiting,
        TaskState::Ready => &mut counts.ready,
        TaskState::Delayed { .. } => &mut counts.delayed,
        TaskState::Leased => &mut counts.leased,
        TaskState::Succeeded { .. } => &mut counts.succeeded,
        TaskState::Failed => &mut counts.ended,
    }
}

/// Parts in the order in which they are merged.
fn in_order(mut parts: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    if mutated(Mutant::PartsReversed) {
        parts.reverse();
    }
    parts
}

fn phase_view(phase: PhaseKind, total: u32) -> PhaseView {
    PhaseView {
        phase,
        total,
        succeeded: 0,
        reused: 0,
        started_at_ms: None,
        ended_at_ms: None,
        usage: Usage::default(),
    }
}
