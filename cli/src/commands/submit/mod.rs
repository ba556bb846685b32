//! `bramble submit`: sends a module and its input, waits, and fetches the result.

mod plan;
mod send;
mod textbook;

use std::sync::Arc;

use bramble_protocol::api::{JobView, NodeView};
use bramble_protocol::job::CommandOptions;
use bramble_protocol::{
    Digest, JobSpec, Limits, ModuleInfo, ModuleKind, NodeSelector, NodeState, ObjectRef,
    SecretNames,
};

use super::fetch::{self, Target, file_name};
use super::{Context, watch};
use crate::args::submit::{PlanName, SubmitArgs};
use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, human, job, module};
use crate::request::Submission;
use crate::request::input::Input;
use crate::signals::Interrupt;
pub(super) use send::Sent;

/// Runs a job.
///
/// # Errors
/// When it cannot be submitted, does not end well, or its result cannot be fetched.
pub(crate) fn run(context: &Context, args: SubmitArgs) -> CliResult<()> {
    let mut request = Submission::check(args, &context.output)?;
    let interrupt = Interrupt::listen()?;
    let client = context.client()?;
    let module = check_module(context, &client, &mut request)?;
    let sent = send_input(context, &client, &request, &module, &interrupt)?;
    if request.dry_run {
        return plan::show(context, &client, &request, &module, &sent);
    }
    let view = queue(context, &client, &request, &module, &sent)?;
    if request.detach {
        return detached(context, &view);
    }
    if context.output.quiet
        && context.output.format == Format::Human
        && request.output != Some(Target::Stdout)
    {
        context.output.line(&view.id.to_string())?;
    }
    finish(context, &client, &request, &view, &interrupt)
}

/// Sends the input, unless it is another job's result.
///
/// # Errors
/// When it cannot be cut or sent.
pub(super) fn send_input(
    context: &Context,
    client: &Client,
    request: &Submission,
    module: &ModuleInfo,
    interrupt: &Interrupt,
) -> CliResult<Sent> {
    if request.policy.input_from.is_some() {
        let manifest = ObjectRef { digest: JobSpec::NO_INPUT, size: 0 };
        return Ok(Sent { manifest, chunks: 0, bytes: 0, known: 0, sent_bytes: 0 });
    }
    send::send(&send::Job {
        output: &context.output,
        client,
        interrupt,
        input: &request.input,
        cut: plan::cut(client, request, module)?,
        dry_run: request.dry_run,
    })
}

/// Has the head look at the module, and what was typed look at what the module says of itself.
/// Draws the parameters that are to be random and were not typed, and follows the plan that was.
///
/// # Errors
/// When it is no module, or what was typed does not fit it.
pub(super) fn check_module(
    context: &Context,
    client: &Client,
    request: &mut Submission,
) -> CliResult<ModuleInfo> {
    let module = client.send_module(&request.module)?;
    let mut text = format!("{}  {}", request.module_name, human::size(module.size_bytes));
    text.push_str(match module.kind {
        ModuleKind::Job => " · job",
        ModuleKind::Command => " · WASI command",
    });
    if module.kind == ModuleKind::Job {
        text.push_str(&format!(" · {}", module::phases(&module).join(", ")));
    }
    context.output.say("Checking", &text);
    if let Some(fault) = module.declared.param_fault(&request.params) {
        let error =
            CliError::new(Slug::BadJob, fault).help("parameters are given with --arg NAME=VALUE:");
        return Err(module::params(&module).into_iter().fold(error, CliError::help));
    }
    check_input(request, &module)?;
    module
        .declared
        .draw_missing(&mut request.params, getrandom::fill)
        .map_err(|error| CliError::new(Slug::Local, "cannot draw at random").because(&error))?;
    let names = SecretNames { tag: Digest::ZERO, given: request.secrets.names() };
    if let Some(fault) = module.declared.secrets_fault(Some(&names)) {
        return Err(CliError::new(Slug::BadJob, fault));
    }
    if module.kind == ModuleKind::Job && request.command != CommandOptions::default() {
        return Err(CliError::new(Slug::BadJob, "this module has no exit status and no arguments")
            .why("--ok-status, --merge and --merge-arg are for WASI commands")
            .help("a job merges when it exports a merger"));
    }
    if module.kind == ModuleKind::Job && !request.args.is_empty() {
        return Err(CliError::new(Slug::BadJob, "this module takes no command-line arguments")
            .why("only WASI commands do; a job has parameters")
            .help("parameters are given with --arg NAME=VALUE"));
    }
    if request.plan == Some(PlanName::Textbook) {
        textbook::apply(client, request, &module)?;
    }
    Ok(module)
}

/// Whether there is an input exactly where the module wants one.
fn check_input(request: &mut Submission, module: &ModuleInfo) -> CliResult<()> {
    let wants_none = module.declared.takes_no_input();
    if !wants_none && request.input.is_absent() {
        let error = CliError::usage("which input? name a file: --input FILE");
        return Err(match module::input(module) {
            Some(what) => error.why(format!("this module works on: {what}")),
            None => error,
        });
    }
    if wants_none && request.input_is_sample {
        request.input = Arc::new(Input::absent());
    }
    if wants_none && (request.policy.input_from.is_some() || !request.input.is_absent()) {
        return Err(CliError::usage("this module works on no input: leave out --input")
            .why("it makes its chunks from its parameters"));
    }
    Ok(())
}

/// What the job will be called: as typed, as the module calls itself, or as its file.
fn job_name(request: &Submission, module: &ModuleInfo) -> String {
    let stem =
        request.module_name.rsplit_once('.').map_or(request.module_name.as_str(), |(stem, _)| stem);
    let name = request.name.as_deref().or(module.declared.name.as_deref()).unwrap_or(stem);
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    if name.trim().is_empty() { "job".into() } else { name }
}

/// The limits of the job's tasks: memory, unless it was typed, by the smallest board that may run
/// them.
fn limits(context: &Context, client: &Client, request: &Submission) -> CliResult<Limits> {
    if request.memory_is_chosen {
        return Ok(request.limits);
    }
    let nodes = client.nodes()?;
    let may_run = |node: &&NodeView| match &request.nodes {
        NodeSelector::Named(names) => names.contains(&node.name),
        NodeSelector::Any | NodeSelector::AtMost(_) => node.state != NodeState::Lost,
    };
    let sizes = nodes.iter().filter(may_run).filter_map(|node| node.status.memory_bytes_total);
    let Some(smallest) = sizes.min() else { return Ok(request.limits) };
    let memory_bytes_max = Limits::default_for(smallest).memory_bytes_max;
    if memory_bytes_max < request.limits.memory_bytes_max {
        let mib = memory_bytes_max >> 20;
        context.output.detail(&format!("{mib} MiB of memory a task, because of the smallest node"));
    }
    Ok(Limits { memory_bytes_max, ..request.limits })
}

/// Queues the job.
///
/// # Errors
/// When the head refuses it.
pub(super) fn queue(
    context: &Context,
    client: &Client,
    request: &Submission,
    module: &ModuleInfo,
    sent: &Sent,
) -> CliResult<JobView> {
    let name = job_name(request, module);
    let own_result = || {
        let of_what = match request.input.name() {
            "" => name.clone(),
            input => format!("{name}-{input}"),
        };
        file_name(&module.declared.result_name(&of_what, &request.params))
    };
    let spec = JobSpec {
        module: module.digest,
        input: sent.manifest.digest,
        params: request.params.clone(),
        // The head names them.
        secrets: None,
        args: request.args.clone(),
        command: request.command.clone(),
        nodes: request.nodes.clone(),
        limits: limits(context, client, request)?,
        mode: request.mode,
        partitions: request.partitions,
        result_name: request.result_name.clone().unwrap_or_else(own_result),
        clock_ms: request.clock_ms,
        policy: request.policy.clone(),
        name,
    };
    let view = client.submit(spec, request.secrets.clone())?;
    let name = human::safe_field(&view.spec.name);
    context.output.say("Queued", &format!("job {} \"{name}\" on {}", view.id, client.url()));
    Ok(view)
}

fn detached(context: &Context, view: &JobView) -> CliResult<()> {
    context.output.note(&format!("            next: bramble watch {}", view.id));
    match context.output.format {
        Format::Json => context.output.json(view, true),
        Format::Human | Format::Plain => context.output.line(&view.id.to_string()),
    }
}

/// Waits for the job and ends with its fate.
fn finish(
    context: &Context,
    client: &Client,
    request: &Submission,
    view: &JobView,
    interrupt: &Interrupt,
) -> CliResult<()> {
    let output = &context.output;
    let view = watch::wait(output, client, view.id, request.timeout, interrupt)?;
    if output.format == Format::Plain && request.output != Some(Target::Stdout) {
        output.table(&job::list(std::slice::from_ref(&view), super::now_ms()))?;
    }
    watch::fate(output, client, &view)?;
    output.say("Finished", &job::finished(&view));
    let size = human::size(view.result_bytes.unwrap_or_default());
    let Some(target) = &request.output else {
        let name = human::safe_field(&view.spec.result_name);
        output.say("Result", &format!("{name}  {size}            next: bramble get {}", view.id));
        return Ok(());
    };
    let fetched = client
        .result(view.id)
        .and_then(|result| fetch::fetch(output, client, &result, target, interrupt));
    fetched.map_err(|error| match error {
        CliError::Shown(_) => {
            error.help(format!("the job is done, fetch its result again: bramble get {}", view.id))
        }
        other => other,
    })?;
    output.say("Result", &format!("{}  {size}, BLAKE3 checked", target.shown()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use bramble_protocol::module::{Declared, Exports};
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command, ProgressStyle};
    use crate::output::Output;

    fn module(name: Option<&str>) -> ModuleInfo {
        ModuleInfo {
            digest: Digest::of(b"module"),
            size_bytes: 6,
            kind: ModuleKind::Job,
            exports: Exports::default(),
            declared: Declared { name: name.map(Into::into), ..Declared::default() },
        }
    }

    fn request(name: Option<&str>) -> Submission {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("my.job.wasm");
        std::fs::write(&file, "module").unwrap();
        let file = file.to_str().unwrap();
        let mut words = vec!["bramble", "submit", file, "-i", file];
        words.extend(name.iter().flat_map(|name| ["--name", name]));
        let Command::Submit(args) = Cli::parse_from(words).command else { panic!("submit") };
        let progress = ProgressStyle::None;
        let output = Output { format: Format::Human, quiet: true, verbose: false, progress };
        Submission::check(*args, &output).unwrap()
    }

    #[test]
    fn a_job_is_called_as_typed_else_as_declared_else_as_its_file() {
        assert_eq!(job_name(&request(Some("mine")), &module(Some("declared"))), "mine");
        assert_eq!(job_name(&request(None), &module(Some("declared"))), "declared");
        assert_eq!(job_name(&request(None), &module(None)), "my.job");
        assert_eq!(job_name(&request(None), &module(Some("\x1b\n"))), "job");
    }
}
