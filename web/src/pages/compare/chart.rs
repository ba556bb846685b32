//! How much faster work gets with more nodes, as a picture.

use maud::{Markup, html};

use super::run::Run;
use crate::lang::Lang;

/// Size of the plane in the picture's units, and of what is left and below of it for numbers.
const PLANE: f64 = 200.0;
const LEFT: f64 = 30.0;
const BELOW: f64 = 30.0;

/// Speed-up over nodes, beside what it would be if nothing were lost. Nothing where there are no
/// two runs to put in it.
pub(super) fn chart(lang: Lang, runs: &[Option<Run>]) -> Markup {
    let measured = runs.iter().flatten();
    let mut points: Vec<(u32, f64)> =
        measured.filter_map(|run| Some((run.nodes, run.speed_up?))).collect();
    points.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let most = points.iter().map(|(nodes, _)| *nodes).max().unwrap_or(0);
    if points.len() < 2 || most < 2 {
        return html! {};
    }
    let highest = points.iter().map(|(_, times)| *times).fold(f64::from(most), f64::max);
    let x = |nodes: f64| LEFT + nodes / f64::from(most) * PLANE;
    let y = |times: f64| 10.0 + (1.0 - times / highest) * PLANE;
    let line: Vec<String> = points
        .iter()
        .map(|(nodes, times)| format!("{:.1},{:.1}", x(f64::from(*nodes)), y(*times)))
        .collect();
    let label = lang.text("speed-up-by-nodes");
    let step = most.div_ceil(8).max(1);
    let size = format!("0 0 {} {}", LEFT + PLANE + 10.0, 10.0 + PLANE + BELOW);
    html! {
        figure.curve {
            svg viewBox=(size) role="img" aria-label=(label) {
                path.axis d=(format!("M{LEFT} 10V{}H{}", 10.0 + PLANE, LEFT + PLANE)) {}
                path.ideal d=(format!("M{LEFT} {}L{} {}", y(0.0), x(f64::from(most)), y(f64::from(most)))) {}
                polyline.measured points=(line.join(" ")) {}
                @for (nodes, times) in &points {
                    circle cx=(format!("{:.1}", x(f64::from(*nodes)))) cy=(format!("{:.1}", y(*times))) r="4" {
                        title { (nodes) ": " (lang.decimal(*times, 2)) "×" }
                    }
                }
                @for nodes in (step..=most).step_by(step as usize) {
                    text x=(format!("{:.1}", x(f64::from(nodes)))) y=(PLANE + 26.0) text-anchor="middle" { (nodes) }
                    text x=(LEFT - 6.0) y=(format!("{:.1}", y(f64::from(nodes)) + 4.0)) text-anchor="end" { (nodes) "×" }
                }
            }
            figcaption { (label) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(nodes: u32, speed_up: f64) -> Option<Run> {
        Some(Run { wall_ms: 1, nodes, joules: None, speed_up: Some(speed_up) })
    }

    #[test]
    fn runs_are_drawn_from_few_nodes_to_many_and_one_alone_is_not() {
        let shown = chart(Lang::En, &[run(2, 1.5), None, run(1, 1.0)]).into_string();
        assert!(shown.contains("points=\"130.0,110.0 230.0,60.0\""), "{shown}");
        assert!(shown.contains("1.50×"), "{shown}");
        assert_eq!(chart(Lang::En, &[run(1, 1.0)]).into_string(), "");
        assert_eq!(chart(Lang::En, &[run(1, 1.0), run(1, 0.9)]).into_string(), "");
    }
}
