//! The first page: what this is, and how the cluster does for those who may look.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use maud::html;

use super::page as whole;
use crate::access::{Asker, Need, check};
use crate::state::Head;

/// `GET /`.
pub(crate) async fn page(State(head): State<Head>, asker: Asker) -> Response {
    let nodes = match check(Need::Look, &asker) {
        Ok(()) => Some(head.handle.nodes().await),
        Err(_) => None,
    };
    let content = html! {
        p {
            "This is the head of a bramble cluster, version " (head.version) ". Submit jobs to it "
            "with " code { "bramble submit" } "."
        }
        @match nodes {
            Some(nodes) => {
                h2 { "Nodes" }
                ul {
                    @for node in nodes {
                        li {
                            (node.name) ": " (node.state.name()) ", " (node.leased) " of "
                            (node.slots) " slots"
                        }
                    }
                }
            }
            None => { p { a href="/login" { "Sign in" } " to see more." } }
        }
    };
    whole(StatusCode::OK, &asker, "A cluster of small computers", &content)
}

/// `GET /style.css`.
pub(crate) async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=3600")];
    (headers, include_str!("style.css"))
}
