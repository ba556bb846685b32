//! The machines that work.

use axum::Json;
use axum::extract::State;
use bramble_protocol::api::NodeList;

use crate::error::ApiResult;
use crate::state::Head;

/// `GET /nodes`: all that were ever connected, by name.
pub(crate) async fn list(State(head): State<Head>) -> ApiResult<Json<NodeList>> {
    let nodes = head.handle.nodes().await;
    if nodes.is_empty() {
        head.alive().await?;
    }
    Ok(Json(NodeList { nodes }))
}
