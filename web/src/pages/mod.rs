//! Pages for people. Each is whole HTML made here, with every text escaped by the templates, and
//! works without scripts.

pub(crate) mod home;
pub(crate) mod login;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::access::Asker;

/// What a page may do: nothing but be styled by our sheet and send forms to us. No script runs,
/// nobody frames it, nothing is fetched from elsewhere.
const POLICY: [(HeaderName, &str); 2] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
    ),
    // It says who is signed in.
    (CACHE_CONTROL, "no-store"),
];

/// A whole page.
fn page(status: StatusCode, asker: &Asker, title: &str, content: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · bramble" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header {
                    a href="/" { "bramble" }
                    @match &asker.person {
                        Some(person) => {
                            form method="post" action="/logout" {
                                span { (person.user) " (" (person.role.name()) ")" }
                                button { "Sign out" }
                            }
                        }
                        None => { a href="/login" { "Sign in" } }
                    }
                }
                main {
                    h1 { (title) }
                    (content)
                }
            }
        }
    };
    (status, POLICY, Html(markup.into_string())).into_response()
}
