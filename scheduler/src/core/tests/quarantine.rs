//! Nodes that fail whatever they are given.

use bramble_protocol::api::JobState;

use super::*;
use crate::testing::{job, map_module};

fn quarantined(head: &Head, name: &str) -> Option<String> {
    let nodes = head.core.nodes();
    nodes.into_iter().find(|node| node.name == name).unwrap().quarantined
}

/// Lets a node fail one task each of `count` jobs.
fn fail_jobs(head: &mut Head, node: ConnectionId, count: usize) {
    for _ in 0..count {
        let mut new = job(&map_module(), 1);
        new.spec.limits.attempts_max = 100;
        new.spec.policy.cache = false;
        head.submit(new);
    }
    for lease in head.leases(node) {
        head.report(node, &lease, fault());
    }
}

#[test]
fn a_node_that_fails_three_different_jobs_gets_no_more_work() {
    let mut head = Head::new();
    let node = head.node("p1", 3);
    fail_jobs(&mut head, node, 3);
    let reason = quarantined(&head, "p1").unwrap();
    assert!(reason.contains("3 different jobs") && reason.contains("no space left"), "{reason}");
    head.wait(60_000);
    assert_eq!(head.leases(node), []);
    head.restart();
    assert_eq!(quarantined(&head, "p1"), Some(reason));
    let node = head.node("p1", 3);
    head.wait(10_000);
    assert_eq!(head.leases(node), []);
}

#[test]
fn failures_of_one_job_or_with_a_success_between_are_not_held_against_a_node() {
    let mut head = Head::new();
    let node = head.node("p1", 9);
    head.submit(job(&map_module(), 5));
    for lease in head.leases(node) {
        head.report(node, &lease, fault());
    }
    assert_eq!(quarantined(&head, "p1"), None);
    fail_jobs(&mut head, node, 1);
    head.submit(job(&map_module(), 1));
    let lease = head.lease(node);
    head.succeed(node, &lease);
    fail_jobs(&mut head, node, 2);
    assert_eq!(quarantined(&head, "p1"), None);
}

#[test]
fn the_note_of_a_job_says_when_the_only_node_is_quarantined() {
    let mut head = Head::new();
    let node = head.node("p1", 3);
    fail_jobs(&mut head, node, 3);
    let id = head.submit(job(&map_module(), 1));
    let note = head.view(id).note.unwrap();
    assert!(note.starts_with("p1, the only node, is quarantined"), "{note}");
    assert!(note.contains("bramble nodes undrain p1"), "{note}");
}

#[test]
fn undrain_lifts_a_quarantine() {
    let mut head = Head::new();
    let node = head.node("p1", 3);
    fail_jobs(&mut head, node, 3);
    head.wait(1_000);
    assert_eq!(head.leases(node), []);
    head.order(Order::Undrain { node: "p1".into() });
    assert_eq!(quarantined(&head, "p1"), None);
    assert_eq!(head.leases(node).len(), 3);
    head.restart();
    assert_eq!(quarantined(&head, "p1"), None);
}

#[test]
fn after_a_while_one_task_decides_whether_a_quarantine_goes_on() {
    let mut head = Head::new();
    let node = head.node("p1", 3);
    fail_jobs(&mut head, node, 3);
    head.wait(9 * 60_000);
    assert_eq!(head.leases(node), []);
    head.wait(61_000);
    let lease = head.lease(node);
    head.report(node, &lease, fault());
    assert!(quarantined(&head, "p1").unwrap().contains("failed again"));
    head.wait(19 * 60_000);
    assert_eq!(head.leases(node), [], "it is longer the second time");
    head.wait(61_000);
    let lease = head.lease(node);
    head.succeed(node, &lease);
    assert_eq!(quarantined(&head, "p1"), None);
    assert_eq!(head.leases(node).len(), 2, "the rest at once");
}

#[test]
fn nodes_are_not_quarantined_for_chunks_that_bring_down_every_node() {
    let mut head = Head::new();
    let nodes: Vec<_> = (1..=4).map(|n| head.node(&format!("p{n}"), 4)).collect();
    let mut jobs = Vec::new();
    for _ in 0..4 {
        let mut new = job(&map_module(), 1);
        new.spec.limits.attempts_max = 100;
        new.spec.policy.cache = false;
        jobs.push(head.submit(new));
    }
    for _ in 0..20 {
        for node in &nodes {
            for lease in head.leases(*node) {
                head.report(*node, &lease, fault());
            }
        }
        head.wait(1_000);
    }
    for id in jobs {
        assert_eq!(head.view(id).state, JobState::Failed);
    }
    for node in head.core.nodes() {
        assert_eq!(node.quarantined, None, "{}", node.name);
    }
}
