//! Any program that switches: for smart plugs, relays, and whatever a lab has.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bramble_protocol::power::Supply;

use crate::driver::{Driver, PowerError};

/// Bytes of a program's output that are read.
const OUTPUT_BYTES_MAX: u64 = 4_096;
/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Three commands. `{node}` and `{outlet}` stand for the node's name and its outlet.
pub(crate) struct Commands {
    pub(crate) on: Vec<String>,
    pub(crate) off: Option<Vec<String>>,
    /// Prints `on`, `off` or `unknown`.
    pub(crate) status: Option<Vec<String>>,
    pub(crate) timeout: Duration,
    /// Names of nodes by outlets.
    pub(crate) nodes: Vec<(String, String)>,
}

impl Driver for Commands {
    fn read(&mut self, outlet: &str) -> Result<Supply, PowerError> {
        let Some(status) = &self.status else { return Ok(Supply::Unknown) };
        let said = self.run(status, outlet)?;
        Ok(match said.trim() {
            "on" => Supply::On,
            "off" => Supply::Off,
            _ => Supply::Unknown,
        })
    }

    fn switch(&mut self, outlet: &str, on: bool) -> Result<(), PowerError> {
        let command = if on { Some(&self.on) } else { self.off.as_ref() };
        match command {
            Some(command) => self.run(command, outlet).map(drop),
            None => Err(PowerError::Unchanged { on }),
        }
    }
}

impl Commands {
    fn run(&self, template: &[String], outlet: &str) -> Result<String, PowerError> {
        let node = self.nodes.iter().find(|(of, _)| of == outlet).map_or("", |(_, node)| node);
        let words =
            template.iter().map(|it| it.replace("{node}", node).replace("{outlet}", outlet));
        let words: Vec<String> = words.collect();
        let program = words.first().cloned().unwrap_or_default();
        let mut command = Command::new(&program);
        command.args(&words[1..]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = command.spawn();
        let mut child =
            started.map_err(|source| PowerError::Start { program: program.clone(), source })?;
        let (out, err) = (start_of(child.stdout.take()), start_of(child.stderr.take()));
        let Some(status) = self.wait(&mut child) else {
            return Err(PowerError::Slow { program, seconds: self.timeout.as_secs() });
        };
        let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
        let (out, err) = (text(out), text(err));
        if status.success() {
            return Ok(out);
        }
        let said = err.trim().lines().last().unwrap_or("it said nothing").to_owned();
        Err(PowerError::Failed { program, status, said })
    }

    /// How a program ended; `None` when it was stopped because it took too long.
    fn wait(&self, child: &mut Child) -> Option<std::process::ExitStatus> {
        let begun = Instant::now();
        loop {
            // An error means that it is not there any more.
            if let Ok(Some(status)) = child.try_wait() {
                return Some(status);
            }
            if begun.elapsed() >= self.timeout {
                // It may just have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            thread::sleep(LOOK);
        }
    }
}

/// Reads the beginning of a stream beside what else goes on, and throws the rest away, so that
/// nobody waits for room in it. A program that it started may hold it open for longer.
fn start_of(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What can be read is enough.
            let _ = stream.by_ref().take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script, "sh", "{node}", "{outlet}"].map(str::to_owned).into()
    }

    fn commands(on: &str, status: &str) -> Commands {
        Commands {
            on: shell(on),
            off: None,
            status: Some(shell(status)),
            timeout: Duration::from_millis(500),
            nodes: vec![("7".into(), "p1".into())],
        }
    }

    #[test]
    fn names_stand_in_for_what_they_mean_and_the_answer_is_a_word() {
        let mut driver = commands("test $1 = p1 && test $2 = 7", "echo on");
        driver.switch("7", true).unwrap();
        assert_eq!(driver.read("7").unwrap(), Supply::On);
        assert_eq!(commands("", "echo perhaps").read("7").unwrap(), Supply::Unknown);
        assert!(matches!(driver.switch("7", false), Err(PowerError::Unchanged { on: false })));
    }

    #[test]
    fn a_failure_says_what_the_program_said_last() {
        let error = commands("echo one >&2; echo two >&2; exit 3", "").switch("7", true);
        let said = error.unwrap_err().to_string();
        assert!(said.contains("exit status: 3") && said.ends_with("two"), "{said}");
        let missing =
            Commands { on: vec!["/no/such/program".into()], ..commands("", "") }.switch("7", true);
        assert!(matches!(missing, Err(PowerError::Start { .. })));
    }

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let slow = commands("exec sleep 100", "").switch("7", true);
        assert!(matches!(slow, Err(PowerError::Slow { .. })), "{slow:?}");
    }

    #[test]
    fn a_program_that_says_too_much_does_not_fill_the_memory() {
        let mut driver = commands("head -c 3000000 /dev/zero >&2; exit 1", "");
        let said = driver.switch("7", true).unwrap_err().to_string();
        assert!(said.len() < 6_000, "{}", said.len());
    }
}
