//! The machines that work.

use axum::Json;
use axum::extract::{Path, State};
use bramble_protocol::Order;
use bramble_protocol::api::{NodeList, NodeView};
use bramble_protocol::order::DrainRequest;
use bramble_protocol::power::PowerList;
use bramble_scheduler::CommandError;

use crate::access::Asker;
use crate::body::ApiJson;
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

/// `POST /nodes/{name}/drain`: gives a node no more work.
pub(crate) async fn drain(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
    ApiJson(request): ApiJson<DrainRequest>,
) -> ApiResult<Json<NodeView>> {
    let reason = request.reason;
    let order = Order::Drain { node: name.clone(), reason };
    let node = ordered(&head, name, order).await?;
    head.note(&asker, "drain", &node.name, node.draining.as_deref().unwrap_or_default()).await;
    tracing::info!(node = node.name, reason = node.draining, "node {} is drained", node.name);
    Ok(Json(node))
}

/// `POST /nodes/{name}/undrain`: gives a node work again.
pub(crate) async fn undrain(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<Json<NodeView>> {
    let node = ordered(&head, name.clone(), Order::Undrain { node: name }).await?;
    head.note(&asker, "undrain", &node.name, "").await;
    tracing::info!(node = node.name, "node {} gets work again", node.name);
    Ok(Json(node))
}

/// `GET /power`: the nodes that can be switched, with where each is between off and on.
pub(crate) async fn power(State(head): State<Head>) -> Json<PowerList> {
    Json(head.handle.power().await)
}

/// Gives an order about one node, and shows what became of it.
async fn ordered(head: &Head, name: String, order: Order) -> ApiResult<NodeView> {
    head.handle.order(order).await?;
    let nodes = head.handle.nodes().await;
    let node = nodes.into_iter().find(|node| node.name == name);
    node.ok_or_else(|| CommandError::Stopped.into())
}
