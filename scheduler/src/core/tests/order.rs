//! Whose turn it is.

use bramble_protocol::JobPolicy;

use super::*;
use crate::testing::{job, map_module};

const DAY_MS: u64 = 24 * 3600 * 1000;

pub(super) fn job_of(user: &str, chunks: u32) -> NewJob {
    let mut new = job(&map_module(), chunks);
    new.spec.policy = JobPolicy { user: user.into(), cache: false, ..JobPolicy::default() };
    new
}

impl Head {
    pub(super) fn job_of(&mut self, user: &str, chunks: u32) -> JobId {
        self.submit(job_of(user, chunks))
    }

    fn urgent(&mut self, user: &str, chunks: u32, priority: i32) -> JobId {
        let mut new = job_of(user, chunks);
        new.spec.policy.priority = priority;
        self.submit(new)
    }

    pub(super) fn order_now(&self) -> Vec<JobId> {
        self.core.queue.order().collect()
    }

    fn used_us(&self, user: &str) -> u64 {
        self.core.queue.usage(user).used_us
    }

    /// Reports a success that took so much processor time.
    pub(super) fn succeed_in(&mut self, connection: ConnectionId, lease: &Lease, cpu_us: u64) {
        let report = AttemptReport {
            lease: lease.id,
            attempt: lease.attempt,
            outcome: AttemptOutcome::Succeeded { outputs: outputs(lease) },
            usage: Usage { wall_us: cpu_us, cpu_us, ..Usage::default() },
            log: String::new(),
            enough: false,
        };
        self.say(connection, FromAgent::Reports { reports: vec![report] });
    }

    /// Whose task a lease is.
    pub(super) fn user(&self, lease: &Lease) -> String {
        self.view(lease.attempt.task.job).spec.policy.user
    }
}

#[test]
fn a_higher_priority_goes_first_whoever_asks_and_however_much_he_used() {
    let mut head = Head::new();
    let usual = head.job_of("ann", 9);
    let low = head.urgent("cid", 9, -1);
    let high = head.urgent("bob", 9, 5);
    assert_eq!(head.order_now(), [high, usual, low]);
    let node = head.node("p1", 4);
    for lease in head.leases(node) {
        assert_eq!(lease.attempt.task.job, high);
        head.succeed(node, &lease);
    }
    assert!(head.used_us("bob") > 0);
    assert_eq!(head.order_now()[0], high);
}

#[test]
fn of_one_users_jobs_the_one_with_fewer_leases_goes_first_then_the_older() {
    let mut head = Head::new();
    let jobs = [head.job_of("ann", 9), head.job_of("ann", 9), head.job_of("ann", 9)];
    assert_eq!(head.order_now(), jobs);
    head.node("p1", 1);
    assert_eq!(head.order_now(), [jobs[1], jobs[2], jobs[0]]);
}

#[test]
fn users_with_work_without_end_get_equal_shares_however_different_their_tasks() {
    let mut head = Head::new();
    let users = [("ann", 3, 200_000), ("bob", 1, 1_500_000), ("cid", 7, 700_000)];
    for (user, jobs, _) in users {
        for _ in 0..jobs {
            head.job_of(user, 4_000);
        }
    }
    let nodes = [head.node("p1", 2), head.node("p2", 4)];
    let cost = |user: &str| users.iter().find(|it| it.0 == user).unwrap().2;
    let mut ends: Vec<(u64, ConnectionId, Lease)> = Vec::new();
    for _ in 0..1_500 {
        for node in nodes {
            for lease in head.leases(node) {
                let end = head.now.0 + cost(&head.user(&lease)) / 1_000;
                ends.push((end, node, lease));
            }
        }
        ends.sort_by_key(|(end, _, lease)| std::cmp::Reverse((*end, lease.id)));
        let (end, node, lease) = ends.pop().unwrap();
        head.now = head.now.max(Timestamp(end));
        let cpu_us = cost(&head.user(&lease));
        // Only the last state is checked: the whole check costs as much as there is state.
        let report = AttemptReport {
            lease: lease.id,
            attempt: lease.attempt,
            outcome: AttemptOutcome::Succeeded { outputs: outputs(&lease) },
            usage: Usage { wall_us: cpu_us, cpu_us, ..Usage::default() },
            log: String::new(),
            enough: false,
        };
        let message = FromAgent::Reports { reports: vec![report] };
        let actions = head.core.apply(head.now, Event::AgentMessage { connection: node, message });
        head.perform(actions);
    }
    head.core.check().unwrap();
    let used: Vec<u64> = users.iter().map(|(user, ..)| head.used_us(user)).collect();
    let (least, most) = (*used.iter().min().unwrap(), *used.iter().max().unwrap());
    assert!(most - least < most / 20, "{used:?}");
}

#[test]
fn a_small_user_who_comes_late_is_served_at_once() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    head.job_of("ann", 1_000);
    for _ in 0..50 {
        for lease in head.leases(node) {
            head.succeed(node, &lease);
        }
    }
    // Some of them wait on the node already.
    let leases = head.leases(node);
    let late = head.job_of("bob", 1);
    let mut given = Vec::new();
    for lease in &leases {
        head.succeed(node, lease);
        given.extend(head.leases(node));
    }
    assert_eq!(given[0].attempt.task.job, late, "nobody else got one before");
}

#[test]
fn nobody_starves_of_many_users_with_one_slot() {
    let mut head = Head::new();
    let users: Vec<String> = (0..20).map(|n| format!("u{n}")).collect();
    for user in &users {
        head.job_of(user, 50);
    }
    let node = head.node("p1", 1);
    let mut served = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let lease = head.leases(node).remove(0);
        served.insert(head.user(&lease));
        head.succeed(node, &lease);
    }
    assert_eq!(served.len(), 20, "each once before anybody twice: {served:?}");
}

#[test]
fn the_same_events_give_the_same_order() {
    let run = || {
        let mut head = Head::new();
        let nodes = [head.node("p1", 3), head.node("p2", 2)];
        for n in 0..12 {
            head.urgent(["ann", "bob", "", "cid"][n % 4], 5, (n % 3) as i32);
        }
        let mut given = Vec::new();
        for round in 0..30 {
            let node = nodes[round % 2];
            for lease in head.leases(node) {
                given.push(lease.attempt);
                head.succeed_in(node, &lease, 1_000 * round as u64);
            }
        }
        given
    };
    assert_eq!(run(), run());
}

#[test]
fn use_fades_by_half_in_a_day_and_survives_a_restart_at_any_time() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let small = head.job_of("ann", 2);
    head.job_of("ann", 8);
    head.job_of("bob", 8);
    for hours in [1, 5, 30] {
        for lease in head.leases(node).into_iter().take(2) {
            head.succeed_in(node, &lease, 7_654_321);
        }
        head.now = head.now.plus_ms(hours * 3600 * 1000);
    }
    let before = head.core.queue.usage("ann");
    head.apply(Event::Tick);
    let faded = head.core.queue.usage("ann");
    assert!(faded.used_us < before.used_us && faded.lesson_us == before.lesson_us);
    assert!(head.view(small).state.is_final(), "its attempts are not in the journal any more");
    let usage = ["ann", "bob"].map(|user| head.core.queue.usage(user));
    assert!(usage.iter().all(|usage| usage.used_us > 0), "{usage:?}");
    // As the journal does.
    head.records.retain(|record| {
        let dropped = matches!(record, Record::TaskSucceeded { .. } | Record::AttemptFailed { .. });
        !(dropped && record.job() == Some(small))
    });
    head.restart();
    assert_eq!(["ann", "bob"].map(|user| head.core.queue.usage(user)), usage);
    let before = head.used_us("bob");
    head.now = head.now.plus_ms(DAY_MS);
    head.apply(Event::Tick);
    assert!(head.used_us("bob").abs_diff(before / 2) < 100);
}

#[test]
fn attempts_that_failed_are_charged_too() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.job_of("ann", 1);
    let lease = head.lease(node);
    head.report(node, &lease, fault());
    assert_eq!(head.used_us("ann"), 900_000);
    head.restart();
    assert_eq!(head.used_us("ann"), 900_000);
    head.cancel(id);
    head.restart();
    assert_eq!(head.used_us("ann"), 900_000, "also when the job has ended");
}
