//! The order in which jobs get slots: looking at it, asking why, and changing it.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use bramble_protocol::api::JobView;
use bramble_protocol::explain::{Explanation, QueueView};
use bramble_protocol::report::{ReportBy, ReportView};
use bramble_protocol::user::UserList;
use bramble_protocol::{JobPolicy, Order};
use bramble_scheduler::CommandError;
use bramble_scheduler::core::{Answer, Scheduler};
use serde::Deserialize;

use crate::access::{Asker, Need, check};
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::routes::job_id;
use crate::state::Head;

/// `GET /queue`: the order, with the numbers that make it. Of the jobs of others it says nothing but
/// how many come first.
pub(crate) async fn view(State(head): State<Head>, asker: Asker) -> ApiResult<Json<QueueView>> {
    let look = move |core: &Scheduler| core.queue_view_of(&|policy| sees(&asker, policy));
    Ok(Json(head.handle.look(look).await?))
}

fn sees(asker: &Asker, policy: &JobPolicy) -> bool {
    asker.may_see(&policy.user, policy.class.as_deref())
}

/// `GET /users`: those that whoever asks looks after, and himself, by name.
pub(crate) async fn users(State(head): State<Head>, asker: Asker) -> ApiResult<Json<UserList>> {
    let mut list = head.handle.look(Scheduler::users).await?;
    list.users.retain(|user| {
        let class = head.accounts.user(&user.user).ok().and_then(|account| account.class);
        asker.may_see(&user.user, class.as_deref())
    });
    list.classes.retain(|limited| asker.teaches(&limited.class).is_ok());
    Ok(Json(list))
}

/// What somebody wants summed up.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    by: ReportBy,
    #[serde(default)]
    since: u64,
}

/// `GET /report`: what the jobs have taken that whoever asks may see.
pub(crate) async fn report(
    State(head): State<Head>,
    asker: Asker,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> ApiResult<Json<ReportView>> {
    let Query(Wanted { by, since }) = wanted.map_err(|error| {
        ApiError::bad_request("the question is not `?by=user|class|job|node&since=MILLISECONDS`")
            .detail(error.body_text())
    })?;
    let look = move |core: &Scheduler| core.report(by, since, &|policy| sees(&asker, policy));
    Ok(Json(head.handle.look(look).await?))
}

/// `GET /jobs/{id}/explain`.
pub(crate) async fn explain_job(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<Json<Explanation>> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    let look = move |core: &Scheduler| core.explain_to(id, None, &|policy| sees(&asker, policy));
    let answer = head.handle.look(look).await?;
    answer.map(Json).ok_or_else(|| CommandError::NoSuchJob(id).into())
}

/// `GET /jobs/{id}/tasks/{index}/explain`.
pub(crate) async fn explain_task(
    State(head): State<Head>,
    asker: Asker,
    Path((id, index)): Path<(String, String)>,
) -> ApiResult<Json<Explanation>> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    let shown = || index.chars().take(80).collect::<String>();
    let task: u32 = index
        .parse()
        .map_err(|_| ApiError::bad_request(format!("`{}` is not the number of a task", shown())))?;
    let look = move |core: &Scheduler| {
        let answer = core.explain_to(id, Some(task), &|policy| sees(&asker, policy));
        (core.job(id).is_some(), answer)
    };
    match head.handle.look(look).await? {
        (_, Some(answer)) => Ok(Json(answer)),
        (false, None) => Err(CommandError::NoSuchJob(id).into()),
        (true, None) => {
            let kind = bramble_protocol::ProblemKind::NotFound;
            Err(ApiError::new(kind, format!("job {id} has no task {task}"))
                .help(format!("tasks are counted from 0: bramble jobs {id}")))
        }
    }
}

/// Sees that whoever gives an order may: teachers for their classes and the nodes, admins for all.
async fn admit(head: &Head, asker: &Asker, order: &Order) -> ApiResult<()> {
    match order {
        Order::Prioritise { job, .. } => {
            head.visible(asker, *job).await?;
            check(Need::Teach, asker)
        }
        Order::Pause { class: Some(class), .. } | Order::Resume { class: Some(class) } => {
            check(Need::Teach, asker)?;
            asker.teaches(class)
        }
        Order::Limit { user: None, class: Some(class), .. } => {
            check(Need::Teach, asker)?;
            asker.teaches(class)
        }
        Order::Limit { user: Some(user), .. } => {
            check(Need::Teach, asker)?;
            let class = head.accounts.user(user).ok().and_then(|account| account.class);
            match class {
                Some(class) => asker.teaches(&class),
                None => asker.is_admin(),
            }
        }
        Order::Drain { .. } | Order::Undrain { .. } | Order::Power { .. } | Order::Lesson => {
            check(Need::Teach, asker)
        }
        Order::Forget { .. }
        | Order::Pause { class: None, .. }
        | Order::Resume { class: None }
        | Order::Limit { user: None, class: None, .. } => asker.is_admin(),
    }
}

/// `POST /orders`: whatever else people tell the scheduler. Answers with the job that it is
/// about, or null.
pub(crate) async fn order(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(order): ApiJson<Order>,
) -> ApiResult<Json<Option<JobView>>> {
    admit(&head, &asker, &order).await?;
    let told = serde_json::to_string(&order).unwrap_or_default();
    let answer = head.handle.order(order).await?;
    head.note(&asker, "order", &told, "").await;
    tracing::info!(order = told, "an order was carried out");
    Ok(Json(match answer {
        Answer::Job(job) => Some(*job),
        _ => None,
    }))
}
