//! Looking at a job's result: by what it is declared to be, or else by what it looks like.
//!
//! Only as much is read as is shown. Pictures are decoded, made smaller and encoded again here, so
//! that no browser sees bytes that a user made.

mod fil;
mod histogram;
mod look;
mod picture;
mod source;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod view;

use bramble_protocol::ObjectRef;
use bramble_protocol::api::JobView;
use bramble_protocol::module::{ResultDecl, ResultKind};
use maud::{Markup, html};

use crate::error::ApiResult;
use crate::lang::Lang;
use crate::serving::{READ_BYTES_MAX, read_range};
use crate::state::{Head, blocking};

pub use look::{Seen, look_at};
pub(crate) use view::{What, picture, render};

use table::numbers_of;

/// The beginning of a result that is looked at, in bytes.
const LOOK_BYTES: u64 = 256 << 10;

/// What a result is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    Picture,
    Hits,
    Table(char),
    Json,
    Numbers,
    Text,
    Bytes,
}

/// The section with the result of a job that is done.
pub(crate) async fn section(head: &Head, lang: Lang, job: &JobView) -> Markup {
    let shown = shown(head, lang, job).await;
    let path = format!("/api/v1/jobs/{}/result/file", job.id);
    html! {
        section.card id="result" {
            h2 { (lang.text("result")) }
            div.actions {
                a.button.primary href=(path) download {
                    (lang.text("download")) " "
                    @if let Some(bytes) = job.result_bytes { "(" (lang.bytes(bytes)) ")" }
                }
                code { "bramble get " (job.id) }
            }
            (shown)
        }
    }
}

/// What there is to see of the result of a job that is done.
pub(crate) async fn shown(head: &Head, lang: Lang, job: &JobView) -> Markup {
    match show(head, lang, job).await {
        Ok(shown) => shown,
        // The file can still be had, or its download says why not.
        Err(error) => html! { p.muted lang="en" { (error.problem().title) } },
    }
}

async fn show(head: &Head, lang: Lang, job: &JobView) -> ApiResult<Markup> {
    let result = head.handle.result(job.id).await?;
    let objects = result.manifest.chunks;
    let total: u64 = objects.iter().map(|object| object.size).sum();
    let start = read_range(head, &objects, 0, LOOK_BYTES).await?;
    let info = head.module_info(job.spec.module).await.ok();
    let declared = info.as_ref().and_then(|info| info.declared.result_for(&job.spec.params));
    let markup = match looks(declared, &start) {
        Looks::Picture => pictures(head, lang, job).await,
        Looks::Hits => fil::section(head, lang, job, &start).await,
        Looks::Table(separator) => table::section(lang, &start, total, separator),
        Looks::Json => text::json(lang, &start, total),
        Looks::Numbers => {
            let sample = sample(head, &objects, total, start).await?;
            table::numbers(lang, declared.map(ResultDecl::extension), &sample, total)
        }
        Looks::Text => text::section(lang, &start, total),
        Looks::Bytes => text::bytes(lang, &start, total),
    };
    Ok(markup)
}

/// All of a result that is not long; of a long one pieces from everywhere.
async fn sample(
    head: &Head,
    objects: &[ObjectRef],
    total: u64,
    start: Vec<u8>,
) -> ApiResult<Vec<Vec<u8>>> {
    if total <= LOOK_BYTES {
        return Ok(vec![start]);
    }
    if total <= READ_BYTES_MAX {
        return Ok(vec![read_range(head, objects, 0, total).await?]);
    }
    let (store, objects) = (head.store.clone(), objects.to_vec());
    let place = head.verifications.take().await;
    let pieces = blocking(move || {
        let pieces = source::spread(&store, &objects);
        drop(place);
        pieces
    });
    Ok([vec![start], pieces.await?].concat())
}

fn looks(declared: Option<&ResultDecl>, start: &[u8]) -> Looks {
    if picture::is_one(start) {
        return Looks::Picture;
    }
    let is_text = text::is_text(start);
    let extension = declared.map_or("", ResultDecl::extension);
    match declared.map(|it| it.kind) {
        _ if is_text
            && start.starts_with(b"# --")
            && start.windows(10).any(|it| it == b"Drift_Rate") =>
        {
            Looks::Hits
        }
        Some(ResultKind::Table) if is_text => Looks::Table('\t'),
        Some(ResultKind::Json) if is_text => Looks::Json,
        _ if matches!(extension, "u32" | "u64" | "i64" | "f32" | "f64") => Looks::Numbers,
        _ if is_text && numbers_of(start).is_some() => Looks::Numbers,
        _ if is_text && extension == "csv" => Looks::Table(','),
        _ if is_text => Looks::Text,
        _ => Looks::Bytes,
    }
}

/// The result as a picture, beside the input if that is one of the same shape.
async fn pictures(head: &Head, lang: Lang, job: &JobView) -> Markup {
    let path = |what: What| format!("/api/v1/jobs/{}/view/{}", job.id, what.name());
    let before = view::measure(head, job, What::Input).await.ok().flatten();
    let after = view::measure(head, job, What::Result).await.ok().flatten();
    let Some(after) = after else {
        return html! { p.muted { (lang.text("picture-too-large")) } };
    };
    let before = before.filter(|before| before.same_shape(&after));
    html! {
        @match &before {
            Some(before) => {
                div.compare data-slider=(lang.text("slide")) {
                    figure {
                        img src=(path(What::Input)) alt=(lang.text("before"))
                            width=(before.width) height=(before.height);
                        figcaption { (lang.text("before")) }
                    }
                    figure {
                        img src=(path(What::Result)) alt=(lang.text("after"))
                            width=(after.width) height=(after.height);
                        figcaption { (lang.text("after")) }
                    }
                }
                div.split {
                    (histogram::of_bytes(lang, &lang.text("before"), &before.counts))
                    (histogram::of_bytes(lang, &lang.text("after"), &after.counts))
                }
                p.muted { (lang.text("entropy-help")) }
            }
            None => {
                figure {
                    img.result src=(path(What::Result)) alt=(lang.text("result"))
                        width=(after.width) height=(after.height);
                }
            }
        }
    }
}

/// What tasks of a job that runs have shown last; an empty place when none has shown anything.
pub(crate) fn live(head: &Head, lang: Lang, job: &JobView) -> Markup {
    /// Pictures that are shown at a time: the latest.
    const SHOWN_MAX: usize = 64;
    let list = head.previews.of(job.id).previews;
    let mut pictures: Vec<_> = list.iter().filter(|it| it.media == "image/png").collect();
    if pictures.is_empty() {
        return html! { section id="result" hidden {} };
    }
    if pictures.len() > SHOWN_MAX {
        pictures.sort_by_key(|it| std::cmp::Reverse(it.version));
        pictures.truncate(SHOWN_MAX);
        pictures.sort_by_key(|it| it.task);
    }
    html! {
        section.card id="result" {
            h2 { (lang.text("picture")) }
            div.previews {
                @for it in pictures {
                    img src=(format!("/api/v1/jobs/{}/previews/{}?v={}", job.id, it.task, it.version))
                        alt=(lang.with("picture-of", &[("task", it.task.into())]));
                }
            }
        }
    }
}
