//! What follows from failures: pauses, limits, and chunks that break every node.

use bramble_protocol::TrapKind;
use bramble_protocol::api::JobState;

use super::*;
use crate::testing::{job, map_module, merge_module};

/// The only new lease of all connections, and whose it is.
fn next_lease(head: &mut Head, nodes: &[ConnectionId]) -> Option<(ConnectionId, Lease)> {
    let found = nodes.iter().find_map(|node| head.leases(*node).pop().map(|lease| (*node, lease)));
    for node in nodes {
        assert_eq!(head.leases(*node), [], "one lease at a time");
    }
    found
}

fn trap() -> AttemptOutcome {
    AttemptOutcome::Trapped { trap: TrapKind::Unreachable, message: "unreachable".into() }
}

#[test]
fn pauses_between_attempts_grow() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&map_module(), 1);
    new.spec.limits.attempts_max = 100;
    head.submit(new);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let lease = head.lease(node);
        head.report(node, &lease, fault());
        let since = head.now;
        while head.core.nodes()[0].leased == 0 {
            head.wait(250);
        }
        pauses.push(head.now.ms_since(since));
    }
    assert_eq!(pauses, [250, 250, 500, 1_000, 1_750, 3_250]);
}

#[test]
fn a_lost_attempt_is_tried_elsewhere_at_once() {
    let mut head = Head::new();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(job(&map_module(), 1));
    head.lease(first);
    head.disconnect(first);
    head.wait(5_000);
    assert_eq!(head.lease(second).attempt.number, 2);
    assert_eq!(head.view(id).tasks.delayed, 0);
}

#[test]
fn a_delayed_task_is_delayed_after_a_restart_too() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 1));
    for _ in 0..3 {
        let lease = head.lease(node);
        head.report(node, &lease, fault());
        if head.view(id).tasks.delayed == 1 {
            head.wait(250);
        }
    }
    let counts = head.view(id).tasks;
    assert_eq!((counts.delayed, counts.retried), (1, 3));
    head.restart();
    assert_eq!(head.view(id).tasks, counts);
    let node = head.node("p1", 1);
    assert_eq!(head.leases(node), []);
    head.wait(500);
    assert_eq!(head.lease(node).attempt.number, 4);
}

#[test]
fn a_fault_of_the_guest_is_tried_again_only_if_the_job_asks_for_it() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let never = head.submit(job(&map_module(), 1));
    let lease = head.lease(node);
    head.report(node, &lease, trap());
    assert_eq!(head.view(never).state, JobState::Failed);
    let mut new = job(&map_module(), 1);
    new.spec.policy.retry_guest = true;
    let asked = head.submit(new);
    let lease = head.lease(node);
    head.report(node, &lease, trap());
    head.wait(250);
    assert_eq!(head.lease(node).attempt.number, 2);
    assert_eq!(head.view(asked).tasks.retried, 1);
}

#[test]
fn tasks_may_fail_up_to_the_limit_and_the_others_go_on() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&map_module(), 5);
    new.spec.policy.max_fails = 2;
    let id = head.submit(new);
    for fails in [true, false, true, false] {
        let lease = head.lease(node);
        if fails {
            head.report(node, &lease, bad_input());
        } else {
            head.succeed(node, &lease);
        }
        assert_eq!(head.view(id).state, JobState::Running);
    }
    assert_eq!((head.view(id).tasks.ended, head.view(id).failures.len()), (2, 2));
    head.restart();
    assert_eq!((head.view(id).tasks.ended, head.view(id).failures.len()), (2, 2));
    let node = head.node("p1", 1);
    let lease = head.lease(node);
    head.succeed(node, &lease);
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed, "there is no result with holes");
    assert_eq!((view.tasks.succeeded, view.tasks.ended), (3, 2));
    assert_eq!(view.failures.iter().map(|it| it.index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(view.failure, Some(view.failures[0].clone()));
}

#[test]
fn one_failure_more_than_allowed_ends_the_job() {
    let mut head = Head::new();
    let node = head.node("p1", 3);
    let mut new = job(&map_module(), 5);
    new.spec.policy.max_fails = 1;
    let id = head.submit(new);
    let leases = head.leases(node);
    head.report(node, &leases[0], bad_input());
    assert_eq!(head.view(id).state, JobState::Running);
    head.report(node, &leases[1], bad_input());
    assert_eq!(head.view(id).state, JobState::Failed);
    assert!(head.revoked(node).contains(&leases[2].id));
}

#[test]
fn what_waits_for_a_task_that_failed_never_runs() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&merge_module(), 3);
    new.spec.policy.max_fails = 9;
    let id = head.submit(new);
    let lease = head.lease(node);
    head.report(node, &lease, bad_input());
    head.work(&[node]);
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed);
    assert_eq!((view.tasks.succeeded, view.tasks.ended), (2, 2), "a map and the merge");
}

#[test]
fn only_the_first_failures_are_listed() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&map_module(), 100);
    new.spec.policy.max_fails = 99;
    let id = head.submit(new);
    while head.ended.is_empty() {
        for lease in head.leases(node) {
            if lease.attempt.task.index < 50 {
                head.report(node, &lease, bad_input());
            } else {
                head.succeed(node, &lease);
            }
        }
    }
    let view = head.view(id);
    assert_eq!((view.tasks.ended, view.failures.len()), (50, JobView::FAILURES_MAX));
}

#[test]
fn a_chunk_that_brings_down_three_nodes_is_not_given_to_a_fourth() {
    let mut head = Head::new();
    let nodes: Vec<_> = (1..=5).map(|n| head.node(&format!("p{n}"), 1)).collect();
    let mut new = job(&map_module(), 1);
    new.spec.limits.attempts_max = 100;
    let id = head.submit(new);
    for _ in 0..3 {
        let (node, lease) = next_lease(&mut head, &nodes).unwrap();
        head.report(node, &lease, fault());
        head.wait(500);
    }
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed);
    let failure = view.failure.unwrap();
    assert_eq!(failure.attempts, 3);
    let message = failure.message();
    assert!(message.starts_with("this chunk brought down p1, p2 and p3"), "{message}");
    head.restart();
    assert_eq!(head.view(id).failure.unwrap().message(), message);
}

#[test]
fn what_a_failed_task_read_is_known_beyond_the_end_of_its_job() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&merge_module(), 2);
    new.spec.policy.max_fails = 1;
    let id = head.submit(new);
    let lease = head.lease(node);
    assert_eq!(head.core.failed_task(id, 0), None);
    head.report(node, &lease, bad_input());
    let open = head.core.failed_task(id, 0).unwrap();
    assert_eq!((&open.inputs, &open.context), (&lease.work.inputs, &lease.work.task));
    head.work(&[node]);
    assert_eq!(head.view(id).state, JobState::Failed);
    assert_eq!(head.core.failed_task(id, 0), Some(open.clone()));
    assert_eq!(head.core.failed_task(id, 1), None);
    head.restart();
    assert_eq!(head.core.failed_task(id, 0), Some(open));
}

#[test]
fn a_chunk_that_brings_down_one_node_again_and_again_is_not_poison() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&map_module(), 1);
    new.spec.limits.attempts_max = 100;
    let id = head.submit(new);
    for _ in 0..6 {
        let lease = head.lease(node);
        head.report(node, &lease, fault());
        head.wait(10_000);
    }
    assert_eq!(head.view(id).state, JobState::Running);
}
