//! Starting a job: an example, a module of one's own, or a job from before; then its form.

mod faults;
mod fields;
mod form;
mod plan;
mod submit;

pub(crate) use form::page as form;
pub(crate) use submit::send;

use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bramble_protocol::{ModuleInfo, Problem};
use futures_util::StreamExt;
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, Visit};
use super::trouble::told;
use super::{Sent, bits, read};
use crate::error::{ApiError, ApiResult};
use crate::lang::Lang;
use crate::state::Head;

/// Examples that come first: those with something to see, from easy to hard.
const FEATURED: [&str; 8] = [
    "mandelbrot",
    "merge-sort",
    "word-count",
    "primes",
    "monte-carlo-pi",
    "n-queens",
    "image-cipher",
    "signal-search",
];
/// Earlier jobs that are offered again.
const EARLIER_MAX: usize = 8;

/// `GET /new`.
pub(crate) async fn page(State(head): State<Head>, visit: Visit) -> Response {
    page_with(&head, &visit, None).await
}

async fn page_with(head: &Head, visit: &Visit, problem: Option<&Problem>) -> Response {
    let lang = visit.lang;
    // Without examples there are still the other ways.
    let examples = head.examples().await.unwrap_or_default();
    let content = html! {
        @if let Some(problem) = problem { (told(problem)) }
        section.card id="own" {
            h2 { (lang.text("own-module")) }
            form method="post" action="/new/module" enctype="multipart/form-data" data-drop {
                label {
                    (lang.text("module-file"))
                    input type="file" name="module" accept=".wasm,.wat,application/wasm" required;
                    small { (lang.text("module-file-help")) }
                }
                button.primary { (lang.text("go-on")) }
            }
        }
        h2 id="gallery" { (lang.text("gallery")) }
        div.cards {
            @for name in FEATURED {
                @for (name, info) in examples.iter().filter(|(known, _)| known == name) {
                    (example(lang, name, info))
                }
            }
        }
        @let others: Vec<_> =
            examples.iter().filter(|(name, _)| !FEATURED.contains(&name.as_str())).collect();
        @if !others.is_empty() {
            details.card {
                summary { (lang.text("more-examples")) }
                div.cards { @for (name, info) in others { (example(lang, name, info)) } }
            }
        }
        @if examples.is_empty() { p.empty { (lang.text("no-examples")) } }
        (earlier(head, visit).await)
    };
    let status = problem.and_then(|problem| StatusCode::from_u16(problem.status).ok());
    let page = Page::new(lang.text("nav-new"), Place::New, content).scripts(&["new.js"]);
    page.send_as(status.unwrap_or_default(), visit)
}

fn example(lang: Lang, name: &str, info: &ModuleInfo) -> Markup {
    html! {
        article.card.example {
            h3 { (name) }
            p lang="en" { (info.declared.about.as_deref().unwrap_or_default()) }
            form method="post" action="/new/example" {
                input type="hidden" name="name" value=(name);
                button id=(format!("example-{}", bits::key(name))) {
                    (lang.text("choose")) span.hidden { " " (name) }
                }
            }
        }
    }
}

/// Jobs of whoever looks, to be run again.
async fn earlier(head: &Head, visit: &Visit) -> Markup {
    let (lang, user) = (visit.lang, visit.asker.name().to_owned());
    let look = move |core: &bramble_scheduler::core::Scheduler| {
        core.jobs_where(|_, spec| spec.policy.user == user, 0, EARLIER_MAX).0
    };
    let jobs = head.handle.look(look).await.unwrap_or_default();
    html! {
        @if !jobs.is_empty() {
            section.card {
                h2 { (lang.text("earlier")) }
                ul.plain {
                    @for job in &jobs {
                        li {
                            a href=(format!("/new/{}?like={}", job.spec.module, job.id)) {
                                (job.spec.name)
                            }
                            " " small.muted { (lang.text("job")) " " (job.id) " · " (bits::ago(lang, job.submitted_at_ms)) }
                        }
                    }
                }
            }
        }
    }
}

/// An example of the gallery.
#[derive(Deserialize)]
pub(crate) struct Chosen {
    name: String,
}

/// `POST /new/example`: takes an example and goes on to its form.
pub(crate) async fn example_chosen(
    State(head): State<Head>,
    visit: Visit,
    sent: Sent<Chosen>,
) -> ApiResult<Response> {
    let Chosen { name } = read(sent)?;
    let info = head.take_example(&visit.asker, &name).await?;
    Ok(Redirect::to(&format!("/new/{}?example={name}", info.digest)).into_response())
}

/// `POST /new/module`: takes a module and goes on to its form.
pub(crate) async fn module(
    State(head): State<Head>,
    visit: Visit,
    mut sent: Multipart,
) -> ApiResult<Response> {
    let taken = async {
        while let Some(field) = sent.next_field().await.map_err(|error| fields::broken(&error))? {
            if field.name() == Some("module") {
                let name = field.file_name().unwrap_or_default().to_owned();
                let pieces = field.map(|piece| piece.map_err(|_| fields::broken_off()));
                let (body, sending) = fields::piped(pieces);
                let (taken, sent) = tokio::join!(head.take_module(&visit.asker, body), sending);
                return sent.and(taken).map(|taken| (taken.module, name));
            }
        }
        Err(ApiError::bad_request("choose a module first"))
    };
    match taken.await {
        Ok((info, name)) => {
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
            let stem = bits::key(stem);
            Ok(Redirect::to(&format!("/new/{}?file={stem}", info.digest)).into_response())
        }
        Err(error) if error.problem().status < 500 => {
            Ok(page_with(&head, &visit, Some(error.problem())).await)
        }
        Err(error) => Err(error),
    }
}
