//! Who has used how much: processor time by user, fading with time, so that those who have had
//! little come first.
//!
//! All sums are integers and fade at fixed moments, so that reading the journal again leads to
//! the same numbers as making the decisions did.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bramble_protocol::{JobId, Usage, UserLimits};
use serde::{Deserialize, Serialize};

use super::Scheduler;
use super::event::Timestamp;
use super::job::Job;
use super::limits::Hold;
use super::record::Record;

/// Steps in which use fades within its half-life.
const STEPS: u64 = 24;
/// What is left after one step, as a part of 2^32: 2^32 * 2^(-1/24), rounded.
const KEPT: u128 = 4_172_697_914;
/// Steps after which nothing is left of any sum.
const STEPS_MAX: u64 = 64 * STEPS;
/// The most that one attempt is charged with: a day. What agents report is not trusted further.
const COST_US_MAX: u64 = 24 * 3600 * 1_000_000;
/// What an attempt is expected to use before the first of its job has ended.
pub(crate) const UNKNOWN_COST_US: u64 = 1_000_000;

/// What a user has used, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserUsage {
    /// The user; empty for jobs of nobody.
    pub user: String,
    /// Processor time that still counts for the order, in microseconds of the reference core.
    pub used_us: u64,
    /// The same since the lesson began, without fading.
    #[serde(default)]
    pub lesson_us: u64,
}

/// One user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) used_us: u64,
    pub(crate) lesson_us: u64,
    /// What the attempts at work for the user are expected to use.
    pub(crate) expected_us: u64,
    /// Tasks that are leased for the user.
    pub(crate) running: u32,
    /// Input of his open jobs.
    pub(crate) queued_bytes: u64,
    /// Jobs that have not ended.
    pub(crate) jobs: BTreeSet<JobId>,
    /// How many of them are of which class: a student has one.
    pub(crate) classes: BTreeMap<Arc<str>, u32>,
    /// Jobs that could get a lease, by priority: the one with the fewest leases first, and of
    /// those the oldest.
    pub(crate) due: BTreeMap<Reverse<i32>, BTreeSet<(u32, JobId)>>,
}

impl Account {
    /// What decides between users: who has the least is served first.
    pub(crate) const fn score(&self) -> u64 {
        self.used_us.saturating_add(self.expected_us)
    }

    /// Why none of the user's tasks may be leased now, if none may.
    pub(crate) fn held(&self, limits: &UserLimits) -> Option<Hold> {
        let cpu = limits.cpu_us.filter(|max_us| self.lesson_us >= *max_us);
        let running = || limits.running.filter(|max| u64::from(self.running) >= *max);
        let cpu = cpu.map(|max_us| Hold::Cpu { max_us });
        cpu.or_else(|| running().map(|max| Hold::Running { max }))
    }

    fn is_blank(&self) -> bool {
        self.jobs.is_empty() && self.used_us == 0 && self.lesson_us == 0
    }
}

/// All users, and when their use faded last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    pub(crate) users: BTreeMap<Arc<str>, Account>,
    /// What a user may have who has no limits of his own.
    pub(crate) default: UserLimits,
    /// Limits of single users.
    pub(crate) own: BTreeMap<Arc<str>, UserLimits>,
    /// Limits of each student of a class.
    pub(crate) classes: BTreeMap<Arc<str>, UserLimits>,
    /// When the lesson began, in milliseconds since 1970.
    pub(crate) lesson_at_ms: Option<u64>,
    /// How many steps had passed since 1970 when use faded last.
    step: u64,
}

impl Accounts {
    /// The name under which a user's account is kept, which is made when it is new.
    pub(crate) fn name(&mut self, user: &str) -> Arc<str> {
        if let Some((name, _)) = self.users.get_key_value(user) {
            return Arc::clone(name);
        }
        let name: Arc<str> = user.into();
        self.users.insert(Arc::clone(&name), Account::default());
        name
    }

    /// What a user may have, as far as his open jobs tell his class.
    pub(crate) fn limits(&self, user: &str) -> UserLimits {
        let account = self.users.get(user);
        let class = account.and_then(|account| account.classes.first_key_value());
        self.limits_in(user, class.map(|(class, _)| &**class))
    }

    /// What a user may have as one of a class.
    pub(crate) fn limits_in(&self, user: &str, class: Option<&str>) -> UserLimits {
        let own = self.own.get(user).copied().unwrap_or_default();
        let Some(class) = class else { return own.or(self.default) };
        let of_class = self.classes.get(class).copied().unwrap_or_default();
        own.or(of_class).or(self.default).or(UserLimits::LESSON)
    }

    pub(crate) fn drop_if_blank(&mut self, user: &str) {
        if self.users.get(user).is_some_and(Account::is_blank) {
            self.users.remove(user);
        }
    }

    /// Lets use fade up to `now`. Returns whether anything may have changed.
    pub(crate) fn fade(&mut self, now: Timestamp, half_life_ms: u64) -> bool {
        let step = now.0 / (half_life_ms / STEPS).max(1);
        let passed = step.saturating_sub(self.step).min(STEPS_MAX);
        if passed == 0 {
            return false;
        }
        self.step = step;
        for account in self.users.values_mut() {
            for _ in 0..passed {
                if account.used_us == 0 {
                    break;
                }
                account.used_us = ((u128::from(account.used_us) * KEPT) >> 32) as u64;
            }
        }
        self.users.retain(|_, account| !account.is_blank());
        true
    }
}

impl Scheduler {
    /// Adds what an attempt used to the account of its job's user.
    pub(super) fn charge(&mut self, job: JobId, usage: &Usage) {
        self.queue.fade(self.now, self.config.usage_half_life_ms);
        if let Some(open) = self.jobs.get_mut(&job).and_then(Job::open_mut) {
            open.spent_us = open.spent_us.saturating_add(usage.cpu_us);
            self.queue.charge(&open.spec.policy.user, usage);
        }
    }

    /// Writes down what a user has used, now that the journal drops the attempts of one of his
    /// jobs.
    pub(super) fn save_usage(&mut self, job: JobId) {
        let Some(job) = self.jobs.get(&job) else { return };
        let usage = self.queue.usage(&job.spec.policy.user);
        if usage.used_us > 0 || usage.lesson_us > 0 {
            self.commit(Record::UsageAt { at_ms: self.now.0, users: vec![usage] });
        }
    }
}

/// What an attempt costs its user, in microseconds of the reference core; of the node's own where
/// its speed is not known.
pub(crate) fn cost_us(usage: &Usage) -> u64 {
    sum_us(usage).min(COST_US_MAX)
}

/// What one of `count` attempts cost that used `usage` together; `None` before the first.
pub(crate) fn mean_cost_us(usage: &Usage, count: u32) -> Option<u64> {
    Some(sum_us(usage).checked_div(count.into())?.min(COST_US_MAX))
}

fn sum_us(usage: &Usage) -> u64 {
    if usage.reference_us > 0 { usage.reference_us } else { usage.cpu_us }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 3600 * 1000;

    fn used(accounts: &Accounts) -> u64 {
        accounts.users.get("ann").map_or(0, |account| account.used_us)
    }

    fn accounts(used_us: u64) -> Accounts {
        let mut accounts = Accounts::default();
        accounts.fade(Timestamp(DAY_MS), DAY_MS);
        let name = accounts.name("ann");
        accounts.users.get_mut(&name).unwrap().used_us = used_us;
        accounts
    }

    #[test]
    fn after_a_half_life_half_is_left_whether_time_passes_in_one_step_or_in_many() {
        let mut once = accounts(1 << 40);
        once.fade(Timestamp(2 * DAY_MS), DAY_MS);
        let mut often = accounts(1 << 40);
        for minute in 1..=24 * 60 {
            often.fade(Timestamp(DAY_MS + minute * 60_000), DAY_MS);
        }
        assert_eq!(used(&once), used(&often));
        let half = 1u64 << 39;
        assert!(used(&once).abs_diff(half) < half / 1_000_000, "{}", used(&once));
    }

    #[test]
    fn a_clock_that_jumps_far_ahead_leaves_nothing_and_takes_no_time() {
        let mut accounts = accounts(u64::MAX);
        accounts.fade(Timestamp(u64::MAX), DAY_MS);
        assert_eq!(accounts.users.len(), 0);
        assert!(!accounts.fade(Timestamp(0), DAY_MS), "time does not go back");
    }

    #[test]
    fn an_attempt_costs_its_normalised_time_and_never_more_than_a_day() {
        let usage = |cpu_us, reference_us| Usage { cpu_us, reference_us, ..Usage::default() };
        assert_eq!(cost_us(&usage(8, 2)), 2);
        assert_eq!(cost_us(&usage(8, 0)), 8);
        assert_eq!(cost_us(&usage(u64::MAX, u64::MAX)), COST_US_MAX);
    }
}
