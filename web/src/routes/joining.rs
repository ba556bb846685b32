//! How nodes become part of the cluster, and stop being it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bramble_accounts::{Accounts, Result as AccountsResult};
use bramble_protocol::ProblemKind;
use bramble_protocol::join::{
    AdmissionList, AdmissionView, IssuedJoinToken, JoinTokenList, NewJoinToken, NodeAdmission,
};

use crate::access::Asker;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::routes::now_ms;
use crate::state::{Head, blocking};

/// The longest that a token may last, in milliseconds: 90 days.
const TOKEN_MS_MAX: u64 = 90 * 24 * 3_600_000;

/// `POST /nodes/tokens`: a token by which nodes join.
pub(crate) async fn new_token(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(new): ApiJson<NewJoinToken>,
) -> ApiResult<impl IntoResponse> {
    Ok((StatusCode::CREATED, Json(issue(&head, &asker, new).await?)))
}

/// Makes a token, which is shown this once.
pub(crate) async fn issue(
    head: &Head,
    asker: &Asker,
    new: NewJoinToken,
) -> ApiResult<IssuedJoinToken> {
    let Some(key) = head.fingerprint else {
        return Err(ApiError::new(ProblemKind::WrongState, "this head speaks no TLS")
            .detail("nodes join by TLS only"));
    };
    if new.lasts_ms.is_some_and(|lasts_ms| lasts_ms > TOKEN_MS_MAX) {
        return Err(ApiError::bad_request("a join token lasts 90 days at most"));
    }
    let (accounts, by) = (head.accounts.clone(), asker.name().to_owned());
    let make = move || Ok(accounts.new_join_token(&new, &by, &key, now_ms())?);
    let (token, view) = blocking(make).await?;
    let detail = format!("for {} nodes", view.uses_left);
    head.note(asker, "node-token", &view.id.to_string(), &detail).await;
    Ok(IssuedJoinToken { token: token.text(), view })
}

/// `GET /nodes/tokens`: those that can still be used.
pub(crate) async fn tokens(State(head): State<Head>) -> ApiResult<Json<JoinTokenList>> {
    let accounts = head.accounts.clone();
    let tokens = blocking(move || Ok(accounts.join_tokens(now_ms())?)).await?;
    Ok(Json(JoinTokenList { tokens }))
}

/// `DELETE /nodes/tokens/{id}`: nobody joins by it any more.
pub(crate) async fn revoke_token(
    State(head): State<Head>,
    asker: Asker,
    Path(text): Path<String>,
) -> ApiResult<StatusCode> {
    let id: u64 = text.parse().map_err(|_| {
        ApiError::new(ProblemKind::NotFound, "there is no such token").detail("it is no number")
    })?;
    let accounts = head.accounts.clone();
    blocking(move || Ok(accounts.revoke_join_token(id)?)).await?;
    head.note(&asker, "node-token-revoke", &text, "").await;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /nodes/admissions`: all nodes that ever asked to join, and whether they may work.
pub(crate) async fn admissions(State(head): State<Head>) -> ApiResult<Json<AdmissionList>> {
    let accounts = head.accounts.clone();
    let nodes = blocking(move || Ok(accounts.node_admissions()?)).await?;
    let nodes = nodes.into_iter().map(|(node, admission)| AdmissionView { node, admission });
    Ok(Json(AdmissionList { nodes: nodes.collect() }))
}

/// `POST /nodes/{name}/approve`: lets a node work that waits for that, or has moved.
pub(crate) async fn approve(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<Json<AdmissionView>> {
    change(&head, &asker, name, NodeAdmission::Approved, Accounts::approve_node).await
}

/// `POST /nodes/{name}/reject`: a node may not work, and is cut off at once.
pub(crate) async fn reject(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<Json<AdmissionView>> {
    change(&head, &asker, name, NodeAdmission::Rejected, Accounts::reject_node).await
}

/// `POST /nodes/{name}/remove`: its key is dead at once, and its name is free.
pub(crate) async fn remove(
    State(head): State<Head>,
    asker: Asker,
    Path(name): Path<String>,
) -> ApiResult<Json<AdmissionView>> {
    change(&head, &asker, name, NodeAdmission::Removed, Accounts::remove_node).await
}

async fn change(
    head: &Head,
    asker: &Asker,
    name: String,
    admission: NodeAdmission,
    change: impl FnOnce(&Accounts, &str) -> AccountsResult<()> + Send + 'static,
) -> ApiResult<Json<AdmissionView>> {
    let (accounts, node) = (head.accounts.clone(), name.clone());
    blocking(move || Ok(change(&accounts, &node)?)).await?;
    // What has connected before this is cut off; what connects from now on is asked anew.
    if admission != NodeAdmission::Approved {
        head.connected.dismiss(&name);
    }
    let action = format!("node-{}", admission.name());
    head.note(asker, &action, &name, "").await;
    Ok(Json(AdmissionView { node: name, admission }))
}
