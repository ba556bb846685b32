//! Modules and objects: in, out, and what is refused.

use std::io;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use bramble_protocol::api::{MissingRequest, MissingResponse, ModuleResponse, StoredResponse};
use bramble_protocol::{Digest, ModuleKind, ProblemKind};
use futures_util::stream;

use crate::nodes::AtWork;
use crate::support::{MODULE, TestHead, pack_of};

fn object_path(digest: &Digest) -> String {
    format!("/api/v1/objects/{digest}")
}

/// Bytes that take several pieces to send and repeat nowhere near a piece's border.
fn long_object() -> Vec<u8> {
    (0u32..200_000).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn a_module_is_inspected_once_and_then_known() {
    let head = TestHead::start();
    let first: ModuleResponse = head.post("/api/v1/modules", MODULE).await.ok();
    assert_eq!((first.known, first.module.kind), (false, ModuleKind::Command));
    assert_eq!(first.module.digest, Digest::of(MODULE));
    let second: ModuleResponse = head.post("/api/v1/modules", MODULE).await.ok();
    assert_eq!((second.known, second.module), (true, first.module));
    assert_eq!(head.modules.inspected.load(Ordering::SeqCst), 1);
    assert!(head.store.has(&Digest::of(MODULE)).unwrap());
}

#[tokio::test]
async fn a_module_that_cannot_run_is_refused_with_the_reason_and_not_kept() {
    let head = TestHead::start();
    let refused = head.post("/api/v1/modules", "text").await.problem(ProblemKind::BadModule);
    assert_eq!(refused.status, 422);
    assert_eq!(refused.title, "not a WebAssembly module");
    assert!(refused.detail.is_some() && refused.help.is_some());
    assert!(!head.store.has(&Digest::of(b"text")).unwrap());
    assert_eq!(head.staged_files(), 0);
}

#[tokio::test]
async fn a_module_too_long_is_refused_before_or_while_it_comes() {
    let head = TestHead::start();
    let announced = Request::post("/api/v1/modules").header("content-length", (64 << 20) + 1);
    let answer = head.send(announced.body(Body::from("x")).unwrap()).await;
    answer.problem(ProblemKind::TooLarge);
    let piece = Bytes::from(vec![0; 1 << 20]);
    let unannounced = stream::iter((0..65).map(move |_| Ok::<_, io::Error>(piece.clone())));
    let answer = head.post("/api/v1/modules", Body::from_stream(unannounced)).await;
    answer.problem(ProblemKind::TooLarge);
    assert_eq!(head.staged_files(), 0);
}

#[tokio::test]
async fn objects_come_in_by_packs_and_go_to_the_node_that_works_on_them() {
    let head = TestHead::start();
    let long = long_object();
    let digests =
        vec![Digest::of(b"one"), Digest::of(&long), Digest::of(b"other"), Digest::of(b"")];
    let missing: MissingResponse = head.missing(digests.clone()).await.ok();
    assert_eq!(missing.missing, digests);
    let pack = pack_of(&[b"one", &long, b""]);
    let stored: StoredResponse = head.post("/api/v1/objects", pack).await.ok();
    assert_eq!(stored.objects, 3);
    let missing: MissingResponse = head.missing(digests).await.ok();
    assert_eq!(missing.missing, [Digest::of(b"other")]);
    let at_work = AtWork::on(head, &[b"one", &long]).await;
    for object in [b"one".as_slice(), &long] {
        let answer = at_work.get(&object_path(&Digest::of(object))).await;
        assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, object));
        assert_eq!(answer.header("content-length"), object.len().to_string());
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-disposition").starts_with("attachment"));
        assert!(answer.header("cache-control").contains("immutable"));
    }
}

#[tokio::test]
async fn an_object_the_client_has_is_not_sent_again() {
    let at_work = AtWork::on(TestHead::start(), &[b"one"]).await;
    let head = &at_work.served.head;
    let path = object_path(&Digest::of(b"one"));
    let tag = head.get(&path).await.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", Digest::of(b"one")));
    for given in [tag.clone(), format!("\"x\", W/{tag}"), "*".into()] {
        let request = Request::get(&path).header("if-none-match", given);
        let answer = head.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(answer.header("etag"), tag);
    }
    let request = Request::get(&path).header("if-none-match", "\"x\"");
    assert_eq!(head.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_name_that_is_no_digest_or_of_no_object_is_a_problem() {
    let at_work = AtWork::on(TestHead::start(), &[b"one"]).await;
    for name in ["xyz", "..%2f..%2fformat", &Digest::of(b"x").to_string().to_uppercase()] {
        let answer = at_work.get(&format!("/api/v1/objects/{name}")).await;
        answer.problem(ProblemKind::BadRequest);
    }
    let answer = at_work.get(&object_path(&Digest::of(b"unknown"))).await;
    answer.problem(ProblemKind::NoSuchObject);
}

#[tokio::test]
async fn a_damaged_pack_is_refused_and_leaves_nothing_half_done() {
    let head = TestHead::start();
    let whole = pack_of(&[b"some bytes"]);
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut endless = whole.clone();
    endless[15 + 32..15 + 40].copy_from_slice(&u64::MAX.to_le_bytes());
    let cut_in_entry = &whole[..30];
    let cut_in_bytes = &whole[..whole.len() - 1];
    for damaged in [b"".as_slice(), b"no pack", cut_in_entry, cut_in_bytes, &flipped, &endless] {
        let answer = head.post("/api/v1/objects", damaged.to_vec()).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(head.staged_files(), 0);
    }
    assert!(!head.store.has(&Digest::of(b"some bytes")).unwrap());
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_refused_and_leaves_nothing_half_done() {
    let head = TestHead::start();
    let whole = pack_of(&[b"some bytes"]);
    let half = Ok(Bytes::copy_from_slice(&whole[..whole.len() / 2]));
    let broken = stream::iter([half, Err(io::Error::from(io::ErrorKind::ConnectionReset))]);
    let answer = head.post("/api/v1/objects", Body::from_stream(broken)).await;
    answer.problem(ProblemKind::BadRequest);
    assert_eq!(head.staged_files(), 0);
}

#[tokio::test]
async fn a_pack_longer_than_allowed_is_refused_unread() {
    let head = TestHead::start();
    let request = Request::post("/api/v1/objects").header("content-length", (4u64 << 30) + 1);
    let answer = head.send(request.body(Body::from("x")).unwrap()).await;
    answer.problem(ProblemKind::TooLarge);
}

#[tokio::test]
async fn an_object_damaged_on_disk_is_never_sent_and_can_be_sent_again() {
    let long = long_object();
    let at_work = AtWork::on(TestHead::start(), &[b"short", &long]).await;
    let head = &at_work.served.head;
    for object in [b"short".as_slice(), &long] {
        let digest = Digest::of(object);
        head.damage(&digest);
        let problem = head.get(&object_path(&digest)).await.problem(ProblemKind::Corrupt);
        assert!(problem.help.is_some());
        let missing: MissingResponse = head.missing(vec![digest]).await.ok();
        assert_eq!(missing.missing, [digest]);
        let stored: StoredResponse = head.post("/api/v1/objects", pack_of(&[object])).await.ok();
        assert_eq!(stored.objects, 1);
        assert_eq!(head.get(&object_path(&digest)).await.body.as_ref(), object);
    }
}

#[tokio::test]
async fn a_question_about_too_many_digests_is_refused() {
    let head = TestHead::start();
    let digests = vec![Digest::of(b"x"); MissingRequest::DIGESTS_MAX + 1];
    head.missing(digests).await.problem(ProblemKind::TooLarge);
    let answer = head.post("/api/v1/objects/missing", r#"{"digests":["xyz"]}"#).await;
    assert!(answer.problem(ProblemKind::BadRequest).detail.unwrap().contains("not a digest"));
    let answer = head.post("/api/v1/objects/missing", vec![b' '; (1 << 20) + 1]).await;
    answer.problem(ProblemKind::TooLarge);
}
