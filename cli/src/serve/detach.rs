//! `bramble up --detach`: a supervisor that outlives the terminal.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::args::cluster::UpArgs;
use crate::commands::Context;
use crate::error::{CliError, CliResult, Exit, Slug};
use crate::local::{self, UpRecord};
use crate::output::human;
use crate::paths;
use crate::signals::Interrupt;

/// How long the cluster may take to get ready. Each of its parts has shorter limits.
const READY_TIME_MAX: Duration = Duration::from_secs(90);
/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A log that is longer than this in bytes is put aside when a cluster starts.
const LOG_BYTES_MAX: u64 = 1 << 20;
/// The most that is shown of a log, in bytes.
const SHOWN_BYTES_MAX: u64 = 16 << 10;

/// Which boards to simulate, as typed.
fn simulated(args: &UpArgs) -> Vec<String> {
    let Some(fleet) = &args.simulate else { return Vec::new() };
    let boot = format!("{}ms", args.boot_time.as_millis());
    vec!["--simulate".into(), fleet.typed().into(), "--boot-time".into(), boot]
}

/// Starts the supervisor and waits until its cluster is ready.
///
/// # Errors
/// When it ends before: what it logged is shown, and its exit code is ours.
pub(super) fn start(context: &Context, args: &UpArgs, dir: &Path) -> CliResult<UpRecord> {
    let interrupt = Interrupt::listen()?;
    let (log_path, mut log) = open_log(dir)?;
    let failed = |error: &io::Error| CliError::file("write", &log_path, error);
    let from = log.seek(SeekFrom::End(0)).map_err(|error| failed(&error))?;
    let stdout = log.try_clone().map_err(|error| failed(&error))?;
    let mut command = Command::new(paths::program()?);
    command
        .args(["--color", "never", "up", "--detached"])
        .arg("--data")
        .arg(dir)
        .args(["--listen", &args.listen.to_string()])
        .args(
            args.simulate
                .is_none()
                .then_some(["--nodes".into(), args.nodes.to_string()])
                .into_iter()
                .flatten(),
        )
        .args(args.slots.iter().flat_map(|slots| ["--slots".into(), slots.to_string()]))
        .args(simulated(args))
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(log);
    let mut child = command.spawn().map_err(|error| {
        CliError::new(Slug::Local, "cannot start this program again").because(&error)
    })?;
    let started = Instant::now();
    loop {
        let record = local::running_up(dir).filter(|up| up.process.pid == child.id() && up.ready);
        if let Some(record) = record {
            return Ok(record);
        }
        if let Ok(Some(status)) = child.try_wait() {
            show_log(context, &log_path, from);
            let code =
                status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
            return Err(CliError::Silent(code.unwrap_or(Exit::Cluster.code())));
        }
        if interrupt.is_set() {
            stop(&child);
            return Err(CliError::new(
                Slug::Interrupted,
                "stopped; the cluster is not left running",
            ));
        }
        if started.elapsed() > READY_TIME_MAX {
            stop(&child);
            show_log(context, &log_path, from);
            return Err(CliError::new(Slug::ClusterDown, "the cluster did not get ready in time")
                .help(format!("what it logged is in {}", paths::shown(&log_path))));
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn open_log(dir: &Path) -> CliResult<(std::path::PathBuf, File)> {
    let dir_of_log = dir.join("log");
    let path = dir_of_log.join("up.log");
    let opened = fs::create_dir_all(&dir_of_log).and_then(|()| {
        let long = fs::metadata(&path).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX);
        if long && local::running_up(dir).is_none() {
            fs::rename(&path, path.with_extension("log.1"))?;
        }
        File::options().create(true).append(true).read(true).open(&path)
    });
    let log = opened.map_err(|error| CliError::file("write", &path, &error))?;
    Ok((path, log))
}

/// Asks the supervisor to end, which takes its children with it.
fn stop(child: &Child) {
    // It cannot have another's number: it is our child and was not waited for.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
}

/// Shows what was logged from `from` on.
fn show_log(context: &Context, path: &Path, from: u64) {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut log| {
        let end = log.seek(SeekFrom::End(0))?;
        log.seek(SeekFrom::Start(from.max(end.saturating_sub(SHOWN_BYTES_MAX))))?;
        log.take(SHOWN_BYTES_MAX).read_to_end(&mut text)
    });
    if let Err(error) = read {
        context.output.warn(&format!("cannot read {}: {error}", paths::shown(path)));
    }
    for line in String::from_utf8_lossy(&text).lines() {
        // Also when quiet: these are the errors.
        eprintln!("{}", human::safe(line));
    }
}
