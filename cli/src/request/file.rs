//! Job files: several jobs in TOML, of which one may work on the result of another. A file is
//! checked as a whole before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::{ArgAction, CommandFactory, Parser};
use serde::Deserialize;
use toml::{Spanned, Value};

use super::Submission;
use crate::args::{Cli, Command};
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Output, human};

/// The largest job file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most jobs in one file.
const JOBS_MAX: usize = 256;
/// How alike a key must be to one that there is to be taken for it. 1 is the same.
const NEAR: f64 = 0.7;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Read here: the name, what the job runs, works on and waits for.
    Own,
    /// A flag of `submit` with a value.
    Flag,
    /// A flag without a value, given when true.
    Switch,
    /// A flag that may have a value: true gives it without one.
    Either,
    /// A flag without a value, given when false.
    Unless(&'static str),
    /// A flag that may be given several times.
    Many(String),
    /// Words after `--`.
    Words,
    /// Parameters by name.
    Params,
}

/// Keys that are not called like the flags of `submit` that they stand for, or are no flags.
const OWN_KEYS: [&str; 8] =
    ["name", "module", "input", "after", "params", "args", "cache", "merge-args"];
/// Flags of `submit` that say nothing about a job, or have another name as keys.
const NO_KEYS: [&str; 8] =
    ["arg", "no-cache", "merge-arg", "output", "detach", "timeout", "dry-run", "help"];

/// What a key holds; `None` when there is no such key. All flags of `submit` are keys.
fn kind_of(key: &str) -> Option<Kind> {
    match key {
        "name" | "module" | "input" | "after" => return Some(Kind::Own),
        "params" => return Some(Kind::Params),
        "args" => return Some(Kind::Words),
        "cache" => return Some(Kind::Unless("no-cache")),
        "merge-args" => return Some(Kind::Many("merge-arg".into())),
        _ if NO_KEYS.contains(&key) => return None,
        _ => {}
    }
    let submit = submit_command();
    let flag = submit.get_arguments().find(|flag| flag.get_long() == Some(key))?;
    Some(match flag.get_action() {
        ArgAction::SetTrue => Kind::Switch,
        ArgAction::Append => Kind::Many(key.into()),
        _ if flag.get_num_args().is_some_and(|count| count.min_values() == 0) => Kind::Either,
        _ => Kind::Flag,
    })
}

fn submit_command() -> clap::Command {
    let cli = Cli::command();
    cli.find_subcommand("submit").cloned().expect("the command line has `submit`")
}

/// All keys, in the order in which they are shown.
fn keys() -> Vec<String> {
    let submit = submit_command();
    let flags = submit.get_arguments().filter_map(clap::Arg::get_long);
    let flags = flags.filter(|flag| !NO_KEYS.contains(flag) && !OWN_KEYS.contains(flag));
    OWN_KEYS.into_iter().chain(flags).map(str::to_owned).collect()
}

type Entries = BTreeMap<Spanned<String>, Spanned<Value>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    job: Vec<Spanned<Entries>>,
}

/// A job of a file, checked.
#[derive(Debug)]
pub(crate) struct Step {
    /// What the others call it.
    pub(crate) name: String,
    /// The steps that it waits for beside the one whose result it works on.
    pub(crate) after: Vec<usize>,
    /// The step whose result it works on.
    pub(crate) from: Option<usize>,
    /// The request, without the numbers of the jobs it waits for.
    pub(crate) request: Submission,
}

impl Step {
    /// The steps that must be submitted before it.
    fn upstreams(&self) -> impl Iterator<Item = usize> {
        self.after.iter().copied().chain(self.from)
    }
}

/// What is known of a job while its file is read.
struct Draft {
    name: String,
    line: usize,
    input: Option<(String, usize)>,
    after: Vec<(String, usize)>,
    words: Vec<String>,
    rest: Vec<String>,
}

/// Reads a job file and checks it with all files that it names. The steps come in an order in
/// which each follows those that it waits for.
///
/// # Errors
/// When the file, or anything that it names, cannot be used; with the line.
pub(crate) fn read(path: &Path, output: &Output) -> CliResult<Vec<Step>> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|error| CliError::file("read", path, &error))?;
    if metadata.len() > FILE_BYTES_MAX {
        let what = format!("{shown} is too long to be a job file");
        return Err(CliError::new(Slug::BadJobFile, what));
    }
    let text = fs::read_to_string(path).map_err(|error| CliError::file("read", path, &error))?;
    let file = JobFile { path, text: &text };
    let drafts = file.drafts()?;
    let steps = file.steps(drafts, output)?;
    file.sorted(steps)
}

struct JobFile<'a> {
    path: &'a Path,
    text: &'a str,
}

impl JobFile<'_> {
    fn line(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset.min(self.text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    fn fault(&self, line: usize, what: impl std::fmt::Display) -> CliError {
        let what = format!("{}:{line}: {what}", self.path.display());
        CliError::new(Slug::BadJobFile, what)
    }

    fn drafts(&self) -> CliResult<Vec<Draft>> {
        let tables: Tables = toml::from_str(self.text).map_err(|error| {
            let line = error.span().map_or(1, |span| self.line(span.start));
            self.fault(line, error.message().lines().next().unwrap_or("it is not TOML"))
                .help("a job file holds tables called [[job]]: bramble run --help shows one")
        })?;
        if tables.job.is_empty() {
            return Err(self.fault(1, "there is no job in it").help("a job starts with [[job]]"));
        }
        if tables.job.len() > JOBS_MAX {
            return Err(self.fault(1, format!("more than {JOBS_MAX} jobs")));
        }
        let drafts: CliResult<Vec<Draft>> =
            tables.job.iter().map(|entries| self.draft(entries)).collect();
        let drafts = drafts?;
        let mut names = BTreeSet::new();
        for draft in &drafts {
            if !names.insert(&draft.name) {
                let what = format!("another job is called \"{}\" already", draft.name);
                return Err(self.fault(draft.line, what));
            }
        }
        Ok(drafts)
    }

    fn draft(&self, entries: &Spanned<Entries>) -> CliResult<Draft> {
        let line = self.line(entries.span().start);
        let mut draft = Draft {
            name: String::new(),
            line,
            input: None,
            after: Vec::new(),
            words: Vec::new(),
            rest: Vec::new(),
        };
        for (key, value) in entries.get_ref() {
            let line = self.line(key.span().start);
            let key = key.get_ref().as_str();
            let Some(kind) = kind_of(key) else { return Err(self.unknown(line, key)) };
            self.take(&mut draft, (key, &kind), value.get_ref(), line)?;
        }
        if draft.name.is_empty() {
            return Err(self.fault(line, "this job has no name").help("add: name = \"…\""));
        }
        Ok(draft)
    }

    fn unknown(&self, line: usize, key: &str) -> CliError {
        let error = self.fault(line, format!("there is no key `{}`", human::safe_field(key)));
        let keys = keys();
        match nearest(key, keys.iter().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("those that there are: {}", keys.join(", "))),
        }
    }

    fn take(
        &self,
        draft: &mut Draft,
        (key, kind): (&str, &Kind),
        value: &Value,
        line: usize,
    ) -> CliResult<()> {
        let wrong = |what: &str| self.fault(line, format!("`{key}` must be {what}"));
        let text = || scalar(value).ok_or_else(|| wrong("one value"));
        let list = || match value {
            Value::Array(values) => {
                let texts: Option<Vec<String>> = values.iter().map(scalar).collect();
                texts.ok_or_else(|| wrong("a list of values"))
            }
            other => Ok(vec![scalar(other).ok_or_else(|| wrong("a list of values"))?]),
        };
        let truth = || value.as_bool().ok_or_else(|| wrong("true or false"));
        match (key, kind) {
            ("name", _) => draft.name = text()?,
            ("module", _) => draft.words.push(self.beside(&text()?).display().to_string()),
            ("input", _) => draft.input = Some((text()?, line)),
            ("after", _) => draft.after = list()?.into_iter().map(|name| (name, line)).collect(),
            (_, Kind::Flag | Kind::Own) => draft.words.push(format!("--{key}={}", text()?)),
            (_, Kind::Either) => match value.as_bool() {
                Some(true) => draft.words.push(format!("--{key}")),
                Some(false) => {}
                None => draft.words.push(format!("--{key}={}", text()?)),
            },
            (_, Kind::Switch) if truth()? => draft.words.push(format!("--{key}")),
            (_, Kind::Unless(flag)) if !truth()? => draft.words.push(format!("--{flag}")),
            (_, Kind::Switch | Kind::Unless(_)) => {}
            ("secret" | "sealed", _) => {
                let beside = |path: &str| self.beside(path);
                let typed = |word: String| super::secrets::typed(key, &word, beside);
                draft.words.extend(list()?.into_iter().map(typed));
            }
            (_, Kind::Many(flag)) => {
                draft.words.extend(list()?.into_iter().map(|value| format!("--{flag}={value}")));
            }
            (_, Kind::Words) => draft.rest = list()?,
            (_, Kind::Params) => {
                let Value::Table(params) = value else {
                    return Err(wrong("a table, such as { level = 3 }"));
                };
                for (name, value) in params {
                    let value = scalar(value).ok_or_else(|| wrong("a table of single values"))?;
                    draft.words.push(format!("--arg={name}={value}"));
                }
            }
        }
        Ok(())
    }

    /// A path in the file starts where the file is.
    fn beside(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    fn steps(&self, drafts: Vec<Draft>, output: &Output) -> CliResult<Vec<Step>> {
        let names: Vec<String> = drafts.iter().map(|draft| draft.name.clone()).collect();
        let find = |name: &str, line: usize| {
            names.iter().position(|known| known == name).ok_or_else(|| {
                let shown = human::safe_field(name);
                let error = self.fault(line, format!("no job of this file is called \"{shown}\""));
                match nearest(name, names.iter().map(String::as_str)) {
                    Some(near) => error.help(format!("did you mean \"{near}\"?")),
                    None => error,
                }
            })
        };
        let mut steps = Vec::new();
        for draft in drafts {
            let after: CliResult<Vec<usize>> =
                draft.after.iter().map(|(name, line)| find(name, *line)).collect();
            let mut from = None;
            let mut words: Vec<String> = vec!["bramble".into(), "submit".into()];
            words.extend(draft.words);
            if let Some((input, line)) = draft.input {
                match input.strip_prefix('@') {
                    Some(name) => {
                        from = Some(find(name, line)?);
                        // Its number is not known yet.
                        words.push("--input=job:1".into());
                    }
                    None => words.push(format!("--input={}", self.beside(&input).display())),
                }
            }
            words.push(format!("--name={}", draft.name));
            if !draft.rest.is_empty() {
                words.push("--".into());
                words.extend(draft.rest);
            }
            let request = self.request(&words, output).map_err(|error| {
                let CliError::Shown(mut report) = error else { return error };
                report.what = format!(
                    "{}:{}: job \"{}\": {}",
                    self.path.display(),
                    draft.line,
                    human::safe_field(&draft.name),
                    report.what
                );
                CliError::Shown(report)
            })?;
            steps.push(Step { name: draft.name, after: after?, from, request });
        }
        Ok(steps)
    }

    /// The same checks as of what is typed.
    fn request(&self, words: &[String], output: &Output) -> CliResult<Submission> {
        let cli = Cli::try_parse_from(words).map_err(|error| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            let what = line.trim_start_matches("error: ").to_owned();
            CliError::new(Slug::BadJobFile, what)
                .help("keys are the flags of: bramble submit --help")
        })?;
        let Command::Submit(args) = cli.command else {
            return Err(CliError::usage("this is no job"));
        };
        Submission::check(*args, output)
    }

    /// The steps in an order in which each follows those that it waits for, and otherwise as they
    /// stand in the file.
    fn sorted(&self, steps: Vec<Step>) -> CliResult<Vec<Step>> {
        let mut order: Vec<usize> = Vec::new();
        while order.len() < steps.len() {
            let is_next = |index: &usize| {
                !order.contains(index)
                    && steps[*index].upstreams().all(|upstream| order.contains(&upstream))
            };
            match (0..steps.len()).find(is_next) {
                Some(next) => order.push(next),
                None => return Err(self.cycle(&steps, &order)),
            }
        }
        let place = |index: usize| order.iter().position(|at| *at == index).unwrap_or(index);
        let mut sorted: Vec<(usize, Step)> = steps.into_iter().enumerate().collect();
        for (_, step) in &mut sorted {
            step.after.iter_mut().for_each(|upstream| *upstream = place(*upstream));
            step.from = step.from.map(place);
        }
        sorted.sort_by_key(|(index, _)| place(*index));
        Ok(sorted.into_iter().map(|(_, step)| step).collect())
    }

    fn cycle(&self, steps: &[Step], done: &[usize]) -> CliError {
        // Each that is left waits for another that is left: following them leads into the cycle.
        let mut path: Vec<usize> = Vec::new();
        let mut at = (0..steps.len()).find(|index| !done.contains(index)).unwrap_or(0);
        while !path.contains(&at) {
            path.push(at);
            let next = steps[at].upstreams().find(|upstream| !done.contains(upstream));
            at = next.unwrap_or(at);
        }
        let start = path.iter().position(|index| *index == at).unwrap_or(0);
        let names: Vec<&str> =
            path[start..].iter().chain([&at]).map(|index| steps[*index].name.as_str()).collect();
        let what = format!("these jobs wait for each other: {}", names.join(" → "));
        CliError::new(Slug::BadJobFile, format!("{}: {what}", self.path.display()))
            .help("each arrow says what a job waits for: take one of them away")
    }
}

/// A value as it would be typed; `None` for lists and tables.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        Value::Datetime(time) => Some(time.to_string()),
        Value::Array(_) | Value::Table(_) => None,
    }
}

fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &str| strsim::jaro_winkler(typed, name);
    known.filter(|name| likeness(name) >= NEAR).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

#[cfg(test)]
mod tests;
