//! Accounts, for those who look after people.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bramble_protocol::account::{AccountList, IssuedPin, NewAccount, RemovedView, Role};
use bramble_protocol::{Order, ProblemKind};
use bramble_scheduler::core::Answer;

use crate::access::Asker;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::routes::now_ms;
use crate::state::{Head, Shared, blocking};

/// `GET /accounts`: those that whoever asks looks after, and his own.
pub(crate) async fn list(State(head): State<Head>, asker: Asker) -> Json<AccountList> {
    let accounts = head.accounts.users(|user, class| asker.may_see(user, class));
    Json(AccountList { accounts })
}

/// `POST /accounts`: a new one, with a PIN for the first time.
pub(crate) async fn add(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(new): ApiJson<NewAccount>,
) -> ApiResult<impl IntoResponse> {
    match (&new.class, new.role) {
        (Some(class), Role::Student) => asker.teaches(class)?,
        _ => asker.is_admin()?,
    }
    let (user, role) = (new.user.clone(), new.role.name());
    let accounts = head.accounts.clone();
    let issued: IssuedPin = blocking(move || Ok(accounts.add_user(&new, now_ms())?)).await?;
    head.note(&asker, "user-add", &user, role).await;
    Ok((StatusCode::CREATED, Json(issued)))
}

/// `POST /accounts/{name}/reset-pin`: a PIN for the first time again.
pub(crate) async fn reset_pin(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<Json<IssuedPin>> {
    head.looked_after(&asker, &name)?;
    let accounts = head.accounts.clone();
    let user = name.clone();
    let issued = blocking(move || Ok(accounts.reset_pin(&user)?)).await?;
    head.note(&asker, "user-reset-pin", &name, "").await;
    Ok(Json(issued))
}

/// `DELETE /accounts/{name}`: removes somebody with all that is his.
pub(crate) async fn remove(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<Json<RemovedView>> {
    head.looked_after(&asker, &name)?;
    let accounts = head.accounts.clone();
    let user = name.clone();
    // First of all he can do nothing more.
    blocking(move || Ok(accounts.remove_user(&user)?)).await?;
    let forget = Order::Forget { user: Some(name.clone()), class: None };
    let removed = head.forget_jobs(vec![name.clone()], forget).await?;
    let detail = format!("{} jobs stopped, {} forgotten", removed.canceled, removed.forgotten);
    head.note(&asker, "user-remove", &name, &detail).await;
    Ok(Json(removed))
}

impl Shared {
    /// Sees that whoever asks looks after somebody: a teacher after his students, an admin after
    /// all. Others do not learn whether there is such an account.
    fn looked_after(&self, asker: &Asker, name: &str) -> ApiResult<()> {
        let known = self.accounts.user(name);
        let is_his = |class: Option<&str>| class.is_some_and(|class| asker.teaches(class).is_ok());
        match known {
            Ok(view) if asker.is_admin().is_ok() || is_his(view.class.as_deref()) => Ok(()),
            _ => {
                let title = format!("there is no account `{name}`");
                Err(ApiError::new(ProblemKind::NoSuchAccount, title)
                    .help("`bramble user list` shows those that you look after"))
            }
        }
    }

    /// Has the scheduler forget the jobs of those who are gone.
    pub(crate) async fn forget_jobs(
        &self,
        users: Vec<String>,
        forget: Order,
    ) -> ApiResult<RemovedView> {
        let (canceled, forgotten) = match self.handle.order(forget).await? {
            Answer::Forgotten { canceled, forgotten } => (canceled, forgotten),
            _ => (0, 0),
        };
        Ok(RemovedView { schema: "bramble.removed/1".into(), users, canceled, forgotten })
    }
}
