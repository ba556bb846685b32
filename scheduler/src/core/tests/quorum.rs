//! Results that must agree.

use bramble_protocol::api::{JobState, TrustView};
use bramble_protocol::{Mode, NodeSelector};

use super::*;
use crate::testing::{job, map_module, merge_module};

fn verified(chunks: u32, quorum: u32) -> NewJob {
    let mut new = job(&map_module(), chunks);
    new.spec.mode = Mode::Verify;
    new.spec.policy.quorum = quorum;
    new
}

fn wrong(lease: &Lease) -> AttemptOutcome {
    let text = format!("wrong {}", lease.attempt.task);
    AttemptOutcome::Succeeded { outputs: vec![ObjectRef::of(text.as_bytes())] }
}

fn trust(head: &Head, name: &str) -> TrustView {
    let nodes = head.core.nodes();
    nodes.into_iter().find(|node| node.name == name).unwrap().trust
}

/// Works on everything there is until nothing comes for a while; the nodes in `liars` lie.
fn work_on(head: &mut Head, nodes: &[ConnectionId], liars: &[ConnectionId]) {
    let mut quiet = 0;
    while quiet < 8 {
        quiet += 1;
        for node in nodes {
            for lease in head.leases(*node) {
                quiet = 0;
                if liars.contains(node) {
                    head.report(*node, &lease, wrong(&lease));
                } else {
                    head.succeed(*node, &lease);
                }
            }
        }
        head.wait(250);
    }
}

#[test]
fn each_task_is_run_on_two_different_nodes() {
    let mut head = Head::new();
    let nodes = [head.node("p1", 2), head.node("p2", 2), head.node("p3", 2)];
    let id = head.submit(verified(20, 2));
    let mut ran: BTreeMap<u32, Vec<ConnectionId>> = BTreeMap::new();
    while head.view(id).state != JobState::Done {
        for node in nodes {
            for lease in head.leases(node) {
                ran.entry(lease.attempt.task.index).or_default().push(node);
                head.succeed(node, &lease);
            }
        }
    }
    for (index, mut nodes) in ran {
        assert_eq!(nodes.len(), 2, "task {index}");
        nodes.dedup();
        assert_eq!(nodes.len(), 2, "task {index}");
    }
    let valid: u64 = head.core.nodes().iter().map(|node| node.trust.valid).sum();
    assert_eq!(valid, 40);
    assert_eq!(head.view(id).tasks.retried, 0);
}

#[test]
fn a_third_node_decides_and_the_one_that_was_wrong_is_charged() {
    let mut head = Head::new();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(verified(1, 2));
    let lease = head.lease(first);
    head.report(first, &lease, wrong(&lease));
    assert_eq!(head.leases(first), []);
    let lease = head.lease(second);
    head.succeed(second, &lease);
    assert_eq!(head.view(id).state, JobState::Running);
    assert!(head.view(id).note.unwrap().contains("free slot"), "nobody is left to decide");
    let third = head.node("p3", 1);
    let lease = head.lease(third);
    head.succeed(third, &lease);
    assert_eq!(head.view(id).state, JobState::Done);
    let result = head.core.result(id).unwrap().manifest.chunks;
    assert_eq!(result, outputs(&lease));
    assert_eq!((trust(&head, "p2").valid, trust(&head, "p3").valid), (1, 1));
    let p1 = trust(&head, "p1");
    assert_eq!((p1.valid, p1.wrong), (0, 1));
    assert!(p1.last_wrong.as_ref().unwrap().contains("differs from that of p2 and p3"), "{p1:?}");
    head.restart();
    assert_eq!(trust(&head, "p1"), p1);
}

#[test]
fn a_task_that_gives_another_result_on_each_node_fails() {
    let mut head = Head::new();
    let nodes = [head.node("p1", 1), head.node("p2", 1), head.node("p3", 1)];
    let id = head.submit(verified(1, 2));
    for node in nodes {
        let lease = head.lease(node);
        let outputs = vec![ObjectRef::of(format!("{node}").as_bytes())];
        head.report(node, &lease, AttemptOutcome::Succeeded { outputs });
    }
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed);
    assert_eq!(view.failure.unwrap().outcome, AttemptOutcome::Disagreed { results: 3 });
    assert_eq!(trust(&head, "p1").wrong, 0, "nobody is shown to be wrong");
    head.restart();
    assert_eq!(head.view(id).state, JobState::Failed);
}

#[test]
fn votes_survive_a_restart() {
    let mut head = Head::new();
    let (first, _) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(verified(1, 2));
    let lease = head.lease(first);
    head.succeed(first, &lease);
    head.restart();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    assert_eq!(head.leases(first), []);
    let lease = head.lease(second);
    head.succeed(second, &lease);
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.succeeded), (JobState::Done, 1));
    assert_eq!(view.usage.cpu_us, 2 * 900_000, "both attempts were paid for");
}

#[test]
fn a_verified_job_with_too_few_nodes_says_so() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(verified(2, 2));
    head.work(&[node]);
    let note = head.view(id).note.unwrap();
    assert_eq!(
        note,
        "each task needs 2 nodes that may run it, to compare their results; 1 is there"
    );
    let mut new = verified(2, 2);
    new.spec.nodes = NodeSelector::Named(vec!["p1".into(), "p1".into()]);
    let Answer::Rejected(Rejection::Unsound { reason, .. }) = head.try_submit(new) else {
        panic!("accepted");
    };
    assert_eq!(reason, "--verify 2 needs 2 nodes that may run it, 1 is allowed");
    let mut new = verified(2, 2);
    new.spec.mode = Mode::Fast;
    assert!(matches!(head.try_submit(new), Answer::Rejected(_)));
}

#[test]
fn a_node_that_is_wrong_again_and_again_is_quarantined() {
    let mut head = Head::new();
    let nodes: Vec<_> = (1..=3).map(|n| head.node(&format!("p{n}"), 2)).collect();
    let id = head.submit(verified(12, 2));
    work_on(&mut head, &nodes, &nodes[..1]);
    let view = head.view(id);
    assert_eq!(view.state, JobState::Done);
    let p1 = head.core.nodes().remove(0);
    assert!(p1.trust.wrong >= 3 && p1.quarantined.unwrap().contains("wrong results"));
    let expected: Vec<ObjectRef> = head.core.result(id).unwrap().manifest.chunks;
    assert!(expected.iter().all(|part| !part.digest.to_string().is_empty()));
}

/// A head that checks every task, with one job of two tasks of which p1 did the first.
fn checking() -> (Head, ConnectionId, ConnectionId, JobId, Lease) {
    let config = Config { spot_check_permille: 1000, ..Config::default() };
    let mut head = Head::with(config);
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(job(&merge_module(), 2));
    let lease = head.lease(first);
    (head, first, second, id, lease)
}

#[test]
fn a_spot_check_that_agrees_raises_trust() {
    let (mut head, first, second, id, lease) = checking();
    let other = head.lease(second);
    head.succeed(first, &lease);
    head.wait(250);
    assert_eq!(head.leases(first), [], "a node does not check itself");
    head.succeed(second, &other);
    // The merge is ready now; what is idle beside it checks.
    let merge = head.leases(first).pop().or_else(|| head.leases(second).pop()).unwrap();
    head.wait(250);
    let checks: Vec<Lease> = [first, second].iter().flat_map(|node| head.leases(*node)).collect();
    assert_eq!(checks.len(), 1, "the other node is idle");
    assert_eq!(checks[0].attempt.number, 2);
    let checker = if head.core.held_leases(first).contains(&checks[0].id) { first } else { second };
    head.succeed(checker, &checks[0]);
    let valid: u64 = head.core.nodes().iter().map(|node| node.trust.valid).sum();
    assert_eq!(valid, 2);
    let merger = if checker == first { second } else { first };
    head.succeed(merger, &merge);
    let view = head.view(id);
    assert_eq!(view.state, JobState::Done);
    assert_eq!(view.usage.cpu_us, 3 * 900_000, "checks are not the user's");
}

#[test]
fn a_spot_check_that_finds_a_wrong_result_fails_the_job_and_names_the_node() {
    let (mut head, first, second, id, lease) = checking();
    head.lease(second);
    head.report(first, &lease, wrong(&lease));
    let third = head.node("p3", 1);
    head.wait(250);
    let check = head.lease(third);
    assert_eq!(check.attempt.task.index, lease.attempt.task.index);
    head.succeed(third, &check);
    assert_eq!(head.core.open_jobs(), 1);
    let fourth = head.node("p4", 1);
    head.wait(250);
    let judge = head.lease(fourth);
    head.succeed(fourth, &judge);
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed);
    let note = view.note.unwrap();
    assert!(note.contains("node p1 gave a wrong result") && note.contains("p3 and p4"), "{note}");
    assert!(head.core.nodes()[0].quarantined.as_ref().unwrap().contains("wrong result"));
    assert_eq!(head.core.cached_results(), 0, "nobody gets it from the cache");
    head.restart();
    assert_eq!(head.view(id).state, JobState::Failed);
    assert_eq!(head.core.cached_results(), 0);
}

#[test]
fn a_spot_check_that_is_wrong_itself_is_charged_and_the_job_goes_on() {
    let (mut head, first, second, id, lease) = checking();
    let other = head.lease(second);
    head.succeed(first, &lease);
    let third = head.node("p3", 1);
    head.wait(250);
    let check = head.lease(third);
    head.report(third, &check, wrong(&check));
    let fourth = head.node("p4", 1);
    head.wait(250);
    let judge = head.lease(fourth);
    head.succeed(fourth, &judge);
    assert_eq!(trust(&head, "p3").wrong, 1);
    head.succeed(second, &other);
    head.work(&[first, second, third, fourth]);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn a_job_with_a_dispute_does_not_end_before_it_is_settled() {
    let config = Config { spot_check_permille: 1000, ..Config::default() };
    let mut head = Head::with(config);
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let id = head.submit(job(&map_module(), 2));
    let (lease, other) = (head.lease(first), head.lease(second));
    head.report(first, &lease, wrong(&lease));
    let third = head.node("p3", 1);
    head.wait(250);
    let check = head.lease(third);
    // Otherwise p1 or p4 would settle it at once.
    let fourth = head.node("p4", 1);
    head.succeed(third, &check);
    head.succeed(second, &other);
    assert_eq!(head.view(id).tasks.succeeded, 2);
    assert_eq!(head.view(id).state, JobState::Running);
    head.core = Scheduler::restore(head.core.config.clone(), head.records.clone()).unwrap();
    head.records.push(head.core.start(head.now));
    head.core.check().unwrap();
    head.beating.clear();
    let _ = fourth;
    for name in ["p1", "p3"] {
        head.node(name, 1);
    }
    head.wait(6_000);
    assert_eq!(head.view(id).state, JobState::Done, "there is nobody to settle it");
    assert!(head.logs.iter().any(|entry| entry.outcome == "disagreed"));
}
