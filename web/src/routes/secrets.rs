//! Secrets of jobs: named when a job comes in, and given again to a job whose head lost them.
//!
//! Their values go from the request to the scheduler's memory and nowhere else.

use axum::Json;
use axum::extract::{Path, State};
use bramble_protocol::api::{JobView, SecretsRequest};
use bramble_protocol::{Digest, JobId, JobSpec, SecretNames, Secrets};

use crate::access::Asker;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::routes::job_id;
use crate::state::Head;

/// `POST /jobs/{id}/secrets`: gives a job its secrets that the head does not have any more.
pub(crate) async fn give(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<SecretsRequest>,
) -> ApiResult<Json<JobView>> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    let job = head.handle.unlock(id, request.secrets).await?;
    head.note(&asker, "give-secrets", &format!("job {id}"), "").await;
    tracing::info!(job = %job.id, "job {} was given its secrets", job.id);
    Ok(Json(job))
}

/// Has a job's description name the secrets that came with it, under a new tag.
pub(crate) fn name(spec: &mut JobSpec, secrets: &Secrets) -> ApiResult<()> {
    spec.secrets = None;
    if let Some(fault) = secrets.fault() {
        return Err(ApiError::bad_job(fault));
    }
    if !secrets.is_empty() {
        let mut tag = [0; 32];
        getrandom::fill(&mut tag).map_err(ApiError::fault)?;
        let tag = Digest::from_bytes(tag);
        spec.secrets = Some(SecretNames { tag, given: secrets.names() });
    }
    Ok(())
}

/// The secrets for another try of a job, for what the job might do with each.
pub(crate) fn again(job: JobId, spec: &JobSpec, given: Secrets) -> ApiResult<Secrets> {
    let Some(names) = &spec.secrets else {
        return match given.is_empty() {
            true => Ok(given),
            false => Err(ApiError::bad_job(format!("job {job} was submitted without secrets"))),
        };
    };
    match names.fault(&given) {
        None => Ok(given.with_access(names)),
        Some(fault) => {
            let typed: Vec<String> =
                names.given.keys().map(|name| format!("--secret {name}=@FILE")).collect();
            Err(ApiError::bad_job(fault)
                .detail("a head keeps the secrets of a job only until it ends")
                .help(format!("bramble retry {job} {}", typed.join(" "))))
        }
    }
}
