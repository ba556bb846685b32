//! The pictures of a job's time, made here, so that they need no scripts: what each slot did when,
//! and bars that are stacked.

use std::fmt::Write;

use bramble_protocol::PhaseKind;
use bramble_protocol::api::JobView;
use maud::{Markup, html};

use super::figures::phase_of;
use super::{Lane, Span};
use crate::lang::Lang;

/// Width of the picture in its own units: time is cut into as many.
const WIDTH: f64 = 1000.0;
/// Height of a row, and of what is drawn in it.
const ROW: usize = 22;
const BAR: usize = 16;
/// Rows that are drawn.
const ROWS_MAX: usize = 128;

/// What is drawn alike, by its class in the style sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ink {
    Work,
    Merge,
    Transfer,
    Failed,
}

impl Ink {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Work, "work"),
        (Self::Merge, "merge"),
        (Self::Transfer, "transfer"),
        (Self::Failed, "failed"),
    ];
}

/// What slots did from `start_ms` to `end_ms`: a row for each, the rows of a node one below the
/// other. Reading and storing are thin, work is thick, what failed is hollow with a cross. What is
/// too narrow to be seen is drawn together with what follows it.
pub(crate) fn picture(
    lang: Lang,
    job: &JobView,
    lanes: &[Lane<'_>],
    (start_ms, end_ms): (u64, u64),
) -> Markup {
    let shown = &lanes[..lanes.len().min(ROWS_MAX)];
    let height = shown.len() * ROW;
    let length_ms = end_ms.saturating_sub(start_ms).max(1);
    html! {
        div.stream tabindex="0" role="group" aria-label=(lang.text("stream")) {
            div.rows {
                @for (place, lane) in shown.iter().enumerate() {
                    @let is_first = place == 0 || shown[place - 1].node != lane.node;
                    span { @if is_first { a href=(format!("/n/{}", lane.node)) { (lane.node) } } }
                }
            }
            svg viewBox=(format!("0 0 {WIDTH} {height}")) height=(height) preserveAspectRatio="none"
                role="img" aria-label=(lang.text("stream-help")) {
                @for (place, lane) in shown.iter().enumerate() {
                    (row(lang, job, lane, place * ROW + (ROW - BAR) / 2, start_ms, length_ms))
                }
            }
            span.scale {}
            div.scale {
                @for quarter in 0..=4 { span { (lang.duration_us(length_ms * 250 * quarter)) } }
            }
        }
        @if shown.len() < lanes.len() {
            p.muted { (lang.with("rows-left-out", &[("count", (lanes.len() - shown.len()).into())])) }
        }
    }
}

/// One row, with what it was about for whoever points at it.
fn row(
    lang: Lang,
    job: &JobView,
    lane: &Lane<'_>,
    top: usize,
    start_ms: u64,
    length_ms: u64,
) -> Markup {
    let mut paths = [const { String::new() }; Ink::ALL.len()];
    let scale = WIDTH / length_ms as f64;
    let x = |at_us: u64| (at_us.saturating_sub(start_ms * 1000) as f64 / 1000.0 * scale).min(WIDTH);
    let mut taken = -1.0;
    for it in &lane.attempts {
        let (from_us, to_us) = (it.started_at_ms * 1000, it.started_at_ms * 1000 + it.wall_us);
        let (from, to) = (x(from_us).max(taken), x(to_us));
        // Half a unit stays free between two, so that they can be told apart.
        if to - from < 1.0 {
            if to > taken + 0.5 || taken < 0.0 {
                bar(&mut paths[Ink::Work as usize], from, from + 0.8, top, BAR);
                taken = from + 1.0;
            }
            continue;
        }
        taken = to;
        let end = to - 0.5;
        if it.outcome != "succeeded" {
            bar(&mut paths[Ink::Failed as usize], from, end, top, BAR);
            let cross = &mut paths[Ink::Failed as usize];
            let _ = write!(cross, "M{from:.1} {top}L{end:.1} {}", top + BAR);
            let _ = write!(cross, "M{from:.1} {}L{end:.1} {top}", top + BAR);
            continue;
        }
        let work = match phase_of(job, it.attempt.task.index) {
            Some(PhaseKind::Merge | PhaseKind::Reduce) => Ink::Merge,
            _ => Ink::Work,
        };
        let (read, stored) = (x(from_us + it.read_us).clamp(from, end), x(to_us - it.write_us));
        let stored = stored.clamp(read, end);
        let thin = &mut paths[Ink::Transfer as usize];
        bar(thin, from, read, top + BAR / 3, BAR / 3);
        bar(thin, stored, end, top + BAR / 3, BAR / 3);
        bar(&mut paths[work as usize], read, stored, top, BAR);
    }
    let busy = lane.busy_us() as f64 / (length_ms * 1000) as f64;
    let values = [
        ("node", lane.node.into()),
        ("slot", lane.slot.into()),
        ("count", lane.attempts.len().into()),
        ("busy", lang.percent(busy.min(1.0)).into()),
    ];
    html! {
        g {
            title { (lang.with("slot-did", &values)) }
            rect.rest x="0" y=(top) width=(WIDTH) height=(BAR) {}
            @for ((_, class), path) in Ink::ALL.into_iter().zip(&paths) {
                @if !path.is_empty() { path class=(class) d=(path) {} }
            }
        }
    }
}

/// Adds a bar to a path, unless it is too narrow to be seen.
fn bar(path: &mut String, from: f64, to: f64, top: usize, height: usize) {
    if to - from >= 0.1 {
        let _ = write!(path, "M{from:.1} {top}H{to:.1}v{height}H{from:.1}z");
    }
}

/// A bar of parts, which are between 0 and 1 of the whole, with a list of what they are.
pub(crate) fn stacked(
    lang: Lang,
    label: &str,
    parts: &[(&'static str, String, String, f64)],
) -> Markup {
    let mut right = 0.0;
    let placed: Vec<(&str, f64, f64)> = parts
        .iter()
        .map(|(class, _, _, part)| {
            let left = right;
            right += part * WIDTH;
            (*class, left, part * WIDTH)
        })
        .collect();
    html! {
        figure.stacked {
            figcaption { (label) }
            svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true" {
                @for (class, left, width) in placed {
                    rect class=(class) x=(format!("{left:.1}")) y="0" height="20"
                        width=(format!("{width:.1}")) {}
                }
            }
            ul {
                @for (class, what, length, part) in parts {
                    li { i class=(class) aria-hidden="true" {} (what) " "
                        @if !length.is_empty() { strong { (length) } " " } small { (lang.percent(*part)) } }
                }
            }
        }
    }
}

/// Where the time of a job went, part by part.
pub(crate) fn breakdown(lang: Lang, spans: &[(Span, u64)]) -> Markup {
    let whole = spans.iter().map(|(_, length)| length).sum::<u64>().max(1) as f64;
    let parts: Vec<_> = spans
        .iter()
        .map(|(span, length_ms)| {
            let (class, what) = match span {
                Span::Queue => ("rest", lang.text("time-queue")),
                Span::Between => ("between", lang.text("time-between")),
                Span::Phase(phase) => {
                    (class_of(*phase), lang.text(&format!("phase-{}", phase.name())))
                }
            };
            (class, what, lang.duration(*length_ms), *length_ms as f64 / whole)
        })
        .collect();
    stacked(lang, &lang.text("where-time-went"), &parts)
}

const fn class_of(phase: PhaseKind) -> &'static str {
    match phase {
        PhaseKind::Ranges => "ranges",
        PhaseKind::Map => "work",
        PhaseKind::Merge | PhaseKind::Reduce => "merge",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::attempt;
    use super::super::{lanes, spans};
    use super::*;
    use crate::results::tests::job;

    #[test]
    fn work_is_drawn_between_reading_and_storing() {
        let attempts = [attempt(0, "node-1", 0, 500), attempt(1, "node-1", 500, 1_000)];
        let shown = picture(Lang::En, &job(), &lanes(&attempts), (0, 1_000)).into_string();
        // Each reads for 50 units, works until 450 and stores until 500.
        assert!(shown.contains("M50.0 3H450.0v16H50.0z"), "{shown}");
        assert!(shown.contains("M0.0 8H50.0v5H0.0z"), "{shown}");
        assert!(shown.contains("100%"), "{shown}");
    }

    #[test]
    fn ten_thousand_attempts_take_no_more_room_than_can_be_seen() {
        let many: Vec<_> = (0..10_000)
            .map(|it| attempt(it, "node-1", u64::from(it) * 100, u64::from(it) * 100 + 100))
            .collect();
        let shown = picture(Lang::En, &job(), &lanes(&many), (0, 1_000_000)).into_string();
        assert!(shown.len() < 40_000, "{} bytes", shown.len());
        assert!(shown.len() > 5_000, "{} bytes", shown.len());
    }

    #[test]
    fn what_failed_is_crossed_and_parts_of_the_time_have_their_names() {
        let mut failed = attempt(0, "node-1", 0, 500);
        failed.outcome = "trapped".into();
        let shown = picture(Lang::En, &job(), &lanes(&[failed]), (0, 1_000)).into_string();
        assert!(shown.contains("class=\"failed\""), "{shown}");
        let parts = breakdown(Lang::En, &spans(&job(), 0)).into_string();
        assert!(parts.contains("rect") || parts.contains("<ul></ul>"), "{parts}");
    }
}
