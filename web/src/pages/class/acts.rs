//! What the forms of a class do.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use bramble_protocol::account::{NewClass, RosterRequest};
use bramble_protocol::{Order, ProblemKind};
use maud::html;
use serde::Deserialize;

use super::{Host, issued, list_with, one_with};
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::pages::layout::Visit;
use crate::pages::trouble::told;
use crate::pages::{Sent, done, read};
use crate::routes;
use crate::state::Head;

/// A class to be made.
#[derive(Deserialize)]
pub(crate) struct NewOne {
    class: String,
    #[serde(default)]
    open: bool,
}

/// `POST /class`.
pub(crate) async fn new_class(
    State(head): State<Head>,
    visit: Visit,
    sent: Sent<NewOne>,
) -> ApiResult<Response> {
    let NewOne { class, open } = read(sent)?;
    let class = class.trim().to_owned();
    let new = NewClass { class: class.clone(), teacher: None, open, ends_at_ms: None };
    let made = routes::classes::add(State(head.clone()), visit.asker.clone(), ApiJson(new)).await;
    match made {
        Ok(_) => Ok(Redirect::to(&format!("/class/{class}?done=added")).into_response()),
        Err(error) if error.problem().status < 500 => {
            Ok(list_with(&head, &visit, Some(error.problem())))
        }
        Err(error) => Err(error),
    }
}

/// Names, one on each line.
#[derive(Deserialize)]
pub(crate) struct Roster {
    roster: String,
}

/// `POST /class/{name}/roster`: answers with the PINs, which are shown this once.
pub(crate) async fn add_students(
    State(head): State<Head>,
    visit: Visit,
    Path(name): Path<String>,
    host: Host,
    sent: Sent<Roster>,
) -> ApiResult<Response> {
    let Roster { roster } = read(sent)?;
    let request = ApiJson(RosterRequest { roster });
    let path = Path(name.clone());
    let added =
        routes::classes::import(State(head.clone()), visit.asker.clone(), path, request).await;
    let news = match added {
        Ok(axum::Json(answer)) if answer.added.is_empty() => {
            html! { p.done role="status" { (visit.lang.text("all-known")) } }
        }
        Ok(axum::Json(answer)) => issued(visit.lang, &answer.added),
        Err(error) if error.problem().status < 500 => told(error.problem()),
        Err(error) => return Err(error),
    };
    one_with(&head, &visit, &name, &host, &news)
}

/// A student.
#[derive(Deserialize)]
pub(crate) struct Student {
    user: String,
}

/// `POST /class/{name}/pin`: a PIN for the first time again.
pub(crate) async fn reset_pin(
    State(head): State<Head>,
    visit: Visit,
    Path(name): Path<String>,
    host: Host,
    sent: Sent<Student>,
) -> ApiResult<Response> {
    let Student { user } = read(sent)?;
    let asker = visit.asker.clone();
    let pin = routes::accounts::reset_pin(State(head.clone()), asker, Path(user)).await?;
    let news = issued(visit.lang, &[pin.0]);
    one_with(&head, &visit, &name, &host, &news)
}

/// `POST /class/{name}/{act}`: pause, resume, lesson, close.
pub(crate) async fn act(
    State(head): State<Head>,
    visit: Visit,
    Path((name, act)): Path<(String, String)>,
) -> ApiResult<Response> {
    visit.asker.teaches(&name)?;
    let class = Some(name.clone());
    let (order, deed) = match act.as_str() {
        "pause" => (Order::Pause { class, reason: String::new() }, "paused"),
        "resume" => (Order::Resume { class }, "resumed"),
        "lesson" => (Order::Lesson, "opened"),
        "close" => {
            let _ = routes::classes::close(State(head), visit.asker, Path(name.clone())).await?;
            return Ok(done(&format!("/class/{name}"), "closed"));
        }
        _ => return Err(ApiError::new(ProblemKind::NotFound, "there is no such button")),
    };
    let _ = routes::queue::order(State(head), visit.asker, ApiJson(order)).await?;
    Ok(done(&format!("/class/{name}"), deed))
}
