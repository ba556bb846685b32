//! The bytes of a job's result, part by part or as one file.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use bramble_protocol::{Digest, ObjectRef, ProblemKind};

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::routes::{job_id, jobs, objects, shown};
use crate::serving::{self, Content};
use crate::state::Head;

/// `GET /jobs/{id}/result/{index}`: one of the chunks that `GET /jobs/{id}/result` lists, counted
/// from 0, verified before the first byte is sent.
pub(crate) async fn part(
    State(head): State<Head>,
    asker: Asker,
    Path((job, index)): Path<(String, String)>,
    method: Method,
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
    objects::send_verified(&head, chunk.digest, &method, &headers).await
}

/// `GET /jobs/{id}/result/file`: all chunks, one after the other.
pub(crate) async fn file(
    State(head): State<Head>,
    asker: Asker,
    Path(job): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let id = job_id(&job)?;
    head.visible(&asker, id).await?;
    let result = head.handle.result(id).await.map_err(jobs::no_result)?;
    let objects = result.manifest.chunks;
    let content = Content {
        tag: tag(&objects),
        objects,
        name: result.name,
        // A job's number may be another job's, once the head has lost its journal.
        cache: "private, no-cache",
    };
    serving::send(&head, &content, &method, &headers).await
}

/// Names the bytes of chunks that follow one another: BLAKE3 of each chunk's digest and size, the
/// latter in 8 bytes, little-endian.
fn tag(objects: &[ObjectRef]) -> Digest {
    let mut named = Vec::with_capacity(objects.len() * 40);
    for object in objects {
        named.extend(object.digest.as_bytes());
        named.extend(object.size.to_le_bytes());
    }
    Digest::of(&named)
}
