//! What the slots did when, and where the time went.

use bramble_protocol::api::JobView;
use bramble_protocol::attempts::{AttemptView, Attempts};
use maud::{Markup, html};

use super::figures::phase_name;
use crate::lang::Lang;
use crate::timeline::{Figures, breakdown, lanes, phase_of, picture, spans, stacked};

/// Attempts in the table under the picture.
const ROWS_MAX: usize = 50;

/// The section; an empty place while there is nothing to see.
pub(super) fn section(lang: Lang, job: &JobView, attempts: &Attempts, now_ms: u64) -> Markup {
    let all = &attempts.attempts;
    let Some(started) = job.started_at_ms else { return html! { section id="stream" hidden {} } };
    let figures = Figures::of(job, attempts, now_ms);
    html! {
        section.card id="stream" {
            h2 { (lang.text("what-happened")) }
            (breakdown(lang, &spans(job, now_ms)))
            @if !all.is_empty() {
                (slots(lang, &figures))
                (picture(lang, job, &lanes(all), (started, job.ended_at_ms.unwrap_or(now_ms))))
                p.legend {
                    span { i.work aria-hidden="true" {} (lang.text("ink-work")) }
                    span { i.merge aria-hidden="true" {} (lang.text("ink-merge")) }
                    span { i.transfer aria-hidden="true" {} (lang.text("ink-transfer")) }
                    span { i.failed aria-hidden="true" { "×" } (lang.text("ink-failed")) }
                }
                (table(lang, job, all))
            }
            @if attempts.dropped > 0 {
                p.muted { (lang.with("attempts-dropped", &[("count", attempts.dropped.into())])) }
            }
            @else if all.is_empty() && job.tasks.succeeded > 0 { p.muted { (lang.text("attempts-unknown")) } }
        }
    }
}

/// What the slots did all the time.
fn slots(lang: Lang, figures: &Figures) -> Markup {
    let idle = (1.0 - figures.read - figures.compute - figures.write).max(0.0);
    let parts = [
        ("transfer", "slots-read", figures.read),
        ("work", "slots-compute", figures.compute),
        ("store", "slots-write", figures.write),
        ("rest", "slots-idle", idle),
    ]
    .map(|(class, key, part)| (class, lang.text(key), String::new(), part));
    let label = lang.with("what-slots-did", &[("count", figures.slots.into())]);
    stacked(lang, &label, &parts)
}

/// The attempts that took longest, in numbers.
fn table(lang: Lang, job: &JobView, all: &[AttemptView]) -> Markup {
    let mut slowest: Vec<&AttemptView> = all.iter().collect();
    slowest.sort_by_key(|it| std::cmp::Reverse(it.wall_us));
    slowest.truncate(ROWS_MAX);
    let address = |name: &str| format!("/api/v1/jobs/{}/{name}", job.id);
    html! {
        details id="attempts" {
            summary { (lang.with("slowest", &[("count", slowest.len().into())])) }
            table.stack {
                thead {
                    tr {
                        th.number { (lang.text("task")) } th { (lang.text("phase")) } th { (lang.text("node")) }
                        th.number { (lang.text("time")) } th.number { (lang.text("slots-read")) }
                        th.number { (lang.text("slots-write")) } th { (lang.text("outcome")) }
                    }
                }
                tbody {
                    @for it in slowest {
                        tr {
                            td.number data-label=(lang.text("task")) { (it.attempt.task.index) }
                            td data-label=(lang.text("phase")) {
                                @if let Some(phase) = phase_of(job, it.attempt.task.index) { (phase_name(lang, phase)) }
                            }
                            td data-label=(lang.text("node")) { (it.node) }
                            td.number data-label=(lang.text("time")) { (lang.duration_us(it.wall_us)) }
                            td.number data-label=(lang.text("slots-read")) { (lang.duration_us(it.read_us)) }
                            td.number data-label=(lang.text("slots-write")) { (lang.duration_us(it.write_us)) }
                            td data-label=(lang.text("outcome")) { code { (it.outcome) } }
                        }
                    }
                }
            }
        }
        p.actions {
            a download href=(address("attempts.csv")) { (lang.text("attempts-table")) }
            a download href=(address("trace.json")) { (lang.text("attempts-trace")) }
        }
    }
}
