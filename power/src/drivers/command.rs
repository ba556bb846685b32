//! Any command: what bramble has no driver for.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::config;
use crate::{Driver, PowerError, State, Traits};

/// Bytes that are kept of what a command prints, on each of its outputs.
const OUTPUT_BYTES_MAX: usize = 4 << 10;
/// How often a command that runs is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Seconds that a command may be given.
const TIMEOUT_S_MAX: u64 = 600;

pub(crate) struct Command {
    config: config::Command,
}

impl Command {
    pub(crate) fn new(config: &config::Command) -> Result<Self, String> {
        let status = config.status.iter();
        if [&config.on, &config.off].into_iter().chain(status).any(Vec::is_empty) {
            return Err("`on`, `off` and `status` need a program: [\"/usr/local/bin/plug\"]".into());
        }
        if !(1..=TIMEOUT_S_MAX).contains(&config.timeout_s) {
            return Err(format!("timeout-s must be 1 to {TIMEOUT_S_MAX}"));
        }
        Ok(Self { config: config.clone() })
    }

    /// What the command printed. No shell reads the words, so that names cannot be commands.
    fn run(&self, template: &[String], outlet: u32) -> Result<String, PowerError> {
        let node = self.config.nodes.iter().find(|(_, place)| **place == outlet);
        let node = node.map_or("", |(name, _)| name);
        let words = template.iter().map(|word| {
            // One pass, so that a node called `{outlet}` stays one.
            let parts =
                word.split("{node}").map(|part| part.replace("{outlet}", &outlet.to_string()));
            parts.collect::<Vec<_>>().join(node)
        });
        let words: Vec<String> = words.collect();
        let doing = format!("running {}", words[0]);
        let mut child = std::process::Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| PowerError::io(&doing, error))?;
        let out = kept(child.stdout.take());
        let err = kept(child.stderr.take());
        let limit = Duration::from_secs(self.config.timeout_s);
        let until = Instant::now() + limit;
        let status = loop {
            match child.try_wait().map_err(|error| PowerError::io(&doing, error))? {
                Some(status) => break status,
                None if Instant::now() >= until => {
                    end(&mut child);
                    return Err(PowerError::TooSlow { doing, limit });
                }
                None => thread::sleep(LOOK_EVERY),
            }
        };
        // A child of the command may hold the pipes open; what came so far is enough then.
        let left = || until.saturating_duration_since(Instant::now()).max(LOOK_EVERY);
        let err = err.recv_timeout(left().min(Duration::from_secs(1))).unwrap_or_default();
        if !status.success() {
            return Err(PowerError::refused(words[0].clone(), format!("{status}: {}", err.trim())));
        }
        Ok(out.recv_timeout(left().min(Duration::from_secs(1))).unwrap_or_default())
    }
}

/// Reads all, keeps the beginning.
fn kept(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
        let Some(mut from) = from else { return };
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let room = OUTPUT_BYTES_MAX - kept.len();
            kept.extend_from_slice(&buffer[..length.min(room)]);
        }
        // Nobody may wait any more.
        let _ = send.send(String::from_utf8_lossy(&kept).into_owned());
    });
    receive
}

/// Ends the command with what it started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended meanwhile.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

impl Driver for Command {
    fn traits(&self) -> Traits {
        Traits::new("command")
    }

    fn check(&self, _outlet: u32) -> Result<(), String> {
        Ok(())
    }

    fn read(&mut self, outlet: u32) -> Result<State, PowerError> {
        let Some(status) = &self.config.status else { return Ok(State::Unknown) };
        let said = self.run(status, outlet)?;
        match said.trim() {
            "on" => Ok(State::On),
            "off" => Ok(State::Off),
            "unknown" => Ok(State::Unknown),
            other => {
                let said: String = other.chars().take(80).collect();
                let said = format!("printed {said:?} instead of on, off or unknown");
                Err(PowerError::refused(status[0].clone(), said))
            }
        }
    }

    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        self.run(if on { &self.config.on } else { &self.config.off }, outlet).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(dir: &std::path::Path) -> Command {
        let script = dir.join("plug");
        let text = "case $1 in on|off) echo $1 > \"$0.$2\";; status) cat \"$0.$2\";; \
                    fail) yes trouble | head -c 100000 >&2; exit 3;; hang) sleep 60;; esac";
        std::fs::write(&script, text).unwrap();
        let argv =
            |verb| format!("['sh', '{}', '{verb}', '{{node}}-{{outlet}}']", script.display());
        let text = format!(
            "nodes = {{ p1 = 7, '$(x)' = 8 }}\non = {}\noff = {}\nstatus = {}\ntimeout-s = 5",
            argv("on"),
            argv("off"),
            argv("status")
        );
        Command::new(&toml::from_str(&text).unwrap()).unwrap()
    }

    #[test]
    fn a_script_switches_and_tells_and_no_shell_reads_names() {
        let dir = tempfile::tempdir().unwrap();
        let mut plug = command(dir.path());
        for outlet in [7, 8] {
            plug.switch(outlet, true).unwrap();
            assert_eq!(plug.read(outlet).unwrap(), State::On);
            plug.switch(outlet, false).unwrap();
            assert_eq!(plug.read(outlet).unwrap(), State::Off);
        }
        assert!(dir.path().join("plug.p1-7").exists() && dir.path().join("plug.$(x)-8").exists());
        std::fs::write(dir.path().join("plug.p1-7"), "maybe").unwrap();
        assert!(plug.read(7).unwrap_err().to_string().contains("maybe"));
    }

    #[test]
    fn a_failure_is_told_up_to_a_limit_and_a_hanging_one_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut plug = command(dir.path());
        plug.config.on[2] = "fail".into();
        let failed = plug.switch(7, true).unwrap_err().to_string();
        assert!(failed.contains("trouble") && failed.len() < OUTPUT_BYTES_MAX + 200, "{failed}");
        (plug.config.on[2], plug.config.timeout_s) = ("hang".into(), 1);
        assert!(matches!(plug.switch(7, true), Err(PowerError::TooSlow { .. })));
        plug.config.on[0] = "/nowhere/plug".into();
        assert!(matches!(plug.switch(7, true), Err(PowerError::Io { .. })));
    }
}
