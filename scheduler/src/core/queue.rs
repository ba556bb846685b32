//! Whose turn it is. The order is strict and says everything that decides it:
//!
//! 1. the higher priority;
//! 2. the user who has used least, with what runs for him counted as expected;
//! 3. of one user's jobs the one with fewer leases, then the older one.
//!
//! Every change costs the logarithm of the number of users and jobs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bramble_protocol::JobId;

use super::event::Timestamp;
use super::job::OpenJob;
use super::share::{Account, Accounts, UNKNOWN_COST_US, UserUsage, cost_us, mean_cost_us};

/// The jobs that have ready tasks in the order in which they get leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    accounts: Accounts,
    /// Users with due jobs: by priority, then by score.
    turns: BTreeSet<Turn>,
    /// All open jobs.
    places: BTreeMap<JobId, Place>,
}

/// One user's jobs of one priority.
type Turn = (Reverse<i32>, u64, Arc<str>);

/// What the order takes from a job.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    user: Arc<str>,
    priority: i32,
    leased: u32,
    expected_us: u64,
    /// Whether it could get a lease.
    due: bool,
}

impl Queue {
    /// Takes over what changed in a job. To be called after each change.
    pub(crate) fn sync(&mut self, job: &OpenJob) {
        let due = job.counts.ready > 0 && job.fate.is_none();
        let leased = job.counts.leased;
        let expected_us = u64::from(leased).saturating_mul(expected_cost_us(job));
        let policy = &job.spec.policy;
        if let Some(place) = self.places.get(&job.id) {
            let same = (place.priority, place.leased, place.expected_us, place.due)
                == (policy.priority, leased, expected_us, due);
            if same {
                return;
            }
        }
        let user = self.accounts.name(&policy.user);
        let place =
            Place { user: Arc::clone(&user), priority: policy.priority, leased, expected_us, due };
        self.change(&user, |account, places| {
            if let Some(before) = places.insert(job.id, place.clone()) {
                before.leave(job.id, account);
            }
            place.enter(job.id, account);
        });
    }

    /// Lets a job go that has ended.
    pub(crate) fn remove(&mut self, job: JobId) {
        let Some(place) = self.places.get(&job) else { return };
        let user = Arc::clone(&place.user);
        self.change(&user, |account, places| {
            if let Some(place) = places.remove(&job) {
                place.leave(job, account);
            }
        });
        self.accounts.drop_if_blank(&user);
    }

    /// Lets use fade up to `now`.
    pub(crate) fn fade(&mut self, now: Timestamp, half_life_ms: u64) {
        if self.accounts.fade(now, half_life_ms) {
            self.turns = self.derive_turns();
        }
    }

    /// Adds what an attempt used to its user's account.
    pub(crate) fn charge(&mut self, user: &str, usage: &bramble_protocol::Usage) {
        let cost = cost_us(usage);
        if cost > 0 {
            let user = self.accounts.name(user);
            self.change(&user, |account, _| {
                account.used_us = account.used_us.saturating_add(cost);
                account.lesson_us = account.lesson_us.saturating_add(cost);
            });
        }
    }

    /// What a user has used.
    pub(crate) fn usage(&self, user: &str) -> UserUsage {
        let account = self.accounts.users.get(user);
        let (used_us, lesson_us) = account.map_or((0, 0), |it| (it.used_us, it.lesson_us));
        UserUsage { user: user.to_owned(), used_us, lesson_us }
    }

    /// Sets what a user has used, whatever was known before.
    pub(crate) fn set_usage(&mut self, usage: &UserUsage) {
        let user = self.accounts.name(&usage.user);
        self.change(&user, |account, _| {
            account.used_us = usage.used_us;
            account.lesson_us = usage.lesson_us;
        });
    }

    /// The jobs that could get a lease, the next one first.
    pub(crate) fn order(&self) -> impl Iterator<Item = JobId> {
        self.turns
            .iter()
            .flat_map(|(priority, _, user)| &self.accounts.users[user].due[priority])
            .map(|(_, job)| *job)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Changes an account and all that follows from it.
    fn change(
        &mut self,
        user: &Arc<str>,
        change: impl FnOnce(&mut Account, &mut BTreeMap<JobId, Place>),
    ) {
        let account = self.accounts.users.get_mut(user).expect("a user has an account");
        for turn in turns(user, account) {
            self.turns.remove(&turn);
        }
        change(account, &mut self.places);
        self.turns.extend(turns(user, account));
    }

    fn derive_turns(&self) -> BTreeSet<Turn> {
        self.accounts.users.iter().flat_map(|(user, account)| turns(user, account)).collect()
    }

    /// What should be the same as this, worked out anew from the open jobs and what was used.
    pub(crate) fn derive<'a>(&self, jobs: impl Iterator<Item = &'a OpenJob>) -> Self {
        let mut accounts = self.accounts.clone();
        for account in accounts.users.values_mut() {
            let Account { used_us, lesson_us, .. } = *account;
            *account = Account { used_us, lesson_us, ..Account::default() };
        }
        let mut queue = Self { accounts, ..Self::default() };
        for job in jobs {
            queue.sync(job);
        }
        queue
    }
}

impl Place {
    fn enter(&self, id: JobId, account: &mut Account) {
        account.jobs.insert(id);
        account.running += self.leased;
        account.expected_us += self.expected_us;
        if self.due {
            account.due.entry(Reverse(self.priority)).or_default().insert((self.leased, id));
        }
    }

    fn leave(&self, id: JobId, account: &mut Account) {
        account.jobs.remove(&id);
        account.running -= self.leased;
        account.expected_us -= self.expected_us;
        if self.due
            && let Some(jobs) = account.due.get_mut(&Reverse(self.priority))
        {
            jobs.remove(&(self.leased, id));
            if jobs.is_empty() {
                account.due.remove(&Reverse(self.priority));
            }
        }
    }
}

fn turns(user: &Arc<str>, account: &Account) -> Vec<Turn> {
    let score = account.score();
    account.due.keys().map(|priority| (*priority, score, Arc::clone(user))).collect()
}

/// What one more attempt of a job is expected to use: the mean of the latest phase of which some
/// is done.
fn expected_cost_us(job: &OpenJob) -> u64 {
    let mut phases = job.phases.iter().rev();
    let mean = phases.find_map(|phase| mean_cost_us(&phase.usage, phase.succeeded - phase.reused));
    mean.unwrap_or(UNKNOWN_COST_US)
}
