//! Signing in with a browser, and letting a program in by its eight letters.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bramble_accounts::SessionKind;
use bramble_protocol::account::{Hidden, LoginAnswer, LoginRequest};
use bramble_protocol::{Problem, ProblemKind};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, Visit};
use super::trouble::{own_path, slug, told};
use super::{Sent, read};
use crate::access::{Asker, cookie_of, ended_cookie};
use crate::error::{ApiError, ApiResult};
use crate::lang::Lang;
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
    /// The page to go on to.
    #[serde(default)]
    next: String,
}

/// What the form is filled with.
#[derive(Default)]
struct Filled<'a> {
    code: &'a str,
    user: &'a str,
    program: &'a str,
    next: &'a str,
    /// Whether it stands where another page was asked for.
    is_first: bool,
    problem: Option<&'a Problem>,
}

fn page_of(visit: &Visit, status: StatusCode, filled: &Filled<'_>) -> Response {
    let content = form(visit.lang, filled);
    Page::new(visit.lang.text("sign-in"), Place::Nowhere, content).send_as(status, visit)
}

/// `GET /login`. The query may name a class, as the code on the wall does.
pub(crate) async fn page(visit: Visit) -> Response {
    let is_code = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let class: String = visit.query("class").unwrap_or_default().chars().filter(is_code).collect();
    page_of(&visit, StatusCode::OK, &Filled { code: &class, next: "/", ..Filled::default() })
}

/// In place of a page for which one must have signed in.
pub(super) fn first(visit: &Visit) -> Response {
    let next = own_path(&visit.here);
    page_of(visit, StatusCode::UNAUTHORIZED, &Filled { next, is_first: true, ..Filled::default() })
}

/// `POST /login`: the cookie, or the form again with what is wrong.
pub(crate) async fn sign_in(
    State(head): State<Head>,
    visit: Visit,
    form_sent: Sent<SignIn>,
) -> ApiResult<Response> {
    let sent = read(form_sent)?;
    let (code, user, program) = (sent.code.trim(), sent.user.trim(), program(&sent.program));
    let request = LoginRequest {
        code: (!code.is_empty()).then(|| code.to_owned()),
        user: user.to_owned(),
        pin: sent.pin,
        new_pin: (!sent.new_pin.expose().is_empty()).then_some(sent.new_pin),
    };
    let next = own_path(&sent.next);
    match head.sign_in(&visit.asker, request, SessionKind::Browser).await {
        Ok(login) => Ok(signed_in(&login, &visit.asker, &program, next)),
        Err(error) if error.problem().status < 500 => {
            let problem = Some(error.problem());
            let filled =
                Filled { code, user, program: &program, next, problem, ..Filled::default() };
            let status = StatusCode::from_u16(error.problem().status).unwrap_or_default();
            Ok(page_of(&visit, status, &filled))
        }
        Err(error) => Err(error),
    }
}

fn signed_in(login: &LoginAnswer, asker: &Asker, program: &str, next: &str) -> Response {
    let left = |end: u64| Duration::from_millis(end.saturating_sub(now_ms()));
    let lasts = login.expires_at_ms.map_or(COOKIE_LASTS, left);
    let cookie = cookie_of(login.token.expose(), lasts, asker.is_tls);
    let next = match program {
        "" => next.to_owned(),
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
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Response {
    let code = program(query.as_deref().unwrap_or_default());
    if visit.asker.person.is_none() {
        let filled = Filled { program: &code, next: "/", ..Filled::default() };
        return page_of(&visit, StatusCode::OK, &filled);
    }
    let origin = match code.as_str() {
        "" => None,
        code => Some(head.accounts.code_origin(code, visit.asker.from, now_ms())),
    };
    let content = match origin {
        Some(Ok(from)) => confirm_form(visit.lang, &code, &from),
        Some(Err(error)) => code_form(visit.lang, Some(ApiError::from(error).problem())),
        None => code_form(visit.lang, None),
    };
    Page::new(visit.lang.text("let-in"), Place::Nowhere, content).send(&visit)
}

/// What a program's form sends.
#[derive(Deserialize)]
pub(crate) struct Confirm {
    code: String,
}

/// `POST /login/code`: lets the program in.
pub(crate) async fn confirm(
    State(head): State<Head>,
    visit: Visit,
    form_sent: Sent<Confirm>,
) -> ApiResult<Response> {
    let sent = read(form_sent)?;
    let content = match head.confirm_code(&visit.asker, &sent.code).await {
        Ok(()) => html! { p.done role="status" { (visit.lang.text("let-in-done")) } },
        Err(error) => code_form(visit.lang, Some(error.problem())),
    };
    Ok(Page::new(visit.lang.text("let-in"), Place::Nowhere, content).send(&visit))
}

/// A program's code as far as it can be one: it goes into an address.
fn program(text: &str) -> String {
    let text = text.strip_prefix("code=").unwrap_or(text);
    text.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}

fn form(lang: Lang, filled: &Filled<'_>) -> Markup {
    let Filled { code, user, program, next, problem, .. } = filled;
    let needed = filled.is_first.then(|| slug(ProblemKind::SignInNeeded));
    let new_pin = problem.is_some_and(|it| it.kind == ProblemKind::NewPinNeeded);
    let is_wrong = problem.is_some().then_some("true");
    html! {
        @if let Some(problem) = problem { (told(problem)) }
        form.card method="post" action="/login" data-problem=[needed] {
            input type="hidden" name="program" value=(program);
            input type="hidden" name="next" value=(next);
            label {
                (lang.text("class-code"))
                input name="code" value=(code) autocomplete="off" autocapitalize="characters";
                small { (lang.text("class-code-help")) }
            }
            label {
                (lang.text("your-name"))
                input name="user" value=(user) autocomplete="username" required
                    aria-invalid=[is_wrong];
            }
            label {
                (lang.text("your-pin"))
                input type="password" name="pin" autocomplete="current-password" required
                    aria-invalid=[is_wrong];
            }
            label {
                (lang.text("new-pin"))
                input type="password" name="new_pin" autocomplete="new-password" required[new_pin];
                small { (lang.text("new-pin-help")) }
            }
            button.primary { (lang.text("sign-in")) }
        }
    }
}

fn confirm_form(lang: Lang, code: &str, from: &str) -> Markup {
    let from = if from.is_empty() { "?" } else { from };
    html! {
        p { (lang.with("program-asks", &[("code", code.into()), ("from", from.into())])) }
        p { (lang.text("program-warning")) }
        form method="post" action="/login/code" {
            input type="hidden" name="code" value=(code);
            button.primary { (lang.text("let-it-in")) }
        }
    }
}

fn code_form(lang: Lang, problem: Option<&Problem>) -> Markup {
    html! {
        @if let Some(problem) = problem { (told(problem)) }
        form.card method="get" action="/login/code" {
            label {
                (lang.text("eight-letters"))
                input name="code" autocomplete="off" autocapitalize="characters" required;
            }
            button.primary { (lang.text("go-on")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_text() {
        let evil = "\"><script>alert(1)</script>";
        let filled =
            Filled { code: evil, user: evil, program: evil, next: evil, ..Filled::default() };
        let shown = form(Lang::En, &filled).into_string();
        assert!(!shown.contains("<script>") && shown.contains("&lt;script&gt;"), "{shown}");
        assert!(!confirm_form(Lang::Ru, evil, evil).into_string().contains("<script>"));
    }

    #[test]
    fn a_programs_code_is_letters_and_digits_and_no_address() {
        assert_eq!(program("code=ABCD-EFGH"), "ABCDEFGH");
        assert_eq!(program("//evil.example/x"), "evilexamplex");
        assert_eq!(program(&"A".repeat(100)).len(), 16);
    }
}
