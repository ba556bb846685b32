//! Tables: aligned columns for people, fields between tabs for programs.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::human;

/// Rows under a head line.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// One column.
#[derive(Clone, Copy, Debug)]
struct Column {
    title: &'static str,
    right: bool,
}

/// One field.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: human::safe_field(&text.into()), style: Style::new() }
    }
}

impl Cell {
    /// A state, in the colour that goes with it.
    pub(crate) fn state(name: &str) -> Self {
        Self { style: state_style(name), ..Self::from(name) }
    }
}

fn column(title: &'static str) -> Column {
    match title.strip_prefix('>') {
        Some(title) => Column { title, right: true },
        None => Column { title, right: false },
    }
}

/// The colour of a state. Never the only sign: the word stands there too.
pub(crate) fn state_style(name: &str) -> Style {
    let color = match name {
        "done" | "idle" => AnsiColor::Green,
        "running" | "busy" => AnsiColor::Cyan,
        "failed" | "lost" => AnsiColor::Red,
        "canceled" | "suspect" | "draining" | "drained" => AnsiColor::Yellow,
        _ => return Style::new(),
    };
    Style::new().fg_color(Some(color.into()))
}

impl Table {
    /// A table with these columns; a title that starts with `>` is aligned to the right.
    pub(crate) fn new<const N: usize>(titles: [&'static str; N]) -> Self {
        Self::of(titles.to_vec())
    }

    /// The same, of columns that are known only when it is made.
    pub(crate) fn of(titles: Vec<&'static str>) -> Self {
        let columns = titles.into_iter().map(column).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row of such a table.
    pub(crate) fn push(&mut self, cells: Vec<Cell>) {
        assert_eq!(cells.len(), self.columns.len(), "a row with another number of fields");
        self.rows.push(cells);
    }

    /// Adds a row. It must have as many fields as there are columns.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        assert_eq!(N, self.columns.len(), "a row with another number of fields than columns");
        self.rows.push(cells.into());
    }

    /// For people: columns aligned; the last one cut so that a line fits `width`, if given.
    pub(crate) fn aligned(&self, width: Option<usize>) -> String {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|i| {
                let cells = self.rows.iter().map(|row| row[i].text.width());
                cells.chain([self.columns[i].title.width()]).max().unwrap_or(0)
            })
            .collect();
        let before_last = widths.iter().rev().skip(1).map(|width| width + 2).sum::<usize>();
        let last_max = width.map(|width| width.saturating_sub(before_last + 1).max(8));
        let head: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell { text: column.title.into(), style: Style::new().bold() })
            .collect();
        let mut text = String::new();
        for row in std::iter::once(&head).chain(&self.rows) {
            let line = self.line(row, &widths, last_max);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[Cell], widths: &[usize], last_max: Option<usize>) -> String {
        let mut line = String::from(" ");
        for (i, cell) in row.iter().enumerate() {
            let last = i + 1 == row.len();
            let text = match last_max {
                Some(columns) if last => human::shorten(&cell.text, columns),
                _ => cell.text.clone(),
            };
            let blanks = " ".repeat(widths[i].saturating_sub(text.width()));
            let (reset, style) = (cell.style.render_reset(), cell.style.render());
            if self.columns[i].right {
                line.push_str(&format!("{blanks}{style}{text}{reset}"));
            } else if last {
                line.push_str(&format!("{style}{text}{reset}"));
            } else {
                line.push_str(&format!("{style}{text}{reset}{blanks}"));
            }
            if !last {
                line.push_str("  ");
            }
        }
        line
    }

    /// For programs: fields between tabs, nothing shortened, no head line.
    pub(crate) fn tabbed(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let fields: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
            text.push_str(&fields.join("\t"));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([">JOB", "NAME", "NOTE"]);
        table.row(["7".into(), "sort".into(), "".into()]);
        table.row(["17".into(), "温度".into(), "a long note about what happened".into()]);
        table
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let plain = anstream::adapter::strip_str(&table().aligned(None)).to_string();
        assert_eq!(
            plain,
            " JOB  NAME  NOTE\n   7  sort\n  17  温度  a long note about what happened\n"
        );
    }

    #[test]
    fn the_last_column_is_cut_to_the_screen() {
        let plain = anstream::adapter::strip_str(&table().aligned(Some(24))).to_string();
        assert_eq!(plain.lines().last(), Some("  17  温度  a long note…"));
    }

    #[test]
    fn programs_get_all_fields_between_tabs() {
        assert_eq!(table().tabbed(), "7\tsort\t\n17\t温度\ta long note about what happened\n");
    }

    #[test]
    fn a_field_cannot_break_out_of_its_row() {
        let mut table = Table::new(["NAME"]);
        table.row(["two\nlines\tand \x1b[2J".into()]);
        assert_eq!(table.tabbed(), "two lines and \\u{1b}[2J\n");
    }
}
