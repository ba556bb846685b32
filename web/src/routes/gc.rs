//! What is stored, and the removal of what nobody needs.

use axum::Json;
use axum::extract::State;
use bramble_protocol::gc::{GcRequest, GcView};

use crate::access::Asker;
use crate::body::ApiJson;
use crate::collector::CollectError;
use crate::error::{ApiError, ApiResult};
use crate::state::Head;

/// `POST /gc`: removes what nobody needs, or says what would go.
pub(crate) async fn collect(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(request): ApiJson<GcRequest>,
) -> ApiResult<Json<GcView>> {
    let collected = head.collector.collect(request.dry_run).await;
    let view = collected.map_err(|error| match error {
        CollectError::Scheduler(stopped) => stopped.into(),
        CollectError::ClockSet => ApiError::busy(error.to_string()),
        _ => ApiError::fault(error),
    })?;
    if !request.dry_run {
        let (objects, bytes) = view.freed();
        head.note(&asker, "gc", &format!("{objects} objects, {bytes} bytes"), "").await;
    }
    Ok(Json(view))
}
