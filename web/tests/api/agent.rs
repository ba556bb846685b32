//! Agents over a real connection.

use axum::http::StatusCode;
use bramble_protocol::agent::{AttemptReport, FromAgent, Hello, ToAgent};
use bramble_protocol::api::{JobState, JobView, NodeView, ResultView};
use bramble_protocol::{
    AttemptOutcome, NodeStatus, ProblemKind, TargetClass, TrapKind, Usage, version,
};
use bramble_tls::{Client, ClientStream, Identity, Pin};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::Served;
use crate::support::{MODULE, TestHead};

pub(crate) type Socket = WebSocketStream<ClientStream>;

pub(crate) fn hello(name: &str, instance: u64) -> Hello {
    Hello {
        protocol: version::AGENT_PROTOCOL,
        version: "0.0.0-test".into(),
        name: name.into(),
        instance,
        class: TargetClass::native(),
        slots: 2,
        speed: None,
        store_id: None,
        leases: vec![],
        join: None,
        machine: None,
        status: NodeStatus::default(),
    }
}

/// A connection of the node `p1`, which the head knows.
pub(crate) async fn open(served: &Served) -> Socket {
    served.head.admit("p1", &served.head.node);
    open_as(served, &served.head.node).await
}

/// A connection of whoever has this key.
pub(crate) async fn open_as(served: &Served, identity: &Identity) -> Socket {
    let stream = tls(served, identity).await;
    client_async("wss://localhost/api/v1/agent", stream).await.unwrap().0
}

async fn tls(served: &Served, identity: &Identity) -> ClientStream {
    let pin = Pin::exact(served.head.own.fingerprint());
    let client = Client::new(Some(identity), pin).unwrap();
    client.connect(TcpStream::connect(served.address).await.unwrap()).await.unwrap()
}

pub(crate) async fn say(socket: &mut Socket, message: &FromAgent) {
    let text = serde_json::to_string(message).unwrap();
    socket.send(Message::text(text)).await.unwrap();
}

pub(crate) async fn hear(socket: &mut Socket) -> ToAgent {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("not a message: {other:?}"),
        }
    }
}

/// Code and reason with which the head closes the connection.
pub(crate) async fn hear_end(socket: &mut Socket) -> (CloseCode, String) {
    match socket.next().await.unwrap().unwrap() {
        Message::Close(Some(frame)) => (frame.code, frame.reason.to_string()),
        other => panic!("not closed: {other:?}"),
    }
}

#[tokio::test]
async fn an_agent_that_says_hello_is_welcomed_and_shown() {
    let served = Served::start(TestHead::start()).await;
    let mut socket = open(&served).await;
    say(&mut socket, &FromAgent::Hello(Box::new(hello("p1", 1)))).await;
    assert!(matches!(hear(&mut socket).await, ToAgent::Welcome { .. }));
    assert_eq!(served.head.handle.nodes().await[0].name, "p1");
}

#[tokio::test]
async fn a_job_runs_on_an_agent_and_its_result_comes_back() {
    let served = Served::start(TestHead::start()).await;
    let head = &served.head;
    let mut socket = open(&served).await;
    say(&mut socket, &FromAgent::Hello(Box::new(hello("p1", 1)))).await;
    let spec = head.prepare(&[b"one\n", b"two\n", b"three\n"]).await;
    let answer = head.submit(spec).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let job: JobView = answer.json();
    let mut acknowledged = 0;
    while acknowledged < 3 {
        match hear(&mut socket).await {
            ToAgent::Leases { leases } => {
                let reports = leases.into_iter().map(|lease| AttemptReport {
                    lease: lease.id,
                    attempt: lease.attempt,
                    outcome: AttemptOutcome::Succeeded { outputs: lease.work.inputs },
                    usage: Usage::default(),
                    log: String::new(),
                    enough: false,
                });
                let reports = reports.collect();
                say(&mut socket, &FromAgent::Reports { reports }).await;
            }
            ToAgent::Acknowledge { leases } => acknowledged += leases.len(),
            _ => {}
        }
    }
    let events = head.get(&format!("/api/v1/jobs/{}/events", job.id)).await;
    assert_eq!(events.status, StatusCode::OK);
    let job: JobView = head.get(&format!("/api/v1/jobs/{}", job.id)).await.ok();
    assert_eq!(job.state, JobState::Done, "{job:?}");
    let result: ResultView = head.get(&format!("/api/v1/jobs/{}/result", job.id)).await.ok();
    assert_eq!(result.name, "copy.txt");
    let mut bytes = Vec::new();
    for index in 0..result.manifest.chunks.len() {
        bytes.extend(head.get(&format!("/api/v1/jobs/{}/result/{index}", job.id)).await.body);
    }
    assert_eq!(bytes, b"one\ntwo\nthree\n");
}

#[tokio::test]
async fn a_failed_task_can_be_fetched_with_all_that_it_takes_to_run_it() {
    let served = Served::start(TestHead::start()).await;
    let head = &served.head;
    let mut socket = open(&served).await;
    say(&mut socket, &FromAgent::Hello(Box::new(hello("p1", 1)))).await;
    let answer = head.submit(head.prepare(&[b"one\n"]).await).await;
    let job: JobView = answer.json();
    let path = format!("/api/v1/jobs/{}/tasks/0/bundle", job.id);
    head.get(&path).await.problem(ProblemKind::WrongState);
    loop {
        match hear(&mut socket).await {
            ToAgent::Leases { leases } => {
                let reports = leases.into_iter().map(|lease| AttemptReport {
                    lease: lease.id,
                    attempt: lease.attempt,
                    outcome: AttemptOutcome::Trapped {
                        trap: TrapKind::Unreachable,
                        message: "unreachable".into(),
                    },
                    usage: Usage::default(),
                    log: "at line 1\n".into(),
                    enough: false,
                });
                let reports = reports.collect();
                say(&mut socket, &FromAgent::Reports { reports }).await;
            }
            ToAgent::Acknowledge { .. } => break,
            _ => {}
        }
    }
    let answer = head.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/x-tar");
    let root = format!("job-{}-task-0", job.id);
    let mut files = std::collections::BTreeMap::new();
    for entry in tar::Archive::new(&answer.body[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().strip_prefix(&root).unwrap().display().to_string();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        files.insert(name, bytes);
    }
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["README.txt", "input/000", "job.json", "log.txt", "module.wasm"]);
    assert_eq!(files["input/000"], b"one\n");
    assert_eq!(files["module.wasm"], MODULE);
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    assert!(text("log.txt").contains("at line 1"), "{}", text("log.txt"));
    let readme = text("README.txt");
    assert!(readme.contains("bramble test module.wasm --input input/000"), "{readme}");
    let described: serde_json::Value = serde_json::from_slice(&files["job.json"]).unwrap();
    assert_eq!(described["failure"]["outcome"]["kind"], "trapped");
    head.get(&path.replace("tasks/0", "tasks/7")).await.problem(ProblemKind::WrongState);
    head.get(&path.replace("tasks/0", "tasks/x")).await.problem(ProblemKind::BadRequest);
}

#[tokio::test]
async fn an_agent_of_another_protocol_is_refused_and_told_why() {
    let served = Served::start(TestHead::start()).await;
    let mut socket = open(&served).await;
    let later = Hello { protocol: version::AGENT_PROTOCOL + 1, ..hello("p1", 1) };
    say(&mut socket, &FromAgent::Hello(Box::new(later))).await;
    assert!(matches!(hear(&mut socket).await, ToAgent::Refused { .. }));
    assert_eq!(hear_end(&mut socket).await.0, CloseCode::Policy);
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection_with_the_reason() {
    let served = Served::start(TestHead::start()).await;
    let hello = serde_json::to_string(&FromAgent::Hello(Box::new(hello("p1", 1)))).unwrap();
    for (first, bad, reason) in [
        (None, Message::text("{"), "not a message"),
        (None, Message::text(r#"{"message":"goodbye"}"#), "first message must be hello"),
        (None, Message::binary(vec![1, 2]), "messages are texts"),
        (Some(&hello), Message::text("{\"message\":\"later\"}"), "not a message"),
        (Some(&hello), Message::text(hello.clone()), "once only"),
    ] {
        let mut socket = open(&served).await;
        if let Some(hello) = first {
            socket.send(Message::text(hello.clone())).await.unwrap();
            hear(&mut socket).await;
        }
        socket.send(bad).await.unwrap();
        let (code, said) = hear_end(&mut socket).await;
        assert_eq!(code, CloseCode::Policy);
        assert!(said.contains(reason), "{said}");
    }
}

#[tokio::test]
async fn a_node_whose_connection_breaks_is_let_in_again() {
    let served = Served::start(TestHead::start()).await;
    for instance in 1..=2 {
        let mut socket = open(&served).await;
        let hello = FromAgent::Hello(Box::new(hello("p1", 1)));
        say(&mut socket, &hello).await;
        assert!(matches!(hear(&mut socket).await, ToAgent::Welcome { .. }), "{instance}");
        drop(socket);
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_pose_as_an_agent() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    let served = Served::start(TestHead::start()).await;
    let mut request = "wss://localhost/api/v1/agent".into_client_request().unwrap();
    request.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    match client_async(request, tls(&served, &served.head.node).await).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_node_is_drained_and_taken_back_by_its_name() {
    let served = Served::start(TestHead::start()).await;
    let head = &served.head;
    let mut socket = open(&served).await;
    say(&mut socket, &FromAgent::Hello(Box::new(hello("p1", 1)))).await;
    hear(&mut socket).await;
    let drain = r#"{"reason":"new fan"}"#;
    let node: NodeView = head.post("/api/v1/nodes/p1/drain", drain).await.ok();
    assert_eq!(node.draining.as_deref(), Some("new fan"));
    let node: NodeView = head.post("/api/v1/nodes/p1/undrain", "").await.ok();
    assert_eq!(node.draining, None);
    head.post("/api/v1/nodes/p9/drain", drain).await.problem(ProblemKind::NoSuchNode);
    head.post("/api/v1/nodes/p1/drain", "{}").await.problem(ProblemKind::BadRequest);
}
