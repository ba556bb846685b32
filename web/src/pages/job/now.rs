//! How a job does now: a sentence, a bar, why it waits or failed, and what can be done.

use bramble_protocol::JobId;
use bramble_protocol::api::{FailureView, JobState, JobView};
use maud::{Markup, html};

use super::super::bits;
use crate::lang::Lang;
use crate::live::Viewer;
use crate::state::Head;

pub(super) async fn section(head: &Head, viewer: &Viewer, job: &JobView) -> Markup {
    let lang = viewer.lang;
    let explained = match job.state {
        JobState::Waiting => explanation(head, viewer, job.id).await,
        _ => None,
    };
    html! {
        section.card.now id="now" data-state=(job.state.name()) {
            p.big {
                (bits::state(lang, job.state.name())) " "
                span role="status" { (bits::sentence(lang, job)) }
            }
            @if job.state != JobState::Done { (bits::bar(lang, job)) }
            @if let Some(note) = &job.note { p { (bits::head_says(note)) } }
            @if let Some(explained) = explained { (explained) }
            (saved(lang, job))
            @for failure in failures(job) { (failed(lang, job.id, failure)) }
            (actions(lang, job))
        }
    }
}

fn failures(job: &JobView) -> impl Iterator<Item = &FailureView> {
    let first = job.failure.iter();
    let is_other =
        |failure: &&FailureView| job.failure.as_ref().is_none_or(|it| it.task != failure.task);
    first.chain(job.failures.iter().filter(is_other)).take(4)
}

/// One failure: what, where, why, and what to do.
fn failed(lang: Lang, job: JobId, failure: &FailureView) -> Markup {
    let place = lang.with(
        "failed-at",
        &[
            ("phase", lang.text(&format!("phase-{}", failure.phase.name())).into()),
            ("index", failure.index.into()),
            ("node", failure.node.as_str().into()),
            ("attempts", failure.attempts.into()),
        ],
    );
    html! {
        div.error {
            p {
                strong { (place) } " "
                a href=(format!("/help#{}", failure.outcome.slug())) {
                    code { (failure.outcome.slug()) }
                }
            }
            pre lang="en" { (failure.message()) }
            @if let Some(hint) = failure.outcome.hint() { p { (bits::head_says(hint)) } }
            p {
                a download href=(format!("/api/v1/jobs/{job}/tasks/{}/bundle", failure.task.index)) {
                    (lang.text("bundle"))
                }
            }
        }
    }
}

/// What did not have to be done.
fn saved(lang: Lang, job: &JobView) -> Markup {
    html! {
        @if let Some(saved) = job.saved {
            @let values = [
                ("count", saved.tasks.into()),
                ("length", lang.duration_us(saved.cpu_us).into()),
            ];
            p.muted { (lang.with("saved", &values)) }
        }
        @if let Some(enough) = &job.enough { p.muted { (bits::head_says(&enough.text())) } }
    }
}

/// Why it waits, by node.
async fn explanation(head: &Head, viewer: &Viewer, id: JobId) -> Option<Markup> {
    let asker = viewer.asker.clone();
    let look = move |core: &bramble_scheduler::core::Scheduler| {
        core.explain_to(id, None, &|policy| asker.may_see(&policy.user, policy.class.as_deref()))
    };
    let told = head.handle.look(look).await.ok()??;
    Some(html! {
        @if !told.nodes.is_empty() {
            details {
                summary { (viewer.lang.text("why-waits")) }
                ul lang="en" {
                    @for node in told.nodes.iter().take(64) {
                        li { strong { (node.node) } " " (node.text) }
                    }
                }
            }
        }
    })
}

fn actions(lang: Lang, job: &JobView) -> Markup {
    let path = |verb: &str| format!("/j/{}/{verb}", job.id);
    let is_failed = matches!(job.state, JobState::Failed | JobState::Canceled);
    let has_secrets = job.spec.secrets.is_some();
    html! {
        div.actions {
            @if !job.state.is_final() {
                @let ask = lang.text("cancel-ask");
                (bits::button(&path("cancel"), &lang.text("cancel"), "danger", Some(&ask)))
            }
            @if is_failed && !has_secrets {
                (bits::button(&path("retry"), &lang.text("retry"), "primary", None))
            }
            @if is_failed && has_secrets {
                p.muted { (lang.text("retry-secrets")) " " code { "bramble retry " (job.id) } }
            }
        }
    }
}
