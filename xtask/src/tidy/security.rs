//! Rules for SECURITY.md.

use std::collections::BTreeSet;

use super::sources::Source;

/// A sentence for each test that the table of threats names and that is not there.
pub(crate) fn check(page: &str, files: &[Source]) -> Vec<String> {
    let tests: BTreeSet<&str> = files.iter().flat_map(|file| functions(&file.text)).collect();
    let named: Vec<&str> = page.lines().filter_map(last_cell).flat_map(quoted).collect();
    if named.is_empty() {
        return vec!["SECURITY.md: names no test".into()];
    }
    let is_missing = |name: &&str| !tests.contains(name);
    let missing = named.into_iter().filter(is_missing);
    missing.map(|name| format!("SECURITY.md: there is no test `{name}`")).collect()
}

/// The last cell of a row of the table of threats, which has three.
fn last_cell(line: &str) -> Option<&str> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').collect();
    let [_, _, last] = cells.as_slice() else { return None };
    Some(last)
}

/// What stands between backquotes and could be the name of a test.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|text| !text.contains(' '))
}

fn functions(text: &str) -> impl Iterator<Item = &str> {
    let heads = text.split("fn ").skip(1);
    heads.filter_map(|head| head.split_once('(').map(|(name, _)| name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_named_and_not_there_is_told() {
        let text = "#[test]\nfn it_holds() {}\nasync fn it_waits() {}\n".to_owned();
        let files = [Source { path: "a.rs".into(), text }];
        let page = |tests: &str| format!("# Security\n| a | b | {tests} |\n| two | `cells` |\n");
        assert_eq!(check(&page("`it_holds`, `it_waits`, `cargo xtask deny`"), &files), [""; 0]);
        let told = check(&page("`it_holds`, `it_is_gone`"), &files);
        assert_eq!(told, ["SECURITY.md: there is no test `it_is_gone`"]);
        assert_eq!(check("nothing", &files), ["SECURITY.md: names no test"]);
    }
}
