//! When attempts of a job ran, and where: as data, as a table, and as a trace.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use bramble_protocol::JobId;
use bramble_protocol::api::JobView;
use bramble_protocol::attempts::Attempts;
use bramble_scheduler::CommandError;
use serde::Deserialize;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::routes::job_id;
use crate::state::Head;
use crate::timeline::{csv, trace};

/// From where on attempts are told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    #[serde(default)]
    since: u64,
}

/// `GET /jobs/{id}/attempts?since=`.
pub(crate) async fn list(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
    wanted: Result<Query<Since>, QueryRejection>,
) -> ApiResult<Json<Attempts>> {
    let Query(Since { since }) = wanted.map_err(|error| {
        ApiError::bad_request("the question is not `?since=N`").detail(error.body_text())
    })?;
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    Ok(Json(head.timelines.of(id, since)))
}

/// `GET /jobs/{id}/attempts.csv`.
pub(crate) async fn table(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<impl IntoResponse> {
    let (job, attempts) = known(&head, &asker, job_id(&id)?).await?;
    let name = format!("attachment; filename=\"job-{}-attempts.csv\"", job.id);
    let headers =
        [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, csv(&job, &attempts)))
}

/// `GET /jobs/{id}/trace.json`.
pub(crate) async fn chrome_trace(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<impl IntoResponse> {
    let (job, attempts) = known(&head, &asker, job_id(&id)?).await?;
    let name = format!("attachment; filename=\"job-{}-trace.json\"", job.id);
    Ok(([(CONTENT_DISPOSITION, name)], Json(trace(&job, &attempts))))
}

async fn known(head: &Head, asker: &Asker, id: JobId) -> ApiResult<(JobView, Attempts)> {
    head.visible(asker, id).await?;
    let job = head.handle.job(id).await.ok_or(CommandError::NoSuchJob(id))?;
    Ok((job, head.timelines.of(id, 0)))
}
