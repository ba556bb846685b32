//! `bramble test`: a job on its inputs, without a cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bramble_devkit::{
    Bench, Difference, Failure, Order, PhaseUse, Project, Run, Suspect, TestSettings, Trial,
    TrialError, TrialReport, Variant,
};
use bramble_protocol::{Limits, Mode, Secrets};
use bramble_runtime::compile::{CompileLimits, Compiler};
use bramble_store::cut::CutError;
use serde_json::{Value, json};

use super::Context;
use super::build::{make, module_error};
use super::new::shown;
use crate::args::develop::TestArgs;
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, human};
use crate::paths;
use crate::request::{params, read_module, secrets};

/// What is to be tested.
struct Plan {
    module: PathBuf,
    settings: TestSettings,
    /// Each input, `None` for a job that works on none, and the file that holds what should come
    /// out.
    inputs: Vec<(Option<PathBuf>, Option<PathBuf>)>,
}

/// Tests a project or a module.
///
/// # Errors
/// When it cannot be run, or a result is not what it should be.
pub(crate) fn run(context: &Context, args: &TestArgs) -> CliResult<()> {
    let mut plan = plan(context, args)?;
    let compiler = Compiler::new(paths::program()?, CompileLimits::default());
    let module = read_module(&plan.module)?;
    let mode = if args.verify { Mode::Verify } else { Mode::Fast };
    let bench = Bench::new(&compiler, &module, mode).map_err(|error| trial_error(&error))?;
    check_inputs(&mut plan, args, bench.info().declared.takes_no_input())?;
    let secrets = secrets::read(&args.secrets, false)?;
    let mut failed = Vec::new();
    let mut answers = Vec::new();
    for (input, expect) in &plan.inputs {
        let trial = trial(args, &secrets, &plan.settings, input.as_deref(), expect.as_deref())?;
        let mut report = bench.try_out(&trial).map_err(|error| trial_error(&error))?;
        if args.update {
            update(context, &mut report, expect.as_deref())?;
        }
        let input = input.as_deref();
        answers.push(json_of(input, &report));
        if context.output.format != Format::Json {
            context.output.text(&text(input, &trial, &report))?;
        }
        if !report.passed() {
            failed.push((input, report));
        }
    }
    if context.output.format == Format::Json {
        context.output.json(&answers, false)?;
    }
    match failed.first() {
        None => Ok(()),
        Some((input, report)) => Err(failure(*input, report, failed.len(), plan.inputs.len())),
    }
}

fn plan(context: &Context, args: &TestArgs) -> CliResult<Plan> {
    let mut plan = if args.target.is_dir() {
        let project = Project::open(&args.target).map_err(|error| shown(&error))?;
        if project.is_stale() {
            make(context, &project)?;
        }
        let inputs = project.inputs().map_err(|error| shown(&error))?;
        let inputs = inputs
            .into_iter()
            // A result that is expected nowhere is not compared, but may be written.
            .map(|(input, expect)| {
                (Some(input), Some(expect).filter(|at| args.update || at.exists()))
            })
            .collect();
        Plan { module: project.module(), settings: project.test, inputs }
    } else {
        let settings = TestSettings::default();
        Plan { module: args.target.clone(), settings, inputs: Vec::new() }
    };
    if !args.inputs.is_empty() {
        plan.inputs = args.inputs.iter().map(|input| (Some(input.clone()), None)).collect();
    }
    Ok(plan)
}

/// Whether there are inputs exactly where the module wants them, and what is expected of each.
fn check_inputs(plan: &mut Plan, args: &TestArgs, takes_no_input: bool) -> CliResult<()> {
    if takes_no_input {
        if !plan.inputs.is_empty() {
            return Err(CliError::usage("this module works on no input")
                .why("it makes its chunks from its parameters")
                .help("leave out --input, and files in the project's input/"));
        }
        plan.inputs.push((None, None));
    }
    if let Some(expect) = &args.expect {
        let [(_, expected)] = plan.inputs.as_mut_slice() else {
            return Err(CliError::usage("--expect is for one input").help("add: --input FILE"));
        };
        *expected = Some(expect.clone());
    }
    if plan.inputs.is_empty() {
        return Err(CliError::usage("there is no input to test with")
            .help("name one: --input FILE, or put some into the project's input/"));
    }
    if args.update && plan.inputs.iter().any(|(_, expect)| expect.is_none()) {
        return Err(
            CliError::usage("--update needs to know where to write").help("add: --expect FILE")
        );
    }
    Ok(())
}

fn trial(
    args: &TestArgs,
    secrets: &Secrets,
    settings: &TestSettings,
    input: Option<&Path>,
    expect: Option<&Path>,
) -> CliResult<Trial> {
    let expected = expect
        .filter(|path| !args.update || path.exists())
        .map(|path| fs::read(path).map_err(|error| CliError::file("read", path, &error)))
        .transpose()?;
    let mut limits = Limits::default();
    let memory = args.memory.or(settings.memory_mib.map(|mib| mib.saturating_mul(1 << 20)));
    limits.memory_bytes_max = memory.unwrap_or(limits.memory_bytes_max);
    if let Some(time) = args.cpu_time {
        limits.cpu_ms_max = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        limits.wall_ms_max = limits.wall_ms_max.max(limits.cpu_ms_max.saturating_mul(2));
    }
    if let Some(fault) = limits.fault() {
        return Err(CliError::usage(fault));
    }
    let words = if args.args.is_empty() { settings.args.clone() } else { args.args.clone() };
    let mut command = args.program.options(&words);
    if command.ok_statuses.is_empty() {
        command.ok_statuses.clone_from(&settings.ok_status);
    }
    command.merge_args = command.merge_args.or_else(|| settings.merge_args.clone());
    let mut all = settings.params.clone();
    all.extend(params(&args.params)?);
    Ok(Trial {
        input: input.map(Path::to_owned),
        expected,
        params: all,
        secrets: secrets.clone(),
        args: words,
        command,
        limits,
        split: args.split.or(settings.split),
        chunk_sizes: args.chunk_size.clone(),
        seed: args.seed,
    })
}

/// Writes a result to where it is expected, when all runs agree on it.
fn update(context: &Context, report: &mut TrialReport, expect: Option<&Path>) -> CliResult<()> {
    report.differences.retain(|difference| difference.suspect != Suspect::Expectation);
    let Some(path) = expect.filter(|_| report.passed()) else { return Ok(()) };
    let failed = |error: std::io::Error| CliError::file("write", path, &error);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    fs::write(path, &report.result).map_err(failed)?;
    let size = human::size(report.result.len() as u64);
    context.output.say("Wrote", &format!("{}  {size}", path.display()));
    Ok(())
}

fn file_name(path: &Path) -> String {
    human::safe_field(&path.file_name().unwrap_or_default().to_string_lossy())
}

fn input_name(input: Option<&Path>) -> String {
    input.map_or_else(|| "no input".into(), file_name)
}

/// How one input went, in lines.
fn text(input: Option<&Path>, trial: &Trial, report: &TrialReport) -> String {
    let mut text = format!("{}\n", input_name(input));
    for run in &report.runs {
        let mark = if run.failure.is_some() { "FAILED" } else { "ok" };
        text.push_str(&format!("  {mark:<6} {}\n", variant_text(&run.variant)));
    }
    // Of those that ended well the one that shows most.
    let ended = report.runs.iter().filter(|run| run.failure.is_none());
    let tasks = |run: &&Run| run.phases.iter().map(|phase| phase.tasks).sum::<u32>();
    if let Some(run) = ended.max_by_key(tasks) {
        for phase in &run.phases {
            text.push_str(&format!("         {}\n", phase_text(phase)));
        }
    }
    for difference in &report.differences {
        text.push_str(&format!("  DIFFERS {}\n", difference_text(difference)));
    }
    if trial.expected.is_some() && report.passed() {
        text.push_str("  ok     as expected\n");
    }
    text
}

fn variant_text(variant: &Variant) -> String {
    let chunks = human::count(variant.chunks as u64, "chunk");
    let mut text = format!("{chunks} of up to {}", human::size(variant.chunk_bytes));
    match variant.order {
        Order::Forward => {}
        Order::Backward => text.push_str(", tasks in reverse order"),
        Order::Shuffled => text.push_str(", tasks in random order"),
    }
    if let Some(partitions) = variant.partitions {
        text.push_str(&format!(", {}", human::count(partitions.into(), "key range")));
    }
    text
}

fn phase_text(phase: &PhaseUse) -> String {
    let usage = &phase.usage;
    let mut text = format!(
        "{}: {} · {} CPU · {} memory at most",
        phase.phase,
        human::count(phase.tasks.into(), "task"),
        cpu(usage.cpu_us),
        human::size(usage.memory_bytes_peak),
    );
    if let Some(fuel) = phase.fuel() {
        text.push_str(&format!(" · {} fuel", human::thousands(fuel)));
    }
    text
}

/// Processor time, in a unit in which short tasks can be told apart.
fn cpu(us: u64) -> String {
    match us {
        0..10_000 => format!("{:.1} ms", us as f64 / 1000.0),
        _ => human::duration(Duration::from_micros(us)),
    }
}

fn difference_text(difference: &Difference) -> String {
    match difference.suspect {
        Suspect::Expectation => "the result is not as expected".into(),
        Suspect::Cutting(first, second) => format!(
            "the result depends on how the input is cut: {} and {} give different results",
            human::count(first as u64, "chunk"),
            human::count(second as u64, "chunk")
        ),
        Suspect::Order(_) => "the result is not the same each time".into(),
        Suspect::Partitions => "the result depends on the number of key ranges".into(),
    }
}

/// The error that the command ends with.
fn failure(input: Option<&Path>, report: &TrialReport, failed: usize, all: usize) -> CliError {
    let name = input_name(input);
    let mut error = match (report.failure(), report.differences.first()) {
        (Some(failure), _) => task_failure(&name, failure),
        (None, Some(difference)) => differs(&name, difference),
        (None, None) => CliError::new(Slug::TestFailed, name),
    };
    if failed > 1 {
        error = error.why(format!("{failed} of {all} inputs failed; this is the first"));
    }
    error
}

fn task_failure(name: &str, failure: &Failure) -> CliError {
    let task = match failure.phase {
        bramble_protocol::PhaseKind::Map => format!("chunk {}", failure.index),
        phase => format!("{phase} task {}", failure.index),
    };
    let what = format!("{name}: {task} failed");
    let mut error = CliError::new(Slug::TestFailed, what)
        .label(failure.outcome.slug())
        .why(failure.outcome.message());
    if !failure.log.trim().is_empty() {
        error = error.why(format!("its log:\n{}", failure.log.trim_end()));
    }
    match failure.outcome.hint() {
        Some(hint) => error.help(hint),
        None => error,
    }
}

fn differs(name: &str, difference: &Difference) -> CliError {
    let place = &difference.place;
    let (first, second) = match difference.suspect {
        Suspect::Expectation => ("expected".to_owned(), "came out".to_owned()),
        Suspect::Cutting(first, second) => {
            (human::count(first as u64, "chunk"), human::count(second as u64, "chunk"))
        }
        Suspect::Order(_) => ("once".to_owned(), "then".to_owned()),
        Suspect::Partitions => ("several key ranges".to_owned(), "one".to_owned()),
    };
    let what = format!("{name}: {}", difference_text(difference));
    let mut error = CliError::new(Slug::TestFailed, what)
        .why(format!("first at byte {}, line {}:", place.offset, place.line))
        .why(format!("  {first}: {}", place.first))
        .why(format!("  {second}: {}", place.second))
        .why(format!(
            "in all {} and {} bytes",
            human::thousands(difference.bytes.0),
            human::thousands(difference.bytes.1)
        ));
    for line in &difference.help {
        error = error.help(line.clone());
    }
    error
}

fn json_of(input: Option<&Path>, report: &TrialReport) -> Value {
    let runs: Vec<Value> = report.runs.iter().map(run_json).collect();
    let differences: Vec<Value> = report.differences.iter().map(difference_json).collect();
    json!({
        "schema": "bramble.test/1",
        "input": input.map(|input| input.display().to_string()),
        "passed": report.passed(),
        "result_bytes": report.result.len(),
        "result_digest": bramble_protocol::Digest::of(&report.result),
        "runs": runs,
        "differences": differences,
    })
}

fn run_json(run: &Run) -> Value {
    let phases: Vec<Value> = run
        .phases
        .iter()
        .map(|phase| json!({ "phase": phase.phase, "tasks": phase.tasks, "usage": phase.usage }))
        .collect();
    json!({
        "chunk_bytes": run.variant.chunk_bytes,
        "chunks": run.variant.chunks,
        "order": match run.variant.order {
            Order::Forward => "forward",
            Order::Backward => "backward",
            Order::Shuffled => "shuffled",
        },
        "partitions": run.variant.partitions,
        "phases": phases,
        "failure": run.failure.as_ref().map(|failure| json!({
            "phase": failure.phase,
            "index": failure.index,
            "outcome": failure.outcome,
        })),
    })
}

fn difference_json(difference: &Difference) -> Value {
    json!({
        "suspect": match difference.suspect {
            Suspect::Expectation => "expectation",
            Suspect::Cutting(..) => "cutting",
            Suspect::Order(_) => "order",
            Suspect::Partitions => "partitions",
        },
        "message": difference_text(difference),
        "offset": difference.place.offset,
        "line": difference.place.line,
        "first": difference.place.first,
        "second": difference.place.second,
    })
}

/// Why a trial could not be made, as the user sees it.
fn trial_error(error: &TrialError) -> CliError {
    match error {
        TrialError::Module(error) => module_error(error),
        TrialError::Input { path, source } => CliError::file("read", path, source),
        TrialError::Cut(CutError::Empty) => {
            CliError::new(Slug::BadFile, "the input is empty").why("there is nothing to work on")
        }
        TrialError::Cut(_) | TrialError::Split(_) => {
            CliError::new(Slug::BadInput, "the input cannot be cut").because(error).help(
                "check the file, or say where it may be cut: --split lines, bytes, records:SIZE",
            )
        }
        TrialError::Refused { help, .. } => {
            let shown = CliError::new(Slug::BadJob, error.to_string());
            match help {
                Some(help) => shown.help(help.clone()),
                None => shown,
            }
        }
        TrialError::Key(_)
        | TrialError::Directory(_)
        | TrialError::Store(_)
        | TrialError::Runner(_) => {
            CliError::new(Slug::Local, "cannot run the job here").because(error)
        }
    }
}
