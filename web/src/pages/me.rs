//! Whoever has signed in: who he is, where else, and how to leave.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::html;

use super::layout::{Page, Place, Visit, role};
use super::{bits, done};
use crate::error::ApiResult;
use crate::routes::sessions;
use crate::state::Head;

/// `GET /me`.
pub(crate) async fn page(State(head): State<Head>, visit: Visit) -> ApiResult<Response> {
    let lang = visit.lang;
    let person = visit.asker.signed_in()?;
    let sessions = head.accounts.sessions(&person.user, person.session);
    let content = html! {
        p.lead {
            (role(lang, person.role))
            @if let Some(class) = &person.class { " · " (lang.text("class")) " " (class) }
        }
        section.card {
            h2 { (lang.text("sessions")) }
            table.stack {
                thead {
                    tr {
                        th { (lang.text("where")) } th { (lang.text("from")) }
                        th { (lang.text("last-seen")) } th { (lang.text("end")) }
                    }
                }
                tbody {
                    @for session in &sessions {
                        tr {
                            td data-label=(lang.text("where")) {
                                (lang.text(&format!("session-{}", bits::key(&session.kind))))
                                @if session.current { " " small { (lang.text("this-one")) } }
                            }
                            td data-label=(lang.text("from")) { (session.from) }
                            td data-label=(lang.text("last-seen")) { (bits::ago(lang, session.seen_at_ms)) }
                            td data-label=(lang.text("end")) {
                                @if !session.current {
                                    (bits::button(&format!("/me/end/{}", session.session),
                                        &lang.text("end"), "small", None))
                                }
                            }
                        }
                    }
                }
            }
        }
        p.muted { (lang.text("pin-help")) }
        form method="post" action="/logout" { button { (lang.text("sign-out")) } }
    };
    Ok(Page::new(person.user.clone(), Place::Nowhere, content).send(&visit))
}

/// `POST /me/end/{session}`.
pub(crate) async fn end(
    State(head): State<Head>,
    visit: Visit,
    Path(session): Path<String>,
) -> ApiResult<Response> {
    sessions::end(State(head), visit.asker, Path(session)).await?;
    Ok(done("/me", "ended"))
}
