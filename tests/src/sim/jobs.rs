//! The jobs that fake users order, and how they hang together.

use bramble_protocol::api::JobState;
use bramble_protocol::{
    Digest, JobId, JobSpec, Limits, Manifest, ModuleInfo, NodeSelector, ObjectRef, Prefer,
};
use bramble_scheduler::core::NewJob;
use bramble_scheduler::testing;

use super::dice::Dice;
use super::options::Options;
use super::oracle::ENOUGH;
use super::world::{Happening, World};

/// How a job is to follow another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// It starts when that is done.
    After,
    /// It works on its result.
    InputFrom,
}

/// A job before it is known which one it follows.
pub(super) struct Plan {
    pub(super) job: NewJob,
    pub(super) link: Option<Link>,
}

/// A job that a user wants done.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) job: NewJob,
    /// How it is to follow another one, until it does.
    pub(super) link: Option<Link>,
    /// Whether one of its chunks cannot be worked on.
    pub(super) poisoned: bool,
    /// Whether one of its chunks ends every agent that works on it.
    pub(super) kills: bool,
    /// The number it was given, once that is certain.
    pub(super) accepted: Option<JobId>,
    pub(super) cancel_asked: bool,
    /// The job that it tries again.
    pub(super) retry_of: Option<JobId>,
    /// Whether it was done before, so that nothing of it needs to run.
    pub(super) encore: bool,
    /// What was sent before and refused. An earlier try of it, whose answer was lost, may be a job.
    pub(super) refused: Vec<JobSpec>,
}

impl Order {
    /// The job that it follows.
    pub(super) fn follows(&self) -> Option<(JobId, Link)> {
        let policy = &self.job.spec.policy;
        let after = policy.after.first().map(|job| (*job, Link::After));
        after.or(policy.input_from.map(|job| (job, Link::InputFrom)))
    }

    /// The same, not accepted yet.
    fn again(&self) -> Self {
        let Self { job, poisoned, kills, .. } = self;
        Self {
            job: job.clone(),
            link: None,
            poisoned: *poisoned,
            kills: *kills,
            accepted: None,
            cancel_asked: false,
            retry_of: None,
            encore: false,
            refused: Vec::new(),
        }
    }

    /// Lets it follow nothing.
    pub(super) fn forget_upstream(&mut self) {
        self.refused.push(self.job.spec.clone());
        self.job.spec.policy.after.clear();
        if self.job.spec.policy.input_from.take().is_some() {
            self.job.spec.input = Digest::of(&self.job.manifest.encode());
        }
    }
}

impl World {
    /// Chooses the job that an order follows: one of those that are accepted.
    pub(super) fn link(&mut self, order: usize) {
        let accepted: Vec<JobId> =
            self.users.orders.iter().filter_map(|order| order.accepted).collect();
        // What was sent once, it may be in vain, is sent the same again.
        let Some(link) = self.users.orders[order].link.take() else { return };
        if accepted.is_empty() {
            return;
        }
        let upstream = *self.dice.pick(&accepted);
        let order = &mut self.users.orders[order];
        let policy = &mut order.job.spec.policy;
        match link {
            Link::After => policy.after = vec![upstream],
            // A chunk that cannot be worked on would not be in it.
            Link::InputFrom if order.poisoned || order.kills => {}
            Link::InputFrom => {
                policy.input_from = Some(upstream);
                order.job.spec.input = JobSpec::NO_INPUT;
            }
        }
    }

    /// A user may try a job again that was not done.
    pub(super) fn may_retry(&mut self, id: JobId) {
        if self.is_calm() || !self.dice.permille(300) {
            return;
        }
        let order = self.users.orders.iter().find(|order| order.accepted == Some(id));
        let Some((order, core)) = order.zip(self.head.core()) else { return };
        let Ok(spec) = core.retry_spec(id) else { return };
        let mut again = order.again();
        again.retry_of = Some(id);
        again.job.spec = spec;
        self.users.orders.push(again);
        let (order, delay) = (self.users.orders.len() - 1, self.dice.between(10, 3_000));
        self.after(delay, Happening::Submits { order });
    }

    /// When all is over, jobs that are done are ordered again: once in a run.
    pub(super) fn encore(&mut self) -> bool {
        if std::mem::replace(&mut self.encored, true) {
            return false;
        }
        let Some(core) = self.head.core() else { return false };
        let is_done = |order: &&Order| {
            let id = order.accepted.filter(|_| order.job.spec.policy.cache);
            id.is_some_and(|id| core.job_state(id) == Some(JobState::Done))
        };
        let again = self.users.orders.iter().filter(is_done).map(Order::again);
        let again: Vec<Order> = again.map(|order| Order { encore: true, ..order }).collect();
        for order in again {
            self.users.orders.push(order);
            self.after(10, Happening::Submits { order: self.users.orders.len() - 1 });
        }
        true
    }

    /// The job as it is sent.
    pub(super) fn sent(&self, order: usize) -> NewJob {
        let mut job = self.users.orders[order].job.clone();
        if job.spec.policy.input_from.is_some() {
            job.manifest = Manifest::new(Vec::new(), None);
        }
        job
    }
}

pub(super) fn random_job(options: &Options, number: usize, dice: &mut Dice) -> Plan {
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
    job.spec.input = Digest::of(&job.manifest.encode());
    if dice.permille(300) {
        job.spec.params.insert(ENOUGH.into(), "1".into());
    }
    let policy = &mut job.spec.policy;
    policy.user = (*dice.pick(&["", "ada", "grace", "alan"])).to_owned();
    policy.priority = dice.between(0, 4) as i32 - 2;
    policy.cache = dice.permille(800);
    policy.retry_guest = dice.permille(100);
    policy.prefer = if dice.permille(200) { Prefer::Energy } else { Prefer::Time };
    let link = match dice.between(0, 9) {
        0 | 1 => Some(Link::After),
        2 | 3 => Some(Link::InputFrom),
        _ => None,
    };
    Plan { job, link }
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
