//! Signing in with a browser, and letting a program in by its eight letters.

use std::time::Duration;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bramble_accounts::SessionKind;
use bramble_protocol::account::{Hidden, LoginAnswer, LoginRequest};
use bramble_protocol::{Problem, ProblemKind};
use maud::{Markup, html};
use serde::Deserialize;

use super::page as whole;
use crate::access::{Asker, cookie_of, ended_cookie};
use crate::error::{ApiError, ApiResult};
use crate::routes::now_ms;
use crate::state::Head;

/// How long a cookie lasts whose session does not end by itself.
const COOKIE_LASTS: Duration = Duration::from_secs(30 * 24 * 3600);

/// The form as it comes.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    #[serde(default)]
    code: String,
    user: String,
    pin: Hidden,
    #[serde(default)]
    new_pin: Hidden,
    /// The code of a program that waits, to go on with.
    #[serde(default)]
    program: String,
}

/// `GET /login`.
pub(crate) async fn page(asker: Asker) -> Response {
    whole(StatusCode::OK, &asker, "Sign in", &form("", "", "", None))
}

/// `POST /login`: the cookie, or the form again with what is wrong.
pub(crate) async fn sign_in(
    State(head): State<Head>,
    asker: Asker,
    form_sent: Result<Form<SignIn>, FormRejection>,
) -> ApiResult<Response> {
    let Form(sent) = form_sent.map_err(|error| not_the_form(&error))?;
    let (code, user, program) = (sent.code.trim(), sent.user.trim(), program(&sent.program));
    let request = LoginRequest {
        code: (!code.is_empty()).then(|| code.to_owned()),
        user: user.to_owned(),
        pin: sent.pin,
        new_pin: (!sent.new_pin.expose().is_empty()).then_some(sent.new_pin),
    };
    match head.sign_in(&asker, request, SessionKind::Browser).await {
        Ok(login) => Ok(signed_in(&login, &asker, &program)),
        Err(error) if error.problem().status < 500 => {
            let content = form(code, user, &program, Some(error.problem()));
            let status = StatusCode::from_u16(error.problem().status).unwrap_or_default();
            Ok(whole(status, &asker, "Sign in", &content))
        }
        Err(error) => Err(error),
    }
}

fn signed_in(login: &LoginAnswer, asker: &Asker, program: &str) -> Response {
    let left = |end: u64| Duration::from_millis(end.saturating_sub(now_ms()));
    let lasts = login.expires_at_ms.map_or(COOKIE_LASTS, left);
    let cookie = cookie_of(login.token.expose(), lasts, asker.is_tls);
    let next = match program {
        "" => "/".to_owned(),
        code => format!("/login/code?{code}"),
    };
    let mut response = Redirect::to(&next).into_response();
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

/// `POST /logout`: ends the session and removes the cookie.
pub(crate) async fn sign_out(State(head): State<Head>, asker: Asker) -> ApiResult<Response> {
    if let Some(person) = &asker.person {
        head.end_session(&asker, person.session).await?;
    }
    let mut response = Redirect::to("/").into_response();
    if let Ok(value) = HeaderValue::from_str(&ended_cookie()) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    Ok(response)
}

/// `GET /login/code?CODE`: asks whether to let a program in.
pub(crate) async fn code(
    State(head): State<Head>,
    asker: Asker,
    RawQuery(query): RawQuery,
) -> Response {
    let code = program(query.as_deref().unwrap_or_default());
    if asker.person.is_none() {
        return whole(StatusCode::OK, &asker, "Sign in", &form("", "", &code, None));
    }
    let origin = match code.as_str() {
        "" => None,
        code => Some(head.accounts.code_origin(code, asker.from, now_ms())),
    };
    let content = match origin {
        Some(Ok(from)) => confirm_form(&code, &from),
        Some(Err(error)) => code_form(Some(&ApiError::from(error).problem().clone())),
        None => code_form(None),
    };
    whole(StatusCode::OK, &asker, "Let a program in", &content)
}

/// What a program's form sends.
#[derive(Deserialize)]
pub(crate) struct Confirm {
    code: String,
}

/// `POST /login/code`: lets the program in.
pub(crate) async fn confirm(
    State(head): State<Head>,
    asker: Asker,
    form_sent: Result<Form<Confirm>, FormRejection>,
) -> ApiResult<Response> {
    let Form(sent) = form_sent.map_err(|error| not_the_form(&error))?;
    let content = match head.confirm_code(&asker, &sent.code).await {
        Ok(()) => html! { p { "Done: the program goes on as you. You may close this page." } },
        Err(error) => code_form(Some(error.problem())),
    };
    Ok(whole(StatusCode::OK, &asker, "Let a program in", &content))
}

fn not_the_form(error: &FormRejection) -> ApiError {
    ApiError::bad_request("this is not what the page's form sends").detail(error.body_text())
}

/// A program's code as far as it can be one: it goes into an address.
fn program(text: &str) -> String {
    let text = text.strip_prefix("code=").unwrap_or(text);
    text.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}

fn told(problem: Option<&Problem>) -> Markup {
    html! {
        @if let Some(problem) = problem {
            p.error role="alert" { (problem.title) }
        }
    }
}

fn form(code: &str, user: &str, program: &str, problem: Option<&Problem>) -> Markup {
    let new_pin = problem.is_some_and(|it| it.kind == ProblemKind::NewPinNeeded);
    html! {
        (told(problem))
        form method="post" action="/login" {
            input type="hidden" name="program" value=(program);
            label {
                "Class code"
                input name="code" value=(code) autocomplete="off" autocapitalize="characters";
                small { "From your teacher. Teachers and admins leave it empty." }
            }
            label {
                "Your name"
                input name="user" value=(user) autocomplete="username" required;
            }
            label {
                "Your PIN"
                input type="password" name="pin" autocomplete="current-password" required;
            }
            label {
                "A new PIN"
                input type="password" name="new_pin" autocomplete="new-password" required[new_pin];
                small { "Only the first time, or to change it." }
            }
            button { "Sign in" }
        }
    }
}

fn confirm_form(code: &str, from: &str) -> Markup {
    html! {
        p {
            "A program asks to work as you. It shows the letters " strong { (code) }
            @if !from.is_empty() { " and runs at " strong { (from) } }
            ". Only go on if you have started it yourself, a moment ago."
        }
        form method="post" action="/login/code" {
            input type="hidden" name="code" value=(code);
            button { "Let it in" }
        }
    }
}

fn code_form(problem: Option<&Problem>) -> Markup {
    html! {
        (told(problem))
        form method="get" action="/login/code" {
            label {
                "The eight letters that the program shows"
                input name="code" autocomplete="off" autocapitalize="characters" required;
            }
            button { "Go on" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_text() {
        let evil = "\"><script>alert(1)</script>";
        let shown = form(evil, evil, evil, None).into_string();
        assert!(!shown.contains("<script>") && shown.contains("&lt;script&gt;"), "{shown}");
        assert!(!confirm_form(evil, evil).into_string().contains("<script>"));
    }

    #[test]
    fn a_programs_code_is_letters_and_digits_and_no_address() {
        assert_eq!(program("code=ABCD-EFGH"), "ABCDEFGH");
        assert_eq!(program("//evil.example/x"), "evilexamplex");
        assert_eq!(program(&"A".repeat(100)).len(), 16);
    }
}
