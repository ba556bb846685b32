//! Signing in and out, over the API.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bramble_accounts::{Deed, SessionKind};
use bramble_protocol::account::{
    CodeAnswer, CodeConfirm, CodePoll, CodePollAnswer, LoginAnswer, LoginRequest, MeView, Role,
};

use crate::access::Asker;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::routes::now_ms;
use crate::state::{Head, Shared, blocking};

impl Shared {
    /// Signs somebody in, and writes down how that went.
    pub(crate) async fn sign_in(
        &self,
        asker: &Asker,
        request: LoginRequest,
        kind: SessionKind,
    ) -> ApiResult<LoginAnswer> {
        // Each try takes 19 MiB and the time of one core.
        let place = self.logins.take_soon(crate::limits::LOGINS_WAITING_MAX).await;
        let place = place.ok_or_else(|| ApiError::busy("too many are signing in"))?;
        let (accounts, from) = (self.accounts.clone(), asker.from);
        let (answer, user) = blocking(move || {
            let answer = accounts.login(&request, kind, from, now_ms());
            drop(place);
            Ok((answer, request.user))
        })
        .await?;
        let detail = answer.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let who = answer.as_ref().map(|answer| answer.user.as_str()).unwrap_or_default();
        self.record(Deed { who, from, action: "login", subject: &user, detail: &detail }).await;
        Ok(answer?)
    }
}

/// `POST /login`.
pub(crate) async fn login(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(request): ApiJson<LoginRequest>,
) -> ApiResult<Json<LoginAnswer>> {
    head.sign_in(&asker, request, SessionKind::CommandLine).await.map(Json)
}

/// `POST /logout`: ends the session that asks.
pub(crate) async fn logout(State(head): State<Head>, asker: Asker) -> ApiResult<StatusCode> {
    let person = asker.signed_in()?;
    head.end_session(&asker, person.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /me`: who asks.
pub(crate) async fn me(State(head): State<Head>, asker: Asker) -> Json<MeView> {
    let sessions = |user: &str, current| head.accounts.sessions(user, current);
    let person = asker.person.as_ref();
    Json(MeView {
        schema: "bramble.me/1".into(),
        user: person.map(|person| person.user.clone()),
        role: asker.role().unwrap_or(Role::Viewer),
        class: person.and_then(|person| person.class.clone()),
        sessions: person.map(|it| sessions(&it.user, it.session)).unwrap_or_default(),
    })
}

/// `DELETE /me/sessions/{session}`: ends a session of whoever asks.
pub(crate) async fn end(
    State(head): State<Head>,
    asker: Asker,
    Path(session): Path<String>,
) -> ApiResult<StatusCode> {
    let session = session.parse().map_err(|_| {
        ApiError::bad_request("a session is named by its number, as `GET /api/v1/me` shows it")
    })?;
    head.end_session(&asker, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Shared {
    /// Ends a session of whoever asks.
    pub(crate) async fn end_session(&self, asker: &Asker, session: u64) -> ApiResult<()> {
        let user = asker.signed_in()?.user.clone();
        let accounts = self.accounts.clone();
        blocking(move || Ok(accounts.end_session(&user, session)?)).await?;
        self.note(asker, "logout", &format!("session {session}"), "").await;
        Ok(())
    }
}

/// `POST /login/code`: a program asks to be let in from a browser.
pub(crate) async fn begin_code(
    State(head): State<Head>,
    asker: Asker,
) -> ApiResult<Json<CodeAnswer>> {
    Ok(Json(head.accounts.begin_code(asker.from, now_ms())?))
}

/// `POST /login/code/poll`: the program asks whether it was.
pub(crate) async fn poll_code(
    State(head): State<Head>,
    ApiJson(request): ApiJson<CodePoll>,
) -> ApiResult<Json<CodePollAnswer>> {
    let accounts = head.accounts.clone();
    let login =
        blocking(move || Ok(accounts.poll_code(request.secret.expose(), now_ms())?)).await?;
    Ok(Json(CodePollAnswer { login }))
}

/// `POST /login/code/confirm`: whoever asks lets a program in as himself.
pub(crate) async fn confirm_code(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(request): ApiJson<CodeConfirm>,
) -> ApiResult<StatusCode> {
    head.confirm_code(&asker, &request.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Shared {
    /// Lets the program in that shows this code.
    pub(crate) async fn confirm_code(&self, asker: &Asker, code: &str) -> ApiResult<()> {
        let person = asker.signed_in()?;
        self.accounts.confirm_code(code, person, asker.from, now_ms())?;
        self.note(asker, "login-code", &person.user, "").await;
        Ok(())
    }
}
