//! Several jobs side by side: the same work on one node and on many, or today and yesterday.

mod chart;
mod run;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use bramble_protocol::JobId;
use bramble_protocol::api::JobView;
use bramble_scheduler::CommandError;
use maud::{Markup, html};

use super::bits;
use super::layout::{Page, Place, Visit};
use crate::error::{ApiError, ApiResult};
use crate::lang::Lang;
use crate::routes::job_id;
use crate::state::Head;
use run::{Run, is_same_work, runs};

/// Jobs that are put side by side.
const JOBS_MAX: usize = 16;

/// `GET /compare?jobs=17.18`.
pub(crate) async fn page(State(head): State<Head>, visit: Visit) -> ApiResult<Response> {
    let lang = visit.lang;
    let mut jobs = Vec::new();
    for id in asked(&visit)? {
        head.visible(&visit.asker, id).await?;
        jobs.push(head.handle.job(id).await.ok_or(CommandError::NoSuchJob(id))?);
    }
    let models = models(&head).await;
    let runs = runs(&jobs, &models);
    let is_same = jobs.iter().all(|job| is_same_work(&jobs[0], job));
    let content = html! {
        (form(lang, &jobs))
        @if !jobs.is_empty() {
            section.card id="compared" {
                @if !is_same { p { (lang.text("not-the-same-work")) } }
                (table(lang, &jobs, &runs))
                @if jobs.len() > 1 && is_same && runs.iter().flatten().all(|it| it.speed_up.is_none()) {
                    p.muted { (lang.text("no-run-alone")) }
                }
                (chart::chart(lang, &runs))
                p.muted { (lang.text("compare-help")) }
            }
        }
    };
    let is_open = jobs.iter().any(|job| !job.state.is_final());
    let page = Page::new(lang.text("compare"), Place::Jobs, content);
    Ok(if is_open { page.again() } else { page }.send(&visit))
}

/// The jobs that are asked for, each once, in the order in which they are named.
fn asked(visit: &Visit) -> ApiResult<Vec<JobId>> {
    let mut ids = Vec::new();
    for word in visit.queries("jobs").flat_map(|value| value.split(['.', ',', '+'])) {
        let word = word.trim_start_matches("%23").trim_start_matches("%20");
        if word.is_empty() {
            continue;
        }
        let id = job_id(word)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.len() > JOBS_MAX {
        let error = ApiError::bad_request("these are too many jobs to compare");
        return Err(error.help(format!("name at most {JOBS_MAX}")));
    }
    Ok(ids)
}

/// The boards by the names of nodes.
pub(super) async fn models(head: &Head) -> BTreeMap<String, String> {
    let nodes = head.handle.nodes().await.into_iter();
    nodes.filter_map(|node| Some((node.name, node.status.model?))).collect()
}

fn form(lang: Lang, jobs: &[JobView]) -> Markup {
    let ids: Vec<String> = jobs.iter().map(|job| job.id.to_string()).collect();
    html! {
        form.inline action="/compare" {
            label for="jobs" { (lang.text("compare-with")) } " "
            @if !jobs.is_empty() { input type="hidden" name="jobs" value=(ids.join(".")); }
            input id="jobs" name="jobs" size="12" inputmode="numeric" required placeholder="17.18"; " "
            button { (lang.text("compare")) }
        }
    }
}

fn table(lang: Lang, jobs: &[JobView], runs: &[Option<Run>]) -> Markup {
    let share = |share: Option<f64>| share.map(|share| lang.percent(share));
    html! {
        table.stack {
            thead {
                tr {
                    th { (lang.text("job")) } th { (lang.text("state")) }
                    th.number { (lang.text("nodes")) } th.number { (lang.text("time")) }
                    th.number { (lang.text("speed-up")) } th.number { (lang.text("efficiency")) }
                    th.number { (lang.text("serial-share")) }
                    th.number { (lang.text("processor-time")) }
                    th.number { (lang.text("energy")) }
                }
            }
            tbody {
                @for (job, run) in jobs.iter().zip(runs) {
                    tr {
                        td data-label=(lang.text("job")) {
                            a href=(format!("/j/{}", job.id)) { (job.id) } " " (job.spec.name)
                        }
                        td data-label=(lang.text("state")) {
                            (bits::state(lang, job.state.name()))
                        }
                        @match run {
                            None => { td colspan="7" {} }
                            Some(run) => {
                                td.number data-label=(lang.text("nodes")) { (run.nodes) }
                                td.number data-label=(lang.text("time")) { (lang.duration(run.wall_ms)) }
                                td.number data-label=(lang.text("speed-up")) {
                                    @if let Some(times) = run.speed_up { (lang.decimal(times, 2)) "×" }
                                }
                                td.number data-label=(lang.text("efficiency")) { @if let Some(it) = share(run.efficiency()) { (it) } }
                                td.number data-label=(lang.text("serial-share")) { @if let Some(it) = share(run.serial_share()) { (it) } }
                                td.number data-label=(lang.text("processor-time")) { (lang.duration(job.usage.cpu_us / 1000)) }
                                td.number data-label=(lang.text("energy")) {
                                    @if let Some(joules) = run.joules { (lang.decimal(joules, 0)) " J" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
