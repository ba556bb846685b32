//! What is said about why something waits, and where it runs and why.

use bramble_protocol::NodeSelector;
use bramble_protocol::explain::{NodeAnswer, Placement, Verdict};

use super::order::job_of;
use super::*;
use crate::testing::{job, map_module, merge_module};

impl Head {
    fn why(&self, id: JobId) -> String {
        self.core.explain(id, None).unwrap().text
    }

    fn why_not(&self, id: JobId, task: Option<u32>, name: &str) -> NodeAnswer {
        let answer = self.core.explain(id, task).unwrap();
        answer.nodes.into_iter().find(|node| node.node == name).unwrap()
    }

    fn placement(&self, id: JobId, task: u32) -> Option<Placement> {
        self.core.explain(id, Some(task)).unwrap().attempts.last()?.placement
    }
}

#[test]
fn every_node_says_why_it_does_not_run_a_job_and_what_changes_that() {
    let mut head = Head::new();
    head.compiles_at_once = false;
    let lost = head.node("gone", 1);
    head.node("drained", 1);
    head.node("fine", 1);
    head.node("other", 1);
    head.disconnect(lost);
    head.wait(6_000);
    head.order(Order::Drain { node: "drained".into(), reason: "new fan".into() });
    let mut new = job(&map_module(), 4);
    new.spec.nodes = NodeSelector::Named(["gone", "drained", "fine"].map(Into::into).to_vec());
    let id = head.submit(new);
    assert_eq!(head.why(id), format!("job {id} waits: its module is being compiled"));
    let said = |head: &Head, node: &str| {
        let answer = head.why_not(id, None, node);
        (answer.verdict, answer.text, answer.help)
    };
    let (verdict, text, help) = said(&head, "gone");
    assert_eq!((verdict, text.as_str()), (Verdict::Cannot, "has not been connected for 6 s"));
    assert!(help.unwrap().contains("bramble agent"));
    let (verdict, text, help) = said(&head, "drained");
    assert_eq!((verdict, text.as_str()), (Verdict::Cannot, "is drained: new fan"));
    assert_eq!(help.as_deref(), Some("bramble nodes undrain drained"));
    assert!(said(&head, "other").1.contains("not among those"));
    assert_eq!(said(&head, "fine").1, "waits for the module to be compiled for x86_64");
    let (module, class, mode) = head.compiling.pop().unwrap();
    let artefact = ObjectRef::of(b"artefact");
    head.apply(Event::Compiled { module, class, mode, artefact });
    assert_eq!(said(&head, "fine").0, Verdict::Runs);
    assert!(head.why(id).starts_with(&format!("job {id} runs: 1 task on 1 node")));
}

#[test]
fn a_job_that_waits_its_turn_is_told_its_place_and_who_has_the_slots() {
    let mut head = Head::new();
    head.node("p1", 1);
    let first = head.job_of("ann", 4);
    let second = head.job_of("bob", 4);
    let third = head.job_of("bob", 4);
    let text = head.core.explain(third, None).unwrap();
    assert!(text.text.contains("it is number 2 in the order"), "{}", text.text);
    assert!(text.help.unwrap().contains(&format!("bramble priority {third} 10")));
    let answer = head.why_not(second, None, "p1");
    assert_eq!(answer.verdict, Verdict::Could);
    assert_eq!(answer.text, format!("has no free slot: busy with job {first} of ann ×1"));
    let queue = head.core.queue_view();
    let places: Vec<_> = queue.jobs.iter().map(|job| (job.place, job.job)).collect();
    assert_eq!(places, [(Some(1), second), (Some(2), third), (Some(3), first)]);
    assert_eq!(queue.jobs[2].expected_us, 1_000_000);
}

#[test]
fn every_placement_keeps_its_reason() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.job_of("ann", 400);
    assert_eq!(head.placement(id, 0), Some(Placement::Idle));
    assert_eq!(head.placement(id, 1), Some(Placement::Next));
    let leases = head.leases(node);
    head.succeed(node, &leases[0]);
    assert_eq!(head.placement(id, 3), Some(Placement::Ahead));
    head.report(node, &leases[1], fault());
    head.wait(1_000);
    let other = head.node("p2", 1);
    let lease = head.leases(other).remove(0);
    assert_eq!(lease.attempt.task.index, 1);
    assert_eq!(head.placement(id, 1), Some(Placement::RetriedElsewhere));
    let task = head.core.explain(id, Some(1)).unwrap();
    assert_eq!(task.attempts.len(), 2, "the one that failed, and this one");
    assert!(task.attempts[0].text.starts_with("failed"));
    assert_eq!(head.why_not(id, Some(1), "p2").verdict, Verdict::Runs);
    head.restart();
    let mut hello = hello("p2", 1, 1);
    let held = bramble_protocol::agent::HeldLease { lease: lease.id, attempt: lease.attempt };
    hello.leases = vec![held];
    head.connect(hello);
    assert_eq!(head.placement(id, 1), Some(Placement::Adopted));
}

#[test]
fn tasks_that_wait_for_others_and_jobs_that_ended_say_so() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(job(&merge_module(), 3));
    let text = head.core.explain(id, Some(3)).unwrap().text;
    assert!(text.contains("waits for 3 other tasks"), "{text}");
    assert_eq!(head.core.explain(id, Some(4)), None, "there is no such task");
    head.work(&[node]);
    let answer = head.core.explain(id, None).unwrap();
    assert_eq!((answer.text, answer.nodes.len()), (format!("job {id} is done"), 0));
    assert_eq!(head.core.explain(JobId(99), None), None);
    let canceled = head.submit(job_of("ann", 1));
    head.cancel(canceled);
    assert_eq!(head.why(canceled), format!("job {canceled} was cancelled"));
}
