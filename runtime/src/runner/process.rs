//! The agent's side of a runner process: starting it, handing it work, and seeing how it ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, Confinement, Usage, error_chain};
use bramble_store::{Checkpoint, Staged, Store, StoreError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::handle::{Killer, Shared, TaskState};
use super::session::Session;
use super::socket;
#[cfg(feature = "compile")]
use super::wire::ToRunner;
use crate::artefact::Trust;
use crate::child::describe;

/// How long after a task's own wall limit a silent runner is killed. Reading its inputs is not
/// part of that limit, so a second for each MiB is added.
const GRACE: Duration = Duration::from_secs(5);
/// How often a waiting agent looks whether the task was to stop meanwhile.
const LOOK: Duration = Duration::from_millis(500);
/// The most that is told of what a dying runner said.
const LAST_WORDS_BYTES_MAX: usize = 2 << 10;

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
    /// Nobody's artefacts are trusted yet.
    #[error("the head has not said by which key it signs artefacts: it is older than this agent")]
    NoKey,
    /// The store that it was to work with could not be opened.
    #[error("cannot open the object store at {}", dir.display())]
    Store {
        /// The directory.
        dir: PathBuf,
        /// Why not.
        #[source]
        source: StoreError,
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
    /// Whether the guest said that no task of a later chunk is needed.
    pub enough: bool,
    /// Whether there may be checkpoints of the task.
    pub has_saved: bool,
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
    pub(super) shared: Arc<Shared>,
    pub(super) store: Store,
    stderr: ChildStderr,
    /// Known from the first task on.
    pub(super) confinement: Option<Confinement>,
}

impl RunnerProcess {
    /// Starts `program internal runner`, to work with the objects in the store at `store_dir`.
    /// It loads what `trust` says, and nothing else.
    ///
    /// # Errors
    /// When the store cannot be opened or the program cannot be started. One that is not a
    /// runner is found out by the first [`RunnerProcess::run`].
    pub fn spawn(program: &Path, store_dir: &Path, trust: &Trust) -> Result<Self, RunnerError> {
        let store = Store::open(store_dir)
            .map_err(|source| RunnerError::Store { dir: store_dir.to_owned(), source })?;
        Self::start(program, store, None, trust)
    }

    /// Starts `program internal runner`, to work with the objects in `store`. It runs under the
    /// user id `user`, if this process may choose one, and loads what `trust` says.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(
        program: &Path,
        store: Store,
        user: Option<u32>,
        trust: &Trust,
    ) -> Result<Self, RunnerError> {
        let failed = |source| RunnerError::Spawn { program: program.to_owned(), source };
        let (ours, theirs) = socket::pair().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["internal", "runner", "--class", trust.class.name()]);
        command.args(["--key", &trust.key.to_string()]);
        if let Some(user) = user {
            command.args(["--user", &user.to_string()]);
        }
        let mut child = command
            // Nothing of the agent's environment is the guest's business.
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal is for the agent, which then ends its tasks in good order.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let stderr = child.stderr.take().expect("asked for a pipe");
        let shared = Arc::new(Shared::new(child, ours));
        // A runner that says too much is not to wait for a reader, and neither is this process
        // for a runner that says nothing. One that cannot be set so is as good as none.
        rustix::io::ioctl_fionbio(&stderr, true).map_err(|error| failed(error.into()))?;
        Ok(Self { shared, store, stderr, confinement: None })
    }

    /// A handle with which another thread can stop the task.
    pub fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.shared))
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.shared.child().id()
    }

    /// Which walls stand around the process; known once it has run a task.
    pub fn confinement(&self) -> Option<&Confinement> {
        self.confinement.as_ref()
    }

    /// Whether it can take another task. Once it is false the process is to be dropped.
    pub fn is_alive(&self) -> bool {
        !self.shared.is_killed() && matches!(self.shared.child().try_wait(), Ok(None))
    }

    /// Runs one task from its beginning and waits for its end. Whatever goes wrong with the
    /// process is an outcome of the task: `NodeFault`, `Canceled` after [`Killer::kill`], or
    /// `TimedOut` when it hangs.
    pub fn run(&mut self, work: &Work) -> Finished {
        self.attempt(work, None)
    }

    /// The same, going on from the latest checkpoint of the task if there is one.
    pub fn resume(&mut self, work: &Work) -> Finished {
        let found = work.task_key.map_or(Ok(None), |key| self.store.load_checkpoint(&key));
        match found {
            Ok(checkpoint) => self.attempt(work, checkpoint),
            Err(error) => {
                tracing::warn!("a task starts anew: {}", error_chain(&error));
                self.attempt(work, None)
            }
        }
    }

    fn attempt(&mut self, work: &Work, checkpoint: Option<Checkpoint>) -> Finished {
        *self.shared.task() = TaskState::default();
        let bytes: u64 =
            work.inputs.iter().map(|input| input.size).sum::<u64>() + work.artefact.size;
        let deadline = deadline(work.limits.wall_ms_max, Duration::from_millis(bytes >> 10));
        let mut session = Session::of_task(self.store.clone(), work, checkpoint.is_some());
        let begun = session.begin(&self.shared, work, checkpoint);
        self.end(begun, session, deadline, work.limits.wall_ms_max).finished
    }

    /// Asks the planner or the cutter of `plan` how to cut `file`.
    #[cfg(feature = "compile")]
    pub(crate) fn plan(&mut self, plan: super::wire::PlanWork, file: &std::fs::File) -> Answer {
        use std::os::fd::AsFd;
        *self.shared.task() = TaskState::default();
        let limit_ms = plan.limits.wall_ms_max;
        let session = Session::of_plan(self.store.clone(), plan.artefact, plan.makes_chunks);
        let begun = self
            .shared
            .send::<()>(&ToRunner::Plan(Box::new(plan)), &[], &[file.as_fd()])
            .map_err(Broken::from);
        self.end(begun, session, deadline(limit_ms, Duration::ZERO), limit_ms)
    }

    fn end(
        &mut self,
        begun: Result<(), Broken>,
        mut session: Session,
        deadline: Instant,
        limit_ms: u64,
    ) -> Answer {
        let mut wait = || wait_until(&self.shared, deadline);
        let ended =
            begun.and_then(|()| session.serve(&self.shared, &mut self.confinement, &mut wait));
        match ended {
            Ok(answer) => answer,
            Err(Broken::Outcome(outcome)) => session.without_outputs(*outcome),
            Err(Broken::Lies(what)) => {
                self.shared.kill();
                let message = format!("the runner process broke the rules: {what}");
                session.without_outputs(AttemptOutcome::NodeFault { message })
            }
            Err(Broken::Pipe(error)) => session.without_outputs(self.post_mortem(&error, limit_ms)),
        }
    }

    /// The process is of no more use: makes sure that it ends, and says how it did.
    fn post_mortem(&self, error: &io::Error, limit_ms: u64) -> AttemptOutcome {
        let is_killed = self.shared.is_killed();
        let is_stopped = self.shared.task().stop_by.is_some();
        if error.kind() == io::ErrorKind::TimedOut {
            self.shared.kill();
            let _ = self.shared.child().wait();
            return if is_stopped {
                AttemptOutcome::Canceled
            } else {
                AttemptOutcome::TimedOut { limit_ms }
            };
        }
        let mut child = self.shared.child();
        if error.kind() == io::ErrorKind::InvalidData {
            // It lives and talks nonsense.
            let _ = child.kill();
        }
        let ended = wait_a_little(&mut child);
        drop(child);
        let message = match ended {
            _ if is_killed => return AttemptOutcome::Canceled,
            Ok(status) => {
                let words = self.last_words().unwrap_or_else(|| error.to_string());
                format!("the runner process ended with {}: {words}", describe(status))
            }
            Err(wait) => format!("the runner process cannot be waited for: {wait}"),
        };
        AttemptOutcome::NodeFault { message }
    }

    /// What the process wrote to its standard error, if anything.
    fn last_words(&self) -> Option<String> {
        let mut words = [0; LAST_WORDS_BYTES_MAX];
        let got = rustix::io::read(&self.stderr, &mut words).ok()?;
        let words = crate::sandbox::shown(&String::from_utf8_lossy(&words[..got]));
        let words = words.trim();
        (!words.is_empty()).then(|| words.to_owned())
    }
}

impl Drop for RunnerProcess {
    fn drop(&mut self) {
        let mut child = self.shared.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Finished {
    /// An attempt that ended before its guest could use or write anything.
    pub(crate) fn without_outputs(outcome: AttemptOutcome) -> Self {
        Self {
            outcome,
            staged: Vec::new(),
            usage: Usage::default(),
            log: String::new(),
            enough: false,
            has_saved: false,
        }
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Broken {
    /// The task ended before the runner was asked.
    Outcome(Box<AttemptOutcome>),
    /// The process is gone, or talks nonsense.
    Pipe(io::Error),
    /// It asks for what no runner asks for: a guest may have taken it over.
    Lies(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Pipe(error)
    }
}

fn deadline(limit_ms: u64, reading: Duration) -> Instant {
    Instant::now() + Duration::from_millis(limit_ms) + reading + GRACE
}

/// Waits for the runner to say something. Fails with `TimedOut` when it does not by `deadline`,
/// or a while after it was asked to stop.
fn wait_until(shared: &Shared, deadline: Instant) -> io::Result<()> {
    loop {
        let by = shared.task().stop_by.map_or(deadline, |stop| stop.min(deadline));
        let left = by.saturating_duration_since(Instant::now());
        // Also while there is something to read: a runner must not win time by chatter.
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let slice = left.min(LOOK);
        let timeout = Timespec {
            tv_sec: i64::try_from(slice.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: slice.subsec_nanos().into(),
        };
        let socket = shared.socket();
        match poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The socket of a dying process closes a moment before it can be waited for. One that closes
/// it and stays is killed.
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
