//! The serving loop over loopback.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bramble_protocol::agent::FromAgent;
use bramble_tls::{Client, Identity, Pin};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::agent::{hear, hello, open, say};
use crate::support::TestHead;

/// A head that is served on a port of the system's choice.
pub(crate) struct Served {
    pub(crate) head: TestHead,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(head: TestHead) -> Self {
        let tls = bramble_tls::Server::new(&head.own).unwrap();
        Self::start_with(head, Some(tls)).await
    }

    /// The same, with TLS on the same port or without.
    pub(crate) async fn start_with(head: TestHead, tls: Option<bramble_tls::Server>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(bramble_web::serve(listener, head.app.clone(), tls, shutdown));
        Self { head, address, stop, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What is answered to these bytes, up to the end of the connection.
    async fn answer(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // The head may close while it is still being written to.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }
}

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n")
}

#[tokio::test]
async fn requests_are_answered_over_a_socket() {
    let served = Served::start(TestHead::start()).await;
    let answer = served.answer(&request("/healthz", "host: localhost\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let served = Served::start(TestHead::start()).await;
    let one = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let last = request("/healthz", "host: localhost\r\n");
    let answer = served.answer(&format!("{one}{one}{last}")).await;
    assert_eq!(answer.matches("200 OK").count(), 3, "{answer}");
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let served = Served::start(TestHead::start()).await;
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(32 << 10));
    for headers in [many, long] {
        let answer = served.answer(&request("/healthz", &headers)).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test]
async fn a_client_learns_why_its_upload_is_refused_although_it_is_still_sending() {
    let served = Served::start(TestHead::start()).await;
    let length = 32 << 20;
    let head = format!(
        "POST /api/v1/objects HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         authorization: Bearer {}\r\ncontent-length: {length}\r\n\r\n",
        served.head.token
    );
    let mut stream = served.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; length]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("not a pack"), "{answer}");
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_is_refused() {
    let served = Served::start(TestHead::start()).await;
    let answer = served.answer(&request("/api/v1/me", "host: evil.example:8420\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("http://localhost:"), "{answer}");
    for host in [served.address.to_string(), "pi.local".into(), "localhost".into()] {
        let answer = served.answer(&request("/api/v1/me", &format!("host: {host}\r\n"))).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn stopping_ends_event_streams_and_agents_and_then_returns() {
    let served = Served::start(TestHead::start()).await;
    let job = served.head.waiting_job().await;
    let mut idle = served.connect().await;
    let mut agent = open(&served).await;
    say(&mut agent, &FromAgent::Hello(Box::new(hello("p1", 1)))).await;
    hear(&mut agent).await;
    let mut events = served.connect().await;
    let path = format!("/api/v1/jobs/{}/events", job.id);
    let headers = format!("host: localhost\r\nauthorization: Bearer {}\r\n", served.head.token);
    events.write_all(request(&path, &headers).as_bytes()).await.unwrap();
    let mut first = [0; 15];
    events.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");

    served.stop.send(()).unwrap();
    events.read_to_end(&mut Vec::new()).await.unwrap();
    while let Some(Ok(_)) = agent.next().await {}
    let _ = idle.read_to_end(&mut Vec::new()).await;
    served.serving.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn one_port_speaks_plain_http_and_tls() {
    let served = Served::start(TestHead::start()).await;
    let own = &served.head.own;
    let request = request("/healthz", "host: localhost\r\n");
    let answer = served.answer(&request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let node = Identity::ephemeral().unwrap();
    for identity in [None, Some(&node)] {
        let client = Client::new(identity, Pin::exact(own.fingerprint())).unwrap();
        let mut stream = client.connect(served.connect().await).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_cut_off() {
    let served = Served::start(TestHead::start()).await;
    let began = Instant::now();
    let mut stream = served.connect().await;
    stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    let mut answer = Vec::new();
    // The limit is 5 seconds.
    let end = timeout(Duration::from_secs(8), stream.read_to_end(&mut answer)).await;
    assert!(end.is_ok(), "it is cut off");
    assert!(began.elapsed() >= Duration::from_secs(4), "not at once");
}

#[tokio::test]
async fn a_head_without_tls_takes_a_handshake_for_bad_http() {
    let served = Served::start_with(TestHead::start(), None).await;
    let answer = served.answer("\x16\x03\x01\x02\x00\x01\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
