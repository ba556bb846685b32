//! Emulated machines, and what they say on their consoles.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::kernel::Kernel;
use crate::cluster::Interrupt;

/// How many of a machine's last lines are shown when something has failed.
const LAST_LINES: usize = 40;
/// So long a machine that listens is waited for.
const LISTEN_MAX: Duration = Duration::from_secs(30);
/// What a machine says when it has failed.
const FAILED: &str = "LAB failed";

/// A machine before it is started.
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) image: PathBuf,
}

/// Two machines with a network between them. They end with it.
pub(super) struct Lab {
    names: Vec<&'static str>,
    children: Vec<Child>,
    lines: mpsc::Receiver<(usize, String)>,
    said: Vec<(usize, String)>,
    dir: PathBuf,
}

impl Lab {
    /// Starts the machines; the first one's network card listens for the second one's.
    ///
    /// # Errors
    /// When the emulator does not start.
    pub(super) fn start(kernel: &Kernel, dir: &Path, plans: &[Plan; 2]) -> Result<Self> {
        let socket = dir.join("network.socket");
        // One of a run before.
        let _ = fs::remove_file(&socket);
        let (sender, lines) = mpsc::channel();
        let mut lab = Self {
            names: Vec::new(),
            children: Vec::new(),
            lines,
            said: Vec::new(),
            dir: dir.to_owned(),
        };
        for (number, plan) in plans.iter().enumerate() {
            let mut child = command(kernel, &plan.image, &socket, number)
                .spawn()
                .context("cannot start qemu-system-x86_64")?;
            let console = child.stdout.take().context("a console is a pipe")?;
            lab.children.push(child);
            lab.names.push(plan.name);
            let path = dir.join(format!("{}.log", plan.name));
            let log =
                File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            let sender = sender.clone();
            thread::spawn(move || listen(console, log, |line| sender.send((number, line)).is_ok()));
            let started = Instant::now();
            while number == 0 && !socket.exists() {
                if started.elapsed() > LISTEN_MAX {
                    bail!("the first machine does not start: see {}", path.display());
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(lab)
    }

    /// Waits until a machine has said a line with `text` in it, and returns that line. It may have
    /// been said before.
    ///
    /// # Errors
    /// When `limit` has passed, or a machine has failed or ended.
    pub(super) fn expect(
        &mut self,
        machine: usize,
        text: &str,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<String> {
        let deadline = Instant::now() + limit;
        let mut seen = 0;
        loop {
            for (who, line) in &self.said[seen..] {
                if *who == machine && line.contains(text) {
                    return Ok(line.strip_prefix("LAB ").unwrap_or(line).to_owned());
                }
                if line.contains(FAILED) {
                    return self.fail(*who, line);
                }
            }
            seen = self.said.len();
            interrupt.check()?;
            if Instant::now() > deadline {
                let what = format!("`{text}` was not said within {} s", limit.as_secs());
                return self.fail(machine, &what);
            }
            match self.lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    for (number, child) in self.children.iter_mut().enumerate() {
                        if let Ok(Some(status)) = child.try_wait() {
                            return self.fail(number, &format!("the emulator ended: {status}"));
                        }
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return self.fail(machine, "both machines have ended");
                }
            }
        }
    }

    fn fail(&self, machine: usize, what: &str) -> Result<String> {
        let lines: Vec<&str> = self
            .said
            .iter()
            .filter_map(|(who, line)| (*who == machine).then_some(line.as_str()))
            .collect();
        let name = self.names[machine];
        eprintln!("the last that {name} said:");
        for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
            eprintln!("  {line}");
        }
        bail!("{name}: {what} (all of it: {})", self.dir.join(format!("{name}.log")).display())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Both fail only when it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One processor, emulated by one thread, of a plain kind, and no check of the timer: with more,
/// Debian's kernel has been seen to stumble under load. The host's files are there for reading only.
fn command(kernel: &Kernel, image: &Path, socket: &Path, number: usize) -> Command {
    let server = if number == 0 { "on" } else { "off" };
    let socket = socket.display();
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args(["-M", "q35", "-accel", "tcg,thread=single", "-cpu", "Nehalem", "-smp", "1"])
        .args(["-m", "1024", "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot"])
        .args(["-serial", "stdio", "-append", "console=ttyS0 quiet panic=-1 no_timer_check"])
        .arg("-kernel")
        .arg(kernel.file())
        .arg("-initrd")
        .arg(image)
        .args([
            "-virtfs",
            "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
        ])
        .arg("-netdev")
        .arg(format!("stream,id=net,server={server},addr.type=unix,addr.path={socket}"))
        .arg("-device")
        .arg(format!("virtio-net-pci,netdev=net,mac=52:54:00:00:00:0{number}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// Passes on what a machine says, line by line, until nobody listens.
fn listen(console: impl std::io::Read, mut log: File, mut pass_on: impl FnMut(String) -> bool) {
    let mut console = BufReader::new(console);
    let mut line = Vec::new();
    while console.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // The log is for people: a full disk is no reason to stop.
        let _ = log.write_all(&line);
        if !pass_on(String::from_utf8_lossy(&line).trim_end().to_owned()) {
            return;
        }
        line.clear();
    }
}
