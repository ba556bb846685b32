//! The agent's side of a runner process.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, ObjectRef, Usage};
use bramble_store::{Staged, remove_staged};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::wire::{Reply, Request, read_frame, write_frame};
use crate::artefact::Trust;
use crate::child::describe;

/// How long after a task's own wall limit a silent runner is killed. Reading its inputs is not
/// part of that limit, so a second for each MiB is added.
const GRACE: Duration = Duration::from_secs(5);

/// From so many on, handed over files are looked for before they are remembered.
const HANDED_OVER_MAX: usize = 1_024;

/// Why there is no runner.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The program could not be started.
    #[error("cannot start a runner process from {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// How an attempt ended, as far as the runner can tell.
#[derive(Debug)]
pub struct Finished {
    /// How. `Succeeded` names outputs that are not durable before `staged` is committed.
    pub outcome: AttemptOutcome,
    /// The outputs in order, to be committed to the runner's store. Dropping them removes them.
    pub staged: Vec<Staged>,
    /// What it used.
    pub usage: Usage,
    /// The last lines that the guest logged.
    pub log: String,
}

/// A finished request with all that a reply may hold.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) finished: Finished,
    #[cfg_attr(not(feature = "compile"), expect(dead_code, reason = "only planners answer so"))]
    pub(crate) spans: Vec<(u64, u64)>,
}

/// A process that runs tasks one after the other.
///
/// Dropping it kills the process.
#[derive(Debug)]
pub struct RunnerProcess {
    shared: Arc<Shared>,
    stdin: ChildStdin,
    stdout: ChildStdout,
    store_dir: PathBuf,
    /// What the names of the files that it stages have in common.
    label: String,
    /// Staged files that were handed over, as far as they may still be there.
    handed_over: HashSet<String>,
}

/// Kills a runner from another thread, so that the task it runs ends as `Canceled`.
#[derive(Clone, Debug)]
pub struct Killer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    child: Mutex<Child>,
    killed: AtomicBool,
}

impl RunnerProcess {
    /// Starts `program internal runner --store DIR --label LABEL --class CLASS --key KEY`. It
    /// loads what `trust` says, and nothing else.
    ///
    /// # Errors
    /// When the program cannot be started. One that is not a runner is found out by the first
    /// [`RunnerProcess::run`].
    pub fn spawn(program: &Path, store_dir: &Path, trust: &Trust) -> Result<Self, RunnerError> {
        let failed = |source| RunnerError::Spawn { program: program.to_owned(), source };
        let label = format!("{:016x}", RandomState::new().build_hasher().finish());
        let mut child = Command::new(program)
            .args(["internal", "runner", "--store"])
            .arg(store_dir)
            .args(["--label", &label, "--class", trust.class.name()])
            .args(["--key", &trust.key.to_string()])
            // Nothing of the agent's environment is the guest's business.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // Ctrl-C in a terminal is for the agent, which then ends its tasks in good order.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take().expect("asked for a pipe");
        let stdout = child.stdout.take().expect("asked for a pipe");
        let shared = Arc::new(Shared { child: Mutex::new(child), killed: AtomicBool::new(false) });
        let store_dir = store_dir.to_owned();
        Ok(Self { shared, stdin, stdout, store_dir, label, handed_over: HashSet::new() })
    }

    /// A handle with which another thread can stop the task.
    pub fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.shared))
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.shared.child().id()
    }

    /// Whether it can take another task. Once it is false the process is to be dropped.
    pub fn is_alive(&self) -> bool {
        !self.shared.killed.load(Ordering::Acquire)
            && matches!(self.shared.child().try_wait(), Ok(None))
    }

    /// Runs one task and waits for its end. Whatever goes wrong with the process is an outcome
    /// of the task: `NodeFault`, `Canceled` after [`Killer::kill`], or `TimedOut` when it hangs.
    pub fn run(&mut self, work: &Work) -> Finished {
        let bytes: u64 =
            work.inputs.iter().map(|input| input.size).sum::<u64>() + work.artefact.size;
        let reading = Duration::from_millis(bytes >> 10);
        let limit_ms = work.limits.wall_ms_max;
        self.ask(&Request::Run(Box::new(work.clone())), limit_ms, reading).finished
    }

    /// Sends a request and waits for its reply: `limit_ms` for the guest and `reading` before it.
    pub(crate) fn ask(&mut self, request: &Request, limit_ms: u64, reading: Duration) -> Answer {
        let deadline = Instant::now() + Duration::from_millis(limit_ms) + reading + GRACE;
        let reply = write_frame(&mut self.stdin, request).and_then(|()| {
            read_frame::<Reply>(Until { pipe: &mut self.stdout, deadline })?
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        });
        match reply {
            Ok(reply) => self.accept(reply),
            Err(error) => {
                let answer = self.broken(&error, limit_ms);
                self.sweep();
                answer
            }
        }
    }

    /// Removes what the dead process had begun to write.
    fn sweep(&self) {
        if let Err(error) = remove_staged(&self.store_dir, &self.label, &self.handed_over) {
            tracing::warn!(
                "half-written outputs stay behind: {}",
                bramble_protocol::error_chain(&error)
            );
        }
    }

    fn accept(&mut self, reply: Reply) -> Answer {
        let staging = self.store_dir.join("tmp");
        if self.handed_over.len() > HANDED_OVER_MAX {
            self.handed_over.retain(|name| staging.join(name).exists());
        }
        let mut staged = Vec::with_capacity(reply.staged.len());
        for (object, name) in reply.staged {
            // A runner that a guest has taken over must not name files elsewhere.
            if name.is_empty() || name.starts_with('.') || name.contains('/') {
                self.shared.kill();
                let message = format!("the runner named an output file `{name:.80}`");
                return fault(AttemptOutcome::NodeFault { message });
            }
            staged.push(Staged::from_parts(object, staging.join(&name)));
            self.handed_over.insert(name);
        }
        if let AttemptOutcome::Succeeded { outputs } = &reply.outcome {
            let said: Vec<ObjectRef> = staged.iter().map(Staged::object).collect();
            if *outputs != said {
                self.shared.kill();
                let message = "the runner's outputs do not fit its report".into();
                return fault(AttemptOutcome::NodeFault { message });
            }
        }
        let Reply { outcome, usage, log, spans, .. } = reply;
        Answer { finished: Finished { outcome, staged, usage, log }, spans }
    }

    /// The process is of no more use: makes sure that it ends, and says how it did.
    fn broken(&self, error: &io::Error, limit_ms: u64) -> Answer {
        let killed_by_user = self.shared.killed.load(Ordering::Acquire);
        let mut child = self.shared.child();
        if error.kind() == io::ErrorKind::TimedOut {
            self.shared.killed.store(true, Ordering::Release);
            let _ = child.kill();
            let _ = child.wait();
            return fault(AttemptOutcome::TimedOut { limit_ms });
        }
        if error.kind() == io::ErrorKind::InvalidData {
            // It lives and talks nonsense.
            let _ = child.kill();
        }
        let ended = wait_a_little(&mut child);
        let message = match ended {
            _ if killed_by_user => return fault(AttemptOutcome::Canceled),
            Ok(status) => format!("the runner process ended with {}: {error}", describe(status)),
            Err(wait) => format!("the runner process cannot be waited for: {wait}"),
        };
        fault(AttemptOutcome::NodeFault { message })
    }
}

impl Drop for RunnerProcess {
    fn drop(&mut self) {
        let mut child = self.shared.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Killer {
    /// Kills the process, if it still runs. The task ends as `Canceled`.
    pub fn kill(&self) {
        self.0.kill();
    }
}

impl Shared {
    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        // Harmless when it has been waited for: std remembers that.
        let _ = self.child().kill();
    }
}

impl Finished {
    /// An attempt that ended before its guest could use or write anything.
    pub(crate) fn without_outputs(outcome: AttemptOutcome) -> Self {
        Self { outcome, staged: Vec::new(), usage: Usage::default(), log: String::new() }
    }
}

fn fault(outcome: AttemptOutcome) -> Answer {
    Answer { finished: Finished::without_outputs(outcome), spans: Vec::new() }
}

/// The pipes of a dying process close a moment before it can be waited for. One that closes
/// them and stays is killed.
fn wait_a_little(child: &mut Child) -> io::Result<std::process::ExitStatus> {
    for _ in 0..100 {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill()?;
    child.wait()
}

/// Reads from a pipe until a time, then fails with `TimedOut`.
struct Until<'a> {
    pipe: &'a mut ChildStdout,
    deadline: Instant,
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let pipe = self.pipe.as_fd();
            match poll(&mut [PollFd::new(&pipe, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => return self.pipe.read(buffer),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
