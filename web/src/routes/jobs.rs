//! Jobs: submit, look at, stop, and read what they gave.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use bramble_protocol::account::Role;
use bramble_protocol::api::{JobList, JobState, JobView, LogList, ResultView, SubmitRequest};
use bramble_protocol::{Digest, JobSpec, Manifest, ProblemKind, Secrets};
use bramble_scheduler::{CommandError, NewJob};

use crate::access::Asker;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::routes::job_id;
use crate::state::{Head, blocking};
use crate::{input, spec};

/// `POST /jobs`: checks all that can be checked before anything runs, then hands the job over.
pub(crate) async fn submit(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(request): ApiJson<SubmitRequest>,
) -> ApiResult<impl IntoResponse> {
    submit_spec(&head, &asker, request.spec, request.secrets).await.map(created)
}

/// Submits a job of whoever asks.
///
/// # Errors
/// When it is not sound, or not for him.
pub(crate) async fn submit_spec(
    head: &Head,
    asker: &Asker,
    mut spec: JobSpec,
    secrets: Secrets,
) -> ApiResult<JobView> {
    claim(asker, &mut spec)?;
    let job = accept(head, asker, Claim::New, spec, secrets).await?;
    head.note(asker, "submit", &format!("job {}", job.id), &job.spec.name).await;
    tracing::info!(job = %job.id, name = job.spec.name, "job {} accepted", job.id);
    Ok(job)
}

/// Says whose job it is: of whoever submits it. Only an admin submits in another's name, and only
/// teachers and admins choose a class and go before others.
fn claim(asker: &Asker, spec: &mut JobSpec) -> ApiResult<()> {
    let person = asker.signed_in()?;
    if person.role == Role::Admin {
        if spec.policy.user.is_empty() {
            spec.policy.user.clone_from(&person.user);
        }
        return Ok(());
    }
    let refuse = |title: String| Err(ApiError::new(ProblemKind::NotAllowed, title));
    let policy = &mut spec.policy;
    if !policy.user.is_empty() && policy.user != person.user {
        let (user, own) = (spec::printable(&policy.user), &person.user);
        return refuse(format!("you are {own} and cannot submit in the name of `{user}`"));
    }
    policy.user.clone_from(&person.user);
    match (&policy.class, person.role) {
        (Some(class), Role::Teacher) if !person.is_teacher_of(Some(class)) => {
            return refuse(format!("class `{}` is not yours", spec::printable(class)));
        }
        (Some(_), Role::Teacher) => {}
        (Some(class), _) if Some(class) != person.class.as_ref() => {
            return refuse(format!("you are not of class `{}`", spec::printable(class)));
        }
        _ => policy.class.clone_from(&person.class),
    }
    if policy.priority > 0 && person.role < Role::Teacher {
        return refuse("only teachers and admins put jobs before others".into());
    }
    Ok(())
}

/// How somebody comes to have a job's module and input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// He has sent them himself.
    New,
    /// They are those of a job that he sees.
    Again,
}

/// Checks a job and hands it to the scheduler.
pub(crate) async fn accept(
    head: &Head,
    asker: &Asker,
    how: Claim,
    mut spec: JobSpec,
    secrets: Secrets,
) -> ApiResult<JobView> {
    for upstream in spec.policy.after.iter().chain(&spec.policy.input_from) {
        head.visible(asker, *upstream).await?;
    }
    let is_admin = asker.is_admin().is_ok();
    let held_by = match how {
        Claim::New if !is_admin => Some(asker.signed_in()?.user.clone()),
        _ => None,
    };
    if let Some(user) = &held_by {
        head.check_module_held(user, spec.module).await?;
    }
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
    let manifest = read_input(head, &spec, held_by).await?;
    // What was made of equal bytes for somebody else tells that he had them, too.
    let owns_input = is_admin;
    let job = NewJob { spec, module, manifest, owns_input };
    Ok(head.handle.submit_with(job, secrets).await?)
}

/// The answer that a job was accepted.
pub(crate) fn created(job: JobView) -> impl IntoResponse {
    let location = format!("/api/v1/jobs/{}", job.id);
    (StatusCode::CREATED, [(LOCATION, location)], Json(job))
}

/// The input of a job; empty while it is another job's result that may not be there yet.
async fn read_input(head: &Head, spec: &JobSpec, held_by: Option<String>) -> ApiResult<Manifest> {
    if spec.policy.input_from.is_some() && spec.input == JobSpec::NO_INPUT {
        return Ok(Manifest::new(Vec::new(), None));
    }
    let place = head.submits.take().await;
    let (store, digest, accounts) = (head.store.clone(), spec.input, head.accounts.clone());
    blocking(move || {
        let not_held = |digests: &[Digest]| match &held_by {
            Some(user) => Ok(accounts.not_held(user, digests)?),
            None => Ok(Vec::new()),
        };
        let manifest = input::read(&store, &digest, not_held);
        drop(place);
        manifest
    })
    .await
}

/// `GET /jobs`: those that whoever asks may see, newest first.
pub(crate) async fn list(State(head): State<Head>, asker: Asker) -> ApiResult<Json<JobList>> {
    let mut jobs = head.handle.jobs().await;
    if jobs.is_empty() {
        head.alive().await?;
    }
    jobs.retain(|job| asker.may_see(&job.spec.policy.user, job.spec.policy.class.as_deref()));
    Ok(Json(JobList { jobs }))
}

/// `GET /jobs/{id}`.
pub(crate) async fn view(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<Json<JobView>> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
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
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<Json<JobView>> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    let job = head.handle.cancel(id).await?;
    head.note(&asker, "cancel", &format!("job {id}"), "").await;
    tracing::info!(job = %job.id, "job {} canceled", job.id);
    Ok(Json(job))
}

/// `GET /jobs/{id}/result`.
pub(crate) async fn result(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<Json<ResultView>> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    head.handle.result(id).await.map(Json).map_err(no_result)
}

/// Why there is no result.
pub(crate) fn no_result(error: CommandError) -> ApiError {
    let CommandError::WrongState { job, state } = error else { return error.into() };
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
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<Json<LogList>> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    let entries = head.handle.logs(id).await?;
    Ok(Json(LogList { entries }))
}
