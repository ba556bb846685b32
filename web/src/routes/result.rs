//! The bytes of a job's result, part by part.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bramble_protocol::ProblemKind;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::routes::{job_id, jobs, objects, shown};
use crate::state::Head;

/// `GET /jobs/{id}/result/{index}`: one of the chunks that `GET /jobs/{id}/result` lists, counted
/// from 0, verified before the first byte is sent.
pub(crate) async fn part(
    State(head): State<Head>,
    asker: Asker,
    Path((job, index)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let id = job_id(&job)?;
    head.visible(&asker, id).await?;
    let index: usize = index.parse().map_err(|_| {
        ApiError::bad_request(format!("`{}` is not the number of a chunk", shown(&index)))
    })?;
    let chunk = head.handle.result_chunk(id, index).await.map_err(jobs::no_result)?;
    let chunk = chunk.ok_or_else(|| {
        let title = format!("the result of job {id} has no chunk {index}");
        ApiError::new(ProblemKind::NotFound, title).help("they are counted from 0")
    })?;
    objects::send_verified(&head, chunk.digest, &headers).await
}
