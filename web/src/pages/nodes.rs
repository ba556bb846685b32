//! The nodes, and one of them with all that is known of it.

use axum::extract::{Path, State};
use axum::response::Response;
use bramble_protocol::api::NodeView;
use bramble_protocol::order::DrainRequest;
use bramble_protocol::power::PowerAct;
use bramble_protocol::{Order, ProblemKind};
use bramble_scheduler::CommandError;
use maud::{Markup, html};

use super::cards::{self, Cluster};
use super::layout::{Page, Place, Visit};
use super::{bits, done};
use crate::access::Need;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::lang::Lang;
use crate::live::Topic;
use crate::routes;
use crate::state::Head;

/// Rows of the table of nodes.
const ROWS_MAX: usize = 1_000;

/// `GET /n`.
pub(crate) async fn list(State(head): State<Head>, visit: Visit) -> Response {
    let lang = visit.lang;
    let cluster = Cluster::of(&head).await;
    let content = html! {
        (cards::summary(lang, &cluster))
        (cards::cards(&head, &visit.viewer(), &cluster.nodes))
        @if !cluster.nodes.is_empty() { (table(lang, &cluster.nodes)) }
    };
    let live = [Topic::Cluster.name()];
    Page::new(lang.text("nodes"), Place::Nodes, content).live(live).send(&visit)
}

fn table(lang: Lang, nodes: &[NodeView]) -> Markup {
    html! {
        details.card {
            summary { (lang.text("as-table")) }
            table.stack {
                thead {
                    tr {
                        th { (lang.text("node")) }
                        th { (lang.text("state")) }
                        th.number { (lang.text("slots")) }
                        th.number { (lang.text("speed")) }
                        th.number { (lang.text("temperature")) }
                        th.number { (lang.text("tasks-done")) }
                        th.number { (lang.text("failed")) }
                    }
                }
                tbody {
                    @for node in nodes.iter().take(ROWS_MAX) {
                        tr {
                            td data-label=(lang.text("node")) {
                                a href=(format!("/n/{}", node.name)) { (node.name) }
                            }
                            td data-label=(lang.text("state")) { (bits::state(lang, cards::word(node))) }
                            td.number data-label=(lang.text("slots")) { (node.slots) }
                            td.number data-label=(lang.text("speed")) { (speed(lang, node)) }
                            td.number data-label=(lang.text("temperature")) {
                                @if let Some(heat) = node.status.temperature_millicelsius {
                                    (lang.temperature(heat))
                                }
                            }
                            td.number data-label=(lang.text("tasks-done")) { (lang.number(node.succeeded)) }
                            td.number data-label=(lang.text("failed")) { (lang.number(node.failed)) }
                        }
                    }
                }
            }
        }
    }
}

fn speed(lang: Lang, node: &NodeView) -> String {
    let thousandths = node.speed.map(|speed| f64::from(speed) / 1000.0);
    thousandths.map(|speed| lang.decimal(speed, 2)).unwrap_or_default()
}

/// `GET /n/{name}`.
pub(crate) async fn one(
    State(head): State<Head>,
    visit: Visit,
    Path(name): Path<String>,
) -> ApiResult<Response> {
    let lang = visit.lang;
    let nodes = head.handle.nodes().await;
    let node = nodes.into_iter().find(|node| node.name == name);
    let node = node.ok_or(CommandError::NoSuchNode(name))?;
    let content = html! {
        div.split {
            (cards::card(&head, &visit.viewer(), &node))
            (details(lang, &node))
        }
        p.muted { (lang.text("this-board")) " " code { "bramble nodes " (node.name) } }
    };
    let page = Page::new(node.name.clone(), Place::Nodes, content);
    Ok(page.live([Topic::Cluster.name()]).send(&visit))
}

fn details(lang: Lang, node: &NodeView) -> Markup {
    let status = &node.status;
    html! {
        section.card {
            h2 { (lang.text("details")) }
            dl.facts.wide {
                div { dt { (lang.text("slots")) } dd { (node.slots) } }
                div { dt { (lang.text("processors")) } dd { (status.cpu_count) } }
                div { dt { (lang.text("architecture")) } dd { (node.class.name()) } }
                @if node.speed.is_some() {
                    div { dt { (lang.text("speed")) } dd { (speed(lang, node)) } }
                }
                div { dt { (lang.text("agent-version")) } dd { (node.version) } }
                @if let Some(load) = status.load_milli {
                    div { dt { (lang.text("load")) } dd { (lang.decimal(f64::from(load) / 1000.0, 2)) } }
                }
                @if let Some(uptime) = status.uptime_s {
                    div { dt { (lang.text("uptime")) } dd { (lang.duration(uptime.saturating_mul(1000))) } }
                }
                div { dt { (lang.text("tasks-done")) } dd { (lang.number(node.succeeded)) } }
                div { dt { (lang.text("failed")) } dd { (lang.number(node.failed)) } }
                div { dt { (lang.text("last-seen")) } dd { (bits::ago(lang, node.seen_at_ms)) } }
                @if node.trust.wrong > 0 {
                    div { dt { (lang.text("wrong-results")) } dd { (node.trust.wrong) } }
                }
            }
        }
    }
}

/// `POST /n/{name}/drain`.
pub(crate) async fn drain(
    State(head): State<Head>,
    visit: Visit,
    Path(name): Path<String>,
) -> ApiResult<Response> {
    debug_assert!(visit.may(Need::Teach), "the table of routes admits nobody else");
    let request = ApiJson(DrainRequest { reason: String::new() });
    let node = routes::nodes::drain(State(head), visit.asker, Path(name), request).await?;
    Ok(done(&format!("/n/{}", node.name), "drained"))
}

/// `POST /n/{name}/power/{act}`.
pub(crate) async fn power(
    State(head): State<Head>,
    visit: Visit,
    Path((node, act)): Path<(String, String)>,
) -> ApiResult<Response> {
    let (act, deed) = match act.as_str() {
        "on" => (PowerAct::On, "power-on"),
        "off" => (PowerAct::Off, "power-off"),
        "auto" => (PowerAct::Auto, "power-auto"),
        _ => return Err(ApiError::new(ProblemKind::NotFound, "there is no such button")),
    };
    let order = Order::Power { node: node.clone(), act, force: false };
    let _ = routes::queue::order(State(head), visit.asker, ApiJson(order)).await?;
    Ok(done(&format!("/n/{node}"), deed))
}

/// `POST /n/{name}/undrain`.
pub(crate) async fn undrain(
    State(head): State<Head>,
    visit: Visit,
    Path(name): Path<String>,
) -> ApiResult<Response> {
    let node = routes::nodes::undrain(State(head), visit.asker, Path(name)).await?;
    Ok(done(&format!("/n/{}", node.name), "undrained"))
}
