//! Classes, for their teachers.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bramble_protocol::Order;
use bramble_protocol::account::{
    ClassList, ClassView, NewClass, RemovedView, RosterAnswer, RosterRequest,
};

use crate::access::Asker;
use crate::body::ApiJson;
use crate::error::ApiResult;
use crate::routes::now_ms;
use crate::state::{Head, blocking};

/// `GET /classes`: those of whoever asks; an admin sees all.
pub(crate) async fn list(State(head): State<Head>, asker: Asker) -> Json<ClassList> {
    let classes = head.accounts.classes(|class| asker.teaches(class).is_ok(), now_ms());
    Json(ClassList { classes })
}

/// `POST /classes`: a new one, with its code.
pub(crate) async fn add(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(new): ApiJson<NewClass>,
) -> ApiResult<impl IntoResponse> {
    let own = asker.signed_in()?.user.clone();
    let teacher = new.teacher.clone().unwrap_or_else(|| own.clone());
    if teacher != own {
        asker.is_admin()?;
    }
    let (accounts, detail) = (head.accounts.clone(), format!("of {teacher}"));
    let class: ClassView =
        blocking(move || Ok(accounts.new_class(&new, &teacher, now_ms())?)).await?;
    head.note(&asker, "class-new", &class.class, &detail).await;
    Ok((StatusCode::CREATED, Json(class)))
}

/// `POST /classes/{name}/roster`: puts all on a roster into the class.
pub(crate) async fn import(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
    ApiJson(request): ApiJson<RosterRequest>,
) -> ApiResult<Json<RosterAnswer>> {
    asker.teaches(&name)?;
    let (accounts, class) = (head.accounts.clone(), name.clone());
    let import = move || Ok(accounts.import_roster(&class, &request.roster, now_ms())?);
    let answer = blocking(import).await?;
    let detail = format!("{} added, {} known", answer.added.len(), answer.known.len());
    head.note(&asker, "class-import", &name, &detail).await;
    Ok(Json(answer))
}

/// `POST /classes/{name}/close`: its code is dead and its students are signed out.
pub(crate) async fn close(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<Json<ClassView>> {
    asker.teaches(&name)?;
    let (accounts, class) = (head.accounts.clone(), name.clone());
    let closed = blocking(move || Ok(accounts.close_class(&class, now_ms())?)).await?;
    head.note(&asker, "class-close", &name, "").await;
    Ok(Json(closed))
}

/// `DELETE /classes/{name}`: removes it with its students and all that is theirs.
pub(crate) async fn remove(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<Json<RemovedView>> {
    asker.teaches(&name)?;
    let (accounts, class) = (head.accounts.clone(), name.clone());
    let students = blocking(move || Ok(accounts.remove_class(&class)?)).await?;
    let forget = Order::Forget { user: None, class: Some(name.clone()) };
    let removed = head.forget_jobs(students, forget).await?;
    let detail = format!(
        "{} students, {} jobs stopped, {} forgotten",
        removed.users.len(),
        removed.canceled,
        removed.forgotten
    );
    head.note(&asker, "class-remove", &name, &detail).await;
    Ok(Json(removed))
}
