//! A job that failed or was stopped, once more.

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bramble_protocol::api::{JobState, JobView, SecretsRequest};
use bramble_protocol::{JobId, ProblemKind, Secrets};
use bramble_scheduler::CommandError;

use crate::access::Asker;
use crate::body::MaybeJson;
use crate::error::{ApiError, ApiResult};
use crate::routes::jobs::Claim;
use crate::routes::{job_id, jobs, secrets};
use crate::state::Head;

/// `POST /jobs/{id}/retry`: a new job in which only those tasks run that did not succeed.
pub(crate) async fn retry(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
    MaybeJson(request): MaybeJson<SecretsRequest>,
) -> ApiResult<impl IntoResponse> {
    let job = again(&head, &asker, job_id(&id)?, request.secrets).await?;
    Ok(jobs::created(job))
}

/// Submits what is left to do of a job that did not end well.
pub(crate) async fn again(
    head: &Head,
    asker: &Asker,
    id: JobId,
    given: Secrets,
) -> ApiResult<JobView> {
    head.visible(asker, id).await?;
    let spec = head.handle.look(move |core| core.retry_spec(id)).await?;
    let spec = spec.map_err(|state| match state {
        Some(state) => nothing_to_retry(id, state),
        None => CommandError::NoSuchJob(id).into(),
    })?;
    let secrets = secrets::again(id, &spec, given)?;
    let job = jobs::accept(head, asker, Claim::Again, spec, secrets).await?;
    head.note(asker, "retry", &format!("job {id}"), &format!("as job {}", job.id)).await;
    tracing::info!(job = %job.id, "job {} tries job {id} again", job.id);
    Ok(job)
}

fn nothing_to_retry(id: JobId, state: JobState) -> ApiError {
    let title = format!("job {id} is {}: there is nothing to try again", state.name());
    ApiError::new(ProblemKind::WrongState, title).help(match state {
        JobState::Done => format!("`bramble get {id}` fetches its result"),
        _ => format!("`bramble watch {id}` waits for it; tasks that fail are tried again by it"),
    })
}
