//! A comparison as a table for people and for spreadsheets.

use super::row::Figures;
use crate::output::human;
use crate::output::table::Table;

/// Columns of a screen that the table fits.
const WIDTH: usize = 100;
/// However wide the other columns are, so much is left for the combination.
const COMBINATION_MIN: usize = 16;

/// From here on the spread says more than most differences, as part of the median.
const SPREAD_LARGE: f64 = 0.2;

/// A column: its title, and what stands in it.
type Column = (&'static str, fn(&Figures) -> Option<String>);

const COLUMNS: [Column; 8] = [
    (">TIME", |it| it.median_ms.map(time)),
    (">±", |it| spread(it).map(percent)),
    (">MB/S", |it| it.mb_per_s.map(three_digits)),
    (">SPEED-UP", |it| it.speed_up.map(|ratio| format!("{ratio:.2}×"))),
    (">EFF.", |it| it.efficiency.map(percent)),
    (">SERIAL", |it| it.serial_share.map(percent)),
    (">JOULES", |it| Some(format!("{} {}", three_digits(it.joules?), it.joules_source?))),
    (">RESULT", |it| {
        let ratio = it.result_ratio.map(|ratio| format!(" ={}×", three_digits(ratio)));
        Some(format!("{}{}", human::size(it.result_bytes?), ratio.unwrap_or_default()))
    }),
];

/// The table. Columns in which nothing stands are left out.
pub(super) fn table(figures: &[Figures]) -> Table {
    let used = |(_, cell): &&Column| figures.iter().any(|it| cell(it).is_some());
    let columns: Vec<&Column> = COLUMNS.iter().filter(used).collect();
    let cells = |it: &Figures| -> Vec<String> {
        let figures = columns.iter().map(|(_, cell)| cell(it).unwrap_or_default());
        std::iter::once(it.nodes.clone()).chain(figures).collect()
    };
    let rows: Vec<Vec<String>> = figures.iter().map(cells).collect();
    let titles: Vec<&'static str> =
        std::iter::once(">NODES").chain(columns.iter().map(|(title, _)| *title)).collect();
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([titles[at].trim_start_matches('>').chars().count()]).max().unwrap_or(0)
    };
    let others: usize = (0..titles.len()).map(|at| width(at) + 2).sum();
    let left = WIDTH.saturating_sub(others + 1).max(COMBINATION_MIN);
    let mut table = Table::of([vec!["COMBINATION"], titles].concat());
    let several = is_of_several_modules(figures);
    // The values are what differs; their names stand in the notes below.
    let all_fit = |left| figures.iter().all(|it| it.combination(several).chars().count() <= left);
    for (it, row) in figures.iter().zip(rows) {
        let whole = human::safe_field(&it.combination(several));
        let values = human::safe_field(&it.values(several));
        let first = human::shorten(if all_fit(left) { &whole } else { &values }, left);
        let cells = std::iter::once(first).chain(row).map(Into::into);
        table.push(cells.collect());
    }
    table
}

/// What people should know beside the table: whole combinations where they do not fit, what failed,
/// and how to read it.
pub(super) fn remarks(figures: &[Figures], repeat: u32) -> Vec<String> {
    let several = is_of_several_modules(figures);
    let failed = figures.iter().filter_map(|it| {
        let why = it.error.as_ref()?;
        Some(format!("failed: {} on {}: {why}", it.combination(several), it.nodes))
    });
    let mut remarks: Vec<String> = failed.collect();
    remarks.push(match repeat {
        1 => "time: of a single run; --repeat 5 shows how far several differ".into(),
        _ => format!("time: the median of {repeat} runs, ± half of what lies between the extremes"),
    });
    let serial = |odd: fn(f64) -> bool| figures.iter().any(|it| it.serial_share.is_some_and(odd));
    if serial(|_| true) {
        let below = "; below zero, the node of the row with one node was a slower one";
        let above = "; above 100%, several nodes were slower than one";
        let mut text =
            "serial: the part that did not run side by side, after Karp and Flatt".to_owned();
        text.push_str(if serial(|share| share < 0.0) { below } else { "" });
        text.push_str(if serial(|share| share > 1.0) { above } else { "" });
        remarks.push(text);
    }
    if figures.iter().any(|it| it.joules_source == Some("estimated")) {
        remarks.push("joules: estimated from the boards' typical power, not measured".into());
    }
    if figures.iter().filter_map(spread).any(|spread| spread > SPREAD_LARGE) {
        remarks.push(
            "the runs of one combination differ much: before you believe a difference, give a \
             larger input or --repeat 9, and let the computer do nothing else"
                .into(),
        );
    }
    remarks
}

/// Everything, with a head line, after RFC 4180.
pub(super) fn csv(figures: &[Figures]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in figures.iter().flat_map(|it| &it.params) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let fixed = "nodes,nodes_used,runs,median_ms,min_ms,max_ms,mb_per_s,speed_up,efficiency,\
                 serial_share,joules,joules_source,result_bytes,result_ratio,error";
    let params: String = names.iter().map(|name| format!("{},", quoted(name))).collect();
    let mut text = format!("module,{params}{fixed}\r\n");
    for it in figures {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let of = |name: &&str| it.params.iter().find(|(param, _)| param == name);
        let values = names.iter().map(|name| of(name).map_or(String::new(), |it| it.1.clone()));
        let mut fields = vec![it.module.clone()];
        fields.extend(values);
        fields.extend([
            it.nodes.clone(),
            it.nodes_used.map(|nodes| nodes.to_string()).unwrap_or_default(),
            it.runs_ms.len().to_string(),
            number(it.median_ms),
            number(it.min_ms),
            number(it.max_ms),
            number(it.mb_per_s),
            number(it.speed_up),
            number(it.efficiency),
            number(it.serial_share),
            number(it.joules),
            it.joules_source.unwrap_or_default().to_owned(),
            it.result_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            number(it.result_ratio),
            it.error.clone().unwrap_or_default(),
        ]);
        let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// Whether the names of the modules are part of what is compared.
pub(super) fn is_of_several_modules(figures: &[Figures]) -> bool {
    figures.iter().any(|it| it.module != figures[0].module)
}

/// Half of what lies between the fastest and the slowest run, as part of the median. A single run
/// has none.
fn spread(it: &Figures) -> Option<f64> {
    if it.runs_ms.len() < 2 {
        return None;
    }
    Some((it.max_ms? - it.min_ms?) / 2.0 / it.median_ms?)
}

/// With three digits, so that rows can be compared.
pub(super) fn time(ms: f64) -> String {
    if ms < 1e3 {
        format!("{} ms", three_digits(ms))
    } else {
        format!("{} s", three_digits(ms / 1e3))
    }
}

fn percent(part: f64) -> String {
    format!("{:.0}%", part * 100.0)
}

/// A number with about three digits.
pub(super) fn three_digits(number: f64) -> String {
    match number.abs() {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{figures, tests::row};
    use super::*;

    #[test]
    fn the_table_fits_a_screen_and_has_no_columns_of_nothing() {
        let long = "x".repeat(200);
        let rows = [row("u32", 1, &[8.0, 9.0, 8.5]), row(&long, 4, &[2.0]), row(&long, 1, &[7.0])];
        let table = table(&figures(&rows));
        let text = anstream::adapter::strip_str(&table.aligned(None)).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(!text.contains("JOULES") && text.contains("3.50×"), "{text}");
        let first = text.lines().nth(1).unwrap();
        assert!(
            first.contains("8.50 s") && first.contains("6%") && first.contains("0.94"),
            "{text}"
        );
        assert!(first.ends_with("1.9 MiB =0.25×"), "{text}");
    }

    #[test]
    fn what_is_odd_about_the_figures_is_said_beside_them() {
        let said = |rows: &[super::super::row::Row]| remarks(&figures(rows), 3).join("\n");
        let calm = said(&[row("u32", 1, &[8.0, 8.1, 8.2]), row("u32", 2, &[5.0, 5.0, 5.0])]);
        assert!(calm.contains("serial:") && !calm.contains("below") && !calm.contains("above"));
        assert!(!calm.contains("differ much"), "{calm}");
        let slower = said(&[row("u32", 1, &[4.0, 8.0, 9.0]), row("u32", 2, &[9.0])]);
        assert!(slower.contains("above 100%") && slower.contains("differ much"), "{slower}");
        assert!(said(&[row("u32", 1, &[8.0]), row("u32", 2, &[3.0])]).contains("below zero"));
    }

    #[test]
    fn a_failed_combination_is_a_row_with_its_reason() {
        let mut bad = row("u32", 1, &[]);
        bad.fault = Some("no such type".into());
        let figures = figures(&[bad, row("u64", 1, &[1.0])]);
        assert!(remarks(&figures, 3)[0].contains("type=u32 on 1: no such type"));
        let text = csv(&figures);
        assert!(text.lines().nth(1).unwrap().ends_with(",no such type"), "{text}");
    }

    #[test]
    fn a_spreadsheet_reads_every_field_as_it_is() {
        let mut odd = row("a,\"b\"", 1, &[0.5]);
        odd.module = "=1+1.wasm".into();
        let text = csv(&figures(&[odd]));
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines[0].starts_with("module,type,nodes,nodes_used,runs,median_ms"));
        assert!(lines[1].starts_with("=1+1.wasm,\"a,\"\"b\"\"\",1,1,1,500,500,500,16,"), "{text}");
    }
}
