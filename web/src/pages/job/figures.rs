//! Numbers of a job: where its time went, how much the nodes helped each other, who did what.

use std::collections::BTreeMap;

use bramble_protocol::PhaseKind;
use bramble_protocol::api::{JobState, JobView, PhaseView};
use bramble_protocol::energy::{self, Taken};
use maud::{Markup, html};

use crate::lang::Lang;
use crate::timeline::{Figures, Spread};

/// `models` are the boards by the names of nodes.
pub(super) fn section(
    lang: Lang,
    job: &JobView,
    found: &Figures,
    models: &BTreeMap<String, String>,
) -> Markup {
    let is_done = job.state == JobState::Done;
    let estimated = || html! { " " small { (lang.text("estimated")) } };
    html! {
        section.card id="figures" {
            h2 { (lang.text("figures")) }
            (phases(lang, job))
            dl.facts {
                @if let Some(ratio) = found.speed_up.filter(|_| is_done).or_else(|| super::speed_up(job)) {
                    div {
                        dt { (lang.text("speed-up")) }
                        dd { (lang.decimal(ratio, 1)) "×" (estimated()) }
                    }
                }
                @if let Some(share) = found.efficiency().filter(|_| is_done) {
                    div { dt { (lang.text("efficiency")) } dd { (lang.percent(share)) (estimated()) } }
                }
                @if let Some(share) = found.serial_share().filter(|_| is_done) {
                    div { dt { (lang.text("serial-share")) } dd { (lang.percent(share)) (estimated()) } }
                }
                @if let Some(taken) = taken(job, models) {
                    div { dt { (lang.text("energy")) } dd { (energy_of(lang, &taken)) } }
                }
                @if let Some(chunks) = found.chunks { (spread(lang, &chunks)) }
                @if job.usage.cpu_us > 0 {
                    div { dt { (lang.text("processor-time")) } dd { (lang.duration_us(job.usage.cpu_us)) } }
                }
                div { dt { (lang.text("input")) } dd { (lang.bytes(job.input_bytes)) } }
                @if let Some(bytes) = job.result_bytes {
                    div { dt { (lang.text("result")) } dd { (lang.bytes(bytes)) } }
                }
                @if job.usage.memory_bytes_peak > 0 {
                    div { dt { (lang.text("memory-peak")) } dd { (lang.bytes(job.usage.memory_bytes_peak)) } }
                }
                @if job.tasks.retried > 0 {
                    div { dt { (lang.text("tried-again")) } dd { (job.tasks.retried) } }
                }
            }
        }
    }
}

/// What the job took of energy, as its nodes told, or by what their boards are.
fn taken(job: &JobView, models: &BTreeMap<String, String>) -> Option<Taken> {
    let wall_ms =
        job.ended_at_ms.zip(job.started_at_ms).map_or(0, |(end, start)| end.saturating_sub(start));
    let model = |node: &str| models.get(node).map(String::as_str);
    let taken = energy::taken(job, wall_ms as f64 / 1000.0, model);
    // A model says nothing of one that runs: not how long it has.
    taken.filter(|_| wall_ms > 0 || job.usage.energy_uj > 0)
}

/// So much, and how that is known.
fn energy_of(lang: Lang, taken: &Taken) -> Markup {
    let digits = if taken.joules < 10.0 { 1 } else { 0 };
    html! {
        (lang.decimal(taken.joules, digits)) " J "
        small {
            @match (taken.measured * 100.0).round() as u32 {
                0 => { (lang.text("estimated")) }
                100.. => { (lang.text("measured")) }
                _ => { (lang.with("partly-measured", &[("share", lang.percent(taken.measured).into())])) }
            }
        }
    }
}

/// How long chunks took, and a word where one of them took much longer than the others.
fn spread(lang: Lang, chunks: &Spread) -> Markup {
    let of = |us: u64| lang.duration_us(us);
    html! {
        div {
            dt { (lang.text("chunk-times")) }
            dd { (of(chunks.min_us)) " · " (of(chunks.median_us)) " · " (of(chunks.max_us)) }
        }
        @if let Some(times) = chunks.skew() {
            @let values = [
                ("task", chunks.slowest.index.into()),
                ("times", lang.decimal(times, 1).into()),
            ];
            div.wide { dt { (lang.text("skew")) } dd { (lang.with("skew-hint", &values)) } }
        }
    }
}

fn phases(lang: Lang, job: &JobView) -> Markup {
    let shown: Vec<&PhaseView> = job.phases.iter().filter(|phase| phase.total > 0).collect();
    html! {
        @if shown.len() > 1 || job.state == JobState::Running {
            table.stack {
                thead {
                    tr {
                        th { (lang.text("phase")) }
                        th.number { (lang.text("progress")) }
                        th.number { (lang.text("time")) }
                    }
                }
                tbody {
                    @for phase in shown {
                        tr {
                            td data-label=(lang.text("phase")) { (phase_name(lang, phase.phase)) }
                            td.number data-label=(lang.text("progress")) {
                                (phase.succeeded) "/" (phase.total)
                            }
                            td.number data-label=(lang.text("time")) {
                                @if let Some((start, end)) = phase.started_at_ms.zip(phase.ended_at_ms) {
                                    (lang.duration(end.saturating_sub(start)))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A phase in words.
pub(super) fn phase_name(lang: Lang, phase: PhaseKind) -> String {
    lang.text(&format!("phase-{}", phase.name()))
}

/// Who did it.
pub(super) fn nodes(lang: Lang, job: &JobView) -> Markup {
    let most = job.nodes.iter().map(|node| node.succeeded).max().unwrap_or(0).max(1);
    html! {
        section.card id="nodes" {
            h2 { (lang.text("who-did-it")) }
            @if job.nodes.is_empty() {
                p.muted { (lang.text(if job.state.is_final() { "nobody" } else { "nobody-yet" })) }
            }
            @else {
                table.stack {
                    thead {
                        tr {
                            th { (lang.text("node")) }
                            th { (lang.text("tasks-done")) }
                            th.number { (lang.text("at-work")) }
                            th.number { (lang.text("processor-time")) }
                        }
                    }
                    tbody {
                        @for node in job.nodes.iter().take(256) {
                            tr {
                                td data-label=(lang.text("node")) {
                                    a href=(format!("/n/{}", node.name)) { (node.name) }
                                }
                                td data-label=(lang.text("tasks-done")) {
                                    meter min="0" max=(most) value=(node.succeeded) {} " " (node.succeeded)
                                }
                                td.number data-label=(lang.text("at-work")) { (node.leased) }
                                td.number data-label=(lang.text("processor-time")) {
                                    (lang.duration_us(node.cpu_us))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
