//! `bramble compare`: the same input through several modules, or with several values of parameters,
//! on one node and on many.

mod bars;
mod chart;
mod measure;
mod row;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bramble_protocol::api::JobState;
use bramble_protocol::{ModuleInfo, error_chain};
use clap::{Parser, ValueEnum};
use serde::Serialize;

use super::submit::{self, Sent};
use super::{Context, watch};
use crate::args::compare::{CompareArgs, Which};
use crate::args::submit::PlanName;
use crate::args::{Cli, Command, ProgressStyle};
use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, Output, human, job};
use crate::request::Submission;
use crate::signals::Interrupt;
use measure::Run;
use row::{Figures, Row};

/// The most combinations: each is a job, several times.
const ROWS_MAX: usize = 200;

/// What each job says by itself: nothing.
const SILENT: Output =
    Output { format: Format::Human, quiet: true, verbose: false, progress: ProgressStyle::None };

/// A combination that is ready to run.
struct Prepared {
    request: Submission,
    /// What was sent of it; nothing where it was given up.
    sent: Option<(ModuleInfo, Sent)>,
}

/// What `--json` answers.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    repeat: u32,
    rows: &'a [Figures],
    notes: &'a [String],
}

/// Runs all combinations and shows what they took.
///
/// # Errors
/// When nothing can be compared, one of the jobs fails, or the table cannot be written.
pub(crate) fn run(context: &Context, args: &CompareArgs) -> CliResult<()> {
    check(args)?;
    let (mut rows, requests) = combine(args)?;
    let interrupt = Interrupt::listen()?;
    let client = context.client()?;
    let silent = Context { output: SILENT, global: context.global.clone() };
    let mut prepared = Vec::new();
    for (row, request) in rows.iter_mut().zip(requests) {
        prepared.push(prepare(&silent, &client, row, request, &interrupt)?);
    }
    let notes = notes(&rows, &prepared);
    let ran = run_all(context, &silent, &client, args.repeat, &mut rows, &prepared, &interrupt);
    show(context, args, &rows, &notes)?;
    ran?;
    let failed = rows.iter().filter(|row| row.fault.is_some()).count();
    if failed > 0 {
        let what = format!("{failed} of {} failed", human::count(rows.len() as u64, "combination"));
        return Err(CliError::new(Slug::JobFailed, what).help("the table says why"));
    }
    Ok(())
}

/// What is typed, as far as it need not be sent anywhere.
fn check(args: &CompareArgs) -> CliResult<()> {
    if args.input.as_deref() == Some(Path::new("-")) {
        return Err(CliError::usage(
            "the input is read once for each combination, so it must be \
             a file",
        )
        .help("store it first: --input FILE"));
    }
    if args.secrets.iter().chain(&args.sealed).any(|secret| secret.ends_with("=@-")) {
        return Err(CliError::usage("standard input can be read only once")
            .help("give the secret as NAME=@FILE or NAME=env:VAR"));
    }
    let mut names = BTreeSet::new();
    for vary in &args.vary {
        let name = &vary.name;
        if !names.insert(name) || args.params.iter().any(|param| param.name == *name) {
            return Err(CliError::usage(format!("{name} is given twice"))
                .help(format!("name all its values at once: --vary {name}=A,B")));
        }
    }
    Ok(())
}

/// All combinations, in the order in which they were typed.
fn combine(args: &CompareArgs) -> CliResult<(Vec<Row>, Vec<Submission>)> {
    let mut choices: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for vary in &args.vary {
        let mut longer = Vec::new();
        for choice in &choices {
            for value in vary.value.split(',') {
                let mut choice = choice.clone();
                choice.push((vary.name.clone(), value.to_owned()));
                longer.push(choice);
            }
        }
        choices = longer;
        if choices.len() * args.all().count() * args.nodes.len() > ROWS_MAX {
            return Err(CliError::usage(format!("more than {ROWS_MAX} combinations")));
        }
    }
    if !args.plan.is_empty() {
        let with = |choice: &Vec<_>, plan: &PlanName| {
            let name = plan.to_possible_value().map(|value| value.get_name().to_owned());
            [&choice[..], &[("--plan".to_owned(), name.unwrap_or_default())]].concat()
        };
        let plans = |choice| args.plan.iter().map(move |plan| with(&choice, plan));
        choices = choices.into_iter().flat_map(plans).collect();
    }
    let (mut rows, mut requests) = (Vec::new(), Vec::new());
    for which in args.all() {
        for varied in &choices {
            for nodes in &args.nodes {
                requests.push(request(args, &which, varied, nodes)?);
                rows.push(Row {
                    module: which.name(),
                    varied: varied.clone(),
                    nodes: nodes.clone(),
                    runs: Vec::new(),
                    fault: None,
                });
            }
        }
    }
    Ok((rows, requests))
}

/// One job as if it had been typed.
fn request(
    args: &CompareArgs,
    which: &Which,
    varied: &[(String, String)],
    nodes: &str,
) -> CliResult<Submission> {
    let typed = Cli::try_parse_from(args.submit_words(which, varied, nodes));
    let command = typed.map(|typed| typed.command).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        CliError::usage(line.trim_start_matches("error: ").to_owned())
            .help("see: bramble compare --help")
    })?;
    let Command::Submit(submit) = command else {
        return Err(CliError::usage("this is not a job"));
    };
    Submission::check(*submit, &SILENT)
}

/// Sends all that a combination needs, before any is measured. One that does not fit its module is
/// given up.
fn prepare(
    silent: &Context,
    client: &Client,
    row: &mut Row,
    mut request: Submission,
    interrupt: &Interrupt,
) -> CliResult<Prepared> {
    let sent = submit::check_module(silent, client, &mut request).and_then(|module| {
        let sent = submit::send_input(silent, client, &request, &module, interrupt)?;
        Ok((module, sent))
    });
    match sent {
        Ok(sent) => Ok(Prepared { request, sent: Some(sent) }),
        Err(error) if is_of_the_job(&error) => {
            row.fault = Some(in_a_line(&error));
            Ok(Prepared { request, sent: None })
        }
        Err(error) => Err(error),
    }
}

/// Whether other combinations may do better.
fn is_of_the_job(error: &CliError) -> bool {
    matches!(
        error.slug(),
        Some(
            Slug::BadJob
                | Slug::BadModule
                | Slug::BadInput
                | Slug::JobFailed
                | Slug::JobCanceled
                | Slug::TooLarge
        )
    )
}

fn in_a_line(error: &CliError) -> String {
    match error {
        CliError::Shown(report) => {
            let why = report.why.first().map(|why| format!(": {why}")).unwrap_or_default();
            format!("{}{why}", report.what).replace('\n', " ")
        }
        other => error_chain(other),
    }
}

/// Runs everything, each once before any is run again.
fn run_all(
    context: &Context,
    silent: &Context,
    client: &Client,
    repeat: u32,
    rows: &mut [Row],
    prepared: &[Prepared],
    interrupt: &Interrupt,
) -> CliResult<()> {
    let models = models(client)?;
    let all = repeat as usize * rows.iter().filter(|row| row.fault.is_none()).count();
    let mut number = 0;
    for _ in 0..repeat {
        for (row, prepared) in rows.iter_mut().zip(prepared) {
            let (None, Some((module, sent))) = (&row.fault, &prepared.sent) else { continue };
            number += 1;
            let params = row.varied.iter().map(|(name, value)| format!(" {name}={value}"));
            let what = format!("{}{}", row.module, params.collect::<String>());
            let nodes = if row.nodes == "1" { "node" } else { "nodes" };
            let text = format!("{number}/{all}  {what} on {} {nodes}", row.nodes);
            context.output.say("Running", &human::safe_field(&text));
            match run_one(silent, client, &prepared.request, module, sent, interrupt) {
                Ok(mut view) => {
                    if module.declared.takes_no_input() {
                        // What its chunks are made of is no work.
                        view.input_bytes = 0;
                    }
                    row.runs.push(Run::of(&view, &models));
                }
                Err(error) if is_of_the_job(&error) => row.fault = Some(in_a_line(&error)),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Runs one job; Ctrl-C cancels it.
fn run_one(
    silent: &Context,
    client: &Client,
    request: &Submission,
    module: &ModuleInfo,
    sent: &Sent,
    interrupt: &Interrupt,
) -> CliResult<bramble_protocol::api::JobView> {
    let stopped = "stopped; the combinations that were done are in the table";
    interrupt.check(stopped)?;
    let queued = submit::queue(silent, client, request, module, sent)?;
    let view = match watch::wait(&silent.output, client, queued.id, None, interrupt) {
        Err(error) if error.slug() == Some(Slug::Interrupted) => {
            let canceled = client.cancel(queued.id);
            let error = CliError::new(Slug::Interrupted, stopped);
            return Err(match canceled {
                Ok(_) => error,
                Err(why) => error.why(format!("job {} goes on: {why}", queued.id)),
            });
        }
        other => other?,
    };
    if view.state == JobState::Done { Ok(view) } else { Err(job::failure(&view, &[])) }
}

/// The boards, by the names of nodes.
fn models(client: &Client) -> CliResult<BTreeMap<String, String>> {
    let nodes = client.nodes()?.into_iter();
    Ok(nodes.filter_map(|node| Some((node.name, node.status.model?))).collect())
}

/// What the modules say of the values that are compared, each once, parameter by parameter.
fn notes(rows: &[Row], prepared: &[Prepared]) -> Vec<String> {
    let mut notes = Vec::new();
    for (row, prepared) in rows.iter().zip(prepared) {
        let Some((module, _)) = &prepared.sent else { continue };
        for (place, (name, value)) in row.varied.iter().enumerate() {
            let mut params = module.declared.params.iter();
            let note = params.find(|param| param.name == *name).and_then(|it| it.notes.get(value));
            let Some(note) = note else { continue };
            let note = (place, format!("{name}={value}: {note}"));
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    notes.sort_by_key(|(place, _)| *place);
    notes.into_iter().map(|(_, note)| note).collect()
}

/// Shows the table and writes the files, as far as there is anything to be shown.
fn show(context: &Context, args: &CompareArgs, rows: &[Row], notes: &[String]) -> CliResult<()> {
    let figures = row::figures(rows);
    // The files come last: where one cannot be written, what was measured has been shown.
    print(&context.output, args, &figures, notes)?;
    if let Some(path) = &args.svg {
        write(&context.output, path, &chart::svg(&figures))?;
    }
    if let Some(path) = &args.csv {
        write(&context.output, path, &table::csv(&figures))?;
    }
    Ok(())
}

fn print(
    output: &Output,
    args: &CompareArgs,
    figures: &[Figures],
    notes: &[String],
) -> CliResult<()> {
    if output.format == Format::Json {
        let schema = "bramble.compare/1";
        let answer = Answer { schema, repeat: args.repeat, rows: figures, notes };
        return output.json(&answer, false);
    }
    output.table(&table::table(figures))?;
    if output.format == Format::Human {
        let remarks = table::remarks(figures, args.repeat);
        for text in bars::bars(figures).iter().chain(&remarks).chain(notes) {
            output.line(&human::safe_field(text))?;
        }
    }
    Ok(())
}

fn write(output: &Output, path: &Path, text: &str) -> CliResult<()> {
    std::fs::write(path, text).map_err(|error| CliError::file("write", path, &error))?;
    output.say("Written", &human::safe_field(&path.display().to_string()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Box<CompareArgs> {
        let words = ["bramble", "compare"].iter().chain(words);
        let Command::Compare(args) = Cli::parse_from(words).command else { panic!("compare") };
        args
    }

    #[test]
    fn all_combinations_are_made_in_the_order_in_which_they_were_typed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("job.wasm");
        std::fs::write(&file, "module").unwrap();
        let file = file.to_str().unwrap();
        let vary = ["--vary", "a=1,2", "--vary", "b=x,y", "--nodes", "1,all", "--arg", "c=3"];
        let args = args(&[&[file, "-i", file], &vary[..]].concat());
        let (rows, requests) = combine(&args).unwrap();
        let all: Vec<String> = requests
            .iter()
            .map(|it| format!("{}{}{}", it.params["a"], it.params["b"], it.params["c"]))
            .collect();
        assert_eq!(all, ["1x3", "1x3", "1y3", "1y3", "2x3", "2x3", "2y3", "2y3"]);
        assert!(requests.iter().all(|it| !it.policy.cache));
        assert_eq!((&*rows[0].nodes, &*rows[1].nodes), ("1", "all"));
        assert_eq!(requests[0].nodes, bramble_protocol::NodeSelector::AtMost(1));
        assert_eq!(requests[1].nodes, bramble_protocol::NodeSelector::Any);
    }

    #[test]
    fn what_cannot_be_compared_is_refused_before_anything_is_sent() {
        let refused = |words: &[&str]| check(&args(words)).unwrap_err().to_string();
        assert!(refused(&["m.wasm", "-i", "-"]).contains("must be a file"));
        assert!(refused(&["m.wasm", "--secret", "key=@-"]).contains("only once"));
        let twice = ["m.wasm", "--vary", "a=1,2", "--arg", "a=3"];
        assert!(refused(&twice).contains("a is given twice"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("job.wasm");
        std::fs::write(&file, "module").unwrap();
        let file = file.to_str().unwrap();
        let many = format!("n={}", vec!["1"; 201].join(","));
        let error = combine(&args(&[file, "-i", file, "--vary", &many])).unwrap_err();
        assert!(error.to_string().contains("more than 200"));
    }
}
