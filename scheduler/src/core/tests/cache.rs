//! Never the same work twice: results of earlier tasks, who may use them, and how they go.

use bramble_protocol::api::JobState;
use bramble_protocol::{JobId, Order};

use super::*;
use crate::testing::{job, map_module, merge_module, sort_module};

/// Runs a job on one node to its end.
fn done(head: &mut Head, job: NewJob) -> JobId {
    let node = head.node("p1", 2);
    let id = head.submit(job);
    head.work(&[node]);
    assert_eq!(head.view(id).state, JobState::Done);
    head.disconnect(node);
    id
}

fn result(head: &Head, id: JobId) -> Vec<ObjectRef> {
    head.core.result(id).unwrap().manifest.chunks
}

#[test]
fn the_same_job_again_is_done_at_once_without_a_node() {
    let mut head = Head::new();
    let first = done(&mut head, job(&sort_module(), 12));
    head.wait(60_000);
    let again = head.submit(job(&sort_module(), 12));
    let view = head.view(again);
    assert_eq!(view.state, JobState::Done);
    assert_eq!(view.tasks.succeeded, view.tasks.total);
    let saved = view.saved.unwrap();
    assert_eq!((saved.tasks, saved.cpu_us), (view.tasks.total, head.view(first).usage.cpu_us));
    assert_eq!(view.usage, Usage::default());
    assert_eq!(result(&head, again), result(&head, first));
    assert_eq!(head.ended.last().unwrap().id, again, "who watches is told");
}

#[test]
fn a_node_more_or_less_does_not_change_how_the_same_job_is_cut() {
    let mut head = Head::new();
    let first = done(&mut head, job(&sort_module(), 12));
    let nodes = ["p2", "p3", "p4"].map(|name| head.node(name, 4));
    let again = head.submit(job(&sort_module(), 12));
    assert_eq!(head.view(again).saved.unwrap().tasks, head.view(first).tasks.total);
    assert!(nodes.iter().all(|node| head.leases(*node).is_empty()));
}

#[test]
fn a_retry_of_what_did_nothing_is_cut_like_the_retry_before_it() {
    let mut head = Head::new();
    let canceled = head.submit(job(&sort_module(), 12));
    head.cancel(canceled);
    let retry = || {
        let mut retry = job(&sort_module(), 12);
        retry.spec.policy.retry_of = Some(canceled);
        retry
    };
    done(&mut head, retry());
    // With more slots it would be cut into more ranges.
    head.node("p2", 8);
    head.node("p3", 8);
    let again = head.submit(retry());
    assert_eq!(head.view(again).state, JobState::Done);
}

#[test]
fn only_what_changed_runs_again() {
    let mut head = Head::new();
    done(&mut head, job(&merge_module(), 4));
    let mut changed = job(&merge_module(), 4);
    changed.manifest.chunks[2].digest = Digest::of(b"changed");
    let node = head.node("p1", 4);
    let id = head.submit(changed);
    let lease = head.lease(node);
    assert_eq!(lease.work.inputs[0].digest, Digest::of(b"changed"));
    assert_eq!(head.view(id).saved.unwrap().tasks, 3);
    head.succeed(node, &lease);
    let merge = head.lease(node);
    assert_eq!(merge.work.inputs.len(), 4);
    head.succeed(node, &merge);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn limits_and_names_do_not_matter_and_parameters_and_clocks_do() {
    let mut head = Head::new();
    done(&mut head, job(&map_module(), 2));
    let saved = |change: fn(&mut NewJob), head: &mut Head| {
        let mut new = job(&map_module(), 2);
        change(&mut new);
        let id = head.submit(new);
        head.view(id).saved.map_or(0, |saved| saved.tasks)
    };
    assert_eq!(saved(|job| job.spec.name = "other".into(), &mut head), 2);
    assert_eq!(saved(|job| job.spec.limits.cpu_ms_max = 1_000, &mut head), 2);
    assert_eq!(saved(|job| job.spec.policy.priority = 5, &mut head), 2);
    assert_eq!(
        saved(|job| job.spec.clock_ms = Some(bramble_protocol::JobSpec::CLOCK_MS), &mut head),
        2
    );
    assert_eq!(saved(|job| job.spec.clock_ms = Some(1), &mut head), 0);
    assert_eq!(saved(|job| job.spec.mode = Mode::Verify, &mut head), 0);
    let param = |job: &mut NewJob| drop(job.spec.params.insert("a".into(), "b".into()));
    assert_eq!(saved(param, &mut head), 0);
}

#[test]
fn without_the_cache_nothing_is_used_and_nothing_is_kept() {
    let mut head = Head::new();
    let mut alone = job(&map_module(), 3);
    alone.spec.policy.cache = false;
    done(&mut head, alone.clone());
    assert_eq!(head.core.cached_results(), 0);
    done(&mut head, job(&map_module(), 3));
    let id = head.submit(alone);
    assert_eq!(head.view(id).state, JobState::Waiting);
    assert_eq!(head.view(id).saved, None);
}

#[test]
fn results_of_others_need_the_input_and_ones_own_do_not() {
    let mut head = Head::new();
    let of = |user: &str, owns_input| {
        let mut new = job(&map_module(), 3);
        new.spec.policy.user = user.into();
        new.owns_input = owns_input;
        new
    };
    done(&mut head, of("ada", true));
    let stranger = head.submit(of("eve", false));
    assert_eq!(head.view(stranger).saved, None);
    head.cancel(stranger);
    let owner = head.submit(of("bob", true));
    assert_eq!(head.view(owner).state, JobState::Done);
    let again = head.submit(of("ada", false));
    assert_eq!(head.view(again).state, JobState::Done, "her own results stay her own");
}

#[test]
fn what_fewer_nodes_agreed_on_does_not_serve_those_who_want_more() {
    let mut head = Head::new();
    done(&mut head, job(&map_module(), 3));
    let mut verified = job(&map_module(), 3);
    verified.spec.mode = Mode::Verify;
    let mut once = verified.clone();
    done(&mut head, once.clone());
    once.spec.name = "again".into();
    let again = head.submit(once);
    assert!(head.view(again).saved.is_some(), "or the test would show nothing");
    verified.spec.policy.quorum = 2;
    let id = head.submit(verified);
    assert_eq!(head.view(id).saved, None);
}

#[test]
fn a_job_beside_the_same_job_uses_what_that_has_done_meanwhile() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let first = head.submit(job(&map_module(), 6));
    let second = head.submit(job(&map_module(), 6));
    head.work(&[node]);
    assert_eq!(head.view(first).state, JobState::Done);
    assert_eq!(head.view(second).state, JobState::Done);
    let saved = |id| head.view(id).saved.map_or(0, |saved| saved.tasks);
    assert_eq!(saved(first) + saved(second), 6);
}

#[test]
fn what_a_failed_or_canceled_job_has_done_is_kept() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let failing = head.submit(job(&map_module(), 3));
    let lease = head.lease(node);
    head.succeed(node, &lease);
    let lease = head.lease(node);
    head.report(node, &lease, bad_input());
    assert_eq!(head.view(failing).state, JobState::Failed);
    let again = head.submit(job(&map_module(), 3));
    assert_eq!(head.view(again).saved.unwrap().tasks, 1);
    let lease = head.lease(node);
    head.succeed(node, &lease);
    head.cancel(again);
    let third = head.submit(job(&map_module(), 3));
    assert_eq!(head.view(third).saved.unwrap().tasks, 2);
}

#[test]
fn kept_results_survive_a_restart_with_all_records_and_without_those_of_attempts() {
    for drops_attempts in [false, true] {
        let mut head = Head::new();
        done(&mut head, job(&sort_module(), 5));
        if drops_attempts {
            // As the journal does when a job ends.
            head.records.retain(|record| {
                !matches!(record, Record::TaskSucceeded { .. } | Record::TaskReused { .. })
            });
        }
        head.restart();
        let again = head.submit(job(&sort_module(), 5));
        assert_eq!(head.view(again).state, JobState::Done);
        head.restart();
        assert!(head.view(again).saved.is_some());
    }
}

#[test]
fn what_an_open_job_took_over_from_one_that_ended_survives_a_restart() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let first = head.submit(job(&map_module(), 3));
    let lease = head.lease(node);
    head.succeed(node, &lease);
    let second = head.submit(job(&map_module(), 3));
    assert_eq!(head.view(second).saved.unwrap().tasks, 1);
    head.cancel(first);
    head.restart();
    head.cancel(second);
    let third = head.submit(job(&map_module(), 3));
    assert_eq!(head.view(third).saved.unwrap().tasks, 1);
}

#[test]
fn a_task_that_is_reused_after_a_failed_attempt_can_be_read_from_the_journal() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let first = head.submit(job(&map_module(), 2));
    for _ in 0..2 {
        let lease = head.lease(node);
        head.report(node, &lease, fault());
    }
    // While the first waits for another try, the same is done for the second.
    let second = head.submit(job(&map_module(), 2));
    let lease = head.lease(node);
    assert_eq!(lease.attempt.task.job, second);
    head.succeed(node, &lease);
    head.cancel(second);
    head.wait(1_000);
    assert_eq!(head.view(first).saved.unwrap().tasks, 1);
    head.restart();
    assert_eq!(head.view(first).tasks.succeeded, 1);
}

#[test]
fn a_reused_task_is_done_after_a_restart_in_the_midst_of_its_job() {
    let mut head = Head::new();
    done(&mut head, job(&merge_module(), 4));
    let mut changed = job(&merge_module(), 4);
    changed.manifest.chunks[0].digest = Digest::of(b"changed");
    let id = head.submit(changed);
    head.restart();
    assert_eq!(head.view(id).tasks.succeeded, 3);
    let node = head.node("p1", 1);
    head.wait(6_000);
    head.work(&[node]);
    assert_eq!(head.view(id).state, JobState::Done);
    assert_eq!(head.view(id).saved.unwrap().tasks, 3);
}

#[test]
fn results_go_with_the_last_job_that_used_them() {
    let config = Config { jobs_ended_max: 2, ..Config::default() };
    let mut head = Head::with(config);
    done(&mut head, job(&map_module(), 3));
    done(&mut head, job(&merge_module(), 2));
    let again = head.submit(job(&map_module(), 3));
    assert_eq!(head.view(again).state, JobState::Done);
    assert_eq!(head.core.cached_results(), 3 + 3, "the first is forgotten, its results are not");
    done(&mut head, job(&sort_module(), 1));
    assert_eq!(head.core.cached_results(), 3 + 1);
    done(&mut head, job(&sort_module(), 2));
    assert!(head.core.cached_objects().count() > 0);
    let third = head.submit(job(&map_module(), 3));
    assert_eq!(head.view(third).saved, None);
}

#[test]
fn no_more_results_are_kept_than_there_is_room_for() {
    let config = Config { cache_entries_max: 4, ..Config::default() };
    let mut head = Head::with(config);
    done(&mut head, job(&map_module(), 6));
    assert_eq!(head.core.cached_results(), 4);
    let again = head.submit(job(&map_module(), 6));
    assert_eq!(head.view(again).saved.unwrap().tasks, 4);
}

#[test]
fn a_result_that_is_gone_from_the_store_is_made_again() {
    let mut head = Head::new();
    let first = done(&mut head, job(&map_module(), 3));
    let gone = result(&head, first)[1].digest;
    head.apply(Event::ObjectsGone { token: RequestToken(0), digests: [gone].into() });
    assert_eq!(head.answers.pop(), Some(Answer::Done));
    head.restart();
    let again = head.submit(job(&map_module(), 3));
    assert_eq!(head.view(again).saved.unwrap().tasks, 2);
}

#[test]
fn tasks_that_were_done_before_say_nothing_of_how_long_others_take() {
    let mut head = Head::new();
    done(&mut head, job(&map_module(), 40));
    let mut longer = job(&map_module(), 40);
    for chunk in &mut longer.manifest.chunks[20..] {
        chunk.digest = Digest::of(format!("new {}", chunk.size).as_bytes());
    }
    let node = head.node("p1", 2);
    head.submit(longer);
    let leases = head.leases(node);
    assert_eq!(leases.len(), 2, "nothing is known of those that run");
    head.succeed(node, &leases[0]);
    assert_eq!(head.leases(node).len(), 3, "each takes a second: one ahead for each slot");
}

#[test]
fn a_job_of_a_drained_cluster_is_done_when_all_is_known() {
    let mut head = Head::new();
    done(&mut head, job(&map_module(), 3));
    head.node("p1", 1);
    head.order(Order::Drain { node: "p1".into(), reason: "cleaning".into() });
    let id = head.submit(job(&map_module(), 3));
    assert_eq!(head.view(id).state, JobState::Done);
}

/// An attempt that could not read the object.
fn missing(digest: Digest) -> AttemptOutcome {
    AttemptOutcome::ChunkMissing { digest, message: "not there".into() }
}

#[test]
fn an_output_that_is_lost_is_made_again_and_the_job_is_done() {
    let mut head = Head::new();
    done(&mut head, job(&merge_module(), 3));
    let mut changed = job(&merge_module(), 3);
    changed.manifest.chunks[2].digest = Digest::of(b"changed");
    let node = head.node("p1", 1);
    let id = head.submit(changed);
    let map = head.lease(node);
    head.succeed(node, &map);
    let merge = head.lease(node);
    let lost = merge.work.inputs[0].digest;
    head.report(node, &merge, missing(lost));
    assert_eq!(head.view(id).saved.unwrap().tasks, 1, "one of the two was of no use");
    head.restart();
    let node = head.node("p1", 1);
    head.wait(6_000);
    let again = head.lease(node);
    assert_eq!(again.work.task.index, 0, "the map whose output was lost");
    assert!(head.core.is_made_by(id, &merge.work.inputs[1].digest));
    assert!(!head.core.is_made_by(id, &lost));
    head.succeed(node, &again);
    head.wait(1_000);
    let merge = head.lease(node);
    assert_eq!(merge.work.inputs[0].digest, lost);
    head.succeed(node, &merge);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn what_reads_a_lost_output_is_taken_back_until_it_is_there_again() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let mut new = job(&sort_module(), 2);
    new.spec.partitions = Some(3);
    let id = head.submit(new);
    let ranges = head.lease(node);
    head.succeed(node, &ranges);
    for lease in head.leases(node) {
        head.succeed(node, &lease);
    }
    let merges = head.leases(node);
    assert_eq!(merges.len(), 3);
    head.succeed(node, &merges[0]);
    head.report(node, &merges[1], missing(merges[1].work.inputs[1].digest));
    assert_eq!(head.revoked(node), [merges[2].id]);
    let map = head.lease(node);
    assert_eq!(map.work.task.phase, bramble_protocol::Phase::Map { chunk: 1 });
    head.succeed(node, &map);
    head.wait(1_000);
    assert_eq!(head.leases(node).iter().map(|lease| head.succeed(node, lease)).count(), 2);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn an_input_that_is_lost_fails_the_job_after_its_attempts() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(job(&map_module(), 1));
    for _ in 0..4 {
        head.wait(1_000);
        let lease = head.lease(node);
        head.report(node, &lease, missing(lease.work.inputs[0].digest));
    }
    assert_eq!(head.view(id).state, JobState::Failed);
}
