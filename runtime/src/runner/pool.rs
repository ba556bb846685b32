//! The runner processes of one slot: one that is bound to an owner's work, and a spare one.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bramble_protocol::agent::Work;
use bramble_protocol::{JobId, Mode};
use bramble_store::Store;

use super::{RunnerError, RunnerProcess};
use crate::artefact::Trust;

/// Whose work a process may do. No process ever does another's.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    whose: Whose,
    mode: Mode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Whose {
    Owner(String),
    Job(JobId),
}

impl Bound {
    fn of(work: &Work) -> Self {
        let whose = match &work.owner {
            Some(owner) => Whose::Owner(owner.clone()),
            None => Whose::Job(work.task.job),
        };
        Self { whose, mode: work.mode }
    }
}

/// Gives the process that fits a task, and starts one where none does.
#[derive(Debug)]
pub struct Pool {
    program: PathBuf,
    store: Store,
    /// Known once the head has said welcome.
    trust: Arc<OnceLock<Trust>>,
    /// User ids, taken in turns: the spare process must not be within reach of the bound one.
    users: [u32; 2],
    bound: Option<(Bound, RunnerProcess)>,
    /// Started, set up, and never given a task.
    spare: Option<RunnerProcess>,
}

impl Pool {
    /// A pool that starts `program internal runner`, under one of the user ids `users` where it
    /// may.
    pub fn new(
        program: PathBuf,
        store: Store,
        users: [u32; 2],
        trust: Arc<OnceLock<Trust>>,
    ) -> Self {
        Self { program, store, trust, users, bound: None, spare: None }
    }

    /// Takes out the process for `work`. It is given back by [`put`](Self::put).
    ///
    /// # Errors
    /// When none can be started.
    pub fn take(&mut self, work: &Work) -> Result<RunnerProcess, RunnerError> {
        let wanted = Bound::of(work);
        match self.bound.take() {
            // A runner may have been killed for a lease that was revoked just as it ended.
            Some((bound, process)) if bound == wanted && process.is_alive() => return Ok(process),
            // Whatever is left of the other's work goes with its process.
            Some((_, other)) => bury(other),
            None => {}
        }
        match self.spare.take().filter(RunnerProcess::is_alive) {
            Some(spare) => Ok(spare),
            None => self.start(),
        }
    }

    /// Keeps a process that has worked on `work` for more of the same. Whether it still can is
    /// asked when it is needed.
    pub fn put(&mut self, work: &Work, process: RunnerProcess) {
        self.bound = Some((Bound::of(work), process));
    }

    /// Starts a spare process if there is none, so that the first task of the next job need not
    /// wait for one. It sets itself up while this one works.
    pub fn stock_up(&mut self) {
        if self.spare.is_none() {
            // If it cannot be started now, the one who needs it will say so.
            self.spare = self.start().ok();
        }
    }

    /// Gives up all processes: nobody has needed one for a while.
    pub fn clear(&mut self) {
        self.bound = None;
        self.spare = None;
    }

    fn start(&mut self) -> Result<RunnerProcess, RunnerError> {
        let trust = self.trust.get().ok_or(RunnerError::NoKey)?;
        self.users.reverse();
        RunnerProcess::start(&self.program, self.store.clone(), Some(self.users[0]), trust)
    }
}

/// Kills a process, and leaves it to another thread to wait until the kernel has cleared it
/// away, which takes longer than the next task may.
fn bury(process: RunnerProcess) {
    process.killer().kill();
    // Without a thread it is waited for here, as the closure is dropped.
    let _ = std::thread::Builder::new()
        .name("undertaker".into())
        .stack_size(64 << 10)
        .spawn(move || drop(process));
}
