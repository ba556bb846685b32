//! `bramble down`: stops what `bramble up` started.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::args::cluster::DownArgs;
use crate::commands::Context;
use crate::error::{CliError, CliResult, Slug};
use crate::local::{self, UP_FILE};
use crate::paths;

/// How long an orderly end may take: longer than the supervisor gives its children.
const STOP_TIME_MAX: Duration = Duration::from_secs(60);

/// Stops the cluster of a data directory. That none runs there is as good.
///
/// # Errors
/// When it cannot be stopped, or does not end.
pub(crate) fn run(context: &Context, args: &DownArgs) -> CliResult<()> {
    let output = &context.output;
    let dir = paths::data_dir(args.data.as_deref())?;
    let shown = paths::shown(&dir);
    let Some(record) = local::running_up(&dir) else {
        local::remove(&dir, UP_FILE);
        if let Some(head) = local::running_head(&dir) {
            let pid = head.process.pid;
            return Err(CliError::new(
                Slug::DataLocked,
                format!("the head in {shown} was not started by `bramble up`"),
            )
            .why(format!("it is process {pid}, at {}", head.url))
            .help("stop it where it was started"));
        }
        output.note(&format!("nothing runs in {shown}"));
        return Ok(());
    };
    let pid = record.process.pid;
    let failed = |error: Errno| {
        CliError::new(Slug::Local, format!("cannot stop process {pid}")).because(&error)
    };
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let number = raw.ok_or_else(|| failed(Errno::SRCH))?;
    match pidfd_open(number, PidfdFlags::empty()) {
        // Looked at again with the handle open: from here on the number cannot change hands.
        Ok(process) if record.process.is_alive() => {
            pidfd_send_signal(&process, Signal::TERM).map_err(failed)?;
            let time = Timespec { tv_sec: STOP_TIME_MAX.as_secs().cast_signed(), tv_nsec: 0 };
            let mut ends = [PollFd::new(&process, PollFlags::IN)];
            let ended = loop {
                match poll(&mut ends, Some(&time)) {
                    Err(Errno::INTR) => {}
                    other => break other.map_err(failed)?,
                }
            };
            if ended == 0 {
                return Err(CliError::new(
                    Slug::ClusterDown,
                    format!("process {pid} does not end"),
                )
                .help(format!("end it by force: kill -9 {pid}; its parts end by themselves")));
            }
        }
        Ok(_) | Err(Errno::SRCH) => {}
        Err(error) => return Err(failed(error)),
    }
    output.say("Stopped", &format!("the cluster in {shown}"));
    Ok(())
}
