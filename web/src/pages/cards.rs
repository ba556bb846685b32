//! The cluster at a glance: its numbers, and a card for each node.

use bramble_protocol::NodeState;
use bramble_protocol::api::NodeView;
use bramble_protocol::board::PowerSource;
use bramble_protocol::ease::{EaseLevel, EaseReason};
use bramble_protocol::power::{PowerAct, PowerStage, PowerView};
use maud::{Markup, html};

use super::bits::{self, key};
use crate::access::{Need, check};
use crate::lang::Lang;
use crate::live::{POINTS_MAX, Part, Point, Viewer};
use crate::state::Head;

/// From here a board is warm, in thousandths of a degree Celsius.
const WARM_MILLICELSIUS: i32 = 70_000;
/// From here a Raspberry Pi slows itself down: "Frequency management and thermal control",
/// Raspberry Pi documentation.
const HOT_MILLICELSIUS: i32 = 80_000;
/// Cards on one page; a cluster with more has its nodes' page.
pub(super) const CARDS_MAX: usize = 64;

/// What all pages show of the cluster.
pub(super) struct Cluster {
    pub(super) nodes: Vec<NodeView>,
    /// Jobs that run, and that wait.
    pub(super) running: usize,
    pub(super) waiting: usize,
}

impl Cluster {
    /// As it is now.
    pub(super) async fn of(head: &Head) -> Self {
        let nodes = head.handle.nodes().await;
        let counted = head.handle.look(|core| {
            let count = |state| core.jobs_where(|its, _| its == state, 0, 0).1;
            use bramble_protocol::api::JobState::{Running, Waiting};
            (count(Running), count(Waiting))
        });
        let (running, waiting) = counted.await.unwrap_or_default();
        Self { nodes, running, waiting }
    }

    fn connected(&self) -> usize {
        self.nodes.iter().filter(|node| node.state != NodeState::Lost).count()
    }
}

/// The parts of the topic `cluster`.
pub(crate) async fn cluster_parts(head: &Head, viewer: &Viewer) -> Vec<Part> {
    let cluster = Cluster::of(head).await;
    let mut parts = vec![Part { id: "cluster".into(), markup: summary(viewer.lang, &cluster) }];
    let cards = cluster.nodes.iter().take(CARDS_MAX);
    parts.extend(cards.map(|node| Part { id: id(node), markup: card(head, viewer, node) }));
    parts
}

/// The numbers of the cluster.
pub(super) fn summary(lang: Lang, cluster: &Cluster) -> Markup {
    let slots: u32 = connected(&cluster.nodes).map(|node| node.slots).sum();
    let busy: u32 = connected(&cluster.nodes).map(|node| node.leased.min(node.slots)).sum();
    let heat = cluster.nodes.iter().filter_map(|node| node.status.temperature_millicelsius).max();
    let sentence = lang.with(
        "cluster-nodes",
        &[("up", cluster.connected().into()), ("count", cluster.nodes.len().into())],
    );
    html! {
        section.card id="cluster" aria-label=(lang.text("cluster")) {
            h2 { (lang.text("cluster")) }
            p.big { (sentence) }
            dl.facts {
                div { dt { (lang.text("slots-busy")) } dd { (busy) " / " (slots) } }
                div { dt { (lang.text("jobs-running")) } dd { (cluster.running) } }
                div { dt { (lang.text("jobs-waiting")) } dd { (cluster.waiting) } }
                @if let Some(heat) = heat {
                    div { dt { (lang.text("hottest")) } dd { (lang.temperature(heat)) } }
                }
            }
            meter min="0" max=(slots.max(1)) value=(busy) { (busy) " / " (slots) }
        }
    }
}

fn connected(nodes: &[NodeView]) -> impl Iterator<Item = &NodeView> {
    nodes.iter().filter(|node| node.state != NodeState::Lost)
}

/// The cards of all nodes.
pub(super) fn cards(head: &Head, viewer: &Viewer, nodes: &[NodeView]) -> Markup {
    html! {
        div.cards id="cards" {
            @for node in nodes.iter().take(CARDS_MAX) { (card(head, viewer, node)) }
        }
        @if nodes.len() > CARDS_MAX {
            p { a href="/n" { (viewer.lang.text("all-nodes")) } }
        }
        @if nodes.is_empty() { p.empty { (viewer.lang.text("no-nodes")) } }
    }
}

fn id(node: &NodeView) -> String {
    format!("node-{}", key(&node.name))
}

/// The word for how a node does: what hinders it goes before what it does.
pub(super) fn word(node: &NodeView) -> &'static str {
    let rests = node.ease.is_some_and(|ease| ease.level == EaseLevel::Rest);
    let is_weak = node.ease.is_some_and(|ease| ease.reason == EaseReason::WeakSupply);
    let is_switched = node.power.as_ref().is_some_and(|power| !is_usual(power.stage));
    match node.state {
        NodeState::Lost if is_switched => node.power.as_ref().map_or("lost", |it| it.stage.slug()),
        NodeState::Lost => "lost",
        NodeState::Suspect => "suspect",
        _ if node.quarantined.is_some() => "quarantined",
        _ if node.draining.is_some() => "draining",
        _ if is_weak => "weak",
        _ if rests => "hot",
        NodeState::Busy => "busy",
        NodeState::Idle => "idle",
    }
}

/// One node.
pub(super) fn card(head: &Head, viewer: &Viewer, node: &NodeView) -> Markup {
    let lang = viewer.lang;
    let is_here = node.state != NodeState::Lost;
    html! {
        article.card.node id=(id(node)) data-in="cards" data-state=(word(node)) {
            header {
                h3 { a href=(format!("/n/{}", node.name)) { (node.name) } }
                (bits::state(lang, word(node)))
            }
            @if let Some(model) = &node.status.model { p.muted { (model) } }
            @if is_here {
                (readings(lang, node))
                (curve(lang, &head.live_history.of(node.id)))
                p.doing { (doing(lang, node)) }
            } @else {
                p.muted { (lang.text("last-seen")) " " (bits::ago(lang, node.seen_at_ms)) }
            }
            (hindrance(lang, node))
            @if let Some(power) = &node.power { (supply(lang, power)) }
            @if check(Need::Teach, &viewer.asker).is_ok() {
                div.actions {
                    @if is_here { (drain_button(lang, node)) }
                    @if let Some(power) = &node.power { (power_buttons(lang, node, power)) }
                }
            }
        }
    }
}

/// What is in the way of a node, in plain words.
pub(super) fn hindrance(lang: Lang, node: &NodeView) -> Markup {
    html! {
        @if let Some(ease) = &node.ease {
            p.warning { (lang.text(&format!("ease-{}-{}", ease.level.slug(), ease.reason.slug()))) }
        }
        @if let Some(reason) = &node.quarantined {
            p.warning { (lang.text("quarantined-because")) " " (bits::head_says(reason)) }
        }
        @if let Some(reason) = node.draining.as_ref().filter(|reason| !reason.is_empty()) {
            p.warning { (lang.text("drained-because")) " " (bits::head_says(reason)) }
        }
    }
}

pub(super) fn drain_button(lang: Lang, node: &NodeView) -> Markup {
    let path = |verb: &str| format!("/n/{}/{verb}", node.name);
    if node.draining.is_some() || node.quarantined.is_some() {
        bits::button(&path("undrain"), &lang.text("undrain"), "small", None)
    } else {
        let ask = lang.with("drain-ask", &[("node", node.name.as_str().into())]);
        let ask = (node.leased > 0).then_some(ask);
        bits::button(&path("drain"), &lang.text("drain"), "small", ask.as_deref())
    }
}

/// Whether a stage says no more than that the board has power.
const fn is_usual(stage: PowerStage) -> bool {
    matches!(stage, PowerStage::On | PowerStage::Unknown)
}

/// Where a node is between off and on, and why.
fn supply(lang: Lang, power: &PowerView) -> Markup {
    let key = format!("power-{}", power.stage.slug());
    html! {
        @if !is_usual(power.stage) || power.note.is_some() {
            p.muted {
                (lang.text(&key))
                @if let Some(note) = &power.note { ": " (bits::head_says(note)) }
            }
        }
    }
}

fn power_buttons(lang: Lang, node: &NodeView, power: &PowerView) -> Markup {
    let path = |verb: &str| format!("/n/{}/power/{verb}", node.name);
    let has_power = power.stage.draws() && power.stage != PowerStage::Failed;
    html! {
        @if has_power && power.outlet.can_switch_off {
            @let ask = lang.with("switch-off-ask", &[("node", node.name.as_str().into())]);
            (bits::button(&path("off"), &lang.text("switch-off"), "small", Some(&ask)))
        }
        @if !has_power { (bits::button(&path("on"), &lang.text("switch-on"), "small", None)) }
        @if power.wish != PowerAct::Auto {
            (bits::button(&path("auto"), &lang.text("switch-auto"), "small", None))
        }
    }
}

/// Temperature, processor, memory: what the board can say of itself.
fn readings(lang: Lang, node: &NodeView) -> Markup {
    let status = &node.status;
    let memory = status.memory_bytes_total.zip(status.memory_bytes_available);
    html! {
        dl.facts {
            @if let Some(heat) = status.temperature_millicelsius {
                div data-band=(band(heat)) {
                    dt { (lang.text("temperature")) }
                    dd { (lang.temperature(heat)) " " (band_word(lang, heat)) }
                }
            }
            @if let Some(used) = status.cpu_used_permille {
                div { dt { (lang.text("processor")) } dd { (lang.percent(f64::from(used) / 1000.0)) } }
            }
            @if let Some(power) = status.board.as_ref().and_then(|board| board.power) {
                div {
                    dt { (lang.text("power")) }
                    dd {
                        (lang.decimal(f64::from(power.milliwatts) / 1000.0, 1)) "\u{a0}" (lang.text("watt"))
                        @if power.source == PowerSource::Estimated { " " small { (lang.text("estimated")) } }
                    }
                }
            }
            @if let Some(hz) = status.clock_hz {
                div { dt { (lang.text("clock")) } dd { (lang.clock(hz)) } }
            }
        }
        @if let Some((total, available)) = memory {
            @let used = total.saturating_sub(available);
            label.meter {
                span { (lang.text("memory")) }
                span { (lang.bytes(used)) " / " (lang.bytes(total)) }
                meter min="0" max=(total) value=(used) high=(total / 10 * 9) {}
            }
        }
    }
}

fn band(millicelsius: i32) -> &'static str {
    match millicelsius {
        HOT_MILLICELSIUS.. => "hot",
        WARM_MILLICELSIUS.. => "warm",
        _ => "cool",
    }
}

fn band_word(lang: Lang, millicelsius: i32) -> Markup {
    html! {
        @match band(millicelsius) {
            "hot" => { small { (lang.text("band-hot")) } }
            "warm" => { small { (lang.text("band-warm")) } }
            _ => {}
        }
    }
}

fn doing(lang: Lang, node: &NodeView) -> Markup {
    html! {
        @if node.jobs.is_empty() {
            span.muted { (lang.text("no-work")) }
        }
        @for (job, count) in node.jobs.iter().take(4) {
            span { (lang.text("job")) " " (job) " ×" (count) } " "
        }
    }
}

/// Processor use (filled) and temperature (line) of the last ten minutes, as a picture.
pub(super) fn curve(lang: Lang, points: &[Point]) -> Markup {
    const WIDTH: f64 = 240.0;
    const HEIGHT: f64 = 36.0;
    if points.len() < 2 {
        return html! {};
    }
    let first = POINTS_MAX - points.len();
    let x = |place: usize| (first + place) as f64 * WIDTH / (POINTS_MAX - 1) as f64;
    let mut area = String::new();
    let mut line = String::new();
    let mut is_on = false;
    for (place, point) in points.iter().enumerate() {
        if let Some(cpu) = point.cpu_permille {
            let height = f64::from(cpu) / 1000.0 * HEIGHT;
            area.push_str(&format!("M{:.1} {HEIGHT}v-{height:.1}", x(place)));
        }
        match point.temperature_decicelsius {
            Some(heat) => {
                // From 20 to 90 °C.
                let height = ((f64::from(heat) / 10.0 - 20.0) / 70.0).clamp(0.0, 1.0) * HEIGHT;
                let verb = if is_on { 'L' } else { 'M' };
                line.push_str(&format!("{verb}{:.1} {:.1}", x(place), HEIGHT - height));
                is_on = true;
            }
            None => is_on = false,
        }
    }
    html! {
        svg.curve viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" preserveAspectRatio="none"
            aria-label=(lang.text("curve")) {
            path.area d=(area) {}
            path.line d=(line) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_at_the_right_and_is_broken_where_nothing_came() {
        let point = |cpu, heat| Point { cpu_permille: cpu, temperature_decicelsius: heat };
        let points = [point(Some(500), Some(550)), point(None, None), point(Some(1000), Some(900))];
        let shown = curve(Lang::En, &points).into_string();
        assert!(shown.contains("M240.0 36v-36.0"), "{shown}");
        assert!(shown.contains("M236.0 18.0M240.0 0.0"), "two pieces: {shown}");
        assert_eq!(curve(Lang::En, &points[..1]).into_string(), "");
    }

    #[test]
    fn temperatures_have_the_bands_of_the_boards() {
        assert_eq!([69_999, 70_000, 79_999, 80_000].map(band), ["cool", "warm", "warm", "hot"]);
    }
}
