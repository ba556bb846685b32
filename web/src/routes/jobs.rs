//! Jobs: submit, look at, stop, and read what they gave.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use bramble_protocol::api::{JobList, JobState, JobView, LogList, ResultView, SubmitRequest};
use bramble_protocol::{JobSpec, Manifest, ProblemKind, Secrets};
use bramble_scheduler::{CommandError, NewJob};

use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::routes::job_id;
use crate::state::{Head, blocking};
use crate::{input, spec};

/// `POST /jobs`: checks all that can be checked before anything runs, then hands the job over.
pub(crate) async fn submit(
    State(head): State<Head>,
    ApiJson(request): ApiJson<SubmitRequest>,
) -> ApiResult<impl IntoResponse> {
    let job = accept(&head, request.spec, request.secrets).await?;
    tracing::info!(job = %job.id, name = job.spec.name, "job {} accepted", job.id);
    Ok(created(job))
}

/// Checks a job and hands it to the scheduler.
pub(crate) async fn accept(head: &Head, mut spec: JobSpec, secrets: Secrets) -> ApiResult<JobView> {
    super::secrets::name(&mut spec, &secrets)?;
    let mut spec = spec::accept(spec)?;
    let module = head.module_info(spec.module).await?;
    module.declared.draw_missing(&mut spec.params, getrandom::fill).map_err(ApiError::fault)?;
    if let Some(fault) = module.declared.param_fault(&spec.params) {
        return Err(ApiError::bad_job(fault).help("parameters are given with --arg name=value"));
    }
    if let Some(fault) = module.declared.secrets_fault(spec.secrets.as_ref()) {
        return Err(ApiError::bad_job(fault));
    }
    let manifest = read_input(head, &spec).await?;
    // There are no accounts yet: whoever reaches the head can read every object in it.
    let owns_input = true;
    let job = NewJob { spec, module, manifest, owns_input };
    Ok(head.handle.submit_with(job, secrets).await?)
}

/// The answer that a job was accepted.
pub(crate) fn created(job: JobView) -> impl IntoResponse {
    let location = format!("/api/v1/jobs/{}", job.id);
    (StatusCode::CREATED, [(LOCATION, location)], Json(job))
}

/// The input of a job; empty while it is another job's result that may not be there yet.
async fn read_input(head: &Head, spec: &JobSpec) -> ApiResult<Manifest> {
    if spec.policy.input_from.is_some() && spec.input == JobSpec::NO_INPUT {
        return Ok(Manifest::new(Vec::new(), None));
    }
    let place = head.submits.take().await;
    let (store, digest) = (head.store.clone(), spec.input);
    blocking(move || {
        let manifest = input::read(&store, &digest);
        drop(place);
        manifest
    })
    .await
}

/// `GET /jobs`: newest first.
pub(crate) async fn list(State(head): State<Head>) -> ApiResult<Json<JobList>> {
    let jobs = head.handle.jobs().await;
    if jobs.is_empty() {
        head.alive().await?;
    }
    Ok(Json(JobList { jobs }))
}

/// `GET /jobs/{id}`.
pub(crate) async fn view(
    State(head): State<Head>,
    Path(id): Path<String>,
) -> ApiResult<Json<JobView>> {
    let id = job_id(&id)?;
    match head.handle.job(id).await {
        Some(job) => Ok(Json(job)),
        None => {
            head.alive().await?;
            Err(CommandError::NoSuchJob(id).into())
        }
    }
}

/// `POST /jobs/{id}/cancel`.
pub(crate) async fn cancel(
    State(head): State<Head>,
    Path(id): Path<String>,
) -> ApiResult<Json<JobView>> {
    let job = head.handle.cancel(job_id(&id)?).await?;
    tracing::info!(job = %job.id, "job {} canceled", job.id);
    Ok(Json(job))
}

/// `GET /jobs/{id}/result`.
pub(crate) async fn result(
    State(head): State<Head>,
    Path(id): Path<String>,
) -> ApiResult<Json<ResultView>> {
    head.handle.result(job_id(&id)?).await.map(Json).map_err(|error| match error {
        CommandError::WrongState { job, state } => no_result(job, state),
        _ => error.into(),
    })
}

fn no_result(job: bramble_protocol::JobId, state: JobState) -> ApiError {
    let name = state.name();
    let error = ApiError::new(ProblemKind::NoResult, format!("job {job} is {name}: no result"));
    match state {
        JobState::Waiting | JobState::Running => {
            error.help(format!("`bramble watch {job}` waits for it"))
        }
        JobState::Failed => error.help(format!("`bramble logs {job}` says why")),
        JobState::Done | JobState::Canceled => error,
    }
}

/// `GET /jobs/{id}/logs`.
pub(crate) async fn logs(
    State(head): State<Head>,
    Path(id): Path<String>,
) -> ApiResult<Json<LogList>> {
    let entries = head.handle.logs(job_id(&id)?).await?;
    Ok(Json(LogList { entries }))
}
