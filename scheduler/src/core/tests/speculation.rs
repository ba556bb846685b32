//! Second leases for slow tasks.

use bramble_protocol::api::JobState;

use super::*;
use crate::testing::{job, map_module};

fn node(head: &mut Head, name: &str, slots: u32, speed: u32) -> ConnectionId {
    let mut hello = hello(name, 1, slots);
    hello.speed = Some(speed);
    head.connect(hello)
}

/// Reports a task done after a second of a node of that speed.
fn done(head: &mut Head, node: ConnectionId, lease: &Lease) {
    let usage = Usage { wall_us: 1_000_000, cpu_us: 1_000_000, ..Usage::default() };
    let report = AttemptReport {
        lease: lease.id,
        attempt: lease.attempt,
        outcome: AttemptOutcome::Succeeded { outputs: outputs(lease) },
        usage,
        log: String::new(),
        enough: false,
    };
    head.say(node, FromAgent::Reports { reports: vec![report] });
}

/// A job of two tasks, of which the second node does one and the first hangs.
fn hanging() -> (Head, [ConnectionId; 2], JobId, Lease) {
    let mut head = Head::with(Config { spot_check_permille: 0, ..Config::default() });
    let nodes = [node(&mut head, "p1", 1, 1000), node(&mut head, "p2", 1, 1000)];
    let id = head.submit(job(&map_module(), 2));
    let lease = head.lease(nodes[0]);
    let other = head.lease(nodes[1]);
    head.wait(1_000);
    done(&mut head, nodes[1], &other);
    (head, nodes, id, lease)
}

#[test]
fn a_task_that_takes_far_longer_than_the_others_gets_a_twin_on_an_idle_node() {
    let (mut head, [first, second], id, lease) = hanging();
    head.wait(1_500);
    assert_eq!(head.leases(second), [], "it is not late yet");
    head.wait(1_000);
    let twin = head.lease(second);
    assert_eq!(twin.attempt.task, lease.attempt.task);
    assert_eq!(twin.work, lease.work);
    head.wait(60_000);
    assert_eq!(head.leases(second), [], "one twin is enough");
    done(&mut head, second, &twin);
    assert_eq!(head.view(id).state, JobState::Done);
    assert!(head.revoked(first).contains(&lease.id), "the first need not go on");
}

#[test]
fn whichever_twin_is_first_counts_and_once() {
    let (mut head, [first, second], id, lease) = hanging();
    head.wait(3_000);
    let twin = head.lease(second);
    done(&mut head, first, &lease);
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.succeeded), (JobState::Done, 2));
    done(&mut head, second, &twin);
    assert_eq!(head.view(id).usage.cpu_us, 2_000_000);
}

#[test]
fn the_slower_twin_verifies_the_faster_one() {
    let mut head = Head::with(Config { spot_check_permille: 0, ..Config::default() });
    let nodes = [1, 2, 3].map(|n| node(&mut head, &format!("p{n}"), 1, 1000));
    let id = head.submit(job(&crate::testing::merge_module(), 3));
    let leases = nodes.map(|node| head.lease(node));
    head.wait(1_000);
    done(&mut head, nodes[1], &leases[1]);
    head.wait(3_000);
    let twins = head.leases(nodes[1]);
    assert_eq!(twins.len(), 1);
    let twin = &twins[0];
    let slow = if twin.attempt.task == leases[0].attempt.task { 0 } else { 2 };
    done(&mut head, nodes[1], twin);
    assert_eq!(head.view(id).tasks.succeeded, 2);
    done(&mut head, nodes[slow], &leases[slow]);
    let valid: Vec<u64> = head.core.nodes().iter().map(|node| node.trust.valid).collect();
    assert_eq!(valid.iter().sum::<u64>(), 2, "{valid:?}");
    assert_eq!(head.view(id).tasks.retried, 0);
}

#[test]
fn a_slow_attempt_whose_twin_was_faster_gives_way_to_ready_work() {
    let mut head = Head::with(Config { spot_check_permille: 0, ..Config::default() });
    let nodes = [1, 2, 3].map(|n| node(&mut head, &format!("p{n}"), 1, 1000));
    head.submit(job(&crate::testing::merge_module(), 3));
    let leases = nodes.map(|node| head.lease(node));
    head.wait(1_000);
    done(&mut head, nodes[1], &leases[1]);
    head.wait(3_000);
    let twin = head.lease(nodes[1]);
    let slow = if twin.attempt.task == leases[0].attempt.task { 0 } else { 2 };
    done(&mut head, nodes[1], &twin);
    assert_eq!(head.revoked(nodes[slow]), []);
    head.submit(job(&map_module(), 9));
    assert_eq!(head.revoked(nodes[slow]), [leases[slow].id]);
    head.lease(nodes[slow]);
}

#[test]
fn a_twin_gives_way_to_ready_work() {
    let (mut head, [first, second], _, lease) = hanging();
    head.wait(3_000);
    let twin = head.lease(second);
    let other = head.submit(job(&map_module(), 5));
    assert_eq!(head.revoked(second), [twin.id]);
    assert_eq!(head.lease(second).attempt.task.job, other);
    assert_eq!(head.revoked(first), []);
    done(&mut head, first, &lease);
}

#[test]
fn a_twin_whose_first_attempt_failed_goes_on_as_the_only_one() {
    let (mut head, [first, second], id, lease) = hanging();
    head.wait(3_000);
    let twin = head.lease(second);
    head.report(first, &lease, fault());
    assert_eq!(head.view(id).tasks.delayed, 0);
    let other = head.submit(job(&map_module(), 5));
    assert_eq!(head.revoked(second), [], "it is needed now");
    assert_eq!(head.lease(first).attempt.task.job, other);
    done(&mut head, second, &twin);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn a_node_that_works_at_its_own_slow_speed_is_helped_out_at_the_end() {
    let mut head = Head::with(Config { spot_check_permille: 0, ..Config::default() });
    let slow = node(&mut head, "zero", 1, 100);
    let fast = node(&mut head, "pi5", 1, 1600);
    let id = head.submit(job(&map_module(), 40));
    head.wait(250);
    let stuck = head.leases(slow);
    while head.view(id).tasks.ready > 0 {
        for lease in head.leases(fast) {
            head.wait(1_000);
            done(&mut head, fast, &lease);
        }
    }
    for lease in head.leases(fast) {
        done(&mut head, fast, &lease);
    }
    assert!(!stuck.is_empty(), "it took a task when nothing was known");
    if head.view(id).state != JobState::Done {
        head.wait(60_000);
        for lease in head.leases(fast) {
            done(&mut head, fast, &lease);
        }
    }
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn disconnecting_with_a_twin_leaves_nothing_behind() {
    let (mut head, [first, second], id, lease) = hanging();
    head.wait(3_000);
    head.lease(second);
    head.disconnect(second);
    head.wait(6_000);
    assert_eq!(head.view(id).tasks.leased, 1);
    done(&mut head, first, &lease);
    assert_eq!(head.view(id).state, JobState::Done);
}
