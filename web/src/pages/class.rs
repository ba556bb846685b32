//! For teachers: classes, their codes on the big screen, who is in, and the jobs of the lesson.

mod acts;
mod qr;

pub(crate) use acts::{act, add_students, new_class, reset_pin};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bramble_protocol::account::{AccountView, ClassView, IssuedPin};
use bramble_protocol::{Problem, ProblemKind};
use maud::{Markup, html};

use super::bits;
use super::layout::{Page, Place, Visit};
use super::trouble::told;
use crate::error::{ApiError, ApiResult};
use crate::lang::Lang;
use crate::routes::now_ms;
use crate::state::Head;

/// Students in the table of a class.
const STUDENTS_MAX: usize = 500;

/// `GET /class`: all classes of whoever asks, and a form for another one.
pub(crate) async fn list(State(head): State<Head>, visit: Visit) -> Response {
    list_with(&head, &visit, None)
}

fn list_with(head: &Head, visit: &Visit, problem: Option<&Problem>) -> Response {
    let lang = visit.lang;
    let classes = head.accounts.classes(|class| visit.asker.teaches(class).is_ok(), now_ms());
    let content = html! {
        @if let Some(problem) = problem { (told(problem)) }
        @if classes.is_empty() { p { (lang.text("no-classes")) } }
        div.cards {
            @for class in &classes { (class_card(lang, class)) }
        }
        section.card {
            h2 { (lang.text("new-class")) }
            form method="post" action="/class" {
                label {
                    (lang.text("class-name"))
                    input name="class" required maxlength="63" autocomplete="off";
                    small { (lang.text("class-name-help")) }
                }
                label.check {
                    input type="checkbox" name="open" value="true";
                    span { (lang.text("class-open")) small { (lang.text("class-open-help")) } }
                }
                button.primary { (lang.text("make-class")) }
            }
        }
    };
    let status = problem.and_then(|problem| StatusCode::from_u16(problem.status).ok());
    let page = Page::new(lang.text("nav-class"), Place::Class, content);
    page.send_as(status.unwrap_or_default(), visit)
}

fn class_card(lang: Lang, class: &ClassView) -> Markup {
    let in_now = [("in", class.signed_in.into()), ("count", class.students.into())];
    html! {
        article.card {
            header {
                h3 { a href=(format!("/class/{}", class.class)) { (class.class) } }
                (bits::state(lang, if class.closed_at_ms.is_some() { "closed" } else { "open" }))
            }
            @if let Some(code) = &class.code { p.big { code { (code) } } }
            p { (lang.with("students-in", &in_now)) }
        }
    }
}

/// `GET /class/{name}`.
pub(crate) async fn one(
    State(head): State<Head>,
    visit: Visit,
    Path(name): Path<String>,
    host: Host,
) -> ApiResult<Response> {
    one_with(&head, &visit, &name, &host, &html! {})
}

/// The page of a class, with what was just done there on top.
fn one_with(
    head: &Head,
    visit: &Visit,
    name: &str,
    host: &Host,
    news: &Markup,
) -> ApiResult<Response> {
    visit.asker.teaches(name)?;
    let lang = visit.lang;
    let mut classes = head.accounts.classes(|class| class == name, now_ms());
    let class = classes.pop().ok_or_else(|| {
        ApiError::new(ProblemKind::NoSuchAccount, format!("there is no class `{name}`"))
    })?;
    let mut students = head.accounts.users(|_, of| of == Some(name));
    students.truncate(STUDENTS_MAX);
    let content = html! {
        (news)
        div.split {
            (entrance(lang, &class, host))
            (controls(lang, &class))
        }
        (roster(lang, &class, &students))
        (new_students(lang, &class))
    };
    Ok(Page::new(class.class.clone(), Place::Class, content).send(visit))
}

/// How students come in: for the projector.
fn entrance(lang: Lang, class: &ClassView, host: &Host) -> Markup {
    html! {
        section.card.entrance {
            h2 { (lang.text("come-in")) }
            @match &class.code {
                Some(code) => {
                    @let address = format!("{}/login?class={code}", host.origin);
                    div.poster {
                        div {
                            p { (lang.text("go-to")) br; strong.big { (host.origin) } }
                            p { (lang.text("class-code")) br; strong.code { (code) } }
                        }
                        (qr::svg(&address, &lang.text("qr")))
                    }
                }
                None => { p { (lang.text("class-is-closed")) } }
            }
        }
    }
}

fn controls(lang: Lang, class: &ClassView) -> Markup {
    let path = |verb: &str| format!("/class/{}/{verb}", class.class);
    let in_now = [("in", class.signed_in.into()), ("count", class.students.into())];
    html! {
        section.card {
            h2 { (lang.text("lesson")) }
            p { (lang.with("students-in", &in_now)) }
            div.actions {
                (bits::button(&path("pause"), &lang.text("pause-class"), "", None))
                (bits::button(&path("resume"), &lang.text("resume-class"), "", None))
                (bits::button(&path("lesson"), &lang.text("new-lesson"), "", None))
                (bits::button(&path("close"), &lang.text("close-class"), "danger",
                    Some(&lang.text("close-class-ask"))))
            }
            p.muted { (lang.text("limits-help")) " " code { "bramble limits --class " (class.class) } }
        }
    }
}

fn roster(lang: Lang, class: &ClassView, students: &[AccountView]) -> Markup {
    html! {
        section.card {
            h2 { (lang.text("roster")) }
            @if students.is_empty() { p.empty { (lang.text("no-students")) } }
            @else {
                table.stack {
                    thead {
                        tr {
                            th { (lang.text("name")) } th { (lang.text("state")) }
                            th { (lang.text("last-seen")) } th { (lang.text("pin")) }
                        }
                    }
                    tbody {
                        @for student in students {
                            tr {
                                td data-label=(lang.text("name")) { (student.user) }
                                td data-label=(lang.text("state")) {
                                    (bits::state(lang, if student.sessions > 0 { "in" } else { "out" }))
                                }
                                td data-label=(lang.text("last-seen")) {
                                    @if let Some(at_ms) = student.seen_at_ms { (bits::ago(lang, at_ms)) }
                                }
                                td data-label=(lang.text("pin")) {
                                    form.inline method="post" action=(format!("/class/{}/pin", class.class)) {
                                        input type="hidden" name="user" value=(student.user);
                                        button.small { (lang.text("reset-pin")) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn new_students(lang: Lang, class: &ClassView) -> Markup {
    html! {
        section.card {
            h2 { (lang.text("add-students")) }
            form method="post" action=(format!("/class/{}/roster", class.class)) {
                label {
                    (lang.text("names"))
                    textarea name="roster" rows="6" required spellcheck="false" {}
                    small { (lang.text("names-help")) }
                }
                button.primary { (lang.text("add")) }
            }
        }
    }
}

/// PINs that are shown this once.
fn issued(lang: Lang, pins: &[IssuedPin]) -> Markup {
    html! {
        section.card.done role="status" {
            h2 { (lang.text("pins-once")) }
            p { (lang.text("pins-help")) }
            table {
                thead { tr { th { (lang.text("name")) } th { (lang.text("pin")) } } }
                tbody {
                    @for pin in pins {
                        tr { td { (pin.user) } td { code { (pin.pin.expose()) } } }
                    }
                }
            }
        }
    }
}

/// How the browser calls this head.
#[derive(Debug)]
pub(crate) struct Host {
    /// Such as `http://bramble.local:8420`.
    pub(crate) origin: String,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Host {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, ApiError> {
        let asker = crate::access::Asker::from_request_parts(parts, state).await?;
        let host = parts.headers.get(axum::http::header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or("bramble.local");
        // Only what can be a name and a port goes into a code that others will follow.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        let host =
            if host.len() <= 100 && host.chars().all(plain) { host } else { "bramble.local" };
        let scheme = if asker.is_tls { "https" } else { "http" };
        Ok(Self { origin: format!("{scheme}://{host}") })
    }
}
