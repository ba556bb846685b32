//! Who answers, and whether all is well.

use axum::Json;
use axum::extract::State;
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
