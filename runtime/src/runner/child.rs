//! The runner's own side: `bramble internal runner --class CLASS --key KEY [--user UID]`.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::process::ExitCode;

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, Limits, ObjectRef};

use super::socket::{self, Frame, Reader};
use super::wire::{FromRunner, Output, Reply, RunWork, ToRunner};
use crate::artefact::Trust;
use crate::confine::{self, Profile};
use crate::sandbox::{Outside, Resume, Sandbox, Signals, TaskEnd, TaskFiles};

/// Stack of the thread that runs guests: theirs and the host's part.
const STACK_BYTES: usize = 4 << 20;
/// Open files a runner may have: a task's inputs and outputs.
const FILES_MAX: u64 = 1024;
/// Private memory of a runner, in bytes, whatever its task may use: a guest's 4 GiB and what
/// the host needs beside it.
const DATA_BYTES_MAX: u64 = 6 << 30;
/// Private memory that the host's part of any task may need, in bytes: the process itself,
/// buffers, messages, sorting.
const HOST_BYTES: u64 = 128 << 20;

/// What runs instead of a task, in tests.
type Instead = fn(&Work) -> Option<String>;

/// Runs tasks that come over the socket on standard input until it closes. `args` are those
/// after `internal runner`.
pub fn child_main(args: &[String]) -> ExitCode {
    child_main_with(args, |_| None)
}

/// [`child_main`] with native code that stands in for a guest which has broken out: `instead` is
/// asked before each task, and an answer ends the task with it. For tests.
#[doc(hidden)]
pub fn child_main_with(args: &[String], instead: fn(&Work) -> Option<String>) -> ExitCode {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let (class, key, user) = match args[..] {
        ["--class", class, "--key", key] => (class, key, None),
        ["--class", class, "--key", key, "--user", user] => (class, key, user.parse().ok()),
        _ => {
            eprintln!("bramble runner: expected --class CLASS --key KEY [--user UID]");
            return ExitCode::from(2);
        }
    };
    let (Ok(class), Ok(key)) = (class.parse(), key.parse()) else {
        eprintln!("bramble runner: that is no class, or no key");
        return ExitCode::from(2);
    };
    match serve(user, Trust { class, key }, instead) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bramble runner: {message}");
            ExitCode::FAILURE
        }
    }
}

fn serve(user: Option<u32>, trust: Trust, instead: Instead) -> Result<(), String> {
    let limits =
        confine::Limits { files: FILES_MAX, data_bytes: DATA_BYTES_MAX, address_space_bytes: None };
    let mut confinement = confine::enter(&limits, user);
    // What it says in an emergency must not keep it waiting for somebody to read it.
    let _ = rustix::io::ioctl_fionbio(rustix::stdio::stderr(), true);
    crate::child::end_with_the_pipe(rustix::stdio::stdin());
    let work = move || {
        let mut sandbox = Sandbox::new(Box::new(Agent::default()), trust)
            .map_err(|error| bramble_protocol::error_chain(&error))?;
        // All threads are there now.
        confine::seal(Profile::Runner, &mut confinement);
        let broken = |error: io::Error| format!("cannot talk to the agent: {error}");
        socket::send(agent(), &FromRunner::Ready { confinement }, &[], &[]).map_err(broken)?;
        answer_all(&mut sandbox, instead).map_err(broken)
    };
    std::thread::Builder::new()
        .name("guest".into())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map_err(|error| format!("cannot start a thread: {error}"))?
        .join()
        .map_err(|_| "the thread that runs guests panicked".to_owned())?
}

/// The socket to the agent.
fn agent() -> BorrowedFd<'static> {
    rustix::stdio::stdin()
}

fn answer_all(sandbox: &mut Sandbox, instead: Instead) -> io::Result<()> {
    let mut set = None;
    while let Some(frame) = socket::receive::<ToRunner>(agent(), Reader::Runner)? {
        let Frame { message, raw, files } = frame;
        let end = match message {
            ToRunner::Run(run) => match instead(&run.work) {
                Some(message) => TaskEnd::failed(message),
                None => run_task(sandbox, &mut set, &run, raw, files)?,
            },
            ToRunner::Plan(plan) => {
                let input = files.into_iter().next().ok_or_else(no_file)?;
                limit(&mut set, &plan.limits, plan.artefact.size, 0);
                sandbox.plan(&plan, input)
            }
            // Hints for a task that has ended meanwhile.
            ToRunner::Stop | ToRunner::SaveSoon => continue,
            ToRunner::File | ToRunner::Refused(_) | ToRunner::Saved => {
                return Err(unexpected());
            }
        };
        let (reply, raw) = reply(end);
        socket::send(agent(), &FromRunner::Done(Box::new(reply)), &raw, &[])?;
    }
    Ok(())
}

fn run_task(
    sandbox: &mut Sandbox,
    set: &mut LimitsSet,
    run: &RunWork,
    state: Vec<u8>,
    files: Vec<File>,
) -> io::Result<TaskEnd> {
    let work = &run.work;
    let mut files: VecDeque<File> = files.into();
    let mut next = || files.pop_front().ok_or_else(no_file);
    let ranges = work.ranges.map(|_| next()).transpose()?;
    let inputs = work.inputs.iter().map(|_| next()).collect::<io::Result<_>>()?;
    let resume = match &run.resume {
        None => None,
        Some(lengths) => {
            let outputs = lengths
                .iter()
                .map(|length| if *length == 0 { Ok(None) } else { next().map(Some) })
                .collect::<io::Result<_>>()?;
            Some(Resume { state, outputs })
        }
    };
    let input_bytes = work.inputs.iter().map(|input| input.size).sum();
    limit(set, &work.limits, work.artefact.size, input_bytes);
    Ok(sandbox.run(work, TaskFiles { ranges, inputs, resume }))
}

/// The kernel's limits that are set: on private memory and on the length of a file, in bytes.
type LimitsSet = Option<(u64, u64)>;

/// Sets the kernel's limits for the next task: above those of the sandbox, for the case that the
/// sandbox fails.
fn limit(set: &mut LimitsSet, limits: &Limits, artefact_bytes: u64, input_bytes: u64) {
    let held = input_bytes.min(crate::sandbox::IN_MEMORY_BYTES_MAX);
    let output_bytes = limits.output_bytes_max_for(input_bytes);
    // The guest's memory, a copy of what it passes in one call, the inputs as they are read and
    // as they are passed, the artefact as bytes and as code beside those that are kept.
    let data_bytes = limits
        .memory_bytes_max
        .saturating_add(output_bytes.min(limits.memory_bytes_max))
        .saturating_add(3 * held + 8 * artefact_bytes.min(512 << 20) + HOST_BYTES);
    // Without it the sandbox's own limits still hold.
    let file_bytes = output_bytes.saturating_add(1 << 20).max(64 << 20);
    // What was loaded for tasks before still takes its room.
    let wanted = (data_bytes.max(set.map_or(0, |(data_bytes, _)| data_bytes)), file_bytes);
    // Tasks of one job mostly have the same.
    if set.replace(wanted) != Some(wanted) {
        let _ = confine::limit_task(wanted.0, wanted.1);
    }
}

fn reply(end: TaskEnd) -> (Reply, Vec<u8>) {
    let TaskEnd { outcome, outputs, spans, usage, log, enough } = end;
    let mut raw = Vec::new();
    let outputs = outputs
        .into_iter()
        .map(|output| match output {
            crate::sandbox::Written::Small(bytes) => {
                raw.extend_from_slice(&bytes);
                Output::Inline(bytes.len() as u32)
            }
            crate::sandbox::Written::File(object) => Output::File(object),
        })
        .collect();
    (Reply { outcome, outputs, spans, usage, log, enough }, raw)
}

/// The agent, as the sandbox sees it.
#[derive(Debug, Default)]
struct Agent {
    signals: Signals,
}

impl Agent {
    /// Sends a question and waits for its answer.
    fn ask(&mut self, question: &FromRunner, raw: &[u8]) -> Result<Option<File>, AttemptOutcome> {
        let broken = |error: io::Error| AttemptOutcome::NodeFault {
            message: format!("cannot talk to the agent: {error}"),
        };
        socket::send(agent(), question, raw, &[]).map_err(broken)?;
        loop {
            let frame = socket::receive::<ToRunner>(agent(), Reader::Runner).map_err(broken)?;
            let Some(Frame { message, files, .. }) = frame else {
                return Err(broken(io::ErrorKind::UnexpectedEof.into()));
            };
            match message {
                ToRunner::File | ToRunner::Saved => return Ok(files.into_iter().next()),
                ToRunner::Refused(outcome) => return Err(*outcome),
                ToRunner::Stop | ToRunner::SaveSoon => self.hear(&message),
                ToRunner::Run(_) | ToRunner::Plan(_) => return Err(broken(unexpected())),
            }
        }
    }

    fn ask_for_file(&mut self, question: &FromRunner) -> Result<File, AttemptOutcome> {
        let file = self.ask(question, &[])?;
        file.ok_or_else(|| AttemptOutcome::NodeFault { message: no_file().to_string() })
    }

    fn hear(&mut self, message: &ToRunner) {
        match message {
            ToRunner::Stop => self.signals.stopping = true,
            ToRunner::SaveSoon => self.signals.save_soon = true,
            _ => {}
        }
    }
}

impl Outside for Agent {
    fn begin(&mut self) {
        self.signals = Signals::default();
    }

    fn artefact(&mut self) -> Result<File, AttemptOutcome> {
        self.ask_for_file(&FromRunner::NeedArtefact)
    }

    fn output(&mut self, partition: u32) -> Result<File, AttemptOutcome> {
        self.ask_for_file(&FromRunner::NeedOutput { partition })
    }

    fn progress(&mut self, done: u64, total: u64) {
        // If the agent is gone, this process ends with it.
        let _ = socket::send(agent(), &FromRunner::Progress { done, total }, &[], &[]);
    }

    fn preview(&mut self, media: String, bytes: &[u8]) {
        // As above.
        let _ = socket::send(agent(), &FromRunner::Preview { media }, bytes, &[]);
    }

    fn save(&mut self, state: &[u8], so_far: Vec<ObjectRef>) -> Result<(), AttemptOutcome> {
        self.ask(&FromRunner::Save { so_far }, state).map(drop)?;
        self.signals.save_soon = false;
        Ok(())
    }

    fn signals(&mut self) -> Signals {
        while socket::has_frame(agent()) {
            // Nothing but hints comes unasked while a task runs.
            match socket::receive::<ToRunner>(agent(), Reader::Runner) {
                Ok(Some(frame)) => self.hear(&frame.message),
                _ => break,
            }
        }
        self.signals
    }
}

fn no_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a file did not come with the message")
}

fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the agent answers what was not asked")
}

// A frame holds all small outputs, or a guest's state.
const _: () = assert!(socket::RAW_BYTES_MAX as usize >= crate::sandbox::SMALL_BYTES_MAX);
const _: () = assert!(socket::RAW_BYTES_MAX as usize >= crate::sandbox::STATE_BYTES_MAX);
