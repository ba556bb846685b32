//! Problems as pages: what the API answers as JSON, for people.

use axum::extract::{Form, Request};
use axum::http::header::{ACCEPT, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use bramble_protocol::{Problem, ProblemKind};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, Visit};
use crate::lang::{COOKIE_NAME, Lang};

/// The problem of an answer, for whoever shows it in another form.
#[derive(Clone, Debug)]
pub(crate) struct Shown(pub(crate) Problem);

/// What every page goes through: a problem becomes a page, and whoever must sign in first is shown
/// how, and goes on to the page.
pub(crate) async fn dress(visit: Visit, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = next.run(request).await;
    let Some(Shown(problem)) = response.extensions_mut().remove::<Shown>() else {
        return response;
    };
    if problem.kind == ProblemKind::SignInNeeded && is_read {
        return super::login::first(&visit);
    }
    let status = response.status();
    let mut page = page(&problem, &visit).send_as(status, &visit);
    // What the log is to say goes with the answer.
    *page.extensions_mut() = std::mem::take(response.extensions_mut());
    page
}

/// A path of ours to go on to; the first page for anything else, such as another site.
pub(super) fn own_path(next: &str) -> &str {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.len() <= 500
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_own { next } else { "/" }
}

/// What is at addresses where nothing is: a page for whoever asks for one.
pub(crate) async fn nowhere(visit: Visit, request: Request) -> Response {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let is_for_people = accepted.is_some_and(|kinds| kinds.contains("text/html"))
        && !request.uri().path().starts_with("/api/");
    if !is_for_people {
        return StatusCode::NOT_FOUND.into_response();
    }
    let title = format!("there is no page `{}`", request.uri().path());
    page(&Problem::new(ProblemKind::NotFound, title), &visit).send_as(StatusCode::NOT_FOUND, &visit)
}

fn page(problem: &Problem, visit: &Visit) -> Page {
    let lang = visit.lang;
    let title = match problem.status {
        403 => lang.text("trouble-not-allowed"),
        404 => lang.text("trouble-not-found"),
        500.. => lang.text("trouble-fault"),
        _ => lang.text("trouble"),
    };
    let content = html! {
        (told(problem))
        p { a href="/" { (lang.text("to-home")) } }
    };
    Page::new(title, Place::Nowhere, content)
}

/// The name that a kind of problem has in the API.
pub(super) fn slug(kind: ProblemKind) -> String {
    let value = serde_json::to_value(kind).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// A problem as part of a page. What the head says is in English.
pub(crate) fn told(problem: &Problem) -> Markup {
    html! {
        div.error role="alert" lang="en" data-problem=(slug(problem.kind)) {
            p { strong { (problem.title) } }
            @if let Some(detail) = &problem.detail { p { (detail) } }
            @if let Some(help) = &problem.help { p { (help) } }
        }
    }
}

/// A choice of language.
#[derive(Deserialize)]
pub(crate) struct Choice {
    lang: String,
    #[serde(default)]
    next: String,
}

/// `POST /lang`: remembers the language for a year and goes back.
pub(crate) async fn choose(Form(choice): Form<Choice>) -> Response {
    let lang = Lang::of_tag(&choice.lang).unwrap_or_default();
    let mut response = Redirect::to(own_path(&choice.next)).into_response();
    let cookie =
        format!("{COOKIE_NAME}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", lang.tag());
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for evil in ["//evil.example", "https://evil.example", "/\\evil", "", "/\r\nx", "/а"] {
            assert_eq!(own_path(evil), "/", "{evil:?}");
        }
        assert_eq!(own_path("/j/17?tab=log"), "/j/17?tab=log");
    }
}
