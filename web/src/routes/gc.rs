//! What is stored, and the removal of what nobody needs.

use axum::Json;
use axum::extract::State;
use bramble_protocol::gc::{GcRequest, GcView};

use crate::body::ApiJson;
use crate::collector::CollectError;
use crate::error::{ApiError, ApiResult};
use crate::state::Head;

/// `POST /gc`: removes what nobody needs, or says what would go.
pub(crate) async fn collect(
    State(head): State<Head>,
    ApiJson(request): ApiJson<GcRequest>,
) -> ApiResult<Json<GcView>> {
    head.collector.collect(request.dry_run).await.map(Json).map_err(|error| match error {
        CollectError::Scheduler(stopped) => stopped.into(),
        CollectError::ClockSet => ApiError::busy(error.to_string()),
        _ => ApiError::fault(error),
    })
}
