//! Fake users: what they order, what they are told, and whether it is true.

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::api::{JobState, JobView};
use bramble_protocol::{
    AttemptId, Digest, JobId, Limits, Manifest, ModuleInfo, NodeSelector, NodeState, ObjectRef,
};
use bramble_scheduler::core::{Answer, Event, NewJob, Rejection, RequestToken};
use bramble_scheduler::testing;

use super::agents::CPU_US;
use super::dice::Dice;
use super::head::Head;
use super::options::Options;
use super::oracle::expected;
use super::world::{Happening, World};

/// A job that a user wants done.
#[derive(Debug)]
pub(super) struct Order {
    job: NewJob,
    /// Whether one of its chunks cannot be worked on.
    poisoned: bool,
    /// Whether one of its chunks ends every agent that works on it.
    kills: bool,
    /// The number it was given, once that is certain.
    pub(super) accepted: Option<JobId>,
    cancel_asked: bool,
}

/// What a user waits to hear.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    Submit(usize),
    Cancel,
    Drain { node: usize, drained: bool },
}

/// All users.
#[derive(Debug)]
pub(super) struct Users {
    pub(super) orders: Vec<Order>,
    pub(super) trouble_until: u64,
    bad_module: Digest,
    poison: BTreeSet<Digest>,
    killers: BTreeSet<Digest>,
    questions: BTreeMap<RequestToken, Question>,
    last_token: u64,
    /// Final states that somebody was told. They must never change.
    told: BTreeMap<JobId, JobView>,
    /// Attempts of which a node was told that their results are kept.
    pub(super) done: BTreeSet<AttemptId>,
    /// How many tasks of a job somebody saw done. It must never be less.
    pub(super) shown: BTreeMap<JobId, u32>,
    /// Nodes of which somebody was told that they get no more work, or work again.
    pub(super) drained: BTreeMap<usize, bool>,
    /// Jobs with attempts whose node said what cannot be of its use of the machine.
    pub(super) exaggerated: BTreeSet<JobId>,
}

impl Users {
    pub(super) fn new(options: &Options, dice: &mut Dice) -> Self {
        let bad_module = Digest::of(b"a module that no compiler takes");
        let mut poison = BTreeSet::new();
        let mut killers = BTreeSet::new();
        let orders = (0..options.jobs)
            .map(|number| {
                let mut job = random_job(options, number, dice);
                if dice.permille(60) {
                    job.module.digest = bad_module;
                    job.spec.module = bad_module;
                }
                let poisoned = dice.permille(150);
                if poisoned {
                    poison.insert(dice.pick(&job.manifest.chunks).digest);
                }
                let kills = !poisoned && dice.permille(60);
                if kills {
                    killers.insert(dice.pick(&job.manifest.chunks).digest);
                }
                Order { job, poisoned, kills, accepted: None, cancel_asked: false }
            })
            .collect();
        Self {
            orders,
            trouble_until: 0,
            bad_module,
            poison,
            killers,
            questions: BTreeMap::new(),
            last_token: 0,
            told: BTreeMap::new(),
            done: BTreeSet::new(),
            shown: BTreeMap::new(),
            drained: BTreeMap::new(),
            exaggerated: BTreeSet::new(),
        }
    }

    pub(super) fn is_bad(&self, module: &Digest) -> bool {
        *module == self.bad_module
    }

    pub(super) fn is_poisoned(&self, chunk: &Digest) -> bool {
        self.poison.contains(chunk)
    }

    /// Whether nothing right can come of it.
    pub(super) fn is_bad_chunk(&self, chunk: &Digest) -> bool {
        self.is_poisoned(chunk) || self.kills(chunk)
    }

    pub(super) fn kills(&self, chunk: &Digest) -> bool {
        self.killers.contains(chunk)
    }

    pub(super) fn open_orders(&self) -> String {
        let open = |order: &&Order| match order.accepted {
            Some(id) => !self.told.contains_key(&id),
            None => true,
        };
        format!("{:#?}", self.orders.iter().filter(open).collect::<Vec<_>>())
    }

    pub(super) fn ask(&mut self, question: Question) -> RequestToken {
        self.last_token += 1;
        let token = RequestToken(self.last_token);
        self.questions.insert(token, question);
        token
    }

    /// Nobody will be answered by that process any more.
    pub(super) fn head_died(&mut self) {
        self.questions.clear();
    }

    pub(super) fn answered(&mut self, token: RequestToken, answer: Answer) -> Result<(), String> {
        match (self.questions.remove(&token), answer) {
            (Some(Question::Submit(order)), Answer::Job(view)) => {
                self.orders[order].accepted = Some(view.id);
                Ok(())
            }
            (Some(Question::Cancel), Answer::Job(view)) if view.state.is_final() => Ok(()),
            // It had ended just before.
            (Some(Question::Cancel), Answer::Rejected(_)) => Ok(()),
            (Some(Question::Drain { node, drained }), Answer::Done) => {
                self.drained.insert(node, drained);
                Ok(())
            }
            // It has not been there yet.
            (Some(Question::Drain { .. }), Answer::Rejected(Rejection::NoSuchNode(_))) => Ok(()),
            (question, answer) => Err(format!("{question:?} was answered by {answer:?}")),
        }
    }

    /// Whether a head that has just started knows all that others were told.
    pub(super) fn check_restored(&self, head: &Head) -> Result<(), String> {
        let Some(core) = head.core() else { return Ok(()) };
        let journalled = head.journalled();
        for id in self.orders.iter().filter_map(|order| order.accepted) {
            if core.job(id).is_none() || !journalled.jobs.contains(&id) {
                return Err(format!("job {id} was accepted and is lost"));
            }
        }
        for (id, view) in &self.told {
            if core.job(*id).as_ref() != Some(view) {
                let now = core.job(*id);
                return Err(format!("job {id} was shown as {view:#?} and is now {now:#?}"));
            }
        }
        for attempt in &self.done {
            let ended = journalled.ended.contains(&attempt.task.job);
            if !ended && !journalled.successes.contains(attempt) {
                return Err(format!("attempt {attempt} was acknowledged and is lost"));
            }
        }
        for (id, shown) in &self.shown {
            let found = core.job(*id).map_or(0, |view| view.tasks.succeeded);
            if found < *shown {
                return Err(format!("job {id} had {shown} tasks done and now has {found}"));
            }
        }
        self.check_drained(core)
    }
}

fn random_job(options: &Options, number: usize, dice: &mut Dice) -> NewJob {
    let modules: [ModuleInfo; 4] = [
        testing::map_module(),
        testing::merge_module(),
        testing::sort_module(),
        testing::reduce_module(),
    ];
    let module = dice.pick(&modules).clone();
    let nodes = random_selector(options, dice);
    // So that a job for few nodes does not outlast the others by far.
    let few = nodes != NodeSelector::Any;
    let chunks_max = if few { options.chunks_max.min(200) } else { options.chunks_max };
    let chunks = dice.between(1, chunks_max.into());
    let chunk = |index| ObjectRef {
        digest: Digest::of(format!("{} {number} {index}", options.seed).as_bytes()),
        size: 1_000,
    };
    let sample = dice.permille(800).then(|| ObjectRef::of(b"sample"));
    let mut job = testing::job(&module, 1);
    job.manifest = Manifest::new((0..chunks).map(chunk).collect(), sample);
    job.spec.name = format!("order {number}");
    // More than all the trouble can use up: so a job may fail only by its own fault.
    job.spec.limits = Limits { attempts_max: 100, ..Limits::default() };
    job.spec.nodes = nodes;
    job.spec.partitions = dice.permille(300).then(|| dice.between(1, 9) as u32);
    job
}

fn random_selector(options: &Options, dice: &mut Dice) -> NodeSelector {
    match dice.between(0, 9) {
        0 | 1 => NodeSelector::AtMost(dice.between(1, 3) as u32),
        2 => {
            // Not the last one: it may lose power for ever.
            let last = (options.nodes as u64).saturating_sub(2);
            let name = |_| format!("n{}", dice.between(0, last));
            NodeSelector::Named((0..2).map(name).collect())
        }
        _ => NodeSelector::Any,
    }
}

impl World {
    pub(super) fn submits(&mut self, order: usize) {
        if self.users.orders[order].accepted.is_some() {
            return;
        }
        if self.head.core().is_some() {
            let token = self.users.ask(Question::Submit(order));
            let job = Box::new(self.users.orders[order].job.clone());
            self.tell(Event::Submit { token, job });
            if self.dice.permille(100) {
                let delay = self.dice.between(100, 10_000);
                self.after(delay, Happening::Cancels { order });
            }
            // Before the journal has the job, though its first leases may be out.
            if !self.is_calm() && self.dice.permille(200) {
                let delay = self.dice.between(1, 1_500);
                self.disk_stalls_until = self.now + delay + 1;
                self.after(delay, Happening::HeadDies);
            }
        }
        // Without an answer, the user tries again: the job may then be there twice.
        self.after(6_000, Happening::Submits { order });
    }

    pub(super) fn cancels(&mut self, order: usize) {
        let Some(job) = self.users.orders[order].accepted else { return };
        if self.head.core().is_some() {
            self.users.orders[order].cancel_asked = true;
            let token = self.users.ask(Question::Cancel);
            self.tell(Event::Cancel { token, job });
        }
    }

    /// Somebody is told that a job ended.
    pub(super) fn job_ended(&mut self, view: &JobView) {
        self.check_ended(view).unwrap_or_else(|what| self.fail(&what));
        if let Some(earlier) = self.users.told.insert(view.id, view.clone()) {
            self.fail(&format!("job {} ended twice: {earlier:#?} and {view:#?}", view.id));
        }
    }

    fn check_ended(&self, view: &JobView) -> Result<(), String> {
        let id = view.id;
        let order = self.users.orders.iter().find(|order| order.job.spec == view.spec);
        let order = order.ok_or(format!("nobody ordered job {id}"))?;
        let bad = self.users.is_bad(&view.spec.module);
        match view.state {
            JobState::Done if order.poisoned || order.kills || bad => {
                Err(format!("job {id} cannot be done"))
            }
            JobState::Done => self.check_result(view, order),
            JobState::Failed if bad && view.failure.is_none() && view.note.is_some() => Ok(()),
            JobState::Failed if view.failure.is_some() => check_given_up(view, order),
            JobState::Canceled if order.cancel_asked => Ok(()),
            state => Err(format!("job {id} ended as {}: {view:#?}", state.name())),
        }
    }

    fn check_result(&self, view: &JobView, order: &Order) -> Result<(), String> {
        let id = view.id;
        let counts = view.tasks;
        if counts.succeeded != counts.total || counts.ended != 0 {
            return Err(format!("job {id} is done with {counts:?}"));
        }
        // One that was ordered twice does not run twice.
        let saved = view.saved.unwrap_or_default();
        let cpu_us = u64::from(counts.total - saved.tasks) * CPU_US;
        if view.usage.cpu_us != cpu_us && !self.users.exaggerated.contains(&id) {
            return Err(format!("job {id}: not each task counted once: {:?}", view.usage));
        }
        let by_node: u32 = view.nodes.iter().map(|node| node.succeeded).sum();
        if by_node != counts.total - saved.tasks {
            return Err(format!("job {id}: its nodes did {by_node} of {} tasks", counts.total));
        }
        let Some(result) = self.head.core().and_then(|core| core.result(id).ok()) else {
            return Err(format!("job {id} is done without a result"));
        };
        let exports = order.job.module.exports;
        let merges = exports.reducer || (exports.merger && order.job.manifest.chunks.len() > 1);
        let partitions = self.head.partitions(id).ok_or(format!("job {id} is not journalled"))?;
        if result.manifest.chunks != expected(&order.job.manifest, merges, partitions) {
            return Err(format!("job {id} has a wrong result"));
        }
        Ok(())
    }

    /// Whether everything is as it must be when all jobs have ended.
    pub(super) fn check_end(&mut self) {
        self.users.check_restored(&self.head).unwrap_or_else(|what| self.fail(&what));
        let Some(core) = self.head.core() else { self.fail("there is no head") };
        core.check().unwrap_or_else(|what| self.fail(&what));
        for view in core.jobs() {
            self.check_ended(&view).unwrap_or_else(|what| self.fail(&what));
            self.outcome.retried += u64::from(view.tasks.retried);
            match view.state {
                JobState::Done => self.outcome.done += 1,
                JobState::Failed => self.outcome.failed += 1,
                _ => self.outcome.canceled += 1,
            }
        }
        for node in core.nodes() {
            if node.leased > 0 || node.state == NodeState::Busy {
                self.fail(&format!("node {} still has leases", node.name));
            }
        }
    }
}

/// Whether it was right to give a job up for what happened to one task: because of what its guest
/// said, or because it broke down nodes, be it by chance.
fn check_given_up(view: &JobView, order: &Order) -> Result<(), String> {
    let Some(failure) = &view.failure else { return Err("a failure without a task".into()) };
    let nodes: BTreeSet<&String> = failure.brought_down.iter().collect();
    let by_guest = order.poisoned && failure.outcome.slug() == "bad-input";
    let by_count = order.kills && failure.attempts >= order.job.spec.limits.attempts_max;
    if by_guest || by_count || nodes.len() >= 3 {
        return Ok(());
    }
    Err(format!("it was not to be given up: {view:#?}"))
}
