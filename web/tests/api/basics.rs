//! Who answers, and how refusals look on every path.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bramble_protocol::api::{HeadView, NodeList};
use bramble_protocol::{ProblemKind, TargetClass};

use crate::agent::hello;
use crate::support::TestHead;

#[tokio::test]
async fn the_head_says_who_it_is_and_what_is_connected() {
    let head = TestHead::start();
    let view: HeadView = head.get("/api/v1").await.ok();
    assert_eq!((view.schema.as_str(), view.version.as_str()), ("bramble.head/1", "0.0.0-test"));
    assert_eq!((view.nodes_connected, view.slots), (0, 0));
    let link = head.handle.connect(hello("p1", 1)).await.unwrap();
    let view: HeadView = head.get("/api/v1").await.ok();
    assert_eq!((view.nodes_connected, view.slots), (1, 2));
    let nodes: NodeList = head.get("/api/v1/nodes").await.ok();
    assert_eq!(nodes.nodes.len(), 1);
    assert_eq!((nodes.nodes[0].name.as_str(), nodes.nodes[0].class), ("p1", TargetClass::native()));
    drop(link);
}

#[tokio::test]
async fn a_head_is_ready_until_its_scheduler_stops() {
    let head = TestHead::start();
    assert_eq!(head.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(head.get("/readyz").await.status, StatusCode::OK);
    head.handle.shutdown().await;
    assert_eq!(head.get("/healthz").await.status, StatusCode::OK);
    for path in ["/readyz", "/api/v1", "/api/v1/jobs", "/api/v1/jobs/1", "/api/v1/nodes"] {
        let answer = head.get(path).await;
        answer.problem(ProblemKind::Busy);
        assert_eq!(answer.header("retry-after"), "5");
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_that_may_load_nothing_from_elsewhere() {
    let head = TestHead::start();
    let _link = head.handle.connect(hello("p1", 1)).await.unwrap();
    let page = head.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("0.0.0-test") && text.contains("p1"));
}

#[tokio::test]
async fn unknown_pages_and_methods_are_problems_too() {
    let head = TestHead::start();
    for path in ["/nothing", "/api/v1/nothing", "/api/v2"] {
        assert_eq!(head.get(path).await.problem(ProblemKind::NotFound).status, 404);
    }
    let answer = head.post("/api/v1/nodes", "").await;
    assert_eq!(answer.problem(ProblemKind::BadRequest).status, 405);
    assert!(answer.header("allow").contains("GET"));
    // Without the handshake there is no WebSocket to be had.
    assert!(head.get("/api/v1/agent").await.problem(ProblemKind::BadRequest).status >= 400);
}

#[tokio::test]
async fn pages_of_other_sites_may_change_nothing() {
    let head = TestHead::start();
    let ask = |origin: &str| {
        let request = Request::post("/api/v1/jobs/1/cancel")
            .header("host", "pi.local:8420")
            .header("origin", origin);
        request.body(Body::empty()).unwrap()
    };
    for origin in ["http://evil.example", "null", "http://pi.local"] {
        let answer = head.send(ask(origin)).await;
        assert_eq!(answer.problem(ProblemKind::BadRequest).status, 403);
    }
    head.send(ask("http://pi.local:8420")).await.problem(ProblemKind::NoSuchJob);
    let socket = Request::get("/api/v1/agent")
        .header("host", "pi.local:8420")
        .header("origin", "http://evil.example")
        .header("upgrade", "websocket");
    let answer = head.send(socket.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(ProblemKind::BadRequest).status, 403);
}
