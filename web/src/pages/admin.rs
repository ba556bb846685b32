//! For admins: nodes that want to join, the tokens by which they do, and what was done lately.

use axum::extract::{Path, State};
use axum::response::Response;
use bramble_accounts::Deeds;
use bramble_protocol::ProblemKind;
use bramble_protocol::join::{IssuedJoinToken, NewJoinToken, NodeAdmission};
use maud::{Markup, html};
use serde::Deserialize;

use super::class::Host;
use super::layout::{Page, Place, Visit};
use super::{Sent, bits, done, read};
use crate::error::{ApiError, ApiResult};
use crate::lang::Lang;
use crate::routes::{joining, now_ms};
use crate::state::{Head, blocking};

/// Entries of the audit log that are shown.
const DEEDS_MAX: usize = 50;
/// Nodes that are listed.
const NODES_MAX: usize = 500;

/// `GET /admin`.
pub(crate) async fn page(State(head): State<Head>, visit: Visit) -> ApiResult<Response> {
    page_with(&head, &visit, html! {}).await
}

async fn page_with(head: &Head, visit: &Visit, news: Markup) -> ApiResult<Response> {
    let lang = visit.lang;
    let accounts = head.accounts.clone();
    let (nodes, tokens, audit) = blocking(move || {
        let deeds = Deeds { count: DEEDS_MAX, before: None, who: None, action: None };
        let (nodes, tokens) = (accounts.node_admissions()?, accounts.join_tokens(now_ms())?);
        Ok((nodes, tokens, accounts.audit(&deeds)?))
    })
    .await?;
    let content = html! {
        (news)
        section.card {
            h2 { (lang.text("nodes-that-join")) }
            table.stack {
                thead { tr { th { (lang.text("node")) } th { (lang.text("state")) } th { (lang.text("do")) } } }
                tbody {
                    @for (name, admission) in nodes.iter().take(NODES_MAX) {
                        tr {
                            td data-label=(lang.text("node")) { (name) }
                            td data-label=(lang.text("state")) {
                                (bits::state(lang, &format!("node-{}", admission.name())))
                            }
                            td data-label=(lang.text("do")) { (node_buttons(lang, name, *admission)) }
                        }
                    }
                }
            }
            @if nodes.is_empty() { p.empty { (lang.text("no-nodes")) } }
        }
        section.card {
            h2 { (lang.text("join-tokens")) }
            p { (lang.text("join-tokens-help")) }
            @if !tokens.is_empty() {
                ul {
                    @for token in &tokens {
                        li {
                            (lang.with("token-left", &[("count", token.uses_left.into())])) " · " (token.made_by) " "
                            (bits::button(&format!("/admin/token/{}/revoke", token.id),
                                &lang.text("revoke"), "small", None))
                        }
                    }
                }
            }
            form.row method="post" action="/admin/token" {
                label { (lang.text("how-many-nodes"))
                    input type="number" name="uses" value="1" min="1" max="1000" required; }
                label.check { input type="checkbox" name="approval" value="true";
                    span { (lang.text("needs-approval")) } }
                button.primary { (lang.text("make-token")) }
            }
        }
        section.card {
            h2 { (lang.text("audit")) }
            @if !audit.intact { p.error role="alert" { (lang.text("audit-broken")) } }
            table.stack {
                thead {
                    tr {
                        th { (lang.text("when")) } th { (lang.text("who")) }
                        th { (lang.text("what")) } th { (lang.text("about")) }
                    }
                }
                tbody {
                    @for entry in &audit.entries {
                        tr {
                            td data-label=(lang.text("when")) { (bits::ago(lang, entry.at_ms)) }
                            td data-label=(lang.text("who")) { (entry.who) }
                            td data-label=(lang.text("what")) { code { (entry.action) } }
                            td data-label=(lang.text("about")) { (entry.subject) " " small.muted { (entry.detail) } }
                        }
                    }
                }
            }
        }
    };
    Ok(Page::new(lang.text("nav-admin"), Place::Admin, content).send(visit))
}

fn node_buttons(lang: Lang, name: &str, admission: NodeAdmission) -> Markup {
    let path = |act: &str| format!("/admin/node/{name}/{act}");
    html! {
        @match admission {
            NodeAdmission::Approved => {
                (bits::button(&path("remove"), &lang.text("remove"), "small danger",
                    Some(&lang.with("remove-ask", &[("node", name.into())]))))
            }
            NodeAdmission::Removed => {}
            _ => {
                (bits::button(&path("approve"), &lang.text("approve"), "small primary", None))
                (bits::button(&path("reject"), &lang.text("reject"), "small", None))
            }
        }
    }
}

/// `POST /admin/node/{name}/{act}`: approve, reject, remove.
pub(crate) async fn node(
    State(head): State<Head>,
    visit: Visit,
    Path((name, act)): Path<(String, String)>,
) -> ApiResult<Response> {
    let (head, asker, name) = (State(head), visit.asker, Path(name));
    let deed = match act.as_str() {
        "approve" => joining::approve(head, asker, name).await.map(|_| "approved"),
        "reject" => joining::reject(head, asker, name).await.map(|_| "rejected"),
        "remove" => joining::remove(head, asker, name).await.map(|_| "removed"),
        _ => Err(ApiError::new(ProblemKind::NotFound, "there is no such button")),
    }?;
    Ok(done("/admin", deed))
}

/// A token to be made.
#[derive(Deserialize)]
pub(crate) struct NewToken {
    uses: u32,
    #[serde(default)]
    approval: bool,
}

/// `POST /admin/token`: answers with the token, which is shown this once.
pub(crate) async fn token(
    State(head): State<Head>,
    visit: Visit,
    host: Host,
    sent: Sent<NewToken>,
) -> ApiResult<Response> {
    let NewToken { uses, approval } = read(sent)?;
    let new = NewJoinToken { uses: Some(uses), needs_approval: approval, ..Default::default() };
    let issued: IssuedJoinToken = joining::issue(&head, &visit.asker, new).await?;
    let lang = visit.lang;
    let address = host.origin.split_once("://").map_or("", |(_, host)| host);
    let news = html! {
        section.card.done role="status" {
            h2 { (lang.text("token-once")) }
            p { (lang.text("token-help")) }
            pre { "bramble agent --head " (address) " --join " (issued.token.expose()) }
        }
    };
    page_with(&head, &visit, news).await
}

/// `POST /admin/token/{id}/revoke`.
pub(crate) async fn revoke(
    State(head): State<Head>,
    visit: Visit,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    joining::revoke_token(State(head), visit.asker, Path(id)).await?;
    Ok(done("/admin", "revoked"))
}
