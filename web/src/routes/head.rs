//! Who answers, and whether all is well.

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse};
use bramble_protocol::NodeState;
use bramble_protocol::api::{HeadView, NodeView};
use tokio::time::timeout;

use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::state::Head;

/// `GET /api/v1`.
pub(crate) async fn view(State(head): State<Head>) -> ApiResult<Json<HeadView>> {
    let nodes = head.handle.nodes().await;
    if nodes.is_empty() {
        head.alive().await?;
    }
    let connected = || nodes.iter().filter(|node| is_connected(node));
    Ok(Json(HeadView {
        schema: "bramble.head/1".into(),
        version: head.version.into(),
        process_id: std::process::id(),
        nodes_connected: connected().count().try_into().unwrap_or(u32::MAX),
        slots: connected().map(|node| node.slots).fold(0, u32::saturating_add),
    }))
}

fn is_connected(node: &NodeView) -> bool {
    node.state != NodeState::Lost
}

/// `GET /healthz`: the process answers.
pub(crate) async fn healthy() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the scheduler answers too.
pub(crate) async fn ready(State(head): State<Head>) -> ApiResult<&'static str> {
    timeout(limits::READY_MAX, head.alive())
        .await
        .map_err(|_| ApiError::busy("the scheduler does not answer"))??;
    Ok("ready\n")
}

const PAGE_POLICY: [(HeaderName, &str); 1] = [(
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)];

/// `GET /`: a sign for people who come by with a browser.
pub(crate) async fn page(State(head): State<Head>) -> impl IntoResponse {
    let mut items = String::new();
    for node in head.handle.nodes().await {
        let (name, state) = (escape(&node.name), node.state.name());
        let _ = write!(items, "<li>{name}: {state}, {} of {} slots</li>", node.leased, node.slots);
    }
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>bramble</title>\
         <h1>bramble {}</h1><p>This is the head of a bramble cluster: submit jobs to it with \
         <code>bramble submit</code>, or <a href=\"/api/v1/jobs\">see its jobs</a>.</p>\
         <h2>Nodes</h2><ul>{items}</ul></html>",
        escape(head.version)
    );
    (PAGE_POLICY, Html(page))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn markup_in_names_stays_text() {
        assert_eq!(escape(r#"<b a="c">&'"#), "&lt;b a=&quot;c&quot;&gt;&amp;&#39;");
    }
}
