//! Jobs with secrets, which no head keeps beyond its own life.

use bramble_protocol::agent::HeldLease;
use bramble_protocol::api::JobState;
use bramble_protocol::{SecretAccess, SecretNames};

use super::*;
use crate::testing::{job, map_module};

fn secret_job(chunks: u32, tag: &[u8]) -> NewJob {
    let mut job = job(&map_module(), chunks);
    let given = [("key".to_owned(), SecretAccess::Read)].into();
    job.spec.secrets = Some(SecretNames { tag: Digest::of(tag), given });
    job
}

fn unlock(head: &mut Head, job: JobId) -> Answer {
    head.apply(Event::Unlock { token: RequestToken(0), job });
    head.answers.pop().unwrap()
}

#[test]
fn after_a_restart_a_job_with_secrets_waits_until_they_are_given_again() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(secret_job(3, b"one"));
    let lease = head.lease(node);
    assert_eq!(lease.work.secrets_tag, Some(Digest::of(b"one")));
    head.succeed(node, &lease);
    head.restart();
    let node = head.node("p1", 1);
    head.wait(120_000);
    assert_eq!(head.leases(node), [], "nothing is leased without its secrets");
    let view = head.view(id);
    let note = view.note.unwrap();
    assert!(note.contains("restarted") && note.contains("bramble secret 1 key=@FILE"), "{note}");
    let explained = head.core.explain(id, None).unwrap();
    assert_eq!(explained.help.unwrap(), "bramble secret 1 key=@FILE");
    assert!(matches!(unlock(&mut head, id), Answer::Job(_)));
    head.work(&[node]);
    assert_eq!((head.view(id).state, head.view(id).note), (JobState::Done, None));
}

#[test]
fn what_a_node_still_runs_with_its_secrets_goes_on_after_a_restart() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let id = head.submit(secret_job(2, b"one"));
    let lease = head.lease(node);
    head.restart();
    let mut back = hello("p1", 1, 1);
    back.leases = vec![HeldLease { lease: lease.id, attempt: lease.attempt }];
    let node = head.connect(back);
    assert_eq!(head.revoked(node), []);
    head.succeed(node, &lease);
    head.wait(10_000);
    assert_eq!(head.leases(node), []);
    assert_eq!(head.view(id).tasks.succeeded, 1);
    unlock(&mut head, id);
    head.work(&[node]);
    assert_eq!(head.view(id).state, JobState::Done);
}

#[test]
fn results_made_with_secrets_are_no_other_jobs_results() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    for (tag, saved) in [(&b"one"[..], 0), (b"two", 0)] {
        let id = head.submit(secret_job(3, tag));
        head.work(&[node]);
        assert_eq!(head.view(id).saved.unwrap_or_default().tasks, saved);
    }
    let plain = head.submit(job(&map_module(), 3));
    head.work(&[node]);
    assert_eq!(head.view(plain).saved, None);
}

#[test]
fn only_an_open_job_that_has_secrets_takes_some() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let plain = head.submit(job(&map_module(), 1));
    let reason = unlock(&mut head, plain);
    assert!(matches!(reason, Answer::Rejected(Rejection::Unsound { .. })), "{reason:?}");
    head.work(&[node]);
    let id = head.submit(secret_job(1, b"one"));
    assert_eq!(head.core.job_of_secrets(&Digest::of(b"one")), Some(id));
    assert!(matches!(unlock(&mut head, id), Answer::Job(_)), "giving them twice does no harm");
    head.work(&[node]);
    assert_eq!(head.core.job_of_secrets(&Digest::of(b"one")), None);
    let reason = unlock(&mut head, id);
    assert!(matches!(reason, Answer::Rejected(Rejection::WrongState { .. })), "{reason:?}");
    let reason = unlock(&mut head, JobId(99));
    assert_eq!(reason, Answer::Rejected(Rejection::NoSuchJob(JobId(99))));
}

#[test]
fn a_locked_job_that_waits_for_another_stays_locked_when_that_is_done() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let first = head.submit(job(&map_module(), 1));
    let mut second = secret_job(1, b"one");
    second.spec.policy.after = vec![first];
    let second = head.submit(second);
    head.restart();
    let node_again = head.node("p1", 1);
    let _ = node;
    head.wait(120_000);
    head.work(&[node_again]);
    assert_eq!(head.view(first).state, JobState::Done);
    assert!(head.view(second).note.unwrap().contains("bramble secret 2"));
    head.cancel(second);
    assert_eq!(head.view(second).state, JobState::Canceled);
}
