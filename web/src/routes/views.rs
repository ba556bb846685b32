//! Results and inputs as pictures.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bramble_protocol::ProblemKind;
use bramble_scheduler::CommandError;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::results::{What, render};
use crate::routes::job_id;
use crate::state::Head;

/// `GET /jobs/{id}/view/{what}`: a small picture, which the head has made itself.
pub(crate) async fn send(
    State(head): State<Head>,
    asker: Asker,
    Path((id, what)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    let what = What::of_name(&what).ok_or_else(|| {
        ApiError::new(ProblemKind::NotFound, "there is no such view")
            .help("there are result.png, input.png and waterfall.png")
    })?;
    let job = head.handle.job(id).await.ok_or(CommandError::NoSuchJob(id))?;
    render(&head, &job, what, &headers).await
}
