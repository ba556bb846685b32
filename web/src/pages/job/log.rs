//! What a job's attempts logged last.

use bramble_protocol::api::{JobView, LogEntry};
use maud::{Markup, html};

use super::super::bits;
use super::figures::phase_name;
use crate::lang::Lang;
use crate::state::Head;

/// Attempts whose logs are shown.
const ENTRIES_MAX: usize = 20;
/// The end of each log that is shown, in bytes.
const TEXT_BYTES_MAX: usize = 4_000;

pub(super) async fn section(head: &Head, lang: Lang, job: &JobView) -> Markup {
    let entries = head.handle.logs(job.id).await.unwrap_or_default();
    let shown = entries.iter().rev().take(ENTRIES_MAX).rev();
    html! {
        section.card id="log" {
            h2 { (lang.text("log")) }
            @if entries.is_empty() { p.muted { (lang.text("no-log")) } }
            @if entries.len() > ENTRIES_MAX {
                p.muted {
                    (lang.with("log-last", &[("count", ENTRIES_MAX.into()), ("all", entries.len().into())]))
                    " " code { "bramble logs " (job.id) }
                }
            }
            @for entry in shown { (attempt(lang, entry)) }
        }
    }
}

fn attempt(lang: Lang, entry: &LogEntry) -> Markup {
    let text = &entry.text;
    let from = text.ceil_char_boundary(text.len().saturating_sub(TEXT_BYTES_MAX));
    html! {
        details id=(format!("log-{}-{}", entry.task.index, entry.attempt)) open[entry.error.is_some()] {
            summary {
                (phase_name(lang, entry.phase)) " " (entry.index) " · " (entry.node) " "
                @if entry.error.is_some() { code { (entry.outcome) } }
            }
            @if let Some(error) = &entry.error { p { (bits::head_says(error)) } }
            @if !text.is_empty() {
                pre lang="en" { @if from > 0 { "… " } (&text[from..]) }
            }
        }
    }
}
