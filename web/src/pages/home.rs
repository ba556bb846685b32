//! The first page: what is mine, and how the cluster does.

use axum::extract::State;
use axum::response::Response;
use bramble_protocol::api::{JobState, JobView};
use maud::{Markup, html};

use super::bits;
use super::cards::{self, Cluster};
use super::layout::{Page, Place, Visit};
use crate::access::Need;
use crate::lang::Lang;
use crate::live::{Part, Topic, Viewer};
use crate::state::Head;

/// Jobs that are listed beside the one that stands out.
const OTHERS_MAX: usize = 5;

/// `GET /`.
pub(crate) async fn page(State(head): State<Head>, visit: Visit) -> Response {
    let lang = visit.lang;
    if !visit.may(Need::Look) {
        return welcome(&visit);
    }
    let viewer = visit.viewer();
    let cluster = Cluster::of(&head).await;
    let runs_jobs = visit.may(Need::Run);
    let mine = if runs_jobs { Some(mine(&head, &viewer).await) } else { None };
    let mut topics = vec![Topic::Cluster.name()];
    if runs_jobs && !visit.is_kiosk() {
        topics.push(Topic::Mine.name());
    }
    let content = html! {
        div.split {
            @if let Some(mine) = mine.filter(|_| !visit.is_kiosk()) { (mine) }
            (cards::summary(lang, &cluster))
        }
        h2 { (lang.text("nodes")) }
        (cards::cards(&head, &viewer, &cluster.nodes))
    };
    let title = lang.text(if runs_jobs { "home-title" } else { "status-title" });
    Page::new(title, Place::Home, content).live(topics).send(&visit)
}

/// For whoever has not signed in where only those may look who have.
fn welcome(visit: &Visit) -> Response {
    let lang = visit.lang;
    let content = html! {
        p.lead { (lang.text("welcome")) }
        p { a.button.primary href="/login" { (lang.text("sign-in")) } }
        p.muted { (lang.text("welcome-cli")) " " code { "bramble login" } }
    };
    Page::new(lang.text("welcome-title"), Place::Home, content).send(visit)
}

/// The parts of the topic `mine`.
pub(crate) async fn mine_parts(head: &Head, viewer: &Viewer) -> Vec<Part> {
    vec![Part { id: "mine".into(), markup: mine(head, viewer).await }]
}

/// The job of whoever looks that he most likely wants to see, with the others of his that run.
async fn mine(head: &Head, viewer: &Viewer) -> Markup {
    let user = viewer.asker.name().to_owned();
    let jobs = head.handle.look(move |core| {
        let open = core.jobs_where(
            |state, spec| spec.policy.user == user && !state.is_final(),
            0,
            OTHERS_MAX,
        );
        let ended =
            core.jobs_where(|state, spec| spec.policy.user == user && state.is_final(), 0, 1);
        [open.0, ended.0].concat()
    });
    let jobs = jobs.await.unwrap_or_default();
    // What runs goes before what waits, and both before what has ended.
    let first = jobs.iter().find(|job| job.state == JobState::Running).or(jobs.first());
    let lang = viewer.lang;
    html! {
        section.card id="mine" aria-label=(lang.text("your-job")) {
            h2 { (lang.text("your-job")) }
            @match first {
                Some(job) => {
                    (spotlight(head, lang, job))
                    @let others = jobs.iter().filter(|other| other.id != job.id);
                    ul.plain {
                        @for other in others { li { (line(lang, other)) } }
                    }
                }
                None => {
                    p { (lang.text("no-job-yet")) }
                    p { a.button.primary href="/new" { (lang.text("nav-new")) } }
                }
            }
        }
    }
}

/// One job: a picture, a sentence, a bar, a button.
fn spotlight(head: &Head, lang: Lang, job: &JobView) -> Markup {
    let path = format!("/j/{}", job.id);
    let picture = head.previews.of(job.id).previews.into_iter().next_back();
    let picture = picture.filter(|shown| shown.media == "image/png");
    html! {
        div.spotlight {
            div {
                p.big {
                    a href=(path) { (job.spec.name) } " "
                    (bits::state(lang, job.state.name()))
                }
                p { (bits::sentence(lang, job)) }
                (bits::bar(lang, job))
            }
            @if let Some(shown) = picture {
                img.picture alt=(lang.text("picture"))
                    src=(format!("/api/v1/jobs/{}/previews/{}?v={}", job.id, shown.task, shown.version));
            }
        }
        div.actions {
            a.button href=(path) {
                (lang.text(if job.state.is_final() { "look" } else { "watch" }))
            }
            @if !job.state.is_final() {
                @let ask = lang.text("cancel-ask");
                (bits::button(&format!("{path}/cancel"), &lang.text("cancel"), "danger", Some(&ask)))
            }
        }
    }
}

/// A job on one line.
fn line(lang: Lang, job: &JobView) -> Markup {
    html! {
        a href=(format!("/j/{}", job.id)) { (job.id) " " (job.spec.name) } " "
        (bits::state(lang, job.state.name()))
    }
}
