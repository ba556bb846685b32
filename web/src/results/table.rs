//! Results as tables, and as numbers.

use maud::{Markup, html};

use super::histogram;
use super::text::valid;
use crate::lang::Lang;

/// Rows that are shown.
const ROWS_MAX: usize = 200;
/// Columns that are shown.
const COLUMNS_MAX: usize = 32;
/// The longest text in a cell, in characters.
const CELL_CHARS_MAX: usize = 200;

/// Lines of fields as a table. What begins with `#` is told apart.
pub(super) fn section(lang: Lang, start: &[u8], total: u64, separator: char) -> Markup {
    let text = valid(start);
    // The last line may be cut.
    let is_cut = (start.len() as u64) < total;
    let end = if is_cut { text.rfind('\n').map_or(text.len(), |end| end + 1) } else { text.len() };
    let mut lines = text[..end].lines().filter(|line| !line.is_empty());
    let rows: Vec<Vec<&str>> = lines
        .by_ref()
        .take(ROWS_MAX)
        .map(|line| line.split(separator).take(COLUMNS_MAX).collect())
        .collect();
    let is_more = is_cut || lines.next().is_some();
    html! {
        div.scroll tabindex="0" {
            table.data {
                tbody {
                    @for row in &rows {
                        tr {
                            @for cell in row {
                                td.number[cell.trim().parse::<f64>().is_ok()] {
                                    (cell.trim().chars().take(CELL_CHARS_MAX).collect::<String>())
                                }
                            }
                        }
                    }
                }
            }
        }
        @if is_more { p.muted { (lang.with("first-rows", &[("count", ROWS_MAX.into())])) } }
    }
}

/// The numbers of a text with one on each line; `None` when it is something else.
pub(super) fn numbers_of(bytes: &[u8]) -> Option<Vec<f64>> {
    let text = valid(bytes);
    // Lines at both ends may be cut.
    let end = text.rfind('\n')?;
    let numbers = text[..end].lines().map(|line| line.trim().parse::<f64>().ok());
    let numbers: Option<Vec<f64>> = numbers.collect();
    numbers.filter(|numbers| numbers.len() >= 8 && numbers.iter().all(|it| it.is_finite()))
}

/// Numbers out of bytes as the result's extension says that they are.
fn decode(extension: Option<&str>, bytes: &[u8]) -> Option<Vec<f64>> {
    let numbers: Vec<f64> = match extension {
        Some("u64") => of_eight(bytes).map(|it| u64::from_le_bytes(it) as f64).collect(),
        Some("i64") => of_eight(bytes).map(|it| i64::from_le_bytes(it) as f64).collect(),
        Some("f64") => of_eight(bytes).map(f64::from_le_bytes).collect(),
        Some("u32") => of_four(bytes).map(|it| u32::from_le_bytes(it).into()).collect(),
        Some("f32") => of_four(bytes).map(|it| f32::from_le_bytes(it).into()).collect(),
        _ => return None,
    };
    Some(numbers.into_iter().filter(|number| number.is_finite()).collect())
}

fn of_eight(bytes: &[u8]) -> impl Iterator<Item = [u8; 8]> {
    bytes.chunks_exact(8).filter_map(|it| it.try_into().ok())
}

fn of_four(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.chunks_exact(4).filter_map(|it| it.try_into().ok())
}

/// Numbers from pieces of a result, the first of which is its beginning.
pub(super) fn numbers(
    lang: Lang,
    extension: Option<&str>,
    pieces: &[Vec<u8>],
    total: u64,
) -> Markup {
    let whole_lines = |(place, piece): (usize, &Vec<u8>)| {
        let from =
            if place == 0 { 0 } else { piece.iter().position(|it| *it == b'\n').unwrap_or(0) };
        numbers_of(piece[from..].trim_ascii_start())
    };
    let numbers: Option<Vec<Vec<f64>>> = pieces
        .iter()
        .enumerate()
        .map(|it| decode(extension, it.1).or_else(|| whole_lines(it)))
        .collect();
    let Some(numbers) = numbers.map(|pieces| pieces.concat()).filter(|all| !all.is_empty()) else {
        return super::text::section(lang, pieces.first().map_or(&[], Vec::as_slice), total);
    };
    let read: usize = pieces.iter().map(Vec::len).sum();
    let up = numbers.is_sorted();
    let down = numbers.is_sorted_by(|one, next| one >= next);
    let mut sorted = numbers.clone();
    sorted.sort_by(f64::total_cmp);
    let fact = |key: &str, number: f64| {
        html! { div { dt { (lang.text(key)) } dd { (plain(lang, number)) } } }
    };
    html! {
        dl.facts {
            (fact("smallest", sorted[0]))
            (fact("median", sorted[sorted.len() / 2]))
            (fact("largest", sorted[sorted.len() - 1]))
            div {
                dt { (lang.text("sorted")) }
                dd { (lang.text(if up || down { "yes" } else { "no" })) }
            }
        }
        (histogram::of_numbers(lang, &numbers))
        pre.result tabindex="0" {
            @for number in numbers.iter().take(20) { (plain(lang, *number)) "\n" }
            @if numbers.len() > 20 { "…\n" (plain(lang, numbers[numbers.len() - 1])) }
        }
        @if (read as u64) < total {
            @let part = lang.bytes(read as u64);
            p.muted { (lang.with("looked-at", &[("part", part.into()), ("all", lang.bytes(total).into())])) }
        }
    }
}

fn plain(lang: Lang, number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        format!("{number:.0}")
    } else {
        lang.decimal(number, 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_lines_and_from_bytes() {
        let lines: String = (0..10).map(|n| format!("{n}\n")).collect();
        assert_eq!(numbers_of(lines.as_bytes()).unwrap().len(), 10);
        assert_eq!(numbers_of(b"one\ntwo\nthree\n"), None);
        let bytes: Vec<u8> = [3u64, 1, 2].into_iter().flat_map(u64::to_le_bytes).collect();
        assert_eq!(decode(Some("u64"), &bytes).unwrap(), [3.0, 1.0, 2.0]);
        assert_eq!(decode(Some("u32"), &bytes).unwrap(), [3.0, 0.0, 1.0, 0.0, 2.0, 0.0]);
        assert_eq!(decode(Some("txt"), &bytes), None);
    }

    #[test]
    fn a_sorted_result_is_said_to_be_so_and_an_unsorted_one_not() {
        let lines = |step: i64| (0..10).map(|n| format!("{}\n", n * step)).collect::<String>();
        let shown = |text: String| {
            numbers(Lang::En, None, &[text.clone().into_bytes()], text.len() as u64).into_string()
        };
        assert!(shown(lines(1)).contains("<dd>yes</dd>"));
        assert!(shown(lines(-1)).contains("<dd>yes</dd>"));
        assert!(shown(format!("{}5\n", lines(1))).contains("<dd>no</dd>"));
    }

    #[test]
    fn cells_stay_text_and_numbers_are_told_apart() {
        let shown = section(Lang::En, b"a<b>\t12\n", 8, '\t').into_string();
        assert!(shown.contains("a&lt;b&gt;"), "{shown}");
        assert!(shown.contains("<td class=\"number\">12</td>"), "{shown}");
    }
}
