//! A comparison as bars of text, under its table: for any screen of 80 columns, without colour.

use unicode_width::UnicodeWidthStr;

use super::chart::{kinds, nodes_in_words};
use super::row::Figures;
use super::table::{is_of_several_modules, time};
use crate::output::human;

/// Columns of a screen that everybody has.
const WIDTH: usize = 80;
/// The most that a label takes of it.
const LABEL_MAX: usize = 36;

/// The bars, a line each, and how to read them. Nothing where there are no two to compare.
pub(super) fn bars(figures: &[Figures]) -> Vec<String> {
    let most_ms = figures.iter().filter_map(|it| it.max_ms).fold(0.0, f64::max);
    if figures.iter().filter(|it| it.median_ms.is_some()).count() < 2 || most_ms <= 0.0 {
        return Vec::new();
    }
    let labels = labels(figures);
    let label_width = labels.iter().map(|label| label.width()).max().unwrap_or(0);
    let times: Vec<String> =
        figures.iter().map(|it| it.median_ms.map_or("failed".into(), time)).collect();
    let time_width = times.iter().map(|time| time.width()).max().unwrap_or(0);
    // A blank before the label, two after it, one after the bar.
    let most = WIDTH - label_width - time_width - 4;
    let cells = |ms: f64| ((ms / most_ms * most as f64).round() as usize).max(1);
    let mut lines = vec![String::new(), head(figures)];
    for ((it, label), time) in figures.iter().zip(&labels).zip(&times) {
        let bar = match (it.min_ms, it.max_ms) {
            (Some(min), Some(max)) => {
                let (fastest, slowest) = (cells(min), cells(max));
                format!("{}{} ", "█".repeat(fastest), "▒".repeat(slowest - fastest))
            }
            _ => String::new(),
        };
        let blanks = " ".repeat(label_width - label.width());
        lines.push(format!(" {label}{blanks}  {bar}{time}"));
    }
    lines.push(String::new());
    lines
}

fn head(figures: &[Figures]) -> String {
    let several_runs = figures.iter().any(|it| it.runs_ms.len() > 1);
    let legend =
        if several_runs { " (█ the fastest run, ▒ up to the slowest; the median)" } else { "" };
    format!(" time, shorter is better{legend}:")
}

/// What each bar is of. The nodes stand there where they differ, and are never cut.
fn labels(figures: &[Figures]) -> Vec<String> {
    let several = is_of_several_modules(figures);
    let one_kind = kinds(figures).len() == 1;
    let nodes = |it: &Figures| match one_kind {
        true => String::new(),
        false => human::shorten(&format!(", {}", nodes_in_words(&it.nodes)), LABEL_MAX / 2),
    };
    let name = |text: &str| human::safe_field(text);
    let fits =
        |it: &Figures| name(&it.combination(several)).width() + nodes(it).width() <= LABEL_MAX;
    // As in the table: all with the names of their parameters, or none.
    let whole = figures.iter().all(fits);
    let label = |it: &Figures| {
        let text = if whole { it.combination(several) } else { it.values(several) };
        let nodes = human::safe_field(&nodes(it));
        format!("{}{nodes}", human::shorten(&name(&text), LABEL_MAX - nodes.width()))
    };
    figures.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::super::row::{figures, tests::row};
    use super::*;

    fn drawn(line: &str) -> (usize, usize) {
        (line.matches('█').count(), line.matches('▒').count())
    }

    #[test]
    fn bars_are_as_long_as_the_times_and_show_the_spread() {
        let rows = [row("u32", 1, &[8.0, 6.0, 4.0]), row("u32", 2, &[2.0, 2.0, 2.0])];
        let lines = bars(&figures(&rows));
        assert!(lines[1].contains("█ the fastest run"), "{lines:#?}");
        assert!(lines[2].starts_with(" type=u32, 1 node   █"), "{lines:#?}");
        assert!(lines[3].starts_with(" type=u32, 2 nodes  █") && lines[3].ends_with(" 2.00 s"));
        // 80 columns without 17 of the label, 6 of the time, and 4 blanks: 53 for 8 seconds.
        assert_eq!(drawn(&lines[2]), (27, 26));
        assert_eq!(drawn(&lines[3]), (13, 0));
    }

    #[test]
    fn no_line_is_longer_than_a_screen_whatever_is_compared() {
        let long = "ключ".repeat(30);
        let mut failed = row("u64", 1, &[]);
        failed.fault = Some("why".into());
        let mut named = row(&long, 1, &[123.0, 125.0]);
        named.nodes = "a-node-with-a-name-that-is-long".into();
        let lines = bars(&figures(&[named, row(&long, 1, &[0.000_1]), failed]));
        assert!(lines.iter().all(|line| line.width() <= WIDTH), "{lines:#?}");
        assert_eq!(drawn(&lines[3]), (1, 0), "whatever was measured has a bar: {lines:#?}");
        assert!(lines[4].ends_with("  failed"), "{lines:#?}");
    }

    #[test]
    fn a_single_row_needs_no_bar() {
        assert!(bars(&figures(&[row("u32", 1, &[8.0])])).is_empty());
        assert!(bars(&figures(&[row("u32", 1, &[8.0]), row("u64", 1, &[])])).is_empty());
    }
}
