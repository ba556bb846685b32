//! Where the input will be cut, and what `--dry-run` shows.

use bramble_protocol::api::NodeView;
use bramble_protocol::{ModuleInfo, NodeSelector, NodeState, SplitRule};
#[cfg(feature = "head")]
use bramble_runtime::split::SplitError;
use bramble_store::cut::{CutOptions, SAMPLE_BYTES_MAX, Tail, default_chunk_bytes, tail_for};
use serde::Serialize;

use super::super::Context;
use super::send::{Cut, Sent};
use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, human, module};
use crate::request::Submission;

/// Where to cut: as typed, else as the module says.
///
/// # Errors
/// When the module is to cut itself, and has no planner, fails, or cannot read the input.
pub(super) fn cut(client: &Client, request: &Submission, module: &ModuleInfo) -> CliResult<Cut> {
    let rule = request.split.unwrap_or_else(|| module.declared.split_rule(&request.params));
    let chunk_bytes =
        request.chunk_bytes.unwrap_or_else(|| default_chunk_bytes(request.input.bytes()));
    if rule == SplitRule::Guest {
        return guest(request, module, chunk_bytes);
    }
    let tail = tail(client, request, chunk_bytes)?;
    let exports = module.effective_exports(&request.params);
    let sample_bytes_max = if exports.partitioner { SAMPLE_BYTES_MAX } else { 0 };
    Ok(Cut::Rule(CutOptions { rule, chunk_bytes, sample_bytes_max }, tail))
}

/// Whether the end of the input is cut smaller, for slow nodes. Who names a size gets that size.
fn tail(client: &Client, request: &Submission, chunk_bytes: u64) -> CliResult<Option<Tail>> {
    let Some(total) = request.input.bytes().filter(|_| request.chunk_bytes.is_none()) else {
        return Ok(None);
    };
    // Any ratio will do to see whether it matters.
    if tail_for(total, chunk_bytes, u32::MAX).is_none() {
        return Ok(None);
    }
    let nodes = client.nodes()?;
    let speeds = nodes.iter().filter(|node| fits(node, &request.nodes)).filter_map(|it| it.speed);
    let (slowest, fastest) =
        speeds.fold((u32::MAX, 0), |(low, high), speed| (low.min(speed), high.max(speed)));
    Ok(tail_for(total, chunk_bytes, fastest / slowest.max(1)))
}

fn guest(request: &Submission, module: &ModuleInfo, chunk_bytes: u64) -> CliResult<Cut> {
    if !module.exports.planner && !module.exports.cutter {
        return Err(CliError::new(Slug::BadJob, "this module cannot cut its input itself")
            .why("it exports neither planner nor cutter")
            .help("choose another way: --split lines, bytes or records:SIZE"));
    }
    if !request.input.is_plain_file() && !request.input.is_absent() {
        return Err(CliError::usage("this module cuts its input itself, which needs a plain file")
            .why("it reads the input in any order")
            .help(
                "store the input in a file first, or choose --split lines, bytes, records:SIZE",
            ));
    }
    ask_module(request, module, chunk_bytes)
}

/// Runs the module's cutter or planner here.
#[cfg(feature = "head")]
fn ask_module(request: &Submission, module: &ModuleInfo, wanted_bytes: u64) -> CliResult<Cut> {
    use bramble_runtime::compile::{CompileLimits, Compiler};
    use bramble_runtime::split::{Request, plan_chunks, plan_spans};
    let compiler = Compiler::new(crate::paths::program()?, CompileLimits::for_this_machine());
    let asked = Request {
        module: &request.module,
        input: request.input.path(),
        wanted_bytes,
        params: &request.params,
        secrets: &request.secrets,
        limits: &request.limits,
    };
    let cut = if module.exports.cutter {
        plan_chunks(&compiler, &asked).map(Cut::Pieces)
    } else {
        plan_spans(&compiler, &asked).map(Cut::Spans)
    };
    cut.map_err(|error| split_error(&error))
}

#[cfg(not(feature = "head"))]
fn ask_module(_: &Submission, _: &ModuleInfo, _: u64) -> CliResult<Cut> {
    Err(CliError::agent_only("have a module cut its input")
        .help("or choose another way to cut: --split lines, bytes or records:SIZE"))
}

#[cfg(feature = "head")]
fn split_error(error: &SplitError) -> CliError {
    match error {
        SplitError::Input { path, source } => CliError::file("read", path, source),
        SplitError::Key(_)
        | SplitError::Directory(_)
        | SplitError::Store(_)
        | SplitError::Runner(_) => {
            CliError::new(Slug::Local, "cannot have the module cut its input here").because(error)
        }
        SplitError::Compile(_) | SplitError::BadSpans { .. } | SplitError::BadChunks { .. } => {
            CliError::new(Slug::BadModule, "the module cannot cut its input").because(error)
        }
        SplitError::Failed { outcome, log } => {
            let mut shown = CliError::new(Slug::BadInput, "the module cannot cut this input")
                .label(outcome.slug())
                .why(outcome.message());
            if !log.trim().is_empty() {
                shown = shown.why(log.trim_end());
            }
            match outcome.hint() {
                Some(hint) => shown.help(hint),
                None => shown,
            }
        }
    }
}

/// What `--dry-run --json` answers.
#[derive(Serialize)]
struct Plan<'a> {
    schema: &'static str,
    module: &'a ModuleInfo,
    input_bytes: u64,
    chunks: u64,
    chunks_known: u64,
    bytes_to_send: u64,
    /// How many parts a merge or reduce ends in, where that is known before.
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<u32>,
    nodes: Vec<String>,
}

/// Shows what would be done.
///
/// # Errors
/// When the head cannot be reached.
pub(super) fn show(
    context: &Context,
    client: &Client,
    request: &Submission,
    module: &ModuleInfo,
    sent: &Sent,
) -> CliResult<()> {
    let nodes: Vec<String> = client
        .nodes()?
        .iter()
        .filter(|node| fits(node, &request.nodes))
        .map(|node| human::safe_field(&node.name))
        .collect();
    if context.output.format == Format::Json {
        return context.output.json(
            &Plan {
                schema: "bramble.plan/1",
                module,
                input_bytes: sent.bytes,
                chunks: sent.chunks,
                chunks_known: sent.known,
                bytes_to_send: sent.sent_bytes,
                partitions: request.partitions,
                nodes,
            },
            false,
        );
    }
    for line in module::lines(module) {
        context.output.note(&format!("            {line}"));
    }
    let most = match request.nodes {
        NodeSelector::AtMost(count) => format!(", {count} of them at most"),
        NodeSelector::Any | NodeSelector::Named(_) => String::new(),
    };
    let nodes =
        if nodes.is_empty() { "no node that is there now".into() } else { nodes.join(", ") };
    let merged = request.partitions.map_or_else(String::new, |count| {
        format!(", to become {}", human::count(count.into(), "part"))
    });
    context.output.line(&format!(
        "{} in {}{merged}, {} already there, {} to send; runs on {nodes}{most}",
        human::size(sent.bytes),
        human::count(sent.chunks, "chunk"),
        human::thousands(sent.known),
        human::size(sent.sent_bytes),
    ))?;
    context.output.note("nothing was queued");
    Ok(())
}

/// Whether the node may be used, and is there.
pub(super) fn fits(node: &NodeView, selector: &NodeSelector) -> bool {
    let wanted = match selector {
        NodeSelector::Named(names) => names.contains(&node.name),
        NodeSelector::Any | NodeSelector::AtMost(_) => true,
    };
    wanted && node.state != NodeState::Lost
}
