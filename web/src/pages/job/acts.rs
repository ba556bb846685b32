//! What the buttons of a job do.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use bramble_protocol::{JobId, JobSpec, NodeSelector, ProblemKind};
use bramble_scheduler::CommandError;
use serde::Deserialize;

use super::super::layout::Visit;
use super::super::{Sent, done, read};
use super::once_more::nodes_there;
use crate::error::{ApiError, ApiResult};
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

/// On how many nodes at most a job is run to see what more of them are good for.
pub(super) const RUNS_MAX: u32 = 8;

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
    let mut spec = spec_again(&head, &visit, id).await?;
    let Again { nodes } = read(sent)?;
    spec.nodes = NodeSelector::AtMost(nodes.max(1));
    let job = accept(&head, &visit.asker, Claim::Again, spec, Default::default()).await?;
    Ok(Redirect::to(&format!("/j/{}", job.id)).into_response())
}

/// `POST /j/{id}/scale`: the same job on one node, on two and so on, each when the one before it is
/// done, so that none is in the way of another; goes on to the page that compares them.
pub(crate) async fn scale(
    State(head): State<Head>,
    visit: Visit,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let id = job_id(&id)?;
    let spec = spec_again(&head, &visit, id).await?;
    let most = nodes_there(&head).await.min(RUNS_MAX);
    if most < 2 {
        let error = ApiError::new(ProblemKind::WrongState, "there are no two nodes to compare");
        return Err(error.help("switch more nodes on, or end their draining"));
    }
    let mut ids: Vec<JobId> = Vec::new();
    for nodes in 1..=most {
        let mut spec = spec.clone();
        spec.nodes = NodeSelector::AtMost(nodes);
        spec.policy.after = ids.last().copied().into_iter().collect();
        let job = accept(&head, &visit.asker, Claim::Again, spec, Default::default()).await;
        match job {
            Ok(job) => ids.push(job.id),
            // Those that were accepted are compared; what there may be of them is limited.
            Err(_) if ids.len() > 1 => break,
            Err(error) => return Err(error),
        }
    }
    let ids: Vec<String> = ids.iter().map(JobId::to_string).collect();
    Ok(Redirect::to(&format!("/compare?jobs={}", ids.join("."))).into_response())
}

/// What a job was asked to do, to be done once more by whoever asks, without anything that was kept
/// of it.
async fn spec_again(head: &Head, visit: &Visit, id: JobId) -> ApiResult<JobSpec> {
    head.visible(&visit.asker, id).await?;
    let job = head.handle.job(id).await.ok_or(CommandError::NoSuchJob(id))?;
    let mut spec = job.spec;
    spec.policy.user.clone_from(&visit.asker.signed_in()?.user);
    spec.policy.cache = false;
    spec.policy.retry_of = None;
    spec.policy.after.clear();
    Ok(spec)
}
