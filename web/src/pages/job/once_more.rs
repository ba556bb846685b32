//! A job that has ended, once more: on other nodes, on one after the other, beside earlier runs.

use bramble_protocol::NodeState;
use bramble_protocol::api::{JobState, JobView};
use maud::{Markup, html};

use crate::error::ApiResult;
use crate::live::Viewer;
use crate::state::Head;

/// Runs of the same that are offered to be compared with.
const OTHERS_MAX: usize = 20;

/// Nodes on which work may be done now.
pub(super) async fn nodes_there(head: &Head) -> u32 {
    let nodes = head.handle.nodes().await;
    let there =
        nodes.iter().filter(|node| node.state != NodeState::Lost && node.draining.is_none());
    there.count() as u32
}

/// The section; an empty place while the job goes on.
pub(super) async fn section(head: &Head, viewer: &Viewer, job: &JobView) -> Markup {
    let lang = viewer.lang;
    if !job.state.is_final() || job.spec.secrets.is_some() {
        return html! { section id="once-more" hidden {} };
    }
    let nodes = nodes_there(head).await;
    let others = others(head, viewer, job).await.unwrap_or_default();
    html! {
        section.card id="once-more" {
            h2 { (lang.text("once-more")) }
            div.actions {
                form.inline method="post" action=(format!("/j/{}/again", job.id)) {
                    label for="again-nodes" { (lang.text("on-nodes-at-most")) } " "
                    input id="again-nodes" name="nodes" type="number" min="1" max="10000" required
                        value=(nodes.max(1)); " "
                    button id="again" { (lang.text("run-again")) }
                }
                @if nodes > 1 && job.state == JobState::Done {
                    form.inline method="post" action=(format!("/j/{}/scale", job.id)) {
                        button id="scale" {
                            (lang.with("scale", &[("nodes", nodes.min(super::acts::RUNS_MAX).into())]))
                        }
                    }
                }
                a download href=(format!("/j/{}/report.html", job.id)) { (lang.text("report")) }
            }
            @if !others.is_empty() {
                form.inline action="/compare" {
                    input type="hidden" name="jobs" value=(job.id);
                    label for="compare-with" { (lang.text("compare-with")) } " "
                    select id="compare-with" name="jobs" {
                        @for other in &others {
                            option value=(other.id) {
                                (other.id) " · " (other.spec.name)
                                @if let Some((start, end)) = other.started_at_ms.zip(other.ended_at_ms) {
                                    " · " (lang.duration(end.saturating_sub(start)))
                                }
                            }
                        }
                    } " "
                    button { (lang.text("compare")) }
                }
            }
        }
    }
}

/// Other runs of the same module that were done, the latest first.
async fn others(head: &Head, viewer: &Viewer, job: &JobView) -> ApiResult<Vec<JobView>> {
    let (asker, module, id) = (viewer.asker.clone(), job.spec.module, job.id);
    let keep = move |state: JobState, spec: &bramble_protocol::JobSpec| {
        let policy = &spec.policy;
        state == JobState::Done
            && spec.module == module
            && asker.may_see(&policy.user, policy.class.as_deref())
    };
    let found = head.handle.look(move |core| core.jobs_where(keep, 0, OTHERS_MAX + 1)).await?;
    Ok(found.0.into_iter().filter(|other| other.id != id).take(OTHERS_MAX).collect())
}
