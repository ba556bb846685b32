//! What a collection leaves and what it removes. The head of these tests may store nothing beside
//! what is needed.

use std::fs::File;
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use bramble_protocol::Digest;
use bramble_protocol::api::JobView;
use bramble_protocol::gc::{GcReason, GcRequest, GcView};

use crate::support::TestHead;

/// Makes all that is stored look as if nobody had used it for long.
fn age(head: &TestHead) {
    for stored in head.store.list().unwrap() {
        let hex = stored.digest.to_string();
        let path = head.store.dir().join("objects").join(&hex[..2]).join(&hex);
        let old = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
        File::open(path).unwrap().set_modified(old).unwrap();
    }
}

async fn gc(head: &TestHead, dry_run: bool) -> GcView {
    head.post_json("/api/v1/gc", &GcRequest { dry_run }).await.ok()
}

fn freed(view: &GcView, reason: GcReason) -> u64 {
    view.kinds.iter().find(|kind| kind.reason == reason).unwrap().freed_objects
}

#[tokio::test]
async fn what_an_open_job_needs_stays_and_what_nobody_needs_goes() {
    let head = TestHead::start();
    let spec = head.prepare(&[b"one\n", b"two\n"]).await;
    let job: JobView = head.submit(spec.clone()).await.json();
    let unused = head.store.put(b"unused").unwrap();
    age(&head);
    let would = gc(&head, true).await;
    assert_eq!(would.freed(), (1, 6));
    assert!(head.store.has(&unused.digest).unwrap(), "nothing was removed yet");
    let view = gc(&head, false).await;
    assert_eq!((view.freed(), freed(&view, GcReason::Unused)), ((1, 6), 1));
    assert!(view.short_bytes > 0, "the rest is more than nothing, which is allowed");
    assert!(!head.store.has(&unused.digest).unwrap());
    for digest in [spec.module, spec.input, Digest::of(b"one\n"), Digest::of(b"two\n")] {
        assert!(head.store.has(&digest).unwrap());
    }
    head.post(&format!("/api/v1/jobs/{}/cancel", job.id), "").await;
    let view = gc(&head, false).await;
    assert_eq!(freed(&view, GcReason::Input), 3, "two chunks and their manifest");
    assert!(head.store.has(&spec.module).unwrap());
}

#[tokio::test]
async fn what_a_client_was_told_to_be_there_is_there_when_it_submits() {
    let head = TestHead::start();
    let spec = head.prepare(&[b"one\n"]).await;
    age(&head);
    let asked = vec![spec.input, Digest::of(b"one\n"), spec.module];
    let answer: bramble_protocol::api::MissingResponse = head.missing(asked).await.ok();
    assert!(answer.missing.is_empty());
    assert_eq!(gc(&head, false).await.freed(), (0, 0));
    assert_eq!(head.submit(spec).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn jobs_submitted_while_objects_are_collected_have_all_they_need() {
    let head = TestHead::start();
    for round in 0..8u8 {
        let chunk = [b'a' + round, b'\n'];
        let spec = head.prepare(&[&chunk]).await;
        age(&head);
        let (answer, _) = tokio::join!(head.submit(spec.clone()), gc(&head, false));
        let here = [spec.module, spec.input, Digest::of(&chunk)].map(|it| head.store.has(&it));
        if answer.status == StatusCode::CREATED {
            assert!(here.into_iter().all(Result::unwrap), "round {round}");
        } else {
            // Removed first: then the client is told to send it again.
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
        }
    }
}
