//! What child processes of ours have in common: limits, their end with their parent, and how
//! their end is put into words.

use std::os::fd::BorrowedFd;
use std::process::ExitStatus;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Lowers a limit of this process for good.
pub(crate) fn limit(resource: Resource, value: u64) -> rustix::io::Result<()> {
    limit_between(resource, value, value)
}

/// The same with a warning at `soft`, which for processor time is the signal `SIGXCPU`.
pub(crate) fn limit_between(resource: Resource, soft: u64, hard: u64) -> rustix::io::Result<()> {
    let allowed = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let (soft, hard) = (soft.min(allowed), hard.min(allowed));
    setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) })
}

/// Ends this process as soon as nobody holds the other end of the pipe `fd` any more.
///
/// The kernel's own death signal follows the *thread* that spawned a process, and the threads
/// that spawn ours come and go.
pub(crate) fn end_with_the_pipe(fd: BorrowedFd<'static>) {
    let watch = move || {
        loop {
            let mut watched = [PollFd::new(&fd, PollFlags::empty())];
            if poll(&mut watched, None).is_ok_and(|ready| ready > 0) {
                std::process::exit(1);
            }
        }
    };
    std::thread::Builder::new()
        .name("parent-watch".into())
        .stack_size(64 << 10)
        .spawn(watch)
        .expect("a process that just started can start a thread");
}

/// How a process ended, for messages.
pub(crate) fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal} ({})", signal_name(signal)),
        (None, None) => "an unknown status".into(),
    }
}

fn signal_name(signal: i32) -> &'static str {
    use rustix::process::Signal;
    [
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::HUP, "SIGHUP"),
        (Signal::ILL, "SIGILL"),
        (Signal::INT, "SIGINT"),
        (Signal::KILL, "SIGKILL"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::SYS, "SIGSYS"),
        (Signal::TERM, "SIGTERM"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
    ]
    .into_iter()
    .find(|(known, _)| known.as_raw() == signal)
    .map_or("no name", |(_, name)| name)
}
