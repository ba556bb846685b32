//! The walls that a child process puts up around itself before it touches what a user sent.
//!
//! WebAssembly is the first wall. These are the second, for the day on which it has a hole:
//! native code that runs in a child finds no file, no network, no key, nobody to signal and no
//! way to start a process. A child goes through two doors: [`enter`] before it has threads, and
//! [`seal`] when all that it needs is set up. What the kernel or the container does not offer
//! is no error; it is told in the report.

mod landlock;
mod limits;
mod process;
mod syscalls;

use bramble_protocol::{Confinement, Wall};

pub(crate) use limits::{Limits, limit_task};
pub(crate) use process::user_for;

/// Open files of a child that compiles.
#[cfg(feature = "compile")]
const COMPILER_FILES_MAX: u64 = 64;

/// What a child is for, and so which system calls it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Runs guests: its threads are there when it is sealed, and it starts no more.
    Runner,
    /// Compiles: as a runner, and it starts threads.
    Compiler,
}

/// Both doors at once, for a child that compiles: it has pipes and nothing else, and memory and
/// processor time up to limits. To be called first of all.
///
/// At the limit of processor time the kernel sends `SIGXCPU`, which says what happened, and
/// `SIGKILL` two seconds later, which does not.
///
/// # Errors
/// When a limit cannot be set.
#[cfg(feature = "compile")]
pub(crate) fn for_compiler(memory_bytes: u64, cpu_s: u64) -> rustix::io::Result<Confinement> {
    let limits = Limits {
        files: COMPILER_FILES_MAX,
        data_bytes: memory_bytes,
        address_space_bytes: Some(memory_bytes),
    };
    let user = user_for(u64::from(std::process::id()), 0);
    let mut report = enter(&limits, Some(user));
    limits.set()?;
    let resource = rustix::process::Resource::Cpu;
    crate::child::limit_between(resource, cpu_s, cpu_s.saturating_add(2))?;
    seal(Profile::Compiler, &mut report);
    Ok(report)
}

/// The first door, to be gone through while there is one thread: most of these walls are
/// inherited by threads that start later, and do not reach those that are there.
///
/// `user` is the user and group id to run under, if this process may change its own.
pub(crate) fn enter(limits: &Limits, user: Option<u32>) -> Confinement {
    let mut report = Confinement::default();
    report.note(Wall::NoNewPrivileges, rustix::thread::set_no_new_privs(true));
    process::prefer_for_the_oom_killer();
    report.note(Wall::Limits, limits.set());
    report.note(Wall::Descriptors, process::close_foreign_descriptors());
    report.note(Wall::NoNetwork, process::leave_the_network());
    report.note(Wall::OwnUser, process::change_user(user));
    report.note(Wall::NotDumpable, process::hide_memory());
    landlock::deny_everything(&mut report);
    report
}

/// The second door: from here on only the system calls of `profile` are left, for all threads
/// there are. A process that makes another one is killed with `SIGSYS`, but for a few that the
/// system's libraries may try and do without.
pub(crate) fn seal(profile: Profile, report: &mut Confinement) {
    if profile == Profile::Runner
        && let Err(error) = limits::no_more_threads()
    {
        tracing::debug!("cannot forbid threads: {error}");
    }
    report.note(Wall::SystemCalls, syscalls::allow_only(profile));
}
