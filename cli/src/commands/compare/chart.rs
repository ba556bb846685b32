//! A comparison as a picture: a bar for each row, with what lies between the fastest and the slowest
//! run. The file needs nothing else and can be read in light and dark.

use std::fmt::Write;

use super::row::Figures;
use super::table::{is_of_several_modules, three_digits};

const WIDTH: f64 = 800.0;
/// Where the bars begin, after their labels.
const LEFT: f64 = 290.0;
/// Where the longest ends, before its figure.
const RIGHT: f64 = 690.0;
const TOP: f64 = 74.0;
const STEP: f64 = 30.0;
const BAR: f64 = 18.0;
/// The longest label, in characters.
const LABEL_MAX: usize = 42;
/// Colours that differ for all common kinds of colour blindness, in the order of the node counts:
/// Okabe and Ito, "Color Universal Design", 2008. Each bar says its nodes in words too.
const COLORS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];

/// The picture.
pub(super) fn svg(figures: &[Figures]) -> String {
    let most = figures.iter().filter_map(|it| it.max_ms).fold(0.0, f64::max) / 1e3;
    let step = tick(most);
    let ticks = (most / step).ceil().max(1.0);
    let scale = (RIGHT - LEFT) / (ticks * step);
    let height = TOP + STEP * figures.len() as f64 + 46.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">Time of each combination</title>\n\
         <desc id=\"desc\">{}</desc>\n{STYLE}<rect class=\"ground\" width=\"{WIDTH}\" \
         height=\"{height}\"/>\n<text class=\"head\" x=\"16\" y=\"28\">Time of each \
         combination, in seconds: shorter is better</text>\n",
        escaped(&description(figures)),
    );
    legend(&mut text, figures);
    let bottom = TOP + STEP * figures.len() as f64;
    for tick in 0..=ticks as u32 {
        let seconds = f64::from(tick) * step;
        let x = LEFT + seconds * scale;
        let _ = writeln!(
            text,
            "<path class=\"grid\" d=\"M{x:.1} {TOP:.1}V{bottom:.1}\"/><text class=\"mid\" \
             x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            bottom + 18.0,
            trimmed(seconds)
        );
    }
    for (at, it) in figures.iter().enumerate() {
        bar(&mut text, figures, it, TOP + STEP * at as f64, scale);
    }
    text.push_str("</svg>\n");
    text
}

const STYLE: &str = "<style>
text { font: 13px system-ui, sans-serif; fill: #1b1b1b } .head { font-size: 16px }
.mid { text-anchor: middle } .end { text-anchor: end } .ground { fill: #ffffff }
.grid { stroke: #cccccc; fill: none } .spread { stroke: #1b1b1b; stroke-width: 1.5; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #eeeeee } .ground { fill: #16181c } .grid { stroke: #44484f }
.spread { stroke: #eeeeee } }
</style>
";

/// The node counts in the order in which they first appear.
pub(super) fn kinds(figures: &[Figures]) -> Vec<&str> {
    let mut kinds: Vec<&str> = Vec::new();
    for it in figures {
        if !kinds.contains(&it.nodes.as_str()) {
            kinds.push(&it.nodes);
        }
    }
    kinds
}

fn color(figures: &[Figures], nodes: &str) -> &'static str {
    let at = kinds(figures).iter().position(|kind| *kind == nodes).unwrap_or(0);
    COLORS[at % COLORS.len()]
}

fn legend(text: &mut String, figures: &[Figures]) {
    let mut x = 16.0;
    for kind in kinds(figures) {
        let words = nodes_in_words(kind);
        let color = color(figures, kind);
        let _ = writeln!(
            text,
            "<rect x=\"{x:.1}\" y=\"44\" width=\"12\" height=\"12\" fill=\"{color}\"/><text \
             x=\"{:.1}\" y=\"55\">{}</text>",
            x + 18.0,
            escaped(&words)
        );
        x += 44.0 + 7.5 * words.chars().count() as f64;
    }
}

fn bar(text: &mut String, figures: &[Figures], it: &Figures, y: f64, scale: f64) {
    let several = is_of_several_modules(figures);
    let label = crate::output::human::shorten(&it.combination(several), LABEL_MAX);
    let middle = y + STEP / 2.0;
    let base = middle + 4.5;
    let _ = writeln!(
        text,
        "<text class=\"end\" x=\"{:.1}\" y=\"{base:.1}\">{}</text>",
        LEFT - 10.0,
        escaped(&label)
    );
    let (Some(median), Some(min), Some(max)) = (it.median_ms, it.min_ms, it.max_ms) else {
        let _ = writeln!(text, "<text x=\"{:.1}\" y=\"{base:.1}\">failed</text>", LEFT + 6.0);
        return;
    };
    let at = |ms: f64| LEFT + ms / 1e3 * scale;
    let _ = writeln!(
        text,
        "<rect x=\"{LEFT:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BAR:.1}\" fill=\"{}\"/>",
        middle - BAR / 2.0,
        at(median) - LEFT,
        color(figures, &it.nodes)
    );
    if max > min {
        let _ = writeln!(
            text,
            "<path class=\"spread\" d=\"M{:.1} {middle:.1}H{:.1}M{:.1} {:.1}v8M{:.1} {:.1}v8\"/>",
            at(min),
            at(max),
            at(min),
            middle - 4.0,
            at(max),
            middle - 4.0
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.1}\" y=\"{base:.1}\">{} s</text>",
        at(max) + 8.0,
        three_digits(median / 1e3)
    );
}

/// The picture in words, for those who cannot see it.
fn description(figures: &[Figures]) -> String {
    let several = is_of_several_modules(figures);
    let lines = figures.iter().map(|it| {
        let name = format!("{} on {}", it.combination(several), nodes_in_words(&it.nodes));
        match it.median_ms {
            Some(ms) => format!("{name}: {} s", three_digits(ms / 1e3)),
            None => format!("{name}: failed"),
        }
    });
    lines.collect::<Vec<_>>().join("; ")
}

pub(super) fn nodes_in_words(nodes: &str) -> String {
    match nodes {
        "1" => "1 node".into(),
        "all" => "all nodes".into(),
        number if number.parse::<u32>().is_ok() => format!("{number} nodes"),
        name => format!("node {name}"),
    }
}

/// A round distance between lines, so that there are two to five of them.
fn tick(most: f64) -> f64 {
    let most = if most > 0.0 { most } else { 1.0 };
    let power = 10_f64.powf((most / 2.0).log10().floor());
    [5.0, 2.0].into_iter().map(|by| power * by).find(|step| step * 2.0 <= most).unwrap_or(power)
}

fn trimmed(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    let text = crate::output::human::safe(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::row::{figures, tests::row};
    use super::*;

    #[test]
    fn every_row_has_a_bar_and_is_in_the_description() {
        let mut failed = row("u64", 1, &[]);
        failed.fault = Some("why".into());
        let rows = [row("<u32>", 1, &[8.0, 9.0]), row("<u32>", 2, &[4.0]), failed];
        let text = svg(&figures(&rows));
        assert_eq!(text.matches("height=\"18.0\"").count(), 2, "{text}");
        assert_eq!(text.matches("class=\"spread\"").count(), 1, "one row has a spread");
        assert!(text.contains("type=&lt;u32&gt; on 2 nodes: 4.00 s; type=u64 on 1 node: failed"));
        assert!(!text.contains("<u32>") && text.contains("prefers-color-scheme: dark"));
        assert!(text.contains("<title") && text.ends_with("</svg>\n"));
    }

    #[test]
    fn lines_stand_at_round_distances() {
        for (most, step) in [(9.0, 2.0), (4.0, 2.0), (0.03, 0.01), (120.0, 50.0), (0.0, 0.5)] {
            let found = tick(most);
            assert!((found - step).abs() < 1e-9, "{most}: {found}");
            assert!(most / found <= 10.0);
        }
    }
}
