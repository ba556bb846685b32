//! The page of one job: how it does, where its time went, who did it, what it logged, what it gave.

mod acts;
mod figures;
mod log;
mod now;
mod once_more;
mod report;
mod stream;

pub(crate) use acts::{again, cancel, retry, scale};
pub(crate) use report::report;

use axum::extract::{Path, State};
use axum::response::Response;
use bramble_protocol::JobId;
use bramble_protocol::api::{JobState, JobView};
use bramble_scheduler::CommandError;
use maud::{Markup, html};

use super::layout::{Page, Place, Visit};
use crate::error::ApiResult;
use crate::lang::Lang;
use crate::live::{Part, Topic, Viewer};
use crate::results;
use crate::routes::{job_id, now_ms};
use crate::state::Head;

/// Processor time of its tasks over the time that passed: what one processor would have needed,
/// against what it took. `None` where that says nothing.
pub(super) fn speed_up(job: &JobView) -> Option<f64> {
    let wall_ms = job.ended_at_ms?.checked_sub(job.started_at_ms?)?;
    let ratio = job.usage.cpu_us as f64 / 1000.0 / wall_ms.max(1) as f64;
    (job.state == JobState::Done && ratio >= 1.05).then_some(ratio)
}

/// `GET /j/{id}`.
pub(crate) async fn page(
    State(head): State<Head>,
    visit: Visit,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let id = job_id(&id)?;
    head.visible(&visit.asker, id).await?;
    let job = head.handle.job(id).await.ok_or(CommandError::NoSuchJob(id))?;
    let viewer = visit.viewer();
    let parts = parts(&head, &viewer, &job).await;
    let content = html! {
        @for part in parts { (part.markup) }
        (description(visit.lang, &job))
    };
    let title = format!("{} · {} {}", job.spec.name, visit.lang.text("job"), job.id);
    let live = (!job.state.is_final()).then(|| Topic::Job(id).name());
    Ok(Page::new(title, Place::Jobs, content).live(live).send(&visit))
}

/// The parts of the topic of a job.
pub(crate) async fn job_parts(head: &Head, viewer: &Viewer, id: JobId) -> Vec<Part> {
    match head.handle.job(id).await {
        Some(job) => parts(head, viewer, &job).await,
        None => Vec::new(),
    }
}

async fn parts(head: &Head, viewer: &Viewer, job: &JobView) -> Vec<Part> {
    let lang = viewer.lang;
    let part = |id: &str, markup: Markup| Part { id: id.to_owned(), markup };
    let attempts = head.timelines.of(job.id, 0);
    let models = super::compare::models(head).await;
    let result = match job.state {
        JobState::Done => results::section(head, lang, job).await,
        _ => results::live(head, lang, job),
    };
    vec![
        part("now", now::section(head, viewer, job).await),
        part("result", result),
        part("stream", stream::section(lang, job, &attempts, now_ms())),
        part("figures", figures::section(lang, job, &attempts, &models)),
        part("nodes", figures::nodes(lang, job)),
        part("log", log::section(head, lang, job).await),
        part("once-more", once_more::section(head, viewer, job).await),
    ]
}

/// What was asked for, folded.
fn description(lang: Lang, job: &JobView) -> Markup {
    let spec = &job.spec;
    html! {
        details.card {
            summary { (lang.text("what-was-asked")) }
            dl.facts.wide {
                div { dt { (lang.text("user")) } dd { (spec.policy.user) } }
                @if let Some(class) = &spec.policy.class {
                    div { dt { (lang.text("class")) } dd { (class) } }
                }
                div { dt { (lang.text("module")) } dd { code { (spec.module.short()) } } }
                div { dt { (lang.text("input")) } dd { (lang.bytes(job.input_bytes)) } }
                div { dt { (lang.text("memory-per-task")) } dd { (lang.bytes(spec.limits.memory_bytes_max)) } }
                div { dt { (lang.text("time-per-task")) } dd { (lang.duration(spec.limits.cpu_ms_max)) } }
                @for (name, value) in &spec.params {
                    div { dt { code { (name) } } dd { code { (value) } } }
                }
                @for arg in &spec.args { div { dt { (lang.text("argument")) } dd { code { (arg) } } } }
            }
        }
    }
}
