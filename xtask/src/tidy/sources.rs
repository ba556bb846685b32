//! Rules for single source files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A source file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Where it is under the root, with `/` between its parts.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

/// The most lines of a file. Longer ones have more than one purpose.
const LINES_MAX: usize = 500;

/// Words that must not stand in the code under a directory, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "scheduler/src/core/",
        &["std::fs", "std::io", "std::net", "std::process", "std::thread", "std::time"],
        "the core has no I/O, no threads and no clock",
    ),
    (
        "scheduler/src/core/",
        &["SystemTime", "Instant", "tokio", "async", "rand", "rand_chacha", "rusqlite"],
        "the core is a pure function of its events",
    ),
    (
        "protocol/src/",
        &["std::fs", "std::net", "std::process", "std::thread", "SystemTime", "Instant", "tokio"],
        "the wire types do nothing by themselves",
    ),
    (
        "jobs/",
        &["SystemTime", "Instant", "thread::spawn"],
        "a job has no clock and no threads in its sandbox",
    ),
];

/// Reads all Rust files of the project, in the order of their paths.
///
/// # Errors
/// When a directory or file cannot be read.
pub(crate) fn read_all(root: &Path, target_dir: &Path) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        let context = || format!("cannot read {}", dir.display());
        for entry in fs::read_dir(&dir).with_context(context)? {
            let path = entry.with_context(context)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && path != target_dir && name != "target" {
                    open.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let under = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
                files.push(Source { path: under.replace('\\', "/"), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// A sentence for each rule that is broken.
pub(crate) fn check(files: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for Source { path, text } in files {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            breaches.push(format!("{path}: has {lines} lines, at most {LINES_MAX} are allowed"));
        }
        if !text.starts_with("//!") {
            breaches.push(format!("{path}: must open with a `//!` line on what belongs there"));
        }
        for (dir, words, reason) in FORBIDDEN {
            if path.starts_with(dir) {
                breaches.extend(forbidden_words(path, text, words, reason));
            }
        }
    }
    breaches
}

fn forbidden_words<'a>(
    path: &'a str,
    text: &'a str,
    words: &'a [&str],
    reason: &'a str,
) -> impl Iterator<Item = String> + 'a {
    text.lines().enumerate().flat_map(move |(index, line)| {
        let code = line.split("//").next().unwrap_or_default();
        words.iter().filter(move |word| has_word(code, word)).map(move |word| {
            format!("{path}:{}: `{word}` must not stand here: {reason}", index + 1)
        })
    })
}

/// Whether `word` stands in `code` by itself and not as a part of a longer name.
fn has_word(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(start, found)| {
        !code[..start].ends_with(part_of_name)
            && !code[start + found.len()..].starts_with(part_of_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> Vec<String> {
        check(&[Source { path: path.into(), text: text.into() }])
    }

    #[test]
    fn a_file_says_first_what_belongs_there() {
        assert_eq!(breaches("store/src/lib.rs", "//! Objects.\nfn a() {}\n"), Vec::<String>::new());
        assert!(breaches("store/src/lib.rs", "// Objects.\n")[0].contains("must open with"));
    }

    #[test]
    fn long_files_are_named_with_their_length() {
        let text = format!("//! Long.\n{}", "\n".repeat(500));
        assert_eq!(
            breaches("web/src/lib.rs", &text),
            ["web/src/lib.rs: has 501 lines, at most 500 are allowed"]
        );
    }

    #[test]
    fn the_core_knows_no_clock_but_may_speak_of_one() {
        let text = "//! Core.\nlet now = Instant::now(); // an Instant\n// SystemTime\n\
                    struct InstantNoodles;\nlet operand = brand;\n";
        let found = breaches("scheduler/src/core/lease.rs", text);
        assert_eq!(
            found,
            ["scheduler/src/core/lease.rs:2: `Instant` must not stand here: \
              the core is a pure function of its events"]
        );
        assert!(breaches("scheduler/src/driver.rs", text).is_empty());
    }
}
