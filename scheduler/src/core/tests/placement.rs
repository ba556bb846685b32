//! Who gets what.

use bramble_protocol::{Mode, NodeSelector};

use super::*;
use crate::testing::{job, map_module, merge_module, sort_module};

fn tasks_by_job(leases: &[Lease]) -> BTreeMap<JobId, usize> {
    let mut counts = BTreeMap::new();
    for lease in leases {
        *counts.entry(lease.attempt.task.job).or_default() += 1;
    }
    counts
}

#[test]
fn jobs_take_turns() {
    let mut head = Head::new();
    let first = head.submit(job(&map_module(), 100));
    let second = head.submit(job(&map_module(), 100));
    let node = head.node("p1", 8);
    assert_eq!(tasks_by_job(&head.leases(node)), BTreeMap::from([(first, 4), (second, 4)]));
}

#[test]
fn few_tasks_are_spread_over_idle_nodes() {
    let mut head = Head::new();
    let nodes: Vec<_> = (1..=4).map(|n| head.node(&format!("p{n}"), 4)).collect();
    head.submit(job(&map_module(), 4));
    for node in nodes {
        head.lease(node);
    }
}

#[test]
fn short_tasks_are_leased_ahead_once_their_length_is_known() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    head.submit(job(&map_module(), 1_000));
    let lease = head.lease(node);
    let report = AttemptReport {
        lease: lease.id,
        attempt: lease.attempt,
        outcome: AttemptOutcome::Succeeded { outputs: outputs(&lease) },
        usage: Usage { wall_us: 500, ..Usage::default() },
        log: String::new(),
        enough: false,
    };
    head.say(node, FromAgent::Reports { reports: vec![report] });
    assert_eq!(head.leases(node).len(), 64);
}

#[test]
fn a_job_for_two_nodes_runs_on_the_first_two_that_take_it() {
    let mut head = Head::new();
    let nodes: Vec<_> = (1..=3).map(|n| head.node(&format!("p{n}"), 1)).collect();
    let mut new = job(&map_module(), 9);
    new.spec.nodes = NodeSelector::AtMost(2);
    let id = head.submit(new);
    head.work(&nodes);
    assert_eq!(head.view(id).nodes.len(), 2);
}

#[test]
fn a_lost_node_gives_its_place_in_such_a_job_free() {
    let mut head = Head::new();
    let (first, second) = (head.node("p1", 1), head.node("p2", 1));
    let mut new = job(&map_module(), 9);
    new.spec.nodes = NodeSelector::AtMost(1);
    head.submit(new);
    head.lease(first);
    assert_eq!(head.leases(second), []);
    head.disconnect(first);
    head.wait(5_000);
    head.lease(second);
}

#[test]
fn a_job_for_named_nodes_runs_nowhere_else() {
    let mut head = Head::new();
    let nodes: Vec<_> = (1..=3).map(|n| head.node(&format!("p{n}"), 1)).collect();
    let mut new = job(&map_module(), 9);
    new.spec.nodes = NodeSelector::Named(vec!["p2".into()]);
    let id = head.submit(new);
    head.work(&nodes);
    let view = head.view(id);
    assert_eq!(view.nodes.len(), 1);
    assert_eq!((view.nodes[0].name.as_str(), view.nodes[0].succeeded), ("p2", 9));
}

#[test]
fn a_node_that_is_named_twice_is_one_node() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&map_module(), 1);
    new.spec.nodes = NodeSelector::Named(vec!["p1".into(), "p1".into()]);
    head.submit(new);
    let lease = head.lease(node);
    head.report(node, &lease, fault());
    head.wait(250);
    assert_eq!(head.lease(node).attempt.number, 2, "there is no other node to wait for");
}

#[test]
fn a_node_of_another_class_gets_work_when_the_module_is_compiled_for_it() {
    let mut head = Head::new();
    head.compiles_at_once = false;
    let mut board = hello("p1", 1, 1);
    board.class = TargetClass::Aarch64;
    let board = head.connect(board);
    head.node("p2", 1);
    head.submit(job(&map_module(), 2));
    assert_eq!(head.compiling.len(), 2);
    assert_eq!(head.leases(board), []);
    let (module, class, mode) =
        *head.compiling.iter().find(|it| it.1 == TargetClass::Aarch64).unwrap();
    let artefact = ObjectRef::of(b"for boards");
    head.apply(Event::Compiled { module, class, mode, artefact });
    assert_eq!(head.lease(board).work.artefact, artefact);
}

#[test]
fn a_job_runs_only_what_was_compiled_for_its_mode() {
    let mut head = Head::new();
    head.compiles_at_once = false;
    let node = head.node("p1", 2);
    let mut verified = job(&map_module(), 1);
    verified.spec.mode = Mode::Verify;
    head.submit(job(&map_module(), 1));
    head.submit(verified);
    let modes: Vec<Mode> = head.compiling.iter().map(|it| it.2).collect();
    assert_eq!(modes, Mode::ALL);
    for (module, class, mode) in head.compiling.clone() {
        assert_eq!(head.leases(node), []);
        let artefact = ObjectRef::of(mode.name().as_bytes());
        head.apply(Event::Compiled { module, class, mode, artefact });
        let lease = head.lease(node);
        assert_eq!((lease.work.mode, lease.work.artefact), (mode, artefact));
    }
}

#[test]
fn key_ranges_follow_the_slots_that_the_selector_allows() {
    let mut head = Head::new();
    for (name, slots) in [("p1", 2), ("p2", 8), ("p3", 4)] {
        head.node(name, slots);
    }
    let mut partitions = |nodes| {
        let mut new = job(&sort_module(), 50);
        new.spec.nodes = nodes;
        head.submit(new);
        let submitted = head.records.iter().rev().find_map(|record| match record {
            Record::JobSubmitted(submitted) => Some(submitted.partitions),
            _ => None,
        });
        submitted.unwrap()
    };
    assert_eq!(partitions(NodeSelector::Any), 28);
    assert_eq!(partitions(NodeSelector::AtMost(2)), 24);
    assert_eq!(partitions(NodeSelector::Named(vec!["p1".into()])), 4);
}

#[test]
fn three_hundred_parts_are_merged_in_order_through_two_levels() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let id = head.submit(job(&merge_module(), 300));
    head.work(&[node]);
    let view = head.view(id);
    assert_eq!(view.phases[1].total, 4, "three groups and the last merge");
    assert_eq!(view.state, bramble_protocol::api::JobState::Done);
}

#[test]
fn a_thousand_nodes_and_ten_thousand_tasks_end_with_every_task_done_once() {
    let mut head = Head::new();
    let id = head.submit(job(&map_module(), 10_000));
    // Only the last step is checked: the whole check costs as much as there is state.
    let mut nodes = Vec::new();
    for n in 0..1_000 {
        let connection = ConnectionId(n + 1);
        let hello = Box::new(hello(&format!("n{n}"), n, 4));
        let actions = head.core.apply(head.now, Event::AgentConnected { connection, hello });
        head.perform(actions);
        nodes.push(connection);
    }
    head.core.check().unwrap();
    let mut done = 0;
    while head.ended.is_empty() {
        for node in &nodes {
            let reports: Vec<_> = head
                .leases(*node)
                .iter()
                .map(|lease| AttemptReport {
                    lease: lease.id,
                    attempt: lease.attempt,
                    outcome: AttemptOutcome::Succeeded { outputs: outputs(lease) },
                    usage: Usage::default(),
                    log: String::new(),
                    enough: false,
                })
                .collect();
            done += reports.len();
            let message = FromAgent::Reports { reports };
            let event = Event::AgentMessage { connection: *node, message };
            let actions = head.core.apply(head.now, event);
            head.perform(actions);
        }
    }
    assert_eq!(done, 10_000);
    assert_eq!(head.view(id).tasks.succeeded, 10_000);
    head.core.check().unwrap();
}
