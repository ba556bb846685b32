//! The order and the users as people are shown them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bramble_protocol::explain::{PauseView, QueueView, QueuedView};
use bramble_protocol::user::{ClassLimits, UserList, UserView};
use bramble_protocol::{JobId, JobPolicy, UserLimits};

use super::Scheduler;
use super::job::{Body, Job};

impl Scheduler {
    /// The order in which jobs get slots, with the numbers that make it; then the open jobs that
    /// have nothing for a slot.
    pub fn queue_view(&self) -> QueueView {
        self.queue_view_of(&|_| true)
    }

    /// The same with those jobs only that `may_see` says. Their places count the others.
    pub fn queue_view_of(&self, may_see: &dyn Fn(&JobPolicy) -> bool) -> QueueView {
        let order: Vec<JobId> = self.queue.order().collect();
        let mut places: BTreeMap<JobId, u32> = (1..).zip(order).map(|(n, job)| (job, n)).collect();
        let open = self.jobs.values().filter(|job| !job.state().is_final());
        let open = open.filter(|job| may_see(&job.spec.policy));
        let mut jobs: Vec<QueuedView> =
            open.map(|job| self.queued_view(job, places.remove(&job.id))).collect();
        jobs.sort_by_key(|job| (job.place.unwrap_or(u32::MAX), job.job));
        let paused = self.queue.paused().iter();
        let paused = paused
            .map(|(class, reason)| PauseView { class: class.clone(), reason: reason.clone() });
        QueueView { schema: "bramble.queue/1".into(), paused: paused.collect(), jobs }
    }

    fn queued_view(&self, job: &Job, place: Option<u32>) -> QueuedView {
        let policy = &job.spec.policy;
        let counts = job.open().map(|open| open.counts).unwrap_or_default();
        let account = self.queue.accounts().users.get(policy.user.as_str());
        let (used_us, expected_us) = account.map_or((0, 0), |it| (it.used_us, it.expected_us));
        let waits = match place {
            Some(_) => None,
            None if counts.ready == 0 && counts.leased > 0 => None,
            None => match &job.body {
                Body::Pending(pending) => self.pending_note(pending),
                Body::Open(open) => {
                    self.held_text(open).map(|said| said.text).or_else(|| self.note(open))
                }
                Body::Ended(_) => None,
            },
        };
        QueuedView {
            place,
            job: job.id,
            name: job.spec.name.clone(),
            user: policy.user.clone(),
            class: policy.class.clone(),
            priority: policy.priority,
            used_us,
            expected_us,
            leased: counts.leased,
            ready: counts.ready,
            waits,
        }
    }

    /// All users that have jobs, have used something, or have limits of their own.
    pub fn users(&self) -> UserList {
        let accounts = self.queue.accounts();
        let mut stored: BTreeMap<&str, u64> = BTreeMap::new();
        for job in self.jobs.values() {
            let result = match &job.body {
                Body::Ended(ended) => ended.result.iter().flatten().map(|part| part.size).sum(),
                Body::Pending(_) | Body::Open(_) => 0,
            };
            *stored.entry(&job.spec.policy.user).or_default() += job.input_bytes + result;
        }
        let all_us: u128 = accounts.users.values().map(|it| u128::from(it.used_us)).sum();
        let mut names: Vec<&str> = accounts.users.keys().map(|name| &**name).collect();
        names.extend(accounts.own.keys().map(|name| &**name));
        names.extend(stored.keys());
        names.sort_unstable();
        names.dedup();
        let blank = Default::default();
        let view = |user: &str| {
            let account = accounts.users.get(user).unwrap_or(&blank);
            UserView {
                schema: "bramble.user/1".into(),
                user: user.to_owned(),
                jobs: account.jobs.len() as u64,
                running: account.running.into(),
                queued_bytes: account.queued_bytes,
                stored_bytes: stored.get(user).copied().unwrap_or(0),
                used_us: account.used_us,
                share_permille: (u128::from(account.used_us) * 1000 / all_us.max(1)) as u32,
                lesson_us: account.lesson_us,
                limits: accounts.limits(user),
            }
        };
        UserList {
            users: names.into_iter().map(view).collect(),
            default: accounts.default,
            classes: accounts.classes.iter().map(class_limits).collect(),
            lesson_at_ms: accounts.lesson_at_ms,
        }
    }

    /// What a user may have as one of a class.
    pub fn limits_of(&self, user: &str, class: Option<&str>) -> UserLimits {
        self.queue.limits_in(user, class)
    }

    /// What a user may have who has no limits of his own.
    pub fn default_limits(&self) -> UserLimits {
        self.queue.default_limits()
    }
}

fn class_limits((class, limits): (&Arc<str>, &UserLimits)) -> ClassLimits {
    ClassLimits { class: class.to_string(), limits: *limits }
}
