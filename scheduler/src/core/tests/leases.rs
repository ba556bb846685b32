//! Attempts that fail, expire, or are reported at the wrong time.

use bramble_protocol::api::JobState;

use super::*;
use crate::testing::{job, map_module, sort_module};

#[test]
fn a_failed_attempt_is_tried_again_on_another_node() {
    let mut head = Head::new();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(job(&map_module(), 1));
    let lease = head.lease(first);
    head.report(first, &lease, fault());
    assert_eq!(head.view(id).tasks.delayed, 1);
    head.wait(250);
    assert_eq!(head.leases(first), []);
    let again = head.lease(second);
    assert_eq!((again.attempt.task, again.attempt.number), (lease.attempt.task, 2));
    assert_eq!(again.work, lease.work, "another attempt is told the same");
    assert!(again.work.task_key.is_some(), "so that it finds what the first has saved");
    head.succeed(second, &again);
    assert_eq!(head.view(id).tasks.retried, 1);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn a_failed_attempt_is_tried_again_on_the_only_node() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    head.submit(job(&map_module(), 1));
    let lease = head.lease(node);
    head.report(node, &lease, fault());
    head.wait(250);
    assert_eq!(head.lease(node).attempt.number, 2);
}

#[test]
fn a_job_fails_when_a_task_has_used_all_its_attempts() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&map_module(), 1);
    new.spec.limits.attempts_max = 4;
    let id = head.submit(new);
    for _ in 0..4 {
        let lease = head.lease(node);
        head.report(node, &lease, fault());
        head.wait(1_000);
    }
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed);
    assert_eq!(view.failure.unwrap().attempts, 4);
    assert_eq!(view.tasks.retried, 3);
    assert_eq!(head.leases(node), []);
}

#[test]
fn a_lease_that_no_heartbeat_names_expires_and_its_report_is_then_of_no_use() {
    let mut head = Head::new();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(job(&map_module(), 1));
    let lease = head.lease(first);
    for _ in 0..31 {
        head.now = head.now.plus_ms(1_000);
        for node in [first, second] {
            let beat = FromAgent::Heartbeat {
                status: NodeStatus::default(),
                leases: vec![],
                previews: Vec::new(),
            };
            head.say(node, beat);
        }
        head.apply(Event::Tick);
    }
    assert_eq!(head.revoked(first), [lease.id]);
    let again = head.lease(second);
    head.succeed(first, &lease);
    assert_eq!(head.acknowledged(first), [lease.id], "so that the agent forgets it");
    assert_eq!(head.view(id).tasks.succeeded, 0);
    head.succeed(second, &again);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn heartbeats_renew_the_leases_they_name() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    head.submit(job(&map_module(), 1));
    let lease = head.lease(node);
    head.wait(120_000);
    assert_eq!(head.revoked(node), []);
    assert_eq!(head.core.held_leases(node), [lease.id]);
}

#[test]
fn a_heartbeat_that_names_a_foreign_lease_is_told_to_drop_it() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let beat = FromAgent::Heartbeat {
        status: NodeStatus::default(),
        leases: vec![LeaseId(12_345)],
        previews: Vec::new(),
    };
    head.say(node, beat);
    assert_eq!(head.revoked(node), [LeaseId(12_345)]);
}

#[test]
fn a_report_that_comes_twice_counts_once() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 2));
    let lease = head.lease(node);
    head.succeed(node, &lease);
    head.succeed(node, &lease);
    assert_eq!(head.acknowledged(node), [lease.id, lease.id]);
    assert_eq!(head.view(id).tasks.succeeded, 1);
}

#[test]
fn a_report_under_the_lease_of_another_node_or_attempt_is_not_taken() {
    let mut head = Head::new();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(job(&map_module(), 2));
    let lease = head.lease(first);
    head.succeed(second, &lease);
    let mut other = lease.clone();
    other.attempt.number = 2;
    head.succeed(first, &other);
    assert_eq!(head.view(id).tasks.succeeded, 0);
    head.succeed(first, &lease);
    assert_eq!(head.view(id).tasks.succeeded, 1);
}

#[test]
fn a_success_with_the_wrong_number_of_outputs_is_a_fault_of_the_node() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(job(&sort_module(), 4));
    head.work(&[]);
    let lease = head.lease(node);
    head.report(node, &lease, AttemptOutcome::Succeeded { outputs: vec![] });
    assert_eq!(head.view(id).tasks.retried, 1);
    assert!(head.logs[0].error.as_ref().unwrap().contains("0 outputs instead of 1"));
}

#[test]
fn an_attempt_that_a_node_dropped_by_itself_does_not_end_the_job() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 1));
    let lease = head.lease(node);
    head.report(node, &lease, AttemptOutcome::Canceled);
    assert_eq!(head.view(id).state, JobState::Running);
    head.wait(250);
    assert_eq!(head.lease(node).attempt.number, 2);
}
