//! The parent's side of a compiling child.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use bramble_protocol::{Digest, Mode, ModuleInfo, TargetClass};

use super::child::EXIT_REFUSED;
use super::limits::CompileLimits;
use super::{Refusal, Report};
use crate::artefact::{HeadKey, seal};
use crate::child::describe;

/// The longest answer of a child: an artefact, in bytes.
const ANSWER_BYTES_MAX: u64 = 512 << 20;
/// How much of a child's complaints is kept, in bytes.
const COMPLAINT_BYTES_MAX: u64 = 16 << 10;

/// Why there is no answer about a module.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// It cannot be used as a job.
    #[error("{}", .0.title)]
    Refused(Refusal),
    /// The kernel stopped the child at one of its limits.
    #[error("the module is too big or too complex to compile within {limit}")]
    TooBig {
        /// The limit that was reached, in words.
        limit: String,
    },
    /// It was not done when the time on the wall was over, which may be the machine's fault.
    #[error("compiling the module took more than {} s", limit.as_secs())]
    TooSlow {
        /// How long it was given.
        limit: Duration,
    },
    /// The child ended otherwise.
    #[error("the compiler ended with {status}: {message}")]
    Crashed {
        /// How it ended.
        status: String,
        /// The last it said.
        message: String,
    },
    /// The child could not be started.
    #[error("cannot start the compiler from {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The pipes to the child broke.
    #[error("cannot talk to the compiler")]
    Pipe(#[source] io::Error),
}

impl ModuleError {
    /// Whether the same module may fare better at another time: the machine failed, not it.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Crashed { .. } | Self::Spawn { .. } | Self::Pipe(_))
    }

    /// Whether the same module will always meet the same end under the same limits.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::TooBig { .. })
    }

    /// The error as a refusal, for whoever sent the module.
    pub fn to_refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::TooBig { .. } | Self::TooSlow { .. } => Refusal::new(self.to_string())
                .help("build it with optimisation, or split it into smaller functions"),
            other => Refusal::new("the module could not be checked")
                .detail(bramble_protocol::error_chain(other))
                .help("this is a fault of the head: try again, and look at its log"),
        }
    }
}

/// Checks and compiles modules in children of `program`, the `bramble` binary.
#[derive(Clone, Debug)]
pub struct Compiler {
    program: PathBuf,
    limits: CompileLimits,
}

impl Compiler {
    /// A compiler that starts `program internal module …`.
    pub fn new(program: PathBuf, limits: CompileLimits) -> Self {
        Self { program, limits }
    }

    /// What each child may use.
    pub fn limits(&self) -> &CompileLimits {
        &self.limits
    }

    /// The program it starts.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Says what a module is and exports. Blocks while the child works.
    ///
    /// # Errors
    /// [`ModuleError::Refused`] when it cannot be used as a job; else when the child fails.
    pub fn inspect(&self, module: &[u8]) -> Result<ModuleInfo, ModuleError> {
        let answer = self.run(&["inspect"], module)?;
        serde_json::from_slice(&answer).map_err(|error| ModuleError::Crashed {
            status: "a bad answer".into(),
            message: error.to_string(),
        })
    }

    /// Says everything about a module, for whoever makes it, also when it would be refused.
    /// Blocks while the child works.
    ///
    /// # Errors
    /// When the child fails.
    pub fn report(&self, module: &[u8]) -> Result<Report, ModuleError> {
        let answer = self.run(&["report"], module)?;
        serde_json::from_slice(&answer).map_err(|error| ModuleError::Crashed {
            status: "a bad answer".into(),
            message: error.to_string(),
        })
    }

    /// Compiles a module for `class` and `mode`, and seals the code with `key`: the artefact.
    /// Blocks while the child works, which never sees the key.
    ///
    /// # Errors
    /// [`ModuleError::Refused`] when it cannot be used as a job, [`ModuleError::TooBig`] when
    /// compiling it takes more than the limits allow; else when the child fails.
    pub fn compile(
        &self,
        module: &[u8],
        class: TargetClass,
        mode: Mode,
        key: &HeadKey,
    ) -> Result<Vec<u8>, ModuleError> {
        let code = self.run(&["compile", class.name(), mode.name()], module)?;
        if code.is_empty() {
            let message = "it gave no code".into();
            return Err(ModuleError::Crashed { status: "a bad answer".into(), message });
        }
        Ok(seal(Digest::of(module), class, mode, &code, key))
    }

    fn run(&self, task: &[&str], module: &[u8]) -> Result<Vec<u8>, ModuleError> {
        let limits = &self.limits;
        let spawned = Command::new(&self.program)
            .args(["internal", "module"])
            .args(task)
            .args([limits.memory_bytes_max.to_string(), limits.cpu_s_max.to_string()])
            .env_clear()
            .env("RAYON_NUM_THREADS", limits.threads_max.to_string())
            // Each arena of glibc's allocator takes 64 MiB of address space, used or not.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let child = spawned
            .map_err(|source| ModuleError::Spawn { program: self.program.clone(), source })?;
        let ended = converse(Guard(child), module, limits.wall_max)?;
        self.judge(ended)
    }

    fn judge(&self, ended: Ended) -> Result<Vec<u8>, ModuleError> {
        use std::os::unix::process::ExitStatusExt;
        let Ended { status, answer, complaint, timed_out } = ended;
        let limits = &self.limits;
        let too_big = |limit| Err(ModuleError::TooBig { limit });
        if timed_out {
            return Err(ModuleError::TooSlow { limit: limits.wall_max });
        }
        if status.success() {
            return Ok(answer);
        }
        if status.code() == Some(EXIT_REFUSED.into())
            && let Ok(refusal) = serde_json::from_slice(&answer)
        {
            return Err(ModuleError::Refused(refusal));
        }
        let signal = status.signal();
        if signal == Some(rustix::process::Signal::XCPU.as_raw()) {
            return too_big(format!("{} s of processor time", limits.cpu_s_max));
        }
        // How Rust's and the system's allocators say that there is no memory left.
        if ["memory allocation of", "Cannot allocate memory", "failed to allocate"]
            .iter()
            .any(|sign| complaint.contains(sign))
        {
            return too_big(limits.memory());
        }
        let message = complaint.lines().last().unwrap_or("it said nothing").to_owned();
        Err(ModuleError::Crashed { status: describe(status), message })
    }
}

/// Kills the child if it is still there when the parent gives up.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Ended {
    status: ExitStatus,
    answer: Vec<u8>,
    complaint: String,
    timed_out: bool,
}

/// Sends the module and takes the answer, each pipe on a thread so that none can block another.
fn converse(mut child: Guard, module: &[u8], wall_max: Duration) -> Result<Ended, ModuleError> {
    let mut stdin = child.0.stdin.take().expect("asked for a pipe");
    let stdout = child.0.stdout.take().expect("asked for a pipe");
    let stderr = child.0.stderr.take().expect("asked for a pipe");
    std::thread::scope(|scope| {
        let (done, ended) = mpsc::channel();
        let answer = scope.spawn(move || {
            let answer = read_at_most(stdout, ANSWER_BYTES_MAX);
            // The receiver is gone when the time is over.
            let _ = done.send(());
            answer
        });
        let complaint = scope.spawn(move || read_at_most(stderr, COMPLAINT_BYTES_MAX));
        // A child that refuses early does not read to the end; its answer says why.
        scope.spawn(move || stdin.write_all(module));
        let timed_out = ended.recv_timeout(wall_max).is_err();
        if timed_out {
            child.0.kill().map_err(ModuleError::Pipe)?;
        }
        let status = child.0.wait().map_err(ModuleError::Pipe)?;
        let joined = |read: std::thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>| {
            read.join().expect("reading does not panic").map_err(ModuleError::Pipe)
        };
        let complaint = joined(complaint)?;
        let complaint = crate::sandbox::shown(&String::from_utf8_lossy(&complaint));
        Ok(Ended { status, answer: joined(answer)?, complaint, timed_out })
    })
}

fn read_at_most(pipe: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut pipe = pipe.take(bytes_max + 1);
    pipe.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the child's answer is too long"));
    }
    Ok(bytes)
}
