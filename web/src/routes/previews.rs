//! What tasks show of their work.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use bramble_protocol::ProblemKind;
use bramble_protocol::api::PreviewList;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::routes::job_id;
use crate::state::Head;

/// `GET /jobs/{id}/previews`: the last one of each task that is still kept.
pub(crate) async fn list(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<Json<PreviewList>> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    Ok(Json(head.previews.of(id)))
}

/// `GET /jobs/{id}/previews/{index}`: one of them. Its type is one of a closed list, so that no
/// browser takes a user's bytes for a page; all answers forbid to guess another one.
pub(crate) async fn send(
    State(head): State<Head>,
    asker: Asker,
    Path((job, index)): Path<(String, String)>,
) -> ApiResult<impl IntoResponse> {
    let id = job_id(&job)?;
    head.visible(&asker, id).await?;
    let kept = index.parse().ok().and_then(|index| head.previews.bytes(id, index));
    let (media, bytes) = kept.ok_or_else(|| {
        let shown: String = index.chars().take(80).collect();
        let title = format!("there is no preview of task {shown} of job {id}");
        ApiError::new(ProblemKind::NotFound, title)
    })?;
    let headers =
        [(CONTENT_TYPE, media), (CONTENT_SECURITY_POLICY, "sandbox"), (CACHE_CONTROL, "no-store")];
    Ok((headers, bytes))
}
