//! Telling the machine that files have changed.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use std::process::{Command, Stdio};

use crate::plan::{Moment, Reload};

/// A service that takes longer to start than this hangs.
const TIME_MAX: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(20);

/// Who tells the machine. Tests write down what would be told.
pub trait Reloads {
    /// Does what is to be done at this moment.
    ///
    /// # Errors
    /// Why it could not be done, in the words of the command.
    fn run(&mut self, reload: &Reload, moment: Moment) -> Result<(), String>;
}

/// For trees that no machine runs from, such as a card in a reader.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReloads;

impl Reloads for NoReloads {
    fn run(&mut self, _: &Reload, _: Moment) -> Result<(), String> {
        Ok(())
    }
}

/// The machine itself, by its own commands.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemReloads;

impl Reloads for SystemReloads {
    fn run(&mut self, reload: &Reload, moment: Moment) -> Result<(), String> {
        for command in reload.commands(moment) {
            run(&command)?;
        }
        Ok(())
    }
}

fn run(command: &[String]) -> Result<(), String> {
    let [program, args @ ..] = command else { return Ok(()) };
    let told = command.join(" ");
    let path =
        crate::check::program(program).ok_or_else(|| format!("{program} is not installed"))?;
    let dir = tempfile::tempdir().map_err(|error| format!("{told}: {error}"))?;
    let output = |name: &str| std::fs::File::create(dir.path().join(name));
    let failed = |error: std::io::Error| format!("{told}: {error}");
    let mut child = Command::new(path)
        .args(args)
        .current_dir("/")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output("stderr").map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + TIME_MAX;
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return if status.success() { Ok(()) } else { Err(complaint(&told, dir.path())) };
        }
        if Instant::now() > deadline {
            // Whether it could still be killed or has just ended is all the same here.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{told}: no end within {} seconds", TIME_MAX.as_secs()));
        }
        thread::sleep(LOOK);
    }
}

fn complaint(told: &str, dir: &Path) -> String {
    let words = std::fs::read(dir.join("stderr")).unwrap_or_default();
    let words = String::from_utf8_lossy(&words[..words.len().min(2000)]).trim().to_owned();
    if words.is_empty() { format!("{told} failed") } else { format!("{told}: {words}") }
}
