//! `bramble run`: the jobs of a file, each when those that it waits for are done.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bramble_protocol::api::JobView;
use bramble_protocol::{JobId, ModuleInfo};

use super::fetch::{self, Target, file_name};
use super::submit::{self, Sent};
use super::{Context, watch};
use crate::args::run::RunArgs;
use crate::client::Client;
use crate::error::{CliError, CliResult};
use crate::output::{Format, human, job};
use crate::request::Submission;
use crate::request::file::{self, Step};
use crate::signals::Interrupt;

/// Runs the jobs of a file.
///
/// # Errors
/// When the file or anything in it cannot be used, a job does not end well, or a result cannot be
/// fetched.
pub(crate) fn run(context: &Context, args: &RunArgs) -> CliResult<()> {
    let steps = file::read(&args.file, &context.output)?;
    if args.dry_run {
        return show(context, &steps);
    }
    if let Some(dir) = &args.output {
        fs::create_dir_all(dir).map_err(|error| CliError::file("make", dir, &error))?;
    }
    let interrupt = Interrupt::listen()?;
    let client = context.client()?;
    let ids = submit_all(context, &client, &steps, &interrupt)?;
    if args.detach {
        return detached(context, &client, &ids);
    }
    let views = wait_for_all(context, &client, &steps, &ids, &interrupt)?;
    if context.output.format == Format::Plain {
        context.output.table(&job::list(&views, super::now_ms()))?;
    }
    say_saved(context, &views);
    if let Some(failed) = views.iter().find(|view| view.failure.is_some() || !is_done(view)) {
        return watch::fate(&context.output, &client, failed).map_err(|error| {
            error.help("then run the file again: what is done is not done twice")
        });
    }
    for view in last(&steps, &views) {
        fetch_result(context, &client, view, args.output.as_deref(), &interrupt)?;
    }
    Ok(())
}

fn is_done(view: &JobView) -> bool {
    view.state == bramble_protocol::api::JobState::Done
}

/// Sends all modules, then all inputs, then the jobs: what is wrong shows before a job runs.
fn submit_all(
    context: &Context,
    client: &Client,
    steps: &[Step],
    interrupt: &Interrupt,
) -> CliResult<Vec<JobId>> {
    let within = |step: &Step, error: CliError| match error {
        CliError::Shown(mut report) => {
            report.what = format!("job \"{}\": {}", human::safe_field(&step.name), report.what);
            CliError::Shown(report)
        }
        other => other,
    };
    let mut prepared: Vec<(Submission, ModuleInfo, Sent)> = Vec::new();
    for step in steps {
        let mut request = step.request.clone();
        let module = submit::check_module(context, client, &mut request);
        let module = module.map_err(|error| within(step, error))?;
        let sent = submit::send_input(context, client, &request, &module, interrupt);
        prepared.push((request, module, sent.map_err(|error| within(step, error))?));
    }
    let mut ids: Vec<JobId> = Vec::new();
    for (step, (mut request, module, sent)) in steps.iter().zip(prepared) {
        request.policy.after = step.after.iter().map(|upstream| ids[*upstream]).collect();
        request.policy.input_from = step.from.map(|upstream| ids[upstream]);
        request.result_name =
            Some(file_name(&module.declared.result_name(&step.name, &request.params)));
        let queued = submit::queue(context, client, &request, &module, &sent);
        let view = queued.map_err(|error| match (ids.first(), ids.last()) {
            (Some(first), Some(last)) => within(step, error).help(format!(
                "those before it go on; stop them with: bramble cancel {first}-{last}"
            )),
            _ => within(step, error),
        })?;
        ids.push(view.id);
    }
    Ok(ids)
}

/// Waits for one after the other, in their order, and says how each ended.
fn wait_for_all(
    context: &Context,
    client: &Client,
    steps: &[Step],
    ids: &[JobId],
    interrupt: &Interrupt,
) -> CliResult<Vec<JobView>> {
    let mut views = Vec::new();
    for (step, id) in steps.iter().zip(ids) {
        let view = watch::wait(&context.output, client, *id, None, interrupt)?;
        let name = human::safe_field(&step.name);
        if is_done(&view) {
            context
                .output
                .say("Finished", &format!("{name} · job {id} · {}", job::finished(&view)));
        } else {
            let note = view.note.clone().map_or_else(String::new, |note| format!(": {note}"));
            let text =
                format!("{name}, job {id}, is {}{}", view.state.name(), human::safe_field(&note));
            context.output.warn(&text);
        }
        views.push(view);
    }
    Ok(views)
}

/// What did not have to run because nothing in it had changed.
fn say_saved(context: &Context, views: &[JobView]) {
    let saved = |view: &JobView| view.saved.unwrap_or_default();
    let tasks: u32 = views.iter().map(|view| saved(view).tasks).sum();
    if tasks == 0 {
        return;
    }
    let total: u32 = views.iter().map(|view| view.tasks.total).sum();
    let whole = views.iter().filter(|view| saved(view).tasks == view.tasks.total).count();
    let time = Duration::from_micros(views.iter().map(|view| saved(view).cpu_us).sum());
    let jobs = human::count(views.len() as u64, "job");
    let of = if whole == views.len() { String::new() } else { format!("{whole} of ") };
    let text = format!(
        "{} · {of}{jobs} unchanged · {tasks} of {total} tasks were done before",
        human::duration(time),
    );
    context.output.say("Saved", &text);
}

/// The jobs whose results no job of the file works on.
fn last<'a>(steps: &'a [Step], views: &'a [JobView]) -> impl Iterator<Item = &'a JobView> {
    let is_used = |index: usize| steps.iter().any(|step| step.from == Some(index));
    views.iter().enumerate().filter(move |(index, _)| !is_used(*index)).map(|(_, view)| view)
}

fn fetch_result(
    context: &Context,
    client: &Client,
    view: &JobView,
    dir: Option<&Path>,
    interrupt: &Interrupt,
) -> CliResult<()> {
    let size = human::size(view.result_bytes.unwrap_or_default());
    let name = human::safe_field(&view.spec.result_name);
    let Some(dir) = dir else {
        let text = format!("{name}  {size}            next: bramble get {}", view.id);
        context.output.say("Result", &text);
        return Ok(());
    };
    let result = client.result(view.id)?;
    let target = Target::File { path: dir.join(file_name(&result.name)), replace: true };
    fetch::fetch(&context.output, client, &result, &target, interrupt)?;
    context.output.say("Result", &format!("{}  {size}, BLAKE3 checked", target.shown()));
    Ok(())
}

fn detached(context: &Context, client: &Client, ids: &[JobId]) -> CliResult<()> {
    match context.output.format {
        Format::Json => {
            let views: CliResult<Vec<JobView>> = ids.iter().map(|id| client.job(*id)).collect();
            context.output.json(&views?, false)
        }
        Format::Human | Format::Plain => {
            ids.iter().try_for_each(|id| context.output.line(&id.to_string()))
        }
    }
}

/// What would be submitted, in order.
fn show(context: &Context, steps: &[Step]) -> CliResult<()> {
    let name = |index: usize| steps[index].name.as_str();
    if context.output.format == Format::Json {
        let plan: Vec<serde_json::Value> = steps
            .iter()
            .map(|step| {
                serde_json::json!({
                    "schema": "bramble.run-step/1",
                    "name": step.name,
                    "module": step.request.module_name,
                    "input_from": step.from.map(name),
                    "after": step.after.iter().map(|index| name(*index)).collect::<Vec<_>>(),
                })
            })
            .collect();
        return context.output.json(&plan, false);
    }
    for step in steps {
        let mut line = format!("{}\t{}", human::safe_field(&step.name), step.request.module_name);
        match step.from {
            Some(from) => line.push_str(&format!("\tworks on the result of {}", name(from))),
            None => line.push_str(&format!("\tworks on {}", step.request.input.shown())),
        }
        if !step.after.is_empty() {
            let names: Vec<&str> = step.after.iter().map(|index| name(*index)).collect();
            line.push_str(&format!("\tafter {}", names.join(", ")));
        }
        context.output.line(&line)?;
    }
    Ok(())
}
