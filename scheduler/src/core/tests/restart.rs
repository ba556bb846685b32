//! A head that dies and starts again on its journal.

use bramble_protocol::agent::HeldLease;
use bramble_protocol::api::JobState;

use super::*;
use crate::core::ReplayError;
use crate::testing::{job, map_module, sort_module};

fn back(name: &str, leases: &[Lease]) -> Hello {
    let mut hello = hello(name, 1, 2);
    let held = |lease: &Lease| HeldLease { lease: lease.id, attempt: lease.attempt };
    hello.leases = leases.iter().map(held).collect();
    hello
}

#[test]
fn a_restored_head_shows_the_same_jobs_and_results() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let done = head.submit(job(&sort_module(), 10));
    head.work(&[node]);
    let canceled = head.submit(job(&map_module(), 3));
    head.cancel(canceled);
    let failed = head.submit(job(&map_module(), 3));
    let lease = head.leases(node).pop().unwrap();
    head.report(node, &lease, bad_input());
    let half = head.submit(job(&map_module(), 4));
    let lease = head.leases(node).remove(0);
    head.succeed(node, &lease);
    let ids = [done, canceled, failed];
    let before = ids.map(|id| head.view(id));
    let result = head.core.result(done).unwrap();
    let counts = head.view(half).tasks;
    head.restart();
    assert_eq!(ids.map(|id| head.view(id)), before);
    assert_eq!(head.core.result(done).unwrap(), result);
    let restored = head.view(half).tasks;
    assert_eq!(restored.succeeded, counts.succeeded);
    assert_eq!(restored.ready, counts.ready + counts.leased, "no lease is journalled");
}

#[test]
fn leases_that_nodes_bring_back_go_on_under_their_number() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(job(&map_module(), 3));
    let leases = head.leases(node);
    head.restart();
    let node = head.connect(back("p1", &leases));
    assert_eq!(head.revoked(node), []);
    assert_eq!(head.leases(node), []);
    for lease in &leases {
        head.succeed(node, lease);
    }
    head.work(&[node]);
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.retried), (JobState::Done, 0));
}

#[test]
fn what_an_agent_had_finished_counts_though_head_and_agent_were_started_again() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(job(&map_module(), 2));
    let leases = head.leases(node);
    head.restart();
    let mut again = back("p1", &leases[..1]);
    again.instance = 2;
    let node = head.connect(again);
    let redone = head.lease(node);
    assert_eq!(redone.attempt.task, leases[1].attempt.task);
    head.succeed(node, &leases[0]);
    head.succeed(node, &redone);
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.retried), (JobState::Done, 0));
}

#[test]
fn a_report_from_before_the_restart_counts_though_the_hello_did_not_name_it() {
    let mut head = Head::new();
    let (first, _) = (head.node("p1", 2), head.node("p2", 2));
    let id = head.submit(job(&map_module(), 3));
    let leases = head.leases(first);
    head.restart();
    let node = head.connect(back("p1", &[]));
    head.succeed(node, &leases[0]);
    assert_eq!(head.view(id).tasks.succeeded, 1);
}

#[test]
fn restored_jobs_wait_for_their_nodes_and_then_no_longer() {
    let mut head = Head::new();
    let (first, _) = (head.node("p1", 2), head.node("p2", 2));
    let id = head.submit(job(&map_module(), 9));
    let leases = head.leases(first);
    head.restart();
    let second = head.connect(back("p2", &[]));
    assert_eq!(head.leases(second), [], "the other may still run them");
    assert!(head.view(id).note.unwrap().contains("the head was restarted"));
    let fresh = head.submit(job(&map_module(), 1));
    assert_eq!(head.lease(second).attempt.task.job, fresh, "new jobs need not wait");
    head.wait(5_000);
    assert_eq!(head.leases(second).len(), 1);
    let first = head.connect(back("p1", &leases));
    let revoked = head.revoked(first);
    assert!(revoked.len() < 2, "what is given to another is taken from the first: {revoked:?}");
}

#[test]
fn restored_jobs_go_on_at_once_when_all_nodes_are_back() {
    let mut head = Head::new();
    head.node("p1", 2);
    head.submit(job(&map_module(), 9));
    head.restart();
    let node = head.connect(back("p1", &[]));
    assert_eq!(head.leases(node).len(), 2);
}

#[test]
fn a_lease_whose_attempt_has_ended_is_not_taken_back() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    head.submit(job(&map_module(), 2));
    let leases = head.leases(node);
    head.report(node, &leases[0], fault());
    head.succeed(node, &leases[1]);
    head.restart();
    let node = head.connect(back("p1", &leases));
    assert_eq!(head.revoked(node), [leases[0].id, leases[1].id]);
}

#[test]
fn a_lease_of_a_job_that_was_never_journalled_is_not_taken_for_the_next_job_of_its_number() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let written = head.records.len();
    let lost = head.submit(job(&map_module(), 3));
    let leases = head.leases(node);
    // The head dies before the job is on disk; nobody was told that it was accepted.
    head.records.truncate(written);
    head.restart();
    let mut other = job(&map_module(), 3);
    other.manifest.chunks.reverse();
    assert_eq!(head.submit(other), lost);
    // The journal keeps only the latest start of a head, whoever accepted the job.
    for _ in 0..2 {
        let node = head.connect(back("p1", &leases));
        assert_eq!(head.revoked(node), [leases[0].id, leases[1].id]);
        head.succeed(node, &leases[0]);
        assert_eq!(head.view(lost).tasks.succeeded, 0);
        head.restart();
    }
}

#[test]
fn lease_numbers_are_never_used_again() {
    let mut head = Head::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let node = head.node("p1", 2);
        head.submit(job(&map_module(), 2));
        for lease in head.leases(node) {
            assert!(seen.insert(lease.id), "{} twice", lease.id);
        }
        head.restart();
    }
}

#[test]
fn records_that_contradict_one_another_are_not_a_state() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 2));
    head.work(&[node]);
    let restore = |records: Vec<Record>| Scheduler::restore(Config::default(), records);
    let without = |kind: &str| -> Vec<Record> {
        head.records.iter().filter(|record| record.kind() != kind).cloned().collect()
    };
    assert!(restore(head.records.clone()).is_ok());
    assert!(matches!(restore(without("job-submitted")), Err(ReplayError::NoSuchJob { .. })));
    assert!(matches!(restore(without("node-known")), Err(ReplayError::NoSuchNode { .. })));
    assert_eq!(restore(without("job-ended")).unwrap_err(), ReplayError::NoEnd { job: id });
    let mut twice = head.records.clone();
    let success = twice.iter().find(|it| it.kind() == "task-succeeded").unwrap().clone();
    let at = twice.iter().rposition(|it| it.kind() == "task-succeeded").unwrap();
    twice.insert(at, success);
    assert!(matches!(restore(twice), Err(ReplayError::NoSuchAttempt { .. })));
}
