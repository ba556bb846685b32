//! What must stay stored: while jobs run, when they have ended, and when they are forgotten.

use std::collections::BTreeSet;

use bramble_protocol::api::JobState;
use bramble_protocol::{JobId, JobSpec};
use proptest::prelude::*;

use super::*;
use crate::core::Reachable;
use crate::testing::{job, map_module, merge_module, sort_module};

/// All that is named.
fn all(found: &Reachable) -> BTreeSet<Digest> {
    let Reachable { open, modules, results, cached, inputs } = found;
    [open, modules, results, cached, inputs].into_iter().flatten().copied().collect()
}

#[test]
fn a_job_needs_its_input_its_module_and_all_that_its_tasks_wrote_until_it_ends() {
    let mut head = Head::new();
    let mut new = job(&sort_module(), 4);
    new.spec.policy.cache = false;
    let (input, chunks) = (new.spec.input, new.manifest.chunks.clone());
    let node = head.node("p1", 1);
    let id = head.submit(new);
    let mut written = Vec::new();
    for _ in 0..4 {
        let lease = head.lease(node);
        written.extend(outputs(&lease));
        head.succeed(node, &lease);
    }
    let open: BTreeSet<Digest> = head.core.reachable().open.into_iter().collect();
    assert!(open.contains(&input), "the manifest");
    assert!(open.contains(&ObjectRef::of(b"artefact").digest));
    assert!(open.contains(&ObjectRef::of(b"sample").digest));
    assert!(chunks.iter().chain(&written).all(|object| open.contains(&object.digest)));
    head.work(&[node]);
    let found = head.core.reachable();
    assert_eq!(head.view(id).state, JobState::Done);
    assert_eq!(found.open, []);
    assert_eq!(found.inputs, [input]);
    assert_eq!(found.modules, [sort_module().digest]);
    let result = head.core.result(id).unwrap().manifest.chunks;
    assert_eq!(found.results, result.iter().map(|it| it.digest).collect::<Vec<_>>());
    assert_eq!(found.cached, [], "it was not to be kept for others");
}

#[test]
fn a_result_that_waits_for_another_vote_is_needed() {
    let mut head = Head::new();
    let mut new = job(&map_module(), 1);
    new.spec.policy.quorum = 2;
    new.spec.mode = Mode::Verify;
    let node = head.node("p1", 1);
    head.node("p2", 1);
    head.submit(new);
    let lease = head.lease(node);
    head.succeed(node, &lease);
    assert!(head.core.reachable().open.contains(&outputs(&lease)[0].digest));
}

#[test]
fn what_was_used_last_is_named_last() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let mut newer = job(&merge_module(), 2);
    newer.manifest.chunks.iter_mut().for_each(|it| it.digest = Digest::of(b"other"));
    newer.spec.input = Digest::of(&newer.manifest.encode());
    for new in [job(&merge_module(), 2), newer.clone()] {
        head.submit(new);
        head.work(&[node]);
    }
    let before = head.core.reachable();
    assert_eq!(before.inputs.last(), Some(&newer.spec.input));
    let again = head.submit(job(&merge_module(), 2));
    assert_eq!(head.view(again).state, JobState::Done, "by what is kept");
    let after = head.core.reachable();
    assert_ne!(before.cached.last(), after.cached.last());
    let result = head.core.result(again).unwrap().manifest.chunks;
    assert_eq!(after.cached.last(), result.last().map(|it| &it.digest));
    assert_eq!(after.inputs.last(), Some(&job(&merge_module(), 2).spec.input));
}

#[test]
fn a_job_that_waits_for_the_result_of_another_keeps_it() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    let first = head.submit(job(&map_module(), 3));
    let mut after = job(&merge_module(), 3);
    after.spec.policy.after = vec![first];
    let input = after.spec.input;
    head.submit(after);
    let found = head.core.reachable();
    assert!(found.open.contains(&input));
    assert!(found.modules.contains(&merge_module().digest));
    head.work(&[node]);
    assert!(head.core.reachable().open.is_empty());
}

#[test]
fn a_head_that_started_again_needs_the_same() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    head.submit(job(&map_module(), 2));
    head.work(&[node]);
    head.submit(job(&sort_module(), 5));
    for _ in 0..3 {
        let lease = head.lease(node);
        head.succeed(node, &lease);
    }
    let before = all(&head.core.reachable());
    head.restart();
    let mut after = all(&head.core.reachable());
    // Artefacts are asked for anew, and found under the same name.
    after.insert(ObjectRef::of(b"artefact").digest);
    assert_eq!(before, after);
}

/// What a lease names: all of it is about to be read.
fn read_by(lease: &Lease) -> impl Iterator<Item = Digest> {
    lease.work.inputs.iter().chain([&lease.work.artefact]).map(|object| object.digest)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Jobs of any form, some of them after others, submitted and stopped while tasks run.
    #[test]
    fn whatever_a_lease_reads_or_a_result_holds_is_reachable(
        steps in prop::collection::vec((0u8..8, 0u32..6, any::<bool>()), 1..40)
    ) {
        let mut head = Head::new();
        let nodes = [head.node("p1", 2), head.node("p2", 1)];
        let mut known: Vec<JobId> = Vec::new();
        let mut held: Vec<(ConnectionId, Lease)> = Vec::new();
        for (step, number, flag) in steps {
            match step {
                0 | 1 => {
                    let module = [sort_module(), map_module(), merge_module()][number as usize % 3].clone();
                    let mut new = job(&module, number + 1);
                    new.spec.policy.cache = flag;
                    if step == 1 && let Some(upstream) = known.last() {
                        new.spec.policy.input_from = Some(*upstream);
                        new.spec.input = JobSpec::NO_INPUT;
                        new.manifest = bramble_protocol::Manifest::new(Vec::new(), None);
                    }
                    if let Answer::Job(view) = head.try_submit(new) {
                        known.push(view.id);
                    }
                }
                2 => {
                    if let Some(id) = known.get(number as usize) {
                        head.cancel(*id);
                    }
                }
                3 => head.wait(u64::from(number) * 100),
                _ if !held.is_empty() => {
                    let (node, lease) = held.swap_remove(number as usize % held.len());
                    head.succeed(node, &lease);
                }
                _ => {}
            }
            for node in nodes {
                let revoked = head.revoked(node);
                held.retain(|(_, lease)| !revoked.contains(&lease.id));
                let new = head.leases(node);
                held.extend(new.into_iter().map(|lease| (node, lease)));
            }
            let found = head.core.reachable();
            let needed = all(&found);
            for (_, lease) in &held {
                let open = head.view(lease.attempt.task.job);
                if !open.state.is_final() {
                    prop_assert!(read_by(lease).all(|object| needed.contains(&object)));
                }
            }
            for id in &known {
                if let Ok(result) = head.core.result(*id) {
                    let kept = result.manifest.chunks.iter().all(|it| found.results.contains(&it.digest));
                    prop_assert!(kept, "the result of job {id}");
                }
            }
            prop_assert!(head.core.cached_objects().all(|object| found.cached.contains(&object)));
        }
    }
}
