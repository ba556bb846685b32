//! The gallery: modules that come with the program, and small inputs for them.

use std::fmt::Write;
use std::path::PathBuf;

use super::input::Input;
use crate::error::{CliError, CliResult, Slug};
use crate::output::human;
use crate::paths;

/// The drawing that the tests of the job use.
#[expect(unreachable_pub, reason = "it is public in the job")]
#[path = "../../../jobs/image-cipher/src/drawing.rs"]
mod drawing;

/// Short names beside the modules' own.
const SHORT_NAMES: [(&str, &str); 7] = [
    ("sort", "merge-sort"),
    ("words", "word-count"),
    ("wc", "word-count"),
    ("index", "inverted-index"),
    ("matrix", "matrix-multiply"),
    ("pi", "monte-carlo-pi"),
    ("queens", "n-queens"),
];
/// How many numbers the sample of the sorting example holds.
const SAMPLE_NUMBERS: usize = 100_000;
/// How wide and high the sample picture is.
const SAMPLE_PIXELS: u32 = 640;
/// How many lines the sample text holds.
const SAMPLE_LINES: usize = 20_000;
/// Rows and columns of each of the sample matrices.
const SAMPLE_SIDE: usize = 400;
/// What the sample text is made of.
const WORDS: [&str; 24] = [
    "bramble", "berry", "thorn", "hedge", "leaf", "root", "node", "chunk", "task", "job", "head",
    "slot", "the", "a", "of", "and", "many", "small", "boards", "work", "together", "on", "one",
    "problem",
];

/// The file of the example called `name`.
///
/// # Errors
/// When there is none, with where it was looked for.
pub(crate) fn find(name: &str) -> CliResult<PathBuf> {
    let own = SHORT_NAMES.iter().find(|(short, _)| *short == name).map_or(name, |(_, own)| own);
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
fn dirs() -> Vec<PathBuf> {
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

/// A small input for the example called `name`, the same each time.
pub(crate) fn sample(name: &str) -> Input {
    if name.contains("sort") {
        return Input::sample("numbers.txt", numbers().into_bytes());
    }
    if name.contains("image") {
        return Input::sample("penguin.ppm", drawing::penguin(SAMPLE_PIXELS, SAMPLE_PIXELS));
    }
    match name {
        "matrix" | "matrix-multiply" => Input::sample("two.matrices", matrices()),
        "primes" => Input::sample("ranges.txt", ranges().into_bytes()),
        _ => Input::sample("text.txt", text().into_bytes()),
    }
}

/// Two matrices of whole numbers, as the example that multiplies reads them.
fn matrices() -> Vec<u8> {
    let mut random = SplitMix(3);
    let mut file = format!("matrices i64 {SAMPLE_SIDE} {SAMPLE_SIDE} {SAMPLE_SIDE}\n").into_bytes();
    for _ in 0..2 * SAMPLE_SIDE * SAMPLE_SIDE {
        file.extend((random.next() % 1000).to_le_bytes());
    }
    file
}

/// Ranges of numbers for the example that counts primes: two million each.
fn ranges() -> String {
    (0..20).map(|n| format!("{} {}\n", n * 2_000_000, (n + 1) * 2_000_000 - 1)).collect()
}

fn numbers() -> String {
    let mut random = SplitMix(1);
    let mut text = String::new();
    for _ in 0..SAMPLE_NUMBERS {
        writeln!(text, "{}", random.next() >> 32).expect("a String takes all");
    }
    text
}

fn text() -> String {
    let mut random = SplitMix(2);
    let mut text = String::new();
    for _ in 0..SAMPLE_LINES {
        let count = 4 + random.next() % 8;
        let words: Vec<&str> = (0..count)
            // The square makes some words common and others rare.
            .map(|_| {
                let (a, b) = (random.next() % 24, random.next() % 24);
                WORDS[(a * b / 24) as usize]
            })
            .collect();
        text.push_str(&words.join(" "));
        text.push('\n');
    }
    text
}

/// The `SplitMix64` generator: a counter and a mixing function.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_numbers() {
        // First outputs of SplitMix64 for the seed 1234567.
        let mut random = SplitMix(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn samples_are_the_same_each_time_and_fit_their_example() {
        assert_eq!(numbers(), numbers());
        assert!(numbers().lines().all(|line| line.parse::<u32>().is_ok()));
        assert_eq!(numbers().lines().count(), SAMPLE_NUMBERS);
        assert_eq!(text().lines().count(), SAMPLE_LINES);
        assert_eq!(sample("sort").name(), "numbers.txt");
        assert_eq!(sample("image-cipher").name(), "penguin.ppm");
        assert_eq!(sample("caesar").name(), "text.txt");
        assert_eq!(sample("matrix").name(), "two.matrices");
        assert!(matrices().starts_with(b"matrices i64 400 400 400\n"));
        assert_eq!(matrices().len(), 25 + 2 * 400 * 400 * 8);
        assert_eq!(ranges().lines().count(), 20);
    }

    #[test]
    fn an_example_that_is_not_there_is_told_with_where_it_was_looked_for() {
        let error = find("no-such-example").unwrap_err();
        assert_eq!(error.slug(), Some(Slug::NoSuchExample));
        for bad in ["../x", "a/b", ""] {
            assert_eq!(find(bad).unwrap_err().slug(), Some(Slug::Usage), "{bad}");
        }
    }
}
