//! Calls the export that belongs to a task's phase.

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, Phase, TrapKind};
use wasmtime::Store;
use wasmtime::component::Resource;

use super::artefact::{Job, Loaded};
use super::bindings::bramble::job::types::{JobError, Piece, Task};
use super::bindings::exports::bramble::job::planner::Span;
use super::host::Host;
use super::outcome;
use super::output::Sink;
use super::pair_phases::PairPhases;
use super::source::Source;

/// How a guest's call ended: with an answer of its own, or stopped.
pub(super) type Called<T> = wasmtime::Result<Result<T, JobError>>;

/// Runs one task's guest to its end. `inputs` are for jobs; a command has its input already.
pub(super) fn call(
    store: &mut Store<Host>,
    loaded: &Loaded,
    work: &Work,
    inputs: Vec<Source>,
) -> Result<(), AttemptOutcome> {
    let limits = &work.limits;
    let called = match loaded {
        Loaded::Job(job) => call_job(store, job, work, inputs),
        Loaded::Core(pre) => accepted(call_core(store, pre), &work.ok_statuses).map(Ok),
        Loaded::Command(pre) => accepted(call_command(store, pre), &work.ok_statuses).map(Ok),
    };
    ended(called, store, limits).map(drop)
}

/// Asks a job where to cut `input`.
pub(super) fn plan(
    store: &mut Store<Host>,
    loaded: &Loaded,
    input: Source,
    wanted_bytes: u64,
    limits: &bramble_protocol::Limits,
) -> Result<Vec<Span>, AttemptOutcome> {
    let Loaded::Job(job) = loaded else { return Err(lacks("planner")) };
    let called = call_planner(store, job, input, wanted_bytes);
    // Exit status 0 before the answer.
    ended(called, store, limits)?.ok_or_else(|| lacks("planner"))
}

/// Asks a job for the pieces of its chunks of `input`.
pub(super) fn make_chunks(
    store: &mut Store<Host>,
    loaded: &Loaded,
    input: Source,
    wanted_bytes: u64,
    limits: &bramble_protocol::Limits,
) -> Result<Vec<Vec<Piece>>, AttemptOutcome> {
    let Loaded::Job(job) = loaded else { return Err(lacks("cutter")) };
    let called = call_cutter(store, job, input, wanted_bytes);
    ended(called, store, limits)?.ok_or_else(|| lacks("cutter"))
}

fn call_cutter(
    store: &mut Store<Host>,
    job: &Job,
    input: Source,
    wanted_bytes: u64,
) -> Called<Vec<Vec<Piece>>> {
    let Some(cutter) = &job.cutter else { return stop(store, "cutter") };
    let instance = job.pre.instantiate(&mut *store)?;
    let cutter = cutter.load(&mut *store, &instance)?;
    let input = store.data_mut().table().push(input)?;
    cutter.call_cut(store, lend(&input), wanted_bytes)
}

fn call_planner(
    store: &mut Store<Host>,
    job: &Job,
    input: Source,
    wanted_bytes: u64,
) -> Called<Vec<Span>> {
    let Some(planner) = &job.planner else { return stop(store, "planner") };
    let instance = job.pre.instantiate(&mut *store)?;
    let planner = planner.load(&mut *store, &instance)?;
    let input = store.data_mut().table().push(input)?;
    planner.call_split(store, lend(&input), wanted_bytes)
}

/// Sorts the end of a call. `None` when the guest left by an exit status of 0.
fn ended<T>(
    called: Called<T>,
    store: &Store<Host>,
    limits: &bramble_protocol::Limits,
) -> Result<Option<T>, AttemptOutcome> {
    let host = store.data();
    match called {
        // A command that goes on after its output was refused has still written too much.
        Ok(Ok(answer)) => host.fault.get().cloned().map_or(Ok(Some(answer)), Err),
        Ok(Err(error)) => Err(outcome::of_job_error(error, host)),
        Err(error) => outcome::of_error(&error, host, limits).map_or(Ok(None), Err),
    }
}

fn call_job(
    store: &mut Store<Host>,
    job: &Job,
    work: &Work,
    mut inputs: Vec<Source>,
) -> Called<()> {
    let instance = job.pre.instantiate(&mut *store)?;
    let task = task_of(work);
    match work.task.phase {
        Phase::Ranges => {
            let Some(partitioner) = &job.partitioner else { return stop(store, "partitioner") };
            let partitioner = partitioner.load(&mut *store, &instance)?;
            let sample = only(store, &mut inputs)?;
            let sample = store.data_mut().table().push(sample)?;
            let answer = partitioner.call_ranges(&mut *store, task, lend(&sample))?;
            answer.map(|ranges| write(store, &ranges)).map_or_else(|e| Ok(Err(e)), |w| w.map(Ok))
        }
        Phase::Map { .. } if job.mapper_pairs.is_some() => {
            let input = only(store, &mut inputs)?;
            pairs(store, job, &instance).map(task, input)
        }
        Phase::Map { .. } if job.mapper.is_some() => {
            let mapper = job.mapper.as_ref().expect("just asked").load(&mut *store, &instance)?;
            let input = only(store, &mut inputs)?;
            let table = store.data_mut().table();
            let (input, output) = (table.push(input)?, table.push(Sink)?);
            mapper.call_run(store, task, lend(&input), lend(&output))
        }
        Phase::Map { .. } => {
            let Some(mapper) = &job.mapper_bytes else { return stop(store, "mapper") };
            let mapper = mapper.load(&mut *store, &instance)?;
            let chunk = only(store, &mut inputs)?.read_to_end();
            let chunk = chunk.map_err(|outcome| store.data().fault.stop(outcome))?;
            let answer = mapper.call_run(&mut *store, task, &chunk)?;
            answer.map(|output| write(store, &output)).map_or_else(|e| Ok(Err(e)), |w| w.map(Ok))
        }
        Phase::Merge { .. } if job.reducer.is_some() => {
            pairs(store, job, &instance).merge(task, inputs)
        }
        Phase::Merge { .. } => {
            let Some(merger) = &job.merger else { return stop(store, "merger") };
            let merger = merger.load(&mut *store, &instance)?;
            let table = store.data_mut().table();
            let output = table.push(Sink)?;
            let inputs: Vec<_> =
                inputs.into_iter().map(|input| table.push(input)).collect::<Result<_, _>>()?;
            merger.call_run(store, task, &inputs, lend(&output))
        }
        Phase::Reduce { .. } => pairs(store, job, &instance).reduce(task, inputs),
    }
}

fn pairs<'a>(
    store: &'a mut Store<Host>,
    job: &'a Job,
    instance: &'a wasmtime::component::Instance,
) -> PairPhases<'a> {
    PairPhases { store, job, instance }
}

fn call_core(store: &mut Store<Host>, pre: &wasmtime::InstancePre<Host>) -> wasmtime::Result<()> {
    let instance = pre.instantiate(&mut *store)?;
    let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
    start.call(store, ())
}

fn call_command(
    store: &mut Store<Host>,
    pre: &wasmtime_wasi::p2::bindings::sync::CommandPre<Host>,
) -> wasmtime::Result<()> {
    let command = pre.instantiate(&mut *store)?;
    let ran = command.wasi_cli_run().call_run(&mut *store)?;
    // An error that has no number is status 1.
    ran.map_err(|()| wasmtime_wasi::I32Exit(1).into())
}

/// Takes an exit status that was declared to mean success for success.
fn accepted(ran: wasmtime::Result<()>, ok_statuses: &[i32]) -> wasmtime::Result<()> {
    ran.or_else(|error| match error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        Some(exit) if ok_statuses.contains(&exit.0) => Ok(()),
        _ => Err(error),
    })
}

fn task_of(work: &Work) -> Task {
    let task = &work.task;
    Task {
        job: task.job.0,
        index: task.index,
        count: task.count,
        partitions: task.partitions,
        seed: task.seed,
        offset: task.offset,
    }
}

/// A handle that the guest may use during one call.
pub(super) fn lend<T: 'static>(owned: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(owned.rep())
}

fn only(store: &Store<Host>, inputs: &mut Vec<Source>) -> wasmtime::Result<Source> {
    match (inputs.pop(), inputs.len()) {
        (Some(input), 0) => Ok(input),
        _ => {
            let message = "the task has not exactly one input".into();
            Err(store.data().fault.stop(AttemptOutcome::NodeFault { message }))
        }
    }
}

fn write(store: &Store<Host>, bytes: &[u8]) -> wasmtime::Result<()> {
    let host = store.data();
    host.outputs.lock().write(0, bytes).map_err(|outcome| host.fault.stop(outcome))
}

pub(super) fn stop<T>(store: &Store<Host>, interface: &str) -> Called<T> {
    Err(store.data().fault.stop(lacks(interface)))
}

fn lacks(interface: &str) -> AttemptOutcome {
    AttemptOutcome::Trapped {
        trap: TrapKind::Other,
        message: format!("the module exports no `bramble:job/{interface}` of a type that fits"),
    }
}
