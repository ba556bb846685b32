//! Fake users: what they ask for, what they are told, and whether it is still true later.

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::api::JobView;
use bramble_protocol::{AttemptId, Digest, JobId};
use bramble_scheduler::core::{Answer, Event, Rejection, RequestToken};

use super::dice::Dice;
use super::head::Head;
use super::jobs::{Order, Plan, random_job};
use super::options::Options;
use super::world::{Happening, World};

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
                let Plan { mut job, link } = random_job(options, number, dice);
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
                Order {
                    job,
                    link,
                    poisoned,
                    kills,
                    accepted: None,
                    cancel_asked: false,
                    retry_of: None,
                    encore: false,
                    refused: Vec::new(),
                }
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
            // What it is to follow will not be done: then it follows nothing.
            (Some(Question::Submit(order)), Answer::Rejected(Rejection::Unsound { .. }))
                if self.orders[order].follows().is_some()
                    // It was sent twice before the first answer came.
                    || !self.orders[order].refused.is_empty() =>
            {
                let order = &mut self.orders[order];
                match order.retry_of {
                    None => order.forget_upstream(),
                    // It cannot be tried again, then: nobody asks any more.
                    retry_of => order.accepted = retry_of,
                }
                Ok(())
            }
            // It had ended just before.
            (Some(Question::Cancel), Answer::Rejected(_)) => Ok(()),
            (Some(Question::Drain { node, drained }), Answer::Done) => {
                // What was ordered since may have been carried out, with its answer lost.
                let is_latest = |other: &Question| !matches!(other, Question::Drain { node: about, .. } if *about == node);
                if self.questions.values().all(is_latest) {
                    self.drained.insert(node, drained);
                }
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
            let view = core.job(*id);
            // Tasks that are not needed any more do not count, though they were done.
            let is_cut = view.as_ref().is_some_and(|view| view.enough.is_some());
            let found = view.map_or(0, |view| view.tasks.succeeded);
            if found < *shown && !is_cut {
                return Err(format!("job {id} had {shown} tasks done and now has {found}"));
            }
        }
        self.check_drained(core)
    }
}

impl World {
    pub(super) fn submits(&mut self, order: usize) {
        if self.users.orders[order].accepted.is_some() {
            return;
        }
        if self.head.core().is_some() {
            self.link(order);
            let token = self.users.ask(Question::Submit(order));
            let job = Box::new(self.sent(order));
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
        self.may_retry(view.id);
    }
}
