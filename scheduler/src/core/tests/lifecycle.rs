//! From submission to the end.

use bramble_protocol::api::JobState;
use bramble_protocol::{Limits, ModuleKind, NodeSelector, Phase};

use super::*;
use crate::testing::{job, map_module, merge_module, reduce_module, sort_module};

#[test]
fn a_job_that_maps_is_done_with_its_outputs_in_the_order_of_its_chunks() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(job(&map_module(), 3));
    let mut leases = head.leases(node);
    assert_eq!(leases.len(), 2);
    leases.reverse();
    let mut expected = Vec::new();
    for lease in &leases {
        head.succeed(node, lease);
    }
    leases.reverse();
    let last = head.lease(node);
    head.succeed(node, &last);
    leases.push(last);
    expected.extend(leases.iter().flat_map(outputs));
    assert_eq!(head.view(id).state, JobState::Done);
    assert_eq!(head.core.result(id).unwrap().manifest.chunks, expected);
    assert_eq!(head.ended.len(), 1);
}

#[test]
fn a_sort_runs_ranges_then_maps_then_merges() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(job(&sort_module(), 10));
    let ranges = head.lease(node);
    assert_eq!(ranges.work.task.phase, Phase::Ranges);
    assert_eq!(ranges.work.task.partitions, 4, "two for each slot");
    head.succeed(node, &ranges);
    let maps = head.leases(node);
    assert_eq!(maps[0].work.ranges, Some(outputs(&ranges)[0]));
    assert_eq!(maps[1].work.task.offset, 1_000, "after the first chunk");
    assert_eq!(maps[1].work.task.partitions, 4);
    for map in &maps {
        head.succeed(node, map);
    }
    head.work(&[node]);
    let view = head.view(id);
    assert_eq!(view.state, JobState::Done);
    assert_eq!(view.phases.iter().map(|phase| phase.total).collect::<Vec<_>>(), [1, 10, 4]);
    assert_eq!(head.core.result(id).unwrap().manifest.chunks.len(), 4);
}

#[test]
fn a_job_that_reduces_gives_each_reduce_its_part_of_every_map() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(job(&reduce_module(), 2));
    let maps = head.leases(node);
    assert_eq!(maps[0].work.task.outputs(), 4, "two partitions for each slot");
    for map in &maps {
        head.succeed(node, map);
    }
    let reduces = head.leases(node);
    let phases: Vec<Phase> = reduces.iter().map(|lease| lease.work.task.phase).collect();
    assert_eq!(phases[..2], [Phase::Reduce { partition: 0 }, Phase::Reduce { partition: 1 }]);
    assert_eq!(reduces[1].work.inputs, [outputs(&maps[0])[1], outputs(&maps[1])[1]]);
    let task = &reduces[1].work.task;
    assert_eq!((task.index, task.count, task.partitions, task.outputs()), (1, 4, 1, 1));
    for reduce in &reduces {
        head.succeed(node, reduce);
    }
    head.work(&[node]);
    let view = head.view(id);
    assert_eq!(view.state, JobState::Done);
    assert_eq!(view.phases.iter().map(|phase| phase.total).collect::<Vec<_>>(), [2, 4]);
    let result = head.core.result(id).unwrap().manifest.chunks;
    assert_eq!(result[..2], [outputs(&reduces[0])[0], outputs(&reduces[1])[0]]);
}

#[test]
fn a_result_without_a_name_is_named_as_the_module_declares() {
    let mut head = Head::new();
    let mut module = map_module();
    let name = |head: &mut Head, job| {
        let id = head.submit(job);
        (head.view(id).spec.result_name, id)
    };
    assert_eq!(name(&mut head, job(&module, 1)).0, "");
    let kind = bramble_protocol::module::ResultKind::Table;
    let result =
        bramble_protocol::module::ResultDecl { kind, media: None, extension: None, by_param: None };
    module.declared.result = Some(result);
    let (named, id) = name(&mut head, job(&module, 1));
    assert_eq!(named, format!("test-{id}.tsv"));
    let mut wanted = job(&module, 1);
    wanted.spec.result_name = "mine.txt".into();
    assert_eq!(name(&mut head, wanted).0, "mine.txt");
}

#[test]
fn empty_parts_are_left_out_of_merges_and_of_the_result() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(job(&merge_module(), 2));
    let empty = vec![ObjectRef::of(b"")];
    for _ in 0..2 {
        let map = head.lease(node);
        head.report(node, &map, AttemptOutcome::Succeeded { outputs: empty.clone() });
    }
    let merge = head.lease(node);
    assert_eq!(merge.work.inputs, []);
    head.report(node, &merge, AttemptOutcome::Succeeded { outputs: empty });
    assert_eq!(head.view(id).result_bytes, Some(0));
    assert_eq!(head.core.result(id).unwrap().manifest.chunks, []);
}

#[test]
fn a_fault_of_the_guest_ends_the_job_and_takes_back_its_other_leases() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(job(&map_module(), 5));
    let leases = head.leases(node);
    head.report(node, &leases[0], bad_input());
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed);
    let failure = view.failure.unwrap();
    assert_eq!((failure.index, failure.attempts, failure.outcome), (0, 1, bad_input()));
    assert_eq!(view.tasks.ended, 5);
    assert_eq!(head.revoked(node), [leases[1].id]);
    assert_eq!(head.leases(node), []);
    assert_eq!(head.logs[0].error.as_deref(), Some("line 3"));
}

#[test]
fn a_cancelled_job_takes_back_its_leases_and_cannot_be_cancelled_again() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let id = head.submit(job(&map_module(), 5));
    let leases = head.leases(node);
    assert!(matches!(head.cancel(id), Answer::Job(view) if view.state == JobState::Canceled));
    assert_eq!(head.revoked(node), [leases[0].id, leases[1].id]);
    let again = head.cancel(id);
    let state = JobState::Canceled;
    assert_eq!(again, Answer::Rejected(Rejection::WrongState { job: id, state }));
    assert_eq!(head.cancel(JobId(99)), Answer::Rejected(Rejection::NoSuchJob(JobId(99))));
    // A report that was under way comes too late, and is acknowledged all the same.
    head.succeed(node, &leases[0]);
    assert_eq!(head.acknowledged(node), [leases[0].id]);
    assert_eq!(head.view(id).state, JobState::Canceled);
}

#[test]
fn unsound_jobs_are_refused_with_what_is_wrong() {
    let mut head = Head::new();
    let mut reason = |change: fn(&mut NewJob)| {
        let mut job = job(&map_module(), 3);
        change(&mut job);
        match head.try_submit(job) {
            Answer::Rejected(Rejection::Unsound { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    };
    assert!(reason(|job| job.manifest.chunks.clear()).contains("input is empty"));
    assert!(reason(|job| job.spec.module = Digest::of(b"x")).contains("another module"));
    assert!(reason(|job| job.module.exports.mapper = false).contains("maps a chunk"));
    assert!(reason(|job| job.spec.limits.attempts_max = 0).contains("attempts"));
    assert!(reason(|job| job.spec.nodes = NodeSelector::AtMost(0)).contains("one node"));
    assert!(reason(|job| job.spec.partitions = Some(1000)).contains("partitions"));
    assert!(reason(|job| job.spec.args = vec!["x".repeat(1 << 20)]).contains("longer"));
}

#[test]
fn a_head_takes_so_many_jobs_and_tasks_and_no_more() {
    let mut head = Head::with(Config { jobs_open_max: 2, tasks_open_max: 10, ..Config::default() });
    let busy = |answer| matches!(answer, Answer::Rejected(Rejection::Busy { .. }));
    head.submit(job(&map_module(), 6));
    assert!(busy(head.try_submit(job(&map_module(), 6))));
    let second = head.submit(job(&map_module(), 4));
    assert!(busy(head.try_submit(job(&map_module(), 1))));
    head.cancel(second);
    head.submit(job(&map_module(), 1));
}

#[test]
fn jobs_that_ended_long_ago_are_forgotten_and_their_numbers_not_used_again() {
    let mut head = Head::with(Config { jobs_ended_max: 2, ..Config::default() });
    for _ in 0..4 {
        let id = head.submit(job(&map_module(), 1));
        head.cancel(id);
    }
    let known: Vec<JobId> = head.core.jobs().iter().map(|job| job.id).collect();
    assert_eq!(known, [JobId(4), JobId(3)], "newest first");
    head.restart();
    assert_eq!(head.submit(job(&map_module(), 1)), JobId(5));
}

#[test]
fn a_job_says_why_it_waits() {
    let mut head = Head::new();
    head.compiles_at_once = false;
    let note = |head: &Head, id| head.view(id).note.unwrap();
    let any = head.submit(job(&map_module(), 2));
    assert_eq!(note(&head, any), "no node is connected");
    let mut named = job(&map_module(), 2);
    named.spec.nodes = NodeSelector::Named(vec!["p7".into()]);
    let named = head.submit(named);
    head.node("p1", 1);
    assert_eq!(note(&head, named), "needs node p7, which is not connected");
    assert_eq!(note(&head, any), "its module is being compiled");
    let (module, class, mode) = head.compiling.remove(0);
    head.apply(Event::Compiled { module, class, mode, artefact: ObjectRef::of(b"artefact") });
    let second = head.submit(job(&map_module(), 2));
    assert_eq!(head.view(any).note, None, "it runs");
    assert_eq!(note(&head, second), "waits for a free slot");
}

#[test]
fn a_module_that_cannot_be_compiled_fails_its_jobs_with_the_reason() {
    let mut head = Head::new();
    head.compiles_at_once = false;
    head.node("p1", 1);
    let id = head.submit(job(&map_module(), 2));
    let (module, class, mode) = head.compiling.remove(0);
    let message = "it is too big".to_owned();
    head.apply(Event::CompileFailed { module, class, mode, message, retry: false });
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed);
    assert!(view.note.unwrap().contains("x86_64: it is too big"));
}

#[test]
fn a_compilation_that_may_succeed_later_is_tried_again_some_times() {
    let mut head = Head::new();
    head.compiles_at_once = false;
    head.node("p1", 1);
    let id = head.submit(job(&map_module(), 2));
    for attempt in 1..=5 {
        let (module, class, mode) = head.compiling.remove(0);
        assert_eq!(head.view(id).state, JobState::Waiting, "attempt {attempt}");
        let message = "the disk is full".to_owned();
        head.apply(Event::CompileFailed { module, class, mode, message, retry: true });
        head.wait(2_000);
    }
    assert_eq!(head.view(id).state, JobState::Failed);
    assert_eq!(head.compiling, []);
}

#[test]
fn logs_are_kept_up_to_their_limit_and_a_silent_success_leaves_none() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let mut new = job(&map_module(), 2);
    new.spec.limits = Limits { log_bytes_max: 8, ..Limits::default() };
    head.submit(new);
    let lease = head.lease(node);
    let report = AttemptReport {
        lease: lease.id,
        attempt: lease.attempt,
        outcome: AttemptOutcome::Succeeded { outputs: outputs(&lease) },
        usage: Usage::default(),
        log: "first line\nlast line\n".into(),
        enough: false,
    };
    head.say(node, FromAgent::Reports { reports: vec![report] });
    let next = head.lease(node);
    head.succeed(node, &next);
    assert_eq!(head.logs.len(), 1);
    assert_eq!(head.logs[0].text, "st line\n");
}

#[test]
fn what_others_rely_on_waits_for_the_journal_and_leases_do_not() {
    let connection = ConnectionId(1);
    let send = |message| Action::Send { connection, message };
    assert!(send(ToAgent::Acknowledge { leases: vec![] }).needs_journal());
    assert!(!send(ToAgent::Leases { leases: vec![] }).needs_journal());
    assert!(!send(ToAgent::Revoke { leases: vec![] }).needs_journal());
}

/// A WASI command that merges when it is given `merge_args`.
fn command_job(chunks: u32, merge_args: Option<&[&str]>) -> NewJob {
    let mut job = job(&map_module(), chunks);
    job.module.kind = ModuleKind::Command;
    job.module.exports = Default::default();
    job.spec.args = vec!["--count".into()];
    job.spec.command.ok_statuses = vec![1];
    job.spec.command.merge_args =
        merge_args.map(|args| args.iter().map(|arg| (*arg).to_owned()).collect());
    job
}

#[test]
fn a_command_merges_by_itself_with_other_arguments() {
    let mut head = Head::new();
    let node = head.node("p1", 3);
    let id = head.submit(command_job(3, Some(&["--add"])));
    for map in head.leases(node) {
        assert_eq!(map.work.args, ["--count"]);
        head.succeed(node, &map);
    }
    let merge = head.lease(node);
    assert_eq!(merge.work.task.phase, Phase::Merge { level: 1, partition: 0, group: 0 });
    assert_eq!((merge.work.args.as_slice(), merge.work.inputs.len()), (&["--add".into()][..], 3));
    assert_eq!(merge.work.ok_statuses, [1]);
    // What was said at submission outlives a head.
    head.restart();
    let node = head.node("p1", 3);
    head.wait(Config::default().reconnect_grace_ms + 1);
    let merge = head.lease(node);
    assert_eq!(merge.work.args, ["--add"]);
    head.succeed(node, &merge);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn a_command_that_was_not_told_to_merge_does_not() {
    let mut head = Head::new();
    let node = head.node("p1", 3);
    let id = head.submit(command_job(3, None));
    head.work(&[node]);
    assert_eq!(head.view(id).phases.len(), 1);
}

#[test]
fn only_a_command_has_statuses_and_merge_arguments() {
    let mut job = job(&merge_module(), 2);
    job.spec.command.merge_args = Some(Vec::new());
    let mut head = Head::new();
    let answer = head.try_submit(job);
    assert!(
        matches!(&answer, Answer::Rejected(Rejection::Unsound { reason, .. })
            if reason.contains("only WASI commands")),
        "{answer:?}"
    );
}
