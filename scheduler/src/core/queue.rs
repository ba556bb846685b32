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

use bramble_protocol::{JobId, UserLimits};

use super::event::Timestamp;
use super::job::OpenJob;
use super::limits::Hold;
use super::share::{Account, Accounts, UNKNOWN_COST_US, UserUsage, cost_us, mean_cost_us};

/// The jobs that have ready tasks in the order in which they get leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    accounts: Accounts,
    /// Users with due jobs: by priority, then by score.
    turns: BTreeSet<Turn>,
    /// All open jobs.
    places: BTreeMap<JobId, Place>,
    /// Why classes get no slots, or with `None` nobody.
    paused: BTreeMap<Option<String>, String>,
}

/// One user's jobs of one priority.
type Turn = (Reverse<i32>, u64, Arc<str>);

/// What the order takes from a job.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    user: Arc<str>,
    class: Option<Arc<str>>,
    priority: i32,
    leased: u32,
    expected_us: u64,
    input_bytes: u64,
    /// Whether it could get a lease, were it not for its user's limits.
    due: bool,
}

impl Queue {
    pub(crate) fn new(default: UserLimits) -> Self {
        let mut queue = Self::default();
        queue.accounts.default = default;
        queue
    }

    /// Takes over what changed in a job. To be called after each change. Returns whether its
    /// user's jobs may have leases again that could have none before.
    pub(crate) fn sync(&mut self, job: &OpenJob) -> bool {
        let is_paused = self.pause(job.spec.policy.class.as_deref()).is_some();
        let due = job.counts.ready > 0 && job.fate.is_none() && !is_paused && !job.locked;
        let leased = job.counts.leased;
        let expected_us = u64::from(leased).saturating_mul(expected_cost_us(job));
        let policy = &job.spec.policy;
        if let Some(place) = self.places.get(&job.id) {
            let same = (place.priority, place.leased, place.expected_us, place.due)
                == (policy.priority, leased, expected_us, due)
                && place.input_bytes == input_bytes(job);
            if same {
                return false;
            }
        }
        let user = self.accounts.name(&policy.user);
        let place = Place {
            user: Arc::clone(&user),
            class: policy.class.as_deref().map(Into::into),
            priority: policy.priority,
            leased,
            expected_us,
            input_bytes: input_bytes(job),
            due,
        };
        self.change(&user, |account, places| {
            if let Some(before) = places.insert(job.id, place.clone()) {
                before.leave(job.id, account);
            }
            place.enter(job.id, account);
        })
    }

    /// Lets a job go that has ended. Returns the same as [`Self::sync`].
    pub(crate) fn remove(&mut self, job: JobId) -> bool {
        let Some(place) = self.places.get(&job) else { return false };
        let user = Arc::clone(&place.user);
        let freed = self.change(&user, |account, places| {
            if let Some(place) = places.remove(&job) {
                place.leave(job, account);
            }
        });
        self.accounts.drop_if_blank(&user);
        freed
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

    /// Why a user's jobs get no leases, if they get none.
    pub(crate) fn held(&self, user: &str) -> Option<Hold> {
        self.accounts.users.get(user)?.held(&self.accounts.limits(user))
    }

    /// Why jobs of a class get no leases: the whole queue is paused, or the class. With the class
    /// whose pause it is.
    pub(crate) fn pause<'a>(
        &'a self,
        class: Option<&'a str>,
    ) -> Option<(Option<&'a str>, &'a str)> {
        if self.paused.is_empty() {
            return None;
        }
        let of_class = || self.paused.get(&Some(class?.to_owned())).map(|why| (class, &**why));
        self.paused.get(&None).map(|why| (None, &**why)).or_else(of_class)
    }

    pub(crate) fn paused(&self) -> &BTreeMap<Option<String>, String> {
        &self.paused
    }

    /// Pauses or resumes. All jobs must be synced after that.
    pub(crate) fn set_paused(&mut self, class: Option<String>, reason: Option<String>) {
        match reason {
            Some(reason) => self.paused.insert(class, reason),
            None => self.paused.remove(&class),
        };
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(crate) fn limits_in(&self, user: &str, class: Option<&str>) -> UserLimits {
        self.accounts.limits_in(user, class)
    }

    pub(crate) fn class_limits(&self, class: &str) -> Option<UserLimits> {
        self.accounts.classes.get(class).copied()
    }

    pub(crate) fn own_limits(&self, user: &str) -> Option<UserLimits> {
        self.accounts.own.get(user).copied()
    }

    pub(crate) fn default_limits(&self) -> UserLimits {
        self.accounts.default
    }

    pub(crate) fn users_with_limits(&self) -> usize {
        self.accounts.own.len() + self.accounts.classes.len()
    }

    pub(crate) fn knows(&self, user: &str) -> bool {
        self.accounts.users.contains_key(user)
    }

    pub(crate) fn users(&self) -> usize {
        self.accounts.users.len()
    }

    /// Open jobs of a user, and the bytes of their inputs.
    pub(crate) fn held_by(&self, user: &str) -> (u64, u64) {
        let account = self.accounts.users.get(user);
        account.map_or((0, 0), |account| (account.jobs.len() as u64, account.queued_bytes))
    }

    /// Sets the limits of one user, of each student of a class, or the default for all.
    pub(crate) fn set_limits(
        &mut self,
        user: Option<&str>,
        class: Option<&str>,
        limits: UserLimits,
    ) {
        let (of, name) = match (user, class) {
            (Some(user), _) => (&mut self.accounts.own, user),
            (None, Some(class)) => (&mut self.accounts.classes, class),
            (None, None) => {
                self.accounts.default = limits;
                self.turns = self.derive_turns();
                return;
            }
        };
        if limits == UserLimits::default() {
            of.remove(name);
        } else {
            of.insert(name.into(), limits);
        }
        self.turns = self.derive_turns();
    }

    /// Begins a lesson: nobody has used anything in it.
    pub(crate) fn begin_lesson(&mut self, at_ms: u64) {
        self.accounts.lesson_at_ms = Some(at_ms);
        for account in self.accounts.users.values_mut() {
            account.lesson_us = 0;
        }
        self.turns = self.derive_turns();
    }

    /// Changes an account and all that follows from it.
    fn change(
        &mut self,
        user: &Arc<str>,
        change: impl FnOnce(&mut Account, &mut BTreeMap<JobId, Place>),
    ) -> bool {
        let limits = self.accounts.limits(user);
        let account = self.accounts.users.get_mut(user).expect("a user has an account");
        let was_held = account.held(&limits).is_some();
        for turn in turns(user, account, &limits) {
            self.turns.remove(&turn);
        }
        change(account, &mut self.places);
        let limits = self.accounts.limits(user);
        let turns = turns(user, &self.accounts.users[user], &limits);
        let freed = was_held && !turns.is_empty();
        self.turns.extend(turns);
        freed
    }

    fn derive_turns(&self) -> BTreeSet<Turn> {
        let users = self.accounts.users.iter();
        users
            .flat_map(|(user, account)| turns(user, account, &self.accounts.limits(user)))
            .collect()
    }

    /// What should be the same as this, worked out anew from the open jobs and what was used.
    pub(crate) fn derive<'a>(&self, jobs: impl Iterator<Item = &'a OpenJob>) -> Self {
        let mut accounts = self.accounts.clone();
        for account in accounts.users.values_mut() {
            let Account { used_us, lesson_us, .. } = *account;
            *account = Account { used_us, lesson_us, ..Account::default() };
        }
        let mut queue = Self { accounts, paused: self.paused.clone(), ..Self::default() };
        for job in jobs {
            queue.sync(job);
        }
        queue
    }
}

impl Place {
    fn enter(&self, id: JobId, account: &mut Account) {
        account.jobs.insert(id);
        if let Some(class) = &self.class {
            *account.classes.entry(Arc::clone(class)).or_default() += 1;
        }
        account.running += self.leased;
        account.expected_us += self.expected_us;
        account.queued_bytes += self.input_bytes;
        if self.due {
            account.due.entry(Reverse(self.priority)).or_default().insert((self.leased, id));
        }
    }

    fn leave(&self, id: JobId, account: &mut Account) {
        account.jobs.remove(&id);
        if let Some(class) = &self.class
            && let Some(count) = account.classes.get_mut(class)
        {
            *count -= 1;
            if *count == 0 {
                account.classes.remove(class);
            }
        }
        account.running -= self.leased;
        account.expected_us -= self.expected_us;
        account.queued_bytes -= self.input_bytes;
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

fn turns(user: &Arc<str>, account: &Account, limits: &UserLimits) -> Vec<Turn> {
    if account.held(limits).is_some() {
        return Vec::new();
    }
    let score = account.score();
    account.due.keys().map(|priority| (*priority, score, Arc::clone(user))).collect()
}

/// What one more attempt of a job is expected to use: the mean of the latest phase of which some
/// is done.
fn expected_cost_us(job: &OpenJob) -> u64 {
    let mut phases = job.phases.iter().rev();
    let mean = phases.find_map(|it| mean_cost_us(&it.usage, it.succeeded - it.reused));
    mean.unwrap_or(UNKNOWN_COST_US)
}

fn input_bytes(job: &OpenJob) -> u64 {
    let last = job.offsets.last().zip(job.chunks.last());
    last.map_or(0, |(offset, chunk)| offset + chunk.size)
}
