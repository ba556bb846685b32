//! What the program says: data on standard output, talk on standard error.

pub(crate) mod board;
pub(crate) mod human;
pub(crate) mod job;
pub(crate) mod module;
pub(crate) mod progress;
pub(crate) mod table;

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::args::{Global, ProgressStyle, When};
use crate::error::{CliError, CliResult, Report};
use table::Table;

const RED: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))).bold();
const YELLOW: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow))).bold();
const GREEN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green))).bold();
const BOLD: Style = Style::new().bold();

/// How answers are written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// JSON.
    Json,
    /// Fields between tabs.
    Plain,
}

/// Where everything that the program says goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// How answers are written.
    pub(crate) format: Format,
    /// Whether to keep quiet on standard error.
    pub(crate) quiet: bool,
    /// Whether to say more.
    pub(crate) verbose: bool,
    /// How progress is shown; never [`ProgressStyle::Auto`].
    pub(crate) progress: ProgressStyle,
}

impl Output {
    /// As the global flags say.
    pub(crate) fn new(global: &Global) -> Self {
        match global.color {
            When::Auto => anstream::ColorChoice::Auto,
            When::Always => anstream::ColorChoice::AlwaysAnsi,
            When::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        let format = match (global.json, global.plain) {
            (true, _) => Format::Json,
            (false, true) => Format::Plain,
            (false, false) => Format::Human,
        };
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let progress = match global.progress {
            _ if global.quiet => ProgressStyle::None,
            ProgressStyle::Auto if io::stderr().is_terminal() && !dumb => ProgressStyle::Bar,
            ProgressStyle::Auto => ProgressStyle::Lines,
            chosen => chosen,
        };
        Self { format, quiet: global.quiet, verbose: global.verbose, progress }
    }

    /// Writes a line of the answer.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn line(&self, text: &str) -> CliResult<()> {
        self.text(&format!("{text}\n"))
    }

    /// Writes a part of the answer as it is.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn text(&self, text: &str) -> CliResult<()> {
        let mut stdout = anstream::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        written.map_err(|error| CliError::stdout(&error))
    }

    /// Writes one value as JSON: a line of its own when `line`, else laid out for reading.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn json<T: Serialize>(&self, value: &T, line: bool) -> CliResult<()> {
        let text = if line || !io::stdout().is_terminal() {
            serde_json::to_string(value)
        } else {
            serde_json::to_string_pretty(value)
        };
        self.line(&escaped(&text.expect("our own types hold nothing that JSON cannot")))
    }

    /// Writes a table.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn table(&self, table: &Table) -> CliResult<()> {
        match self.format {
            Format::Plain => self.text(&table.tabbed()),
            Format::Human | Format::Json => self.text(&table.aligned(screen_columns())),
        }
    }

    /// Says what is being done: a word, right-aligned, and the rest.
    pub(crate) fn say(&self, verb: &str, text: &str) {
        if !self.quiet {
            self.talk(&format!("{GREEN}{verb:>11}{GREEN:#} {text}"));
        }
    }

    /// Says something in a line of its own.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.talk(text);
        }
    }

    /// The same, only with `-v`.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            self.talk(text);
        }
    }

    /// Warns; also when quiet.
    pub(crate) fn warn(&self, text: &str) {
        self.talk(&format!("{YELLOW}warning:{YELLOW:#} {text}"));
    }

    fn talk(&self, text: &str) {
        // Nobody can be told that standard error is gone.
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// Shows an error.
    pub(crate) fn error(&self, error: &CliError) {
        if let CliError::Shown(report) = error {
            self.talk(render(report).trim_end());
        }
    }
}

/// An error as text: what, why, what to do.
pub(crate) fn render(report: &Report) -> String {
    let label = report.label.as_deref().unwrap_or(report.slug.name());
    let mut text = format!("{RED}error:{RED:#} {}  [{label}]\n", safe_lines(&report.what, 7));
    for (word, lines) in [("why: ", &report.why), ("help:", &report.help)] {
        for (i, line) in lines.iter().enumerate() {
            let line = safe_lines(line, 8);
            let word = if i == 0 { word } else { "     " };
            text.push_str(&format!("  {BOLD}{word}{BOLD:#} {line}\n"));
        }
    }
    text
}

/// JSON whose strings cannot steer a terminal either: the format itself only asks for the control
/// characters of ASCII to be escaped.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        // Line ends stand between the values of JSON that is laid out; all others only in strings.
        if c != '\n' && human::steers(c) {
            // All of them are in the range that one such escape can name.
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

/// `text` with its lines kept, further ones indented, and all else made harmless.
fn safe_lines(text: &str, indent: usize) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(human::safe).collect();
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// Columns of the screen that standard output goes to, if it is one.
fn screen_columns() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Slug;

    fn shown(error: CliError) -> String {
        let CliError::Shown(report) = error else { panic!("an error to be shown") };
        anstream::adapter::strip_str(&render(&report)).to_string()
    }

    #[test]
    fn an_error_says_what_why_and_what_to_do() {
        let error = CliError::new(Slug::Unreachable, "cannot reach http://127.0.0.1:8420")
            .why("connection refused")
            .help("is the head running? start one with: bramble up")
            .help("or name another: --cluster URL");
        assert_eq!(
            shown(error),
            "error: cannot reach http://127.0.0.1:8420  [unreachable]\n  \
             why:  connection refused\n  \
             help: is the head running? start one with: bramble up\n        \
             or name another: --cluster URL\n"
        );
    }

    #[test]
    fn json_is_escaped_further_and_means_the_same() {
        let text = "a\u{9b}2J\u{202e}b\u{7f}\n\t\u{1b} 温度";
        let json = escaped(&serde_json::to_string_pretty(&[text]).unwrap());
        assert_eq!(json, "[\n  \"a\\u009b2J\\u202eb\\u007f\\n\\t\\u001b 温度\"\n]");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
    }

    #[test]
    fn lines_of_a_backtrace_stay_lines_and_cannot_steer_the_terminal() {
        let error = CliError::new(Slug::JobFailed, "chunk 0 failed").why("at a\nat \x1b]0;b\x07");
        assert_eq!(
            shown(error),
            "error: chunk 0 failed  [job-failed]\n  why:  at a\n        at \\u{1b}]0;b\\u{7}\n"
        );
    }
}
