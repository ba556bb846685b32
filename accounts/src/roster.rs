//! Class rosters as people have them: a name a line, or a table out of a spreadsheet.

use crate::{AccountsError, Result, names};

/// The longest roster, in bytes.
pub const BYTES_MAX: usize = 256 << 10;
/// The most names on one.
pub const NAMES_MAX: usize = 1_000;
/// What the column of names may be called, in lower case.
const COLUMNS: [&str; 5] = ["name", "user", "student", "имя", "ученик"];

/// The names on a roster, each once, in their order. Words of a name are joined by dots.
///
/// # Errors
/// Where a line has no name in it that can be one, or there are too many.
pub fn parse(text: &str) -> Result<Vec<String>> {
    if text.len() > BYTES_MAX {
        return Err(bad(1, format!("the roster has {} bytes, at most {BYTES_MAX}", text.len())));
    }
    // Spreadsheets mark UTF-8 so.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut found = Vec::new();
    let mut column = None;
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            bad(line, "it is no CSV: a quote may be missing".into())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        if column.is_none() {
            let headed = record.iter().position(|it| COLUMNS.contains(&&*it.to_lowercase()));
            column = Some(headed.unwrap_or(0));
            if headed.is_some() {
                continue;
            }
        }
        let written = record.get(column.unwrap_or(0)).unwrap_or_default();
        if record.iter().all(str::is_empty) {
            continue;
        }
        let name = written.split_whitespace().collect::<Vec<_>>().join(".");
        names::check_user(&name).map_err(|error| bad(line, error.to_string()))?;
        if found.contains(&name) {
            return Err(bad(line, format!("`{name}` is on it twice")));
        }
        found.push(name);
        if found.len() > NAMES_MAX {
            return Err(bad(line, format!("at most {NAMES_MAX} names at a time")));
        }
    }
    if found.is_empty() {
        return Err(bad(1, "there are no names on it".into()));
    }
    Ok(found)
}

fn bad(line: u64, why: String) -> AccountsError {
    AccountsError::BadRoster { line, why }
}

/// What most of the first line's cells are divided by.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |it: &u8| first.bytes().filter(|byte| byte == it).count();
    let most = b",;\t".iter().max_by_key(|it| (count(it), **it == b','));
    most.copied().unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_a_line_is_a_roster_and_so_is_a_spreadsheet() {
        let names = |text: &str| parse(text).unwrap();
        assert_eq!(names("anna\r\nboris\n\n"), ["anna", "boris"]);
        assert_eq!(names("Anna Petrova\n"), ["Anna.Petrova"]);
        assert_eq!(names("\u{feff}№;Имя;Балл\n1;Анна;5\n2;Борис;4\n"), ["Анна", "Борис"]);
        assert_eq!(names("class,name\n7b,\"Smith\"\n"), ["Smith"]);
        assert_eq!(names("anna\t7b\nboris\t7b\n"), ["anna", "boris"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert!(error("anna\nboris\nanna\n").starts_with("line 3"), "twice");
        assert!(error("anna\n-rf\n").starts_with("line 2"));
        assert!(error("").contains("no names"));
        assert!(error("name\n").contains("no names"));
        let many: String = (0..1_001).map(|number| format!("s{number}\n")).collect();
        assert!(error(&many).contains("1000"));
    }

    proptest! {
        #[test]
        fn whatever_is_on_it_a_roster_gives_usable_names_or_an_error(text in ".{0,200}") {
            for name in parse(&text).unwrap_or_default() {
                prop_assert!(names::check_user(&name).is_ok());
            }
        }
    }
}
