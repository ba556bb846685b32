//! Help that needs no network: the first ten minutes, words, and what failures mean.

use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Page, Place, Visit};
use super::reference;

/// Words that the pages use in a sense of their own.
const WORDS: [&str; 11] = [
    "job",
    "task",
    "chunk",
    "node",
    "head",
    "slot",
    "attempt",
    "phase",
    "speed-up",
    "efficiency",
    "digest",
];

/// Failures, by the slug that pages, the command line and the API give them.
pub(super) const FAILURES: [&str; 16] = [
    "bad-input",
    "bad-param",
    "guest-failed",
    "exit-status",
    "trapped",
    "stack-overflow",
    "out-of-time",
    "timed-out",
    "out-of-memory",
    "out-of-fuel",
    "too-much-output",
    "chunk-corrupt",
    "chunk-missing",
    "node-fault",
    "disagreed",
    "canceled",
];

/// `GET /help`.
pub(crate) async fn page(visit: Visit) -> Response {
    let lang = visit.lang;
    let content = html! {
        section.card {
            h2 { (lang.text("help-first")) }
            ol.steps {
                li { (lang.text("help-step-1")) }
                li { (lang.text("help-step-2")) }
                li { (lang.text("help-step-3")) }
                li { (lang.text("help-step-4")) " " code { "bramble new hello --lang c" } }
                li { (lang.text("help-step-5")) " " code { "bramble test" } }
            }
        }
        section.card {
            h2 { (lang.text("help-words")) }
            dl.words {
                @for word in WORDS {
                    dt { (lang.text(&format!("word-{word}"))) }
                    dd { (lang.text(&format!("meaning-{word}"))) }
                }
            }
        }
        section.card {
            h2 { (lang.text("help-failures")) }
            dl.words {
                @for slug in FAILURES {
                    dt id=(slug) { code { (slug) } }
                    dd { (lang.text(&format!("failure-{slug}"))) }
                }
            }
        }
        p {
            (lang.text("help-api")) " " a href="/help/api" { (lang.text("api-reference")) } " · "
            a href="/api/v1/openapi.json" { code { "openapi.json" } }
        }
    };
    Page::new(lang.text("nav-help"), Place::Help, content).send(&visit)
}

/// `GET /help/api`: every call of the API. It is for programs and those who write them, and in
/// English.
pub(crate) async fn api(visit: Visit) -> Response {
    english(&visit, &reference::rendered().calls)
}

/// `GET /help/api/types`: what the calls of the API take and answer.
pub(crate) async fn types(visit: Visit) -> Response {
    english(&visit, &reference::rendered().types)
}

fn english(visit: &Visit, reference: &Markup) -> Response {
    let content = html! { div lang="en" { (reference) } };
    Page::new(visit.lang.text("api-reference"), Place::Help, content).send(visit)
}
