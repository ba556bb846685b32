//! Jobs that wait for jobs: when they start, what they work on, and when they fail.

use bramble_protocol::api::JobState;
use bramble_protocol::{JobId, JobSpec, Manifest};

use super::*;
use crate::testing::{job, map_module, merge_module, sort_module};

fn after(upstreams: &[JobId]) -> NewJob {
    let mut new = job(&merge_module(), 2);
    new.spec.policy.after = upstreams.to_vec();
    new.spec.policy.cache = false;
    new
}

fn from(upstream: JobId) -> NewJob {
    let mut new = job(&merge_module(), 1);
    new.manifest = Manifest::new(Vec::new(), None);
    new.spec.input = JobSpec::NO_INPUT;
    new.spec.policy.input_from = Some(upstream);
    new
}

fn fresh(chunks: u32) -> NewJob {
    let mut new = job(&map_module(), chunks);
    new.spec.policy.cache = false;
    new
}

fn reason(answer: Answer) -> String {
    match answer {
        Answer::Rejected(Rejection::Unsound { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_starts_when_those_before_it_are_done_and_not_earlier() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let first = head.submit(fresh(1));
    let second = head.submit(fresh(1));
    let third = head.submit(after(&[first, second]));
    let leases = head.leases(node);
    assert_eq!(leases.len(), 2, "one for each of the first two");
    let view = head.view(third);
    assert_eq!((view.state, view.tasks.total), (JobState::Waiting, 0));
    assert_eq!(view.note.unwrap(), "waits for job 1, which is running, and one other");
    head.succeed(node, &leases[0]);
    assert!(head.leases(node).is_empty());
    head.succeed(node, &leases[1]);
    head.work(&[node]);
    assert_eq!(head.view(third).state, JobState::Done);
    let late = head.submit(after(&[first]));
    head.work(&[node]);
    assert_eq!(head.view(late).state, JobState::Done, "what it waits for was done before");
}

#[test]
fn the_result_of_one_job_is_the_input_of_another() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let first = head.submit(job(&map_module(), 3));
    let second = head.submit(from(first));
    assert_eq!(head.view(second).input_bytes, 0);
    let third = head.submit(from(second));
    let leases = head.leases(node);
    leases.iter().for_each(|lease| head.succeed(node, lease));
    let parts = head.core.result(first).unwrap().manifest.chunks;
    let inputs: Vec<ObjectRef> = head
        .leases(node)
        .iter()
        .map(|lease| {
            head.succeed(node, lease);
            lease.work.inputs[0]
        })
        .collect();
    assert_eq!(inputs, parts);
    assert_eq!(head.view(second).input_bytes, parts.iter().map(|part| part.size).sum::<u64>());
    head.work(&[node]);
    assert_eq!(head.view(third).state, JobState::Done);
}

#[test]
fn a_chain_that_was_done_before_is_done_at_once() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let chain = |head: &mut Head| {
        let first = head.submit(job(&sort_module(), 5));
        let second = head.submit(from(first));
        [first, second, head.submit(from(second))]
    };
    let before = chain(&mut head);
    head.work(&[node]);
    head.disconnect(node);
    let again = chain(&mut head);
    for (before, again) in before.into_iter().zip(again) {
        let view = head.view(again);
        assert_eq!(view.state, JobState::Done);
        assert_eq!(view.saved.unwrap().tasks, view.tasks.total);
        assert_eq!(
            head.core.result(before).unwrap().manifest,
            head.core.result(again).unwrap().manifest
        );
    }
}

#[test]
fn a_job_whose_upstream_fails_or_is_canceled_fails_and_names_it() {
    for canceled in [false, true] {
        let mut head = Head::new();
        let node = head.node("p1", 1);
        let first = head.submit(fresh(1));
        let second = head.submit(after(&[first]));
        let third = head.submit(from(second));
        if canceled {
            head.cancel(first);
        } else {
            let lease = head.lease(node);
            head.report(node, &lease, bad_input());
        }
        let what = if canceled { "was cancelled" } else { "failed" };
        let expected = format!("job 1 \"test\", which it waited for, {what}");
        assert_eq!(head.view(second).note, Some(expected));
        for id in [second, third] {
            assert_eq!(head.view(id).state, JobState::Failed);
        }
        assert_eq!(head.view(third).note.unwrap(), "job 2 \"test\", which it waited for, failed");
        assert_eq!(head.ended.len(), 3);
        assert_eq!(head.core.open_jobs(), 0);
    }
}

#[test]
fn what_can_never_start_is_refused_with_what_to_do() {
    let mut head = Head::new();
    assert!(reason(head.try_submit(after(&[JobId(1)]))).contains("there is no job 1"));
    let failed = head.submit(fresh(1));
    head.cancel(failed);
    assert!(reason(head.try_submit(after(&[failed]))).contains("would never start"));
    assert!(reason(head.try_submit(from(failed))).contains("would never start"));
    let mut both = job(&map_module(), 2);
    let open = head.submit(fresh(1));
    both.spec.policy.input_from = Some(open);
    assert!(reason(head.try_submit(both)).contains("has an input"));
}

#[test]
fn a_waiting_job_can_be_canceled_and_counts_among_the_open_ones() {
    let config = Config { jobs_open_max: 2, ..Config::default() };
    let mut head = Head::with(config);
    let first = head.submit(fresh(1));
    let second = head.submit(after(&[first]));
    let Answer::Rejected(Rejection::Busy { .. }) = head.try_submit(fresh(1)) else {
        panic!("there is room for two jobs");
    };
    head.cancel(second);
    assert_eq!(head.view(second).state, JobState::Canceled);
    head.submit(fresh(1));
    head.cancel(first);
    assert_eq!(head.view(second).state, JobState::Canceled);
}

#[test]
fn waiting_outlives_a_restart_whichever_records_are_left() {
    for ends_before in [false, true] {
        let mut head = Head::new();
        let first = head.submit(fresh(2));
        let second = head.submit(from(first));
        let third = head.submit(after(&[first]));
        if ends_before {
            let node = head.node("p1", 1);
            head.work(&[node]);
            assert_eq!(head.view(third).state, JobState::Done);
        }
        head.restart();
        let node = head.node("p1", 1);
        head.wait(6_000);
        head.work(&[node]);
        for id in [first, second, third] {
            assert_eq!(head.view(id).state, JobState::Done);
        }
        head.restart();
        assert_eq!(head.core.open_jobs(), 0);
    }
}

#[test]
fn a_head_that_died_right_after_the_end_of_a_job_goes_on_with_those_that_waited() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let first = head.submit(fresh(1));
    let second = head.submit(from(first));
    let lease = head.lease(node);
    head.succeed(node, &lease);
    head.records.retain(|record| !matches!(record, Record::JobReleased { .. }));
    head.core = Scheduler::restore(Config::default(), head.records.clone()).unwrap();
    head.records.push(head.core.start(head.now));
    head.apply(Event::Tick);
    let node = head.node("p1", 1);
    head.wait(6_000);
    head.work(&[node]);
    assert_eq!(head.view(second).state, JobState::Done);
}

#[test]
fn a_result_that_a_waiting_job_needs_is_not_forgotten() {
    let config = Config { jobs_ended_max: 1, ..Config::default() };
    let mut head = Head::with(config);
    let node = head.node("p1", 1);
    let first = head.submit(fresh(2));
    head.work(&[node]);
    let slow = head.submit(fresh(1));
    let lease = head.lease(node);
    let mut second = from(first);
    second.spec.policy.after = vec![slow];
    let second = head.submit(second);
    let canceled = head.submit(fresh(3));
    head.cancel(canceled);
    assert!(head.core.job(first).is_some(), "it is older than the one that was forgotten");
    head.succeed(node, &lease);
    head.work(&[node]);
    assert_eq!(head.view(second).state, JobState::Done);
    assert!(head.core.job(first).is_none());
}

#[test]
fn a_retry_runs_what_did_not_succeed_even_without_the_cache() {
    for cache in [true, false] {
        let mut head = Head::new();
        let node = head.node("p1", 1);
        let mut new = job(&map_module(), 4);
        new.spec.policy.cache = cache;
        let failed = head.submit(new.clone());
        for _ in 0..3 {
            let lease = head.lease(node);
            head.succeed(node, &lease);
        }
        let lease = head.lease(node);
        head.report(node, &lease, bad_input());
        assert_eq!(head.view(failed).state, JobState::Failed);
        head.restart();
        let node = head.node("p1", 1);
        new.spec.policy.retry_of = Some(failed);
        let retry = head.submit(new.clone());
        assert_eq!(head.view(retry).saved.unwrap().tasks, 3);
        assert_eq!(head.core.latest_retry(failed), retry);
        let lease = head.lease(node);
        head.succeed(node, &lease);
        assert_eq!(head.view(retry).state, JobState::Done);
        new.spec.policy.retry_of = Some(retry);
        let Answer::Rejected(Rejection::WrongState { .. }) = head.try_submit(new) else {
            panic!("there is nothing to try again");
        };
    }
}

#[test]
fn a_retry_of_other_work_is_refused() {
    let mut head = Head::new();
    let failed = head.submit(fresh(2));
    head.cancel(failed);
    let mut other = job(&merge_module(), 2);
    other.spec.policy.retry_of = Some(failed);
    assert!(reason(head.try_submit(other)).contains("other work"));
}

#[test]
fn what_waited_for_a_job_that_failed_waits_for_its_retry_when_it_is_retried_too() {
    let mut head = Head::new();
    let first = head.submit(fresh(2));
    let second = head.submit(from(first));
    head.cancel(first);
    assert_eq!(head.view(second).state, JobState::Failed);
    assert_eq!(head.core.retry_spec(JobId(9)), Err(None));
    let again = |head: &mut Head, id, mut new: NewJob| {
        new.spec = head.core.retry_spec(id).unwrap();
        head.submit(new)
    };
    let first_again = again(&mut head, first, fresh(2));
    assert_eq!(head.core.retry_spec(first_again), Err(Some(JobState::Waiting)));
    let second_again = again(&mut head, second, from(first));
    assert_eq!(head.view(second_again).spec.policy.input_from, Some(first_again));
    let node = head.node("p1", 1);
    head.work(&[node]);
    assert_eq!(head.view(second_again).state, JobState::Done);
}
