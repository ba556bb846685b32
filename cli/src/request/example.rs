//! The gallery: modules that come with the program.

use std::path::PathBuf;

use crate::error::{CliError, CliResult, Slug};
use crate::output::human;
use crate::paths;

/// Short names beside the modules' own.
const SHORT_NAMES: [(&str, &str); 9] = [
    ("sort", "merge-sort"),
    ("words", "word-count"),
    ("wc", "word-count"),
    ("index", "inverted-index"),
    ("matrix", "matrix-multiply"),
    ("pi", "monte-carlo-pi"),
    ("queens", "n-queens"),
    ("cipher", "image-cipher"),
    ("signal", "signal-search"),
];
/// The module's own name.
pub(crate) fn own_name(name: &str) -> &str {
    SHORT_NAMES.iter().find(|(short, _)| *short == name).map_or(name, |(_, own)| own)
}

/// The file of the example called `name`.
///
/// # Errors
/// When there is none, with where it was looked for.
pub(crate) fn find(name: &str) -> CliResult<PathBuf> {
    let own = own_name(name);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if own.is_empty() || !own.chars().all(is_name) {
        return Err(CliError::usage(format!("`{}` names no example", human::safe_field(name)))
            .help("try one of: sort, words, mandelbrot, pi, queens, index"));
    }
    let dirs = dirs();
    let files = [own.to_owned(), own.replace('-', "_"), name.to_owned()];
    let found = dirs
        .iter()
        .flat_map(|dir| files.iter().map(move |file| dir.join(format!("{file}.wasm"))))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        let error =
            CliError::new(Slug::NoSuchExample, format!("there is no example `{name}` here"))
                .why(format!("looked for {own}.wasm in {}", super::joined(&dirs)));
        match available(&dirs) {
            names if names.is_empty() => {
                error.help("build them with: cargo xtask build-jobs, or set BRAMBLE_JOBS")
            }
            names => error.help(format!("those that there are: {}", names.join(", "))),
        }
    })
}

/// Where examples are looked for, in this order.
pub(crate) fn dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = paths::variable(paths::JOBS_ENV).into_iter().collect();
    let program = paths::program().ok();
    if let Some(dir) = program.as_deref().and_then(|program| program.parent()) {
        dirs.extend(dir.parent().map(|above| above.join("jobs")));
        dirs.push(dir.join("jobs"));
    }
    dirs.extend(["/usr/share/bramble/jobs", "/usr/lib/bramble/jobs"].map(PathBuf::from));
    dirs
}

fn available(dirs: &[PathBuf]) -> Vec<String> {
    let entries = dirs.iter().filter_map(|dir| dir.read_dir().ok()).flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
        .filter_map(|path| path.file_stem().map(|name| human::safe_field(&name.to_string_lossy())))
        .collect();
    names.sort();
    names.dedup();
    names.truncate(20);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_that_is_not_there_is_told_with_where_it_was_looked_for() {
        let error = find("no-such-example").unwrap_err();
        assert_eq!(error.slug(), Some(Slug::NoSuchExample));
        for bad in ["../x", "a/b", ""] {
            assert_eq!(find(bad).unwrap_err().slug(), Some(Slug::Usage), "{bad}");
        }
    }
}
