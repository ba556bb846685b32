//! What must always be true, worked out anew from the tasks and nodes.

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::{JobId, NodeId};

use super::Scheduler;
use super::job::{Body, Job, OpenJob};
use super::task::{Task, TaskState};
use super::trial::Trial;

impl Scheduler {
    /// Compares every index and counter with what it should be. Costs as much as there is state:
    /// for tests, after each step.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self) -> Result<(), String> {
        if !self.cluster.is_sound() {
            return Err("the indices of the cluster do not fit its nodes".into());
        }
        let mut leased = BTreeMap::new();
        let mut open_jobs = BTreeSet::new();
        let mut tasks_open = 0;
        for (id, job) in &self.jobs {
            if let Body::Open(open) = &job.body {
                open_jobs.insert(*id);
                tasks_open += open.tasks.len();
                self.check_open(*id, open)?;
                for (index, lent) in open.leases() {
                    leased.insert(lent.lease, (lent.node, open.task_id(index), lent.number));
                }
            }
        }
        same("open jobs", &open_jobs, &self.open)?;
        same("open tasks", &tasks_open, &self.tasks_open)?;
        let ended: BTreeSet<JobId> = self.ended.iter().copied().collect();
        let all: BTreeSet<JobId> = self.jobs.keys().copied().collect();
        let mut known: BTreeSet<JobId> = open_jobs.union(&ended).copied().collect();
        known.extend(&self.graph.pending);
        same("all jobs", &known, &all)?;
        self.check_graph()?;
        self.check_locks()?;
        self.check_cache()?;
        self.check_nodes(&leased)?;
        self.check_queue()?;
        self.check_modules()
    }

    fn check_open(&self, id: JobId, open: &OpenJob) -> Result<(), String> {
        let name = |what: &str| format!("{what} of job {id}");
        let mut counts = open.counts;
        (counts.waiting, counts.ready, counts.leased, counts.succeeded) = (0, 0, 0, 0);
        (counts.delayed, counts.ended) = (0, 0);
        let mut ready = (BTreeSet::new(), BTreeSet::new());
        let mut delayed = BTreeSet::new();
        let mut done = BTreeMap::new();
        for (index, task) in (0..).zip(&open.tasks) {
            match &task.state {
                TaskState::Waiting { dependencies } => {
                    counts.waiting += 1;
                    let missing = missing(open, index);
                    same(&format!("dependencies of {id}@{index}"), &missing, dependencies)?;
                }
                TaskState::Ready => {
                    counts.ready += 1;
                    let is_new = open.trial(index).is_none();
                    let set = if is_new { &mut ready.0 } else { &mut ready.1 };
                    set.insert(index);
                    same(&format!("missing inputs of {id}@{index}"), &0, &missing(open, index))?;
                }
                TaskState::Delayed { until } => {
                    counts.delayed += 1;
                    delayed.insert((*until, index));
                }
                TaskState::Leased => counts.leased += 1,
                TaskState::Failed => counts.ended += 1,
                TaskState::Succeeded { outputs } => {
                    counts.succeeded += 1;
                    let phase = open.plan.phase(index);
                    *done.entry(phase.kind()).or_insert(0) += 1;
                    let expected = open.plan.outputs(phase) as usize;
                    same(&format!("outputs of {id}@{index}"), &expected, &outputs.len())?;
                }
            }
        }
        same(&name("counters"), &counts, &open.counts)?;
        same(&name("ready tasks"), &ready, &(open.fresh.clone(), open.retry.clone()))?;
        same(&name("delayed tasks"), &delayed, &open.delayed)?;
        let mut shares: BTreeMap<NodeId, u32> = BTreeMap::new();
        for (index, trial) in &open.trials {
            check_trial(&format!("{id}@{index}"), &open.tasks[*index as usize], trial)?;
            for lent in &trial.leases {
                *shares.entry(lent.node).or_default() += 1;
            }
        }
        let disputed = open.trials.iter().filter(|(index, trial)| {
            let done = matches!(open.tasks[**index as usize].state, TaskState::Succeeded { .. });
            done && trial.votes.len() > 1
        });
        let disputed: BTreeSet<u32> = disputed.map(|(index, _)| *index).collect();
        same(&name("disputed tasks"), &disputed, &open.disputed)?;
        let tried = open.tasks.iter().filter(|task| task.state == TaskState::Leased).count();
        let with_lease = |(index, trial): &(&u32, &Trial)| {
            !trial.leases.is_empty() && open.tasks[**index as usize].state == TaskState::Leased
        };
        same(&name("leased tasks"), &open.trials.iter().filter(with_lease).count(), &tried)?;
        let kept: BTreeMap<NodeId, u32> = open
            .shares
            .iter()
            .filter(|(_, share)| share.leased > 0)
            .map(|(node, share)| (*node, share.leased))
            .collect();
        same(&name("shares"), &shares, &kept)?;
        for view in &open.phases {
            let expected = done.get(&view.phase).copied().unwrap_or(0);
            same(&name(view.phase.name()), &expected, &view.succeeded)?;
        }
        let reused: u32 = open.phases.iter().map(|view| view.reused).sum();
        same(&name("known tasks"), &open.reused.len(), &(reused as usize))?;
        same(&name("reused tasks"), &open.saved.tasks, &reused)?;
        if open.state().is_final() {
            return Err(format!("job {id} is {} but open", open.state().name()));
        }
        Ok(())
    }

    fn check_nodes(
        &self,
        leased: &BTreeMap<bramble_protocol::LeaseId, (NodeId, bramble_protocol::TaskId, u32)>,
    ) -> Result<(), String> {
        let mut held = BTreeMap::new();
        for node in self.cluster.all() {
            let mut jobs: BTreeMap<JobId, u32> = BTreeMap::new();
            for (lease, entry) in &node.leases {
                held.insert(*lease, (node.id, entry.attempt.task, entry.attempt.number));
                *jobs.entry(entry.attempt.task.job).or_default() += 1;
                if entry.expires_at < node.next_expiry {
                    return Err(format!("lease {lease} ends before its node is looked at"));
                }
            }
            if node.extras.iter().any(|lease| !node.leases.contains_key(lease)) {
                return Err(format!("node {} has extra leases that it does not hold", node.name));
            }
            same(&format!("jobs of node {}", node.name), &jobs, &node.jobs)?;
            if node.link == super::node::Link::Lost && !node.leases.is_empty() {
                return Err(format!("node {} is lost but has leases", node.name));
            }
        }
        same("leases of nodes", leased, &held)
    }

    fn check_cache(&self) -> Result<(), String> {
        self.cache.check(self.config.cache_entries_max)?;
        let fits = |key: &(bramble_protocol::Digest, bramble_protocol::Digest), id: &JobId| {
            self.jobs.get(id).is_some_and(|job| (job.spec.module, job.input) == *key)
        };
        if let Some((_, id)) = self.shapes.iter().find(|(key, id)| !fits(key, id)) {
            return Err(format!("the shape of job {id} is kept, which it does not have"));
        }
        match self.cache.owners().find(|owner| !self.jobs.contains_key(owner)) {
            Some(owner) => Err(format!("results of job {owner} are kept, which is forgotten")),
            None => Ok(()),
        }
    }

    fn check_queue(&self) -> Result<(), String> {
        let expected = self.queue.derive(self.jobs.values().filter_map(Job::open));
        same("the queue", &expected, &self.queue)?;
        let queued: BTreeSet<JobId> = self.queue.order().collect();
        let open = |job: &&Job| {
            job.open().is_some_and(|open| open.counts.ready > 0 && self.held_text(open).is_none())
        };
        let due: BTreeSet<JobId> = self.jobs.values().filter(open).map(|job| job.id).collect();
        same("jobs in the queue", &due, &queued)
    }

    fn check_modules(&self) -> Result<(), String> {
        let mut expected: BTreeMap<_, BTreeSet<JobId>> = BTreeMap::new();
        for id in &self.open {
            expected.entry(self.jobs[id].spec.module).or_default().insert(*id);
        }
        if let Some(calibration) = self.config.calibration {
            expected.entry(calibration.module).or_default();
        }
        let found = self.modules.iter().map(|(digest, module)| (*digest, module.jobs.clone()));
        same("jobs of modules", &expected, &found.collect())
    }
}

/// How many of the tasks that one depends on are not done.
fn missing(open: &OpenJob, index: u32) -> u32 {
    use bramble_protocol::Phase;
    let is_open =
        |task: &u32| !matches!(open.tasks[*task as usize].state, TaskState::Succeeded { .. });
    let dependencies: Vec<u32> = match open.plan.phase(index) {
        Phase::Ranges => Vec::new(),
        Phase::Map { .. } if open.plan.has_ranges() => vec![0],
        Phase::Map { .. } => Vec::new(),
        phase @ (Phase::Merge { .. } | Phase::Reduce { .. }) => {
            open.plan.parts(phase).into_iter().map(|(task, _)| task).collect()
        }
    };
    dependencies.iter().filter(|task| is_open(task)).count() as u32
}

/// What must hold of a task that is tried.
fn check_trial(name: &str, task: &Task, trial: &Trial) -> Result<(), String> {
    if *trial == Trial::default() {
        return Err(format!("the trial of {name} is kept for nothing"));
    }
    let is_out = !trial.leases.is_empty();
    match task.state {
        TaskState::Leased | TaskState::Succeeded { .. } => {}
        // One that waits was tried before the output of another was lost.
        TaskState::Waiting { .. } | TaskState::Ready | TaskState::Delayed { .. } if !is_out => {}
        _ => return Err(format!("{name} is {:?} and has the trial {trial:?}", task.state)),
    }
    let mut nodes: Vec<NodeId> = trial.leases.iter().map(|lent| lent.node).collect();
    nodes.extend(trial.votes.iter().map(|vote| vote.node));
    let different: BTreeSet<NodeId> = nodes.iter().copied().collect();
    same(&format!("different nodes that try {name}"), &nodes.len(), &different.len())?;
    match trial.leases.iter().find(|lent| lent.number > task.number) {
        Some(lent) => Err(format!("{name} has attempt {} after its last", lent.number)),
        None => Ok(()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("{what}: should be {expected:?}, is {found:?}"))
    }
}
