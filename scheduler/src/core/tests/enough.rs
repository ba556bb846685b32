//! Jobs that are cut short by a task that says that later chunks are not needed.

use bramble_protocol::api::{Enough, JobState};

use super::*;
use crate::testing::{job, map_module, merge_module};

impl Head {
    /// A node reports success, and that it was enough.
    fn say_enough(&mut self, connection: ConnectionId, lease: &Lease) {
        let report = AttemptReport {
            lease: lease.id,
            attempt: lease.attempt,
            outcome: AttemptOutcome::Succeeded { outputs: outputs(lease) },
            usage: Usage { wall_us: 1_000_000, cpu_us: 900_000, ..Usage::default() },
            log: String::new(),
            enough: true,
        };
        self.say(connection, FromAgent::Reports { reports: vec![report] });
    }
}

/// A job of so many chunks, with as many leases as two nodes of two slots have.
fn started(head: &mut Head, chunks: u32) -> (JobId, [ConnectionId; 2], BTreeMap<u32, Lease>) {
    let nodes = [head.node("p1", 2), head.node("p2", 2)];
    let id = head.submit(job(&map_module(), chunks));
    let leases = nodes.into_iter().flat_map(|node| head.leases(node));
    (id, nodes, leases.map(|lease| (lease.attempt.task.index, lease)).collect())
}

/// Who holds a lease of the two nodes that [`started`] gives, which serve tasks in turn.
fn holder(head: &Head, nodes: [ConnectionId; 2], lease: &Lease) -> ConnectionId {
    let holds = |node: &ConnectionId| head.core.held_leases(*node).contains(&lease.id);
    nodes.into_iter().find(holds).unwrap()
}

fn result(head: &Head, id: JobId) -> Vec<ObjectRef> {
    head.core.result(id).unwrap().manifest.chunks
}

#[test]
fn the_earliest_chunk_that_says_enough_decides_whichever_says_it_first() {
    let whole = {
        let mut head = Head::new();
        let (id, nodes, leases) = started(&mut head, 9);
        leases.values().for_each(|lease| head.succeed(holder(&head, nodes, lease), lease));
        head.work(&nodes);
        result(&head, id)
    };
    for order in [[1, 3], [3, 1]] {
        let mut head = Head::new();
        let (id, nodes, leases) = started(&mut head, 9);
        assert_eq!(leases.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
        for index in order.iter().filter_map(|index| leases.get(index)) {
            // Who said it second may have lost its lease by the first.
            let Some(node) =
                nodes.into_iter().find(|node| head.core.held_leases(*node).contains(&index.id))
            else {
                continue;
            };
            head.say_enough(node, index);
        }
        assert_eq!(head.view(id).enough, Some(Enough { chunk: 1, unneeded: 7 }));
        assert_eq!(head.view(id).state, JobState::Running, "an earlier chunk still runs");
        let text = head.core.explain(id, Some(5)).unwrap().text;
        assert_eq!(text, "task 5 is not needed: chunk 1 said enough");
        assert_eq!(head.core.explain(id, Some(9)), None);
        head.succeed(holder(&head, nodes, &leases[&0]), &leases[&0]);
        let view = head.view(id);
        assert_eq!((view.state, view.tasks.total, view.tasks.succeeded), (JobState::Done, 2, 2));
        assert_eq!(view.enough.unwrap().text(), "chunk 1 said enough: 7 tasks were not needed");
        assert_eq!(result(&head, id), whole[..2]);
    }
}

#[test]
fn later_tasks_are_taken_back_and_their_reports_are_acknowledged_and_do_not_count() {
    let mut head = Head::new();
    let (id, nodes, leases) = started(&mut head, 9);
    let (second, third) = (&leases[&1], &leases[&2]);
    let late = holder(&head, nodes, third);
    head.say_enough(holder(&head, nodes, second), second);
    assert!(head.revoked(late).contains(&third.id));
    head.say_enough(late, third);
    assert_eq!(head.acknowledged(late).last(), Some(&third.id));
    assert_eq!(head.view(id).enough, Some(Enough { chunk: 1, unneeded: 7 }));
    assert!(nodes.iter().all(|node| head.leases(*node).is_empty()), "nothing else is to be done");
}

#[test]
fn a_later_chunk_that_was_done_does_not_count_and_neither_does_its_failure() {
    let mut head = Head::new();
    let nodes = [head.node("p1", 2), head.node("p2", 2)];
    let mut new = job(&map_module(), 9);
    new.spec.policy.max_fails = 3;
    let id = head.submit(new);
    let leases = nodes.into_iter().flat_map(|node| head.leases(node));
    let leases: BTreeMap<u32, Lease> =
        leases.map(|lease| (lease.attempt.task.index, lease)).collect();
    head.succeed(holder(&head, nodes, &leases[&3]), &leases[&3]);
    head.report(holder(&head, nodes, &leases[&2]), &leases[&2], bad_input());
    assert_eq!(head.view(id).tasks.ended, 1);
    head.succeed(holder(&head, nodes, &leases[&0]), &leases[&0]);
    head.say_enough(holder(&head, nodes, &leases[&1]), &leases[&1]);
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.succeeded, view.tasks.ended), (JobState::Done, 2, 0));
    assert_eq!((view.phases[0].total, view.phases[0].succeeded), (2, 2));
    assert!(view.failures.is_empty() && view.phases[0].ended_at_ms.is_some());
}

#[test]
fn a_head_that_starts_again_knows_where_the_job_ends() {
    let mut head = Head::new();
    let (id, nodes, leases) = started(&mut head, 9);
    head.say_enough(holder(&head, nodes, &leases[&2]), &leases[&2]);
    head.restart();
    assert_eq!(head.view(id).enough, Some(Enough { chunk: 2, unneeded: 6 }));
    let node = head.node("p1", 2);
    head.wait(10_000);
    head.work(&[node]);
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.succeeded), (JobState::Done, 3));
    head.restart();
    assert_eq!(head.view(id), view);
}

#[test]
fn a_result_that_is_used_again_says_enough_again_also_after_a_restart() {
    let mut head = Head::new();
    let (first, nodes, leases) = started(&mut head, 9);
    head.say_enough(holder(&head, nodes, &leases[&1]), &leases[&1]);
    head.succeed(holder(&head, nodes, &leases[&0]), &leases[&0]);
    for round in 0..2 {
        let again = head.submit(job(&map_module(), 9));
        let view = head.view(again);
        assert_eq!(view.state, JobState::Done, "round {round}");
        assert_eq!(view.enough, Some(Enough { chunk: 1, unneeded: 7 }));
        assert_eq!(view.saved.unwrap().tasks, 2);
        assert_eq!(result(&head, again), result(&head, first));
        head.restart();
    }
}

#[test]
fn nodes_must_agree_also_on_whether_it_was_enough() {
    let mut head = Head::new();
    let nodes = ["p1", "p2", "p3"].map(|name| head.node(name, 1));
    let mut new = job(&map_module(), 2);
    new.spec.mode = Mode::Verify;
    new.spec.policy.quorum = 2;
    let id = head.submit(new);
    head.wait(2_000);
    let mut said = 0;
    for _ in 0..6 {
        for node in nodes {
            for lease in head.leases(node) {
                // The first that is asked about chunk 0 lies, and two others say the same.
                let is_first = lease.attempt.task.index == 0;
                said += u32::from(is_first);
                if is_first && said > 1 {
                    head.say_enough(node, &lease);
                } else {
                    head.succeed(node, &lease);
                }
            }
        }
        head.wait(2_000);
    }
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.total, said), (JobState::Done, 1, 3));
    assert_eq!(view.enough, Some(Enough { chunk: 0, unneeded: 1 }));
}

#[test]
fn in_a_job_that_merges_it_is_ignored_and_its_log_says_so_once() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let id = head.submit(job(&merge_module(), 3));
    for lease in head.leases(node) {
        head.say_enough(node, &lease);
    }
    head.work(&[node]);
    let view = head.view(id);
    assert_eq!((view.state, view.enough, view.tasks.total), (JobState::Done, None, 4));
    let told: Vec<_> = head.logs.iter().filter(|log| log.text.contains("`enough`")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn the_last_chunk_may_say_so_too() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let id = head.submit(job(&map_module(), 2));
    for lease in head.leases(node) {
        if lease.attempt.task.index == 1 {
            head.say_enough(node, &lease);
        } else {
            head.succeed(node, &lease);
        }
    }
    let view = head.view(id);
    assert_eq!((view.state, view.tasks.total, view.enough), (JobState::Done, 2, None));
}
