//! Jobs: accepted, refused, watched, cancelled.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use bramble_protocol::api::{JobList, JobState, JobView, LogList};
use bramble_protocol::explain::{Explanation, QueueView};
use bramble_protocol::user::UserList;
use bramble_protocol::{Digest, Manifest, NodeSelector, ObjectRef, ProblemKind};
use bramble_scheduler::Handle;
use tokio::task::JoinHandle;

use crate::support::{Answer, MODULE, TestHead, spec};

#[tokio::test]
async fn a_job_is_accepted_with_its_place_and_then_shown() {
    let head = TestHead::start();
    let mut spec = head.prepare(&[b"one\n", b"two\n"]).await;
    let answer = head.submit(spec.clone()).await;
    // Of whoever submits it.
    spec.policy.user = "admin".into();
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let job: JobView = answer.json();
    assert_eq!((&job.spec, job.state, job.input_bytes), (&spec, JobState::Waiting, 8));
    assert_eq!(answer.header("location"), format!("/api/v1/jobs/{}", job.id));
    let shown: JobView = head.get(answer.header("location")).await.ok();
    assert_eq!(shown.id, job.id);
    let list: JobList = head.get("/api/v1/jobs").await.ok();
    assert_eq!(list.jobs.len(), 1);
    let logs: LogList = head.get(&format!("/api/v1/jobs/{}/logs", job.id)).await.ok();
    assert!(logs.entries.is_empty());
    let result = head.get(&format!("/api/v1/jobs/{}/result", job.id)).await;
    assert_eq!(result.problem(ProblemKind::NoResult).status, 409);
}

#[tokio::test]
async fn a_module_that_was_forgotten_is_inspected_again() {
    let mut head = TestHead::start();
    let spec = head.prepare(&[b"one\n"]).await;
    head.forget();
    assert_eq!(head.submit(spec.clone()).await.status, StatusCode::CREATED);
    assert_eq!(head.submit(spec).await.status, StatusCode::CREATED);
    assert_eq!(head.modules.inspected.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_job_without_its_module_or_input_is_refused() {
    let head = TestHead::start();
    let sound = head.prepare(&[b"one\n"]).await;
    let unknown = Digest::of(b"unknown");
    for spec in [spec(unknown, sound.input), spec(sound.module, unknown)] {
        let problem = head.submit(spec).await.problem(ProblemKind::BadJob);
        assert!(problem.title.contains(&unknown.short()), "{problem:?}");
        assert!(problem.help.is_some());
    }
    // The manifest is there and sound, but no module.
    let answer = head.submit(spec(sound.input, sound.input)).await;
    answer.problem(ProblemKind::BadModule);
}

async fn submit_manifest(head: &TestHead, manifest: &[u8]) -> Answer {
    head.prepare(&[b"one\n"]).await;
    let input = head.store.put(manifest).unwrap().digest;
    head.submit(spec(Digest::of(MODULE), input)).await
}

#[tokio::test]
async fn an_input_that_cannot_be_used_is_refused_with_the_reason() {
    let head = TestHead::start();
    let later = Manifest { schema: "bramble.manifest/2".into(), ..Manifest::new(vec![], None) };
    let problem = submit_manifest(&head, &later.encode()).await.problem(ProblemKind::BadJob);
    assert!(problem.detail.unwrap().contains("bramble.manifest/2"));
    submit_manifest(&head, b"text").await.problem(ProblemKind::BadJob);
    let empty = Manifest::new(vec![], None);
    let problem = submit_manifest(&head, &empty.encode()).await.problem(ProblemKind::BadJob);
    assert_eq!(problem.title, "the input is empty");
    let wrong_size = ObjectRef { size: 5, ..ObjectRef::of(b"one\n") };
    let manifest = Manifest::new(vec![wrong_size], None);
    submit_manifest(&head, &manifest.encode()).await.problem(ProblemKind::BadJob);
}

#[tokio::test]
async fn missing_chunks_are_counted_and_the_first_is_named() {
    let head = TestHead::start();
    let lost = [ObjectRef::of(b"lost"), ObjectRef::of(b"gone")];
    let chunks = vec![ObjectRef::of(b"one\n"), lost[0], lost[1], lost[0]];
    let manifest = Manifest::new(chunks, None);
    let problem = submit_manifest(&head, &manifest.encode()).await.problem(ProblemKind::BadJob);
    assert!(problem.title.starts_with("2 of the input's 3 objects"), "{}", problem.title);
    let detail = problem.detail.unwrap();
    assert!(lost.iter().any(|object| detail.contains(&object.digest.to_string())), "{detail}");
    assert!(problem.help.is_some());
}

#[tokio::test]
async fn a_chunk_cut_short_on_disk_counts_as_missing_so_that_it_is_sent_again() {
    let head = TestHead::start();
    let spec = head.prepare(&[b"one\n"]).await;
    let digest = Digest::of(b"one\n");
    let hex = digest.to_string();
    let path = head.store.dir().join("objects").join(&hex[..2]).join(&hex);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "on").unwrap();
    let problem = head.submit(spec.clone()).await.problem(ProblemKind::BadJob);
    assert!(problem.title.starts_with("1 of"), "{}", problem.title);
    head.prepare(&[b"one\n"]).await;
    assert_eq!(head.submit(spec).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_job_out_of_bounds_is_refused_before_anything_is_looked_up() {
    let head = TestHead::start();
    let sound = head.prepare(&[b"one\n"]).await;
    let mut bad_param = sound.clone();
    bad_param.params.insert("mode".into(), "wrong".into());
    let problem = head.submit(bad_param).await.problem(ProblemKind::BadJob);
    assert!(problem.title.contains("choose from: fast, slow"), "{}", problem.title);
    let mut too_much = sound.clone();
    too_much.limits.memory_bytes_max = 1 << 40;
    head.submit(too_much).await.problem(ProblemKind::BadJob);
    let mut nowhere = sound.clone();
    nowhere.nodes = NodeSelector::AtMost(0);
    head.submit(nowhere).await.problem(ProblemKind::BadJob);
    let answer = head.post("/api/v1/jobs", r#"{"spec":{"name":"x"}}"#).await;
    assert!(answer.problem(ProblemKind::BadRequest).detail.is_some());
    let answer = head.post("/api/v1/jobs", "{").await;
    answer.problem(ProblemKind::BadRequest);
}

#[tokio::test]
async fn a_job_is_cancelled_once() {
    let head = TestHead::start();
    let job = head.waiting_job().await;
    let path = format!("/api/v1/jobs/{}/cancel", job.id);
    let cancelled: JobView = head.post(&path, "").await.ok();
    assert_eq!(cancelled.state, JobState::Canceled);
    let again = head.post(&path, "").await.problem(ProblemKind::WrongState);
    assert_eq!(again.status, 409);
}

#[tokio::test]
async fn a_job_that_is_not_there_is_a_problem_on_every_path() {
    let head = TestHead::start();
    for path in ["", "/events", "/result", "/logs"] {
        let answer = head.get(&format!("/api/v1/jobs/7{path}")).await;
        answer.problem(ProblemKind::NoSuchJob);
        let answer = head.get(&format!("/api/v1/jobs/seven{path}")).await;
        answer.problem(ProblemKind::BadRequest);
    }
    head.post("/api/v1/jobs/7/cancel", "").await.problem(ProblemKind::NoSuchJob);
}

fn cancel_when_watched(handle: Handle, job: &JobView) -> JoinHandle<()> {
    let id = job.id;
    tokio::spawn(async move {
        handle.cancel(id).await.unwrap();
    })
}

/// The jobs in a stream of server-sent events.
fn jobs_in(answer: &Answer) -> Vec<JobView> {
    let text = std::str::from_utf8(&answer.body).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|json| serde_json::from_str(json).unwrap()).collect()
}

#[tokio::test]
async fn events_tell_of_changes_and_end_with_the_job() {
    let head = TestHead::start();
    let job = head.waiting_job().await;
    let path = format!("/api/v1/jobs/{}/events", job.id);
    let (answer, cancelled) =
        tokio::join!(head.get(&path), cancel_when_watched(head.handle.clone(), &job));
    cancelled.unwrap();
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    assert!(answer.body.starts_with(b"event: job\n"));
    assert_eq!(jobs_in(&answer).last().unwrap().state, JobState::Canceled);
    // A job that has ended is told once.
    let answer = head.get(&path).await;
    assert_eq!(jobs_in(&answer).len(), 1);
}

#[tokio::test]
async fn only_so_many_event_streams_are_open_at_a_time() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    let head = TestHead::start();
    let job = head.waiting_job().await;
    let path = format!("/api/v1/jobs/{}/events", job.id);
    let mut open = Vec::new();
    for _ in 0..64 {
        let token = format!("Bearer {}", head.token);
        let request = Request::get(&path).header("authorization", token);
        let request = request.body(Body::empty()).unwrap();
        open.push(head.app.clone().oneshot(request).await.unwrap());
    }
    head.get(&path).await.problem(ProblemKind::Busy);
    drop(open);
    head.handle.cancel(job.id).await.unwrap();
    assert_eq!(head.get(&path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_order_is_shown_explained_and_changed() {
    let head = TestHead::start();
    let job = head.waiting_job().await;
    let queue: QueueView = head.get("/api/v1/queue").await.ok();
    assert_eq!((queue.jobs[0].place, queue.jobs[0].job), (Some(1), job.id));
    let path = format!("/api/v1/jobs/{}", job.id);
    let why: Explanation = head.get(&format!("{path}/explain")).await.ok();
    assert!(why.text.contains("no node is connected"), "{}", why.text);
    let why: Explanation = head.get(&format!("{path}/tasks/0/explain")).await.ok();
    assert_eq!(why.task, Some(0));
    head.get(&format!("{path}/tasks/99/explain")).await.problem(ProblemKind::NotFound);
    head.get(&format!("{path}/tasks/x/explain")).await.problem(ProblemKind::BadRequest);
    head.get("/api/v1/jobs/99/explain").await.problem(ProblemKind::NoSuchJob);

    let order = async |body: String| head.post("/api/v1/orders", body).await;
    let first = format!(r#"{{"order":"prioritise","job":{},"priority":10}}"#, job.id);
    let view: JobView = order(first).await.ok();
    assert_eq!(view.spec.policy.priority, 10);
    let pause = r#"{"order":"pause","reason":"listen"}"#;
    let done: Option<JobView> = order(pause.into()).await.ok();
    assert_eq!(done, None);
    let queue: QueueView = head.get("/api/v1/queue").await.ok();
    assert_eq!(queue.jobs[0].waits.as_deref(), Some("the queue is paused: listen"));
    order(r#"{"order":"dance"}"#.into()).await.problem(ProblemKind::BadRequest);

    let limit = r#"{"order":"limit","limits":{"jobs":1}}"#;
    let _: Option<JobView> = order(limit.into()).await.ok();
    let refused = head.post("/api/v1/jobs", body_of(&job)).await.problem(ProblemKind::LimitReached);
    assert_eq!(refused.status, 429);
    assert!(refused.help.unwrap().contains("bramble users limit"));
    let users: UserList = head.get("/api/v1/users").await.ok();
    assert_eq!((users.users[0].jobs, users.default.jobs), (1, Some(1)));
}

/// What submits the same job again.
fn body_of(job: &JobView) -> String {
    serde_json::json!({ "spec": job.spec }).to_string()
}
