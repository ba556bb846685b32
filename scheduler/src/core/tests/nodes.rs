//! Nodes that come, go, fall silent and come back.

use bramble_protocol::NodeState;
use bramble_protocol::agent::HeldLease;
use bramble_protocol::api::JobState;

use super::*;
use crate::testing::{job, map_module};

fn held(lease: &Lease) -> HeldLease {
    HeldLease { lease: lease.id, attempt: lease.attempt }
}

fn state(head: &Head, name: &str) -> NodeState {
    head.core.nodes().into_iter().find(|node| node.name == name).unwrap().state
}

#[test]
fn a_node_that_is_gone_loses_its_leases_after_the_grace() {
    let mut head = Head::new();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    head.submit(job(&map_module(), 2));
    let (lost, _) = (head.lease(first), head.lease(second));
    head.disconnect(first);
    head.wait(4_000);
    assert_eq!(head.core.nodes()[0].leased, 1, "it may come back");
    head.wait(1_000);
    assert_eq!(head.core.nodes()[0].leased, 0);
    assert_eq!(state(&head, "p1"), NodeState::Lost);
    let other = head.node("p3", 1);
    assert_eq!(head.lease(other).attempt.task, lost.attempt.task);
}

#[test]
fn a_node_whose_connection_breaks_for_a_moment_keeps_its_leases() {
    let mut head = Head::new();
    let first = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 1));
    let lease = head.lease(first);
    head.disconnect(first);
    head.wait(4_000);
    let mut again = hello("p1", 1, 1);
    again.leases = vec![held(&lease)];
    let second = head.connect(again);
    assert_eq!(head.revoked(second), []);
    head.succeed(second, &lease);
    assert_eq!(head.view(id).state, JobState::Done);
    assert_eq!(head.view(id).tasks.retried, 0);
}

#[test]
fn a_report_that_a_broken_connection_held_up_is_taken_after_the_next_hello() {
    let mut head = Head::new();
    let first = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 1));
    let lease = head.lease(first);
    head.disconnect(first);
    let second = head.connect(hello("p1", 1, 1));
    head.succeed(second, &lease);
    assert_eq!(head.view(id).tasks.retried, 0);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn a_lease_that_never_reached_its_node_is_given_again_soon() {
    let mut head = Head::new();
    let first = head.node("p1", 1);
    head.submit(job(&map_module(), 1));
    head.lease(first);
    head.disconnect(first);
    let second = head.connect(hello("p1", 1, 1));
    for _ in 0..4 {
        head.now = head.now.plus_ms(1_000);
        let status = NodeStatus::default();
        head.say(second, FromAgent::Heartbeat { status, leases: vec![], previews: Vec::new() });
        head.apply(Event::Tick);
    }
    assert_eq!(head.lease(second).attempt.number, 2);
}

#[test]
fn a_second_connection_of_the_same_process_replaces_the_first() {
    let mut head = Head::new();
    let first = head.node("p1", 1);
    let second = head.node("p1", 1);
    assert_eq!(head.disconnected[0].0, first);
    head.disconnect(first);
    assert_eq!(state(&head, "p1"), NodeState::Idle);
    head.submit(job(&map_module(), 1));
    assert_eq!(head.leases(first), []);
    head.lease(second);
}

#[test]
fn a_second_agent_under_the_name_of_a_living_one_is_refused() {
    let mut head = Head::new();
    head.node("p1", 1);
    head.connect(hello("p1", 2, 1));
    let (reason, retry) = head.refused.remove(0);
    assert!(reason.contains("a node `p1` is connected already"), "{reason}");
    assert!(retry);
}

#[test]
fn an_agent_that_was_started_again_loses_what_its_process_held_at_once() {
    let mut head = Head::new();
    let first = head.node("p1", 1);
    head.submit(job(&map_module(), 1));
    let lease = head.lease(first);
    head.disconnect(first);
    let second = head.connect(hello("p1", 2, 1));
    let again = head.lease(second);
    assert_eq!(again.attempt.task, lease.attempt.task);
    assert_eq!(again.attempt.number, 2);
}

#[test]
fn an_agent_that_was_started_again_keeps_just_what_its_process_before_had_finished() {
    let mut head = Head::new();
    let first = head.node("p1", 2);
    let id = head.submit(job(&map_module(), 2));
    let leases = head.leases(first);
    head.disconnect(first);
    let mut again = hello("p1", 2, 2);
    again.leases = vec![held(&leases[0])];
    let second = head.connect(again);
    assert_eq!(head.revoked(second), []);
    let redone = head.lease(second);
    assert_eq!(redone.attempt.task, leases[1].attempt.task);
    head.succeed(second, &leases[0]);
    head.succeed(second, &redone);
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.retried), (JobState::Done, 1));
}

#[test]
fn an_agent_that_was_started_again_keeps_no_lease_that_others_were_given_meanwhile() {
    let mut head = Head::new();
    let first = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 1));
    let lease = head.lease(first);
    head.disconnect(first);
    head.wait(5_000);
    let other = head.node("p2", 1);
    let redone = head.lease(other);
    let mut again = hello("p1", 2, 1);
    again.leases = vec![held(&lease)];
    let second = head.connect(again);
    assert_eq!(head.revoked(second), [lease.id]);
    head.succeed(second, &lease);
    assert_eq!(head.acknowledged(second), [lease.id]);
    assert_eq!(head.view(id).tasks.succeeded, 0);
    head.succeed(other, &redone);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn agents_that_cannot_work_here_are_refused_for_good() {
    let mut head = Head::new();
    let mut refusal = |change: fn(&mut Hello)| {
        let mut hello = hello("p1", 1, 1);
        change(&mut hello);
        head.connect(hello);
        let (reason, retry) = head.refused.pop().unwrap();
        assert!(!retry);
        reason
    };
    assert!(refusal(|hello| hello.protocol = 0).contains("update the agent"));
    assert!(refusal(|hello| hello.protocol = 99).contains("update the head"));
    assert!(refusal(|hello| hello.name = "12".into()).contains("cannot name a node"));
    assert!(refusal(|hello| hello.slots = 0).contains("0 slots"));
    assert!(refusal(|hello| hello.slots = 1 << 30).contains("slots"));
}

#[test]
fn a_head_takes_so_many_agents_and_no_more() {
    let mut head = Head::with(Config { agents_max: 2, ..Config::default() });
    head.node("p1", 1);
    head.node("p2", 1);
    head.node("p3", 1);
    let (reason, retry) = head.refused.pop().unwrap();
    assert!(reason.contains("2 nodes are connected") && retry, "{reason}");
}

#[test]
fn a_silent_node_gets_no_work_then_is_lost_though_its_connection_seems_open() {
    let mut head = Head::new();
    let (silent, other) = (head.node("p1", 2), head.node("p2", 1));
    head.submit(job(&map_module(), 2));
    let lease = head.leases(silent).remove(0);
    head.silence(silent);
    head.wait(4_000);
    assert_eq!(state(&head, "p1"), NodeState::Suspect);
    head.submit(job(&map_module(), 1));
    assert_eq!(head.leases(silent), [], "it has a free slot");
    head.wait(7_000);
    assert_eq!(state(&head, "p1"), NodeState::Lost);
    assert!(head.disconnected[0].1.contains("nothing was heard"));
    let task = lease.attempt.task;
    let next = head.lease(other);
    head.succeed(other, &next);
    let again = [head.lease(other)];
    assert!(again[0].attempt.task == task || head.view(task.job).tasks.ready > 0);
}

#[test]
fn a_suspect_node_gets_work_again_when_it_is_heard() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    head.silence(node);
    head.wait(4_000);
    head.submit(job(&map_module(), 1));
    assert_eq!(head.leases(node), []);
    head.say(
        node,
        FromAgent::Heartbeat {
            status: NodeStatus::default(),
            leases: vec![],
            previews: Vec::new(),
        },
    );
    head.lease(node);
}

#[test]
fn an_agent_that_stops_on_purpose_gives_its_leases_back_without_a_failure() {
    let mut head = Head::new();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(job(&map_module(), 2));
    let given = head.lease(first);
    let busy = head.lease(second);
    head.say(first, FromAgent::Goodbye);
    head.disconnect(first);
    head.succeed(second, &busy);
    let again = head.lease(second);
    assert_eq!(again.attempt.task, given.attempt.task);
    assert_ne!(again.id, given.id);
    head.succeed(second, &again);
    assert_eq!(head.view(id).tasks.retried, 0);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn messages_on_a_connection_that_is_gone_are_ignored() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    head.submit(job(&map_module(), 1));
    let lease = head.lease(node);
    head.disconnect(node);
    head.succeed(node, &lease);
    head.disconnect(node);
    assert_eq!(head.acknowledged(node), []);
}

#[test]
fn a_drained_node_ends_what_it_runs_and_gets_no_more_until_it_is_undrained() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 2));
    let first = head.lease(node);
    let reason = "new fan".to_owned();
    assert_eq!(head.order(Order::Drain { node: "p1".into(), reason }), Answer::Done);
    head.succeed(node, &first);
    assert!(head.leases(node).is_empty());
    assert_eq!(head.core.nodes()[0].draining.as_deref(), Some("new fan"));
    assert_eq!(head.order(Order::Undrain { node: "p1".into() }), Answer::Done);
    let second = head.lease(node);
    head.succeed(node, &second);
    assert_eq!(head.view(id).state, JobState::Done);
    let unknown = head.order(Order::Undrain { node: "p9".into() });
    assert_eq!(unknown, Answer::Rejected(Rejection::NoSuchNode("p9".into())));
}
