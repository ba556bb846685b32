//! The report of a job: one file with everything in it, which needs no network to be read.

use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bramble_protocol::api::{JobState, JobView};
use bramble_scheduler::CommandError;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::super::layout::Visit;
use super::super::{assets, bits, compare};
use super::{description, figures, log, stream};
use crate::error::ApiResult;
use crate::lang::rfc3339;
use crate::results::{self, What};
use crate::routes::{job_id, now_ms};
use crate::state::Head;

/// Nothing is fetched and nothing runs, wherever the file is opened.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// `GET /j/{id}/report.html`.
pub(crate) async fn report(
    State(head): State<Head>,
    visit: Visit,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let id = job_id(&id)?;
    head.visible(&visit.asker, id).await?;
    let job = head.handle.job(id).await.ok_or(CommandError::NoSuchJob(id))?;
    let content = content(&head, &visit, &job).await.into_string();
    let content = with_pictures(&head, &job, content).await;
    let html = frame(&visit, &job, &content).into_string();
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"job-{id}.html\"")),
        (CONTENT_SECURITY_POLICY, "sandbox".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, html).into_response())
}

async fn content(head: &Head, visit: &Visit, job: &JobView) -> Markup {
    let lang = visit.lang;
    let result = match job.state {
        JobState::Done => Some(results::shown(head, lang, job).await),
        _ => None,
    };
    let attempts = head.timelines.of(job.id, 0);
    let models = compare::models(head).await;
    html! {
        section.card {
            p.big { (bits::state(lang, job.state.name())) " " (bits::sentence(lang, job)) }
            @if let Some(failure) = &job.failure { pre lang="en" { (failure.message()) } }
        }
        @if let Some(result) = result {
            section.card { h2 { (lang.text("result")) } (result) }
        }
        (stream::section(lang, job, &attempts, now_ms()))
        (figures::section(lang, job, &attempts, &models))
        (figures::nodes(lang, job))
        (log::section(head, lang, job).await)
        (description(lang, job))
    }
}

/// Puts the pictures themselves where their addresses stand.
async fn with_pictures(head: &Head, job: &JobView, mut content: String) -> String {
    for what in What::ALL {
        let address = format!("/api/v1/jobs/{}/view/{}", job.id, what.name());
        if !content.contains(&address) {
            continue;
        }
        if let Ok(Some(png)) = results::picture(head, job, what).await {
            let data = format!("data:image/png;base64,{}", STANDARD.encode(png));
            content = content.replace(&address, &data);
        }
    }
    content
}

fn frame(visit: &Visit, job: &JobView, content: &str) -> Markup {
    let lang = visit.lang;
    let title = format!("{} · {} {}", job.spec.name, lang.text("job"), job.id);
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta http-equiv="content-security-policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · bramble" }
                style { (PreEscaped(assets::style_sheet())) }
            }
            body {
                main {
                    h1 { (title) }
                    // Links would lead nowhere without the head.
                    (PreEscaped(without_links(content)))
                }
                footer { span { "bramble · " (rfc3339(now_ms())) } }
            }
        }
    }
}

/// HTML that the templates made, with what its links say but not where they lead.
fn without_links(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, link)) = rest.split_once("<a ") {
        out.push_str(before);
        out.push_str("<span>");
        // Values of attributes have no such signs: the templates escape them.
        rest = link.split_once('>').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out.replace("</a>", "</span>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_what_they_say() {
        let linked = "<p><a href=\"/n/x&gt;y\" class=\"b\">node-1</a> and <abbr>a</abbr></p>";
        assert_eq!(without_links(linked), "<p><span>node-1</span> and <abbr>a</abbr></p>");
    }
}
