//! What the buttons of a job do.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use bramble_protocol::NodeSelector;
use serde::Deserialize;

use super::super::layout::Visit;
use super::super::{Sent, done, read};
use crate::error::ApiResult;
use crate::routes::jobs::{Claim, accept};
use crate::routes::{job_id, jobs, retry as retries};
use crate::state::Head;

/// `POST /j/{id}/cancel`.
pub(crate) async fn cancel(
    State(head): State<Head>,
    visit: Visit,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let job = jobs::cancel(State(head), visit.asker, Path(id)).await?;
    Ok(done(&format!("/j/{}", job.id), "canceled"))
}

/// `POST /j/{id}/retry`: goes on to the new job.
pub(crate) async fn retry(
    State(head): State<Head>,
    visit: Visit,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let job = retries::again(&head, &visit.asker, job_id(&id)?, Default::default()).await?;
    Ok(done(&format!("/j/{}", job.id), "retried"))
}

/// On how many nodes a job is to run again.
#[derive(Deserialize)]
pub(crate) struct Again {
    nodes: u32,
}

/// `POST /j/{id}/again`: the same job on so many nodes, without anything that was kept of it.
pub(crate) async fn again(
    State(head): State<Head>,
    visit: Visit,
    Path(id): Path<String>,
    sent: Sent<Again>,
) -> ApiResult<Response> {
    let id = job_id(&id)?;
    head.visible(&visit.asker, id).await?;
    let Again { nodes } = read(sent)?;
    let job = head.handle.job(id).await.ok_or(bramble_scheduler::CommandError::NoSuchJob(id))?;
    let mut spec = job.spec;
    spec.nodes = NodeSelector::AtMost(nodes.max(1));
    spec.policy.user.clone_from(&visit.asker.signed_in()?.user);
    spec.policy.cache = false;
    spec.policy.retry_of = None;
    let job = accept(&head, &visit.asker, Claim::Again, spec, Default::default()).await?;
    Ok(Redirect::to(&format!("/j/{}", job.id)).into_response())
}
