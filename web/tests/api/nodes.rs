//! Who may be a node, and what each node may ask for and report.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bramble_protocol::agent::{AttemptReport, FromAgent, Hello, Lease, ToAgent};
use bramble_protocol::api::{JobView, MissingResponse, PreviewList, StoredResponse};
use bramble_protocol::join::{AdmissionList, IssuedJoinToken, JoinTokenList, NewJoinToken};
use bramble_protocol::preview::Preview;
use bramble_protocol::{AttemptOutcome, Digest, NodeStatus, ProblemKind, TaskId, Usage};
use bramble_tls::Identity;
use bramble_web::Peer;

use crate::agent::{Socket, hear, hello, open, open_as, say};
use crate::server::Served;
use crate::support::{Answer, TestHead, pack_of};

/// The node `p1`, with leases on all chunks of a job.
pub(crate) struct AtWork {
    pub(crate) served: Served,
    pub(crate) socket: Socket,
    pub(crate) job: JobView,
    pub(crate) leases: Vec<Lease>,
}

impl AtWork {
    pub(crate) async fn on(head: TestHead, chunks: &[&[u8]]) -> Self {
        let served = Served::start(head).await;
        let mut socket = open(&served).await;
        say(&mut socket, &FromAgent::Hello(Box::new(Hello { slots: 8, ..hello("p1", 1) }))).await;
        assert!(matches!(hear(&mut socket).await, ToAgent::Welcome { .. }));
        let spec = served.head.prepare(chunks).await;
        let job = served.head.submit(spec).await.json();
        let mut leases = Vec::new();
        while leases.len() < chunks.len() {
            if let ToAgent::Leases { leases: new } = hear(&mut socket).await {
                leases.extend(new);
            }
        }
        Self { served, socket, job, leases }
    }

    /// Asks as the node does.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.served.head.get(path).await
    }

    /// Asks as whoever has this key.
    async fn get_as(&self, identity: &Identity, path: &str) -> Answer {
        self.served.head.send_as_is(as_node(identity, Request::get(path), "")).await
    }
}

/// A request of whoever has this key.
fn as_node(
    identity: &Identity,
    request: axum::http::request::Builder,
    body: impl Into<Body>,
) -> Request<Body> {
    let address = ([10, 0, 0, 7], 4711).into();
    let node_key = Some(identity.fingerprint());
    request.extension(Peer { address, tls: true, node_key }).body(body.into()).unwrap()
}

fn object_path(digest: &Digest) -> String {
    format!("/api/v1/objects/{digest}")
}

fn report(lease: &Lease, outcome: AttemptOutcome) -> FromAgent {
    let report = AttemptReport {
        lease: lease.id,
        attempt: lease.attempt,
        outcome,
        usage: Usage::default(),
        log: String::new(),
        enough: false,
    };
    FromAgent::Reports { reports: vec![report] }
}

/// Says hello, and hears what the head answers.
async fn knock(served: &Served, identity: &Identity, hello: Hello) -> (Socket, ToAgent) {
    let mut socket = open_as(served, identity).await;
    say(&mut socket, &FromAgent::Hello(Box::new(hello))).await;
    let answer = hear(&mut socket).await;
    (socket, answer)
}

#[track_caller]
fn refused(answer: &ToAgent, wanted_retry: bool, words: &[&str]) {
    let ToAgent::Refused { reason, retry } = answer else { panic!("let in: {answer:?}") };
    assert_eq!(*retry, wanted_retry, "{reason}");
    for word in words {
        assert!(reason.contains(word), "`{word}` is not in: {reason}");
    }
}

#[tokio::test]
async fn nobody_becomes_a_node_without_a_key_or_a_token() {
    let served = Served::start(TestHead::start()).await;
    let stranger = Identity::ephemeral().unwrap();
    let (_, answer) = knock(&served, &stranger, hello("p7", 1)).await;
    refused(&answer, false, &["bramble nodes token", "--join-file"]);
    // Whoever shows no key does not even come so far.
    let request = Request::get("/api/v1/agent").header("host", "localhost");
    let request = request.header("connection", "upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "x");
    let answer = served.head.send_as_is(request.body(Body::empty()).unwrap()).await;
    answer.problem(ProblemKind::NotAllowed);
}

#[tokio::test]
async fn a_token_lets_as_many_nodes_in_as_it_says_and_then_their_keys_do() {
    let served = Served::start(TestHead::start()).await;
    let new = NewJoinToken { uses: Some(2), ..NewJoinToken::default() };
    let issued = served.head.post_json("/api/v1/nodes/tokens", &new).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{issued:?}");
    let token: bramble_protocol::join::JoinToken =
        issued.json::<IssuedJoinToken>().token.expose().parse().unwrap();
    assert_eq!(token.head(), served.head.own.fingerprint().prefix());
    let with = |name: &str| Hello { join: Some(token.secret()), ..hello(name, 1) };
    let boards = [0, 1, 2].map(|_| Identity::ephemeral().unwrap());
    for (name, board) in [("p1", &boards[0]), ("p2", &boards[1]), ("p1", &boards[0])] {
        let (_, answer) = knock(&served, board, with(name)).await;
        assert!(matches!(answer, ToAgent::Welcome { .. }), "{name}: {answer:?}");
    }
    let (_, answer) = knock(&served, &boards[2], with("p3")).await;
    refused(&answer, false, &["used up", "bramble nodes token"]);
    let (_, answer) = knock(&served, &boards[1], hello("p2", 2)).await;
    assert!(matches!(answer, ToAgent::Welcome { .. }), "its key is enough now: {answer:?}");
    let left: JoinTokenList = served.head.get("/api/v1/nodes/tokens").await.ok();
    assert_eq!(left.tokens, []);
}

#[tokio::test]
async fn tokens_that_expired_were_revoked_or_are_for_other_boards_let_nobody_in() {
    let served = Served::start(TestHead::start()).await;
    let head = &served.head;
    let board = Identity::ephemeral().unwrap();
    let with = |secret| Hello { join: Some(secret), ..hello("p1", 1) };
    let expired = head.join_token(&NewJoinToken { lasts_ms: Some(0), ..Default::default() });
    let (_, answer) = knock(&served, &board, with(expired)).await;
    refused(&answer, false, &["expired"]);

    let issued: IssuedJoinToken =
        head.post_json("/api/v1/nodes/tokens", &NewJoinToken::default()).await.json();
    let path = format!("/api/v1/nodes/tokens/{}", issued.view.id);
    let revoke = || Request::delete(&path).body(Body::empty()).unwrap();
    assert_eq!(head.send(revoke()).await.status, StatusCode::NO_CONTENT);
    head.send(revoke()).await.problem(ProblemKind::NotFound);
    let token: bramble_protocol::join::JoinToken = issued.token.expose().parse().unwrap();
    let (_, answer) = knock(&served, &board, with(token.secret())).await;
    refused(&answer, false, &["not one of this head"]);

    let zero = NewJoinToken { model: Some("Raspberry Pi Zero".into()), ..Default::default() };
    let zero = head.join_token(&zero);
    let of = |model: &str| {
        let status = NodeStatus { model: Some(model.into()), ..NodeStatus::default() };
        Hello { status, ..with(zero.clone()) }
    };
    let (_, answer) = knock(&served, &board, of("Raspberry Pi 4 Model B Rev 1.4")).await;
    refused(&answer, false, &["Raspberry Pi Zero", "Raspberry Pi 4"]);
    let (_, answer) = knock(&served, &board, of("Raspberry Pi Zero 2 W Rev 1.0")).await;
    assert!(matches!(answer, ToAgent::Welcome { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_node_that_needs_approval_waits_for_it() {
    let served = Served::start(TestHead::start()).await;
    let head = &served.head;
    let new = NewJoinToken { needs_approval: true, ..NewJoinToken::default() };
    let secret = head.join_token(&new);
    let board = Identity::ephemeral().unwrap();
    let first = Hello { join: Some(secret), ..hello("p1", 1) };
    let (_, answer) = knock(&served, &board, first).await;
    refused(&answer, true, &["bramble nodes approve p1"]);
    let (_, answer) = knock(&served, &board, hello("p1", 1)).await;
    refused(&answer, true, &["bramble nodes approve p1"]);
    let list: AdmissionList = head.get("/api/v1/nodes/admissions").await.ok();
    assert_eq!(list.nodes[0].admission.name(), "pending");
    assert_eq!(head.post("/api/v1/nodes/p1/approve", "").await.status, StatusCode::OK);
    let (_, answer) = knock(&served, &board, hello("p1", 1)).await;
    assert!(matches!(answer, ToAgent::Welcome { .. }), "{answer:?}");
    assert_eq!(head.post("/api/v1/nodes/p1/reject", "").await.status, StatusCode::OK);
    let (_, answer) = knock(&served, &board, hello("p1", 1)).await;
    refused(&answer, false, &["rejected"]);
    head.post("/api/v1/nodes/p9/approve", "").await.problem(ProblemKind::NoSuchNode);
}

#[tokio::test]
async fn a_name_belongs_to_one_key_and_a_key_to_one_name_and_board() {
    let served = Served::start(TestHead::start()).await;
    let head = &served.head;
    let two = NewJoinToken { uses: Some(5), ..NewJoinToken::default() };
    let secret = head.join_token(&two);
    let machine = |name: &str| Some(Digest::of(name.as_bytes()));
    let (one, other) = (Identity::ephemeral().unwrap(), Identity::ephemeral().unwrap());
    let join = |name: &str| Hello { join: Some(secret.clone()), ..hello(name, 1) };
    let own = Hello { machine: machine("board 1"), ..join("p1") };
    let (_, answer) = knock(&served, &one, own.clone()).await;
    assert!(matches!(answer, ToAgent::Welcome { .. }), "{answer:?}");
    let (_, answer) = knock(&served, &other, join("p1")).await;
    refused(&answer, false, &["another node is called `p1`", "bramble nodes remove p1", "--name"]);
    let (_, answer) = knock(&served, &one, join("p2")).await;
    refused(&answer, false, &["--name p1"]);
    // The card was copied into another board.
    let copy = Hello { machine: machine("board 2"), ..hello("p1", 2) };
    let (_, answer) = knock(&served, &one, copy.clone()).await;
    refused(&answer, false, &["another board", "SD card", "node.key", "bramble nodes approve p1"]);
    // The card was moved to another board, as an admin knows.
    assert_eq!(head.post("/api/v1/nodes/p1/approve", "").await.status, StatusCode::OK);
    let (_, answer) = knock(&served, &one, copy).await;
    assert!(matches!(answer, ToAgent::Welcome { .. }), "{answer:?}");
    let (_, answer) = knock(&served, &one, own).await;
    refused(&answer, false, &["another board"]);
}

#[tokio::test]
async fn a_removed_node_is_cut_off_at_once_and_its_key_is_dead() {
    let mut at_work = AtWork::on(TestHead::start(), &[b"one\n"]).await;
    let head = &at_work.served.head;
    let path = object_path(&Digest::of(b"one\n"));
    assert_eq!(at_work.get(&path).await.status, StatusCode::OK);
    assert_eq!(head.post("/api/v1/nodes/p1/remove", "").await.status, StatusCode::OK);
    let refusal = loop {
        match hear(&mut at_work.socket).await {
            ToAgent::Leases { .. } | ToAgent::Revoke { .. } | ToAgent::Acknowledge { .. } => {}
            other => break other,
        }
    };
    refused(&refusal, false, &["removed"]);
    at_work.get(&path).await.problem(ProblemKind::Busy);
    let nodes = head.handle.nodes().await;
    assert_eq!(nodes[0].state.name(), "lost", "its leases are others'");
    let secret = head.join_token(&NewJoinToken::default());
    let again = Hello { join: Some(secret.clone()), ..hello("p1", 2) };
    let (_, answer) = knock(&at_work.served, &head.node, again.clone()).await;
    refused(&answer, false, &["removed", "node.key", "bramble nodes token"]);
    let (_, answer) = knock(&at_work.served, &Identity::ephemeral().unwrap(), again).await;
    assert!(matches!(answer, ToAgent::Welcome { .. }), "the name is free: {answer:?}");
}

#[tokio::test]
async fn a_node_gets_what_its_leases_need_and_nothing_else() {
    let mut at_work = AtWork::on(TestHead::start(), &[b"one\n"]).await;
    let head = &at_work.served.head;
    let foreign = head.store.put(b"of somebody else").unwrap().digest;
    let artefact = Digest::of(bramble_protocol::TargetClass::native().name().as_bytes());
    assert_eq!(at_work.get(&object_path(&Digest::of(b"one\n"))).await.status, StatusCode::OK);
    assert_eq!(at_work.get(&object_path(&artefact)).await.status, StatusCode::OK);
    let hidden = at_work.get(&object_path(&foreign)).await.problem(ProblemKind::NoSuchObject);
    let absent = Digest::of(b"nobody has this");
    let absent = at_work.get(&object_path(&absent)).await.problem(ProblemKind::NoSuchObject);
    let shape = |text: &str| text.replace(|c: char| c.is_ascii_hexdigit(), "");
    assert_eq!(shape(&hidden.title), shape(&absent.title), "as if it were not there");
    assert_eq!(hidden.help, absent.help);
    // Another node, and whoever has a key and is no node.
    let other = Identity::ephemeral().unwrap();
    let path = object_path(&Digest::of(b"one\n"));
    at_work.get_as(&other, &path).await.problem(ProblemKind::Busy);
    head.admit("p2", &other);
    let (_socket, answer) = knock(&at_work.served, &other, hello("p2", 1)).await;
    assert!(matches!(answer, ToAgent::Welcome { .. }), "{answer:?}");
    at_work.get_as(&other, &path).await.problem(ProblemKind::NoSuchObject);
    // What it may send follows from the same.
    let pack = || pack_of(&[b"an output"]);
    let send = |identity: &Identity, path: &str, body: Vec<u8>| {
        head.send_as_is(as_node(identity, Request::post(path), body))
    };
    let refused = send(&other, "/api/v1/objects", pack()).await;
    refused.problem(ProblemKind::NotAllowed);
    let stored: StoredResponse = send(&head.node, "/api/v1/objects", pack()).await.ok();
    assert_eq!(stored.objects, 1);
    let question = format!(r#"{{"digests":["{foreign}","{}"]}}"#, Digest::of(b"none"));
    let missing = send(&head.node, "/api/v1/objects/missing", question.clone().into()).await;
    let missing: MissingResponse = missing.ok();
    assert_eq!(missing.missing, [foreign, Digest::of(b"none")], "it says nothing of others");
    send(&other, "/api/v1/objects/missing", question.into()).await.problem(ProblemKind::NotAllowed);
    // A lease that has ended opens nothing.
    let lease = at_work.leases[0].clone();
    let outputs = lease.work.inputs.clone();
    say(&mut at_work.socket, &report(&lease, AttemptOutcome::Succeeded { outputs })).await;
    while !matches!(hear(&mut at_work.socket).await, ToAgent::Acknowledge { .. }) {}
    at_work.get(&path).await.problem(ProblemKind::NoSuchObject);
}

#[tokio::test]
async fn reports_of_leases_that_are_not_a_nodes_own_change_nothing() {
    let mut at_work = AtWork::on(TestHead::start(), &[b"one\n", b"two\n"]).await;
    let other = Identity::ephemeral().unwrap();
    at_work.served.head.admit("p2", &other);
    let (mut thief, _) = knock(&at_work.served, &other, hello("p2", 1)).await;
    let lease = at_work.leases[0].clone();
    let forged = AttemptOutcome::Succeeded { outputs: at_work.leases[1].work.inputs.clone() };
    // Another node reports on it, and asks twice; then on one that was never given.
    for _ in 0..2 {
        say(&mut thief, &report(&lease, forged.clone())).await;
        while !matches!(hear(&mut thief).await, ToAgent::Acknowledge { .. }) {}
    }
    let never = Lease { id: bramble_protocol::LeaseId(4711), ..lease.clone() };
    say(&mut thief, &report(&never, forged.clone())).await;
    while !matches!(hear(&mut thief).await, ToAgent::Acknowledge { .. }) {}
    let path = format!("/api/v1/jobs/{}", at_work.job.id);
    let job: JobView = at_work.served.head.get(&path).await.ok();
    assert_eq!(job.tasks.succeeded, 0, "{job:?}");
    // Its own counts once, and a replay does nothing.
    for lease in at_work.leases.clone() {
        let outputs = lease.work.inputs.clone();
        for _ in 0..3 {
            let outcome = AttemptOutcome::Succeeded { outputs: outputs.clone() };
            say(&mut at_work.socket, &report(&lease, outcome)).await;
        }
    }
    let result = loop {
        let job: JobView = at_work.served.head.get(&path).await.ok();
        if job.state.is_final() {
            break job;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((result.state.name(), result.tasks.succeeded), ("done", 2), "{result:?}");
    let path = format!("/api/v1/jobs/{}/result/0", at_work.job.id);
    assert_eq!(at_work.served.head.get(&path).await.body.as_ref(), b"one\n");
}

#[tokio::test]
async fn what_a_node_shows_and_finds_damaged_counts_for_its_own_tasks_only() {
    let mut at_work = AtWork::on(TestHead::start(), &[b"one\n"]).await;
    let other = Identity::ephemeral().unwrap();
    at_work.served.head.admit("p2", &other);
    let (mut liar, _) = knock(&at_work.served, &other, hello("p2", 1)).await;
    let task = at_work.leases[0].attempt.task;
    let beat = |task: TaskId, bytes: &[u8]| FromAgent::Heartbeat {
        status: NodeStatus::default(),
        leases: vec![],
        previews: vec![Preview { task, media: "text/plain".into(), bytes: bytes.to_vec() }],
    };
    let corrupt =
        AttemptOutcome::ChunkCorrupt { expected: Digest::of(b"one\n"), found: Digest::of(b"?") };
    at_work.served.head.damage(&Digest::of(b"one\n"));
    say(&mut liar, &beat(task, b"forged")).await;
    say(&mut liar, &report(&at_work.leases[0], corrupt)).await;
    while !matches!(hear(&mut liar).await, ToAgent::Acknowledge { .. }) {}
    let lease = Lease { id: at_work.leases[0].id, ..at_work.leases[0].clone() };
    say(&mut at_work.socket, &beat(task, b"own")).await;
    let path = format!("/api/v1/jobs/{}/previews", at_work.job.id);
    let list = loop {
        let list: PreviewList = at_work.get(&path).await.ok();
        if !list.previews.is_empty() {
            break list;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((list.previews.len(), list.version), (1, 1), "the forged one was not kept");
    let shown = at_work.get(&format!("{path}/{}", lease.attempt.task.index)).await;
    assert_eq!(shown.body.as_ref(), b"own");
    let set_aside = at_work.served.head.store.dir().join("corrupt");
    assert_eq!(std::fs::read_dir(set_aside).map_or(0, Iterator::count), 0);
}
