//! Head and agent as services of systemd: what they say over its socket.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use bramble_tests::cluster::{Cluster, DEADLINE, bramble, wait_for};
use tempfile::TempDir;

/// The part of systemd that listens to a service, and the service.
struct Service {
    socket: UnixDatagram,
    process: Child,
}

impl Service {
    /// Starts the program, whose watchdog would bark after `watchdog`.
    fn start(dir: &Path, args: &[&str], watchdog: Duration) -> Self {
        let path = dir.join("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut command = bramble();
        command.args(args).env("NOTIFY_SOCKET", path).env("HOME", dir).current_dir(dir);
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        Self { socket, process: command.spawn().unwrap() }
    }

    /// Waits for a message with a line that begins so, and returns all lines that came until then.
    fn until(&self, beginning: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut bytes = [0; 4096];
        loop {
            let length = self.socket.recv(&mut bytes).expect(beginning);
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            lines.extend(text.lines().map(str::to_owned));
            if text.lines().any(|line| line.starts_with(beginning)) {
                return lines;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Whether nothing is said for so long.
    fn is_silent_for(&self, time: Duration) -> bool {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let silent = self.socket.recv(&mut [0; 4096]).is_err();
        self.socket.set_read_timeout(Some(DEADLINE)).unwrap();
        silent
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_head_says_that_it_is_ready_then_that_it_lives_and_that_it_stops() {
    let dir = TempDir::new().unwrap();
    let args = ["head", "--data", "data", "--listen", "127.0.0.1:0"];
    let mut head = Service::start(dir.path(), &args, Duration::from_millis(300));
    let said = head.until("READY=1");
    // Ready means that it can be reached: it has written down where.
    let record = fs::read_to_string(dir.path().join("data/head.json")).unwrap();
    assert!(record.contains("http://127.0.0.1:"), "{record}");
    assert!(said.iter().any(|line| line.starts_with("STATUS=http://127.0.0.1:")), "{said:?}");
    for _ in 0..3 {
        let said = head.until("WATCHDOG=1");
        assert!(!said.contains(&"READY=1".to_owned()), "once is enough: {said:?}");
    }
    head.signal("TERM");
    head.until("STOPPING=1");
    assert!(wait_for("the end", || head.process.try_wait().unwrap()).success());
}

#[test]
fn an_agent_tells_whether_it_has_a_head_and_lives_without_one() {
    let mut cluster = Cluster::start(0);
    let args = cluster.agent_args("p1");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let dir = TempDir::new().unwrap();
    let mut agent = Service::start(dir.path(), &args, Duration::from_millis(300));
    agent.until("STATUS=works for the head");
    cluster.kill_head();
    agent.until("STATUS=waits for the head");
    agent.signal("TERM");
    agent.until("STOPPING=1");
    assert!(wait_for("the end", || agent.process.try_wait().unwrap()).success());

    // A board that starts before its head is as ready as it can be.
    let dir = TempDir::new().unwrap();
    let agent = Service::start(dir.path(), &args, Duration::from_millis(300));
    let said = agent.until("READY=1");
    assert!(said.iter().any(|line| line.starts_with("STATUS=waits for the head")), "{said:?}");
    for _ in 0..3 {
        agent.until("WATCHDOG=1");
    }
}

#[test]
fn a_process_that_hangs_does_not_say_that_it_lives() {
    let dir = TempDir::new().unwrap();
    let args = ["head", "--data", "data", "--listen", "127.0.0.1:0"];
    let head = Service::start(dir.path(), &args, Duration::from_millis(90));
    head.until("READY=1");
    head.signal("STOP");
    // What it said before it was stopped is still on the way.
    wait_for("silence", || head.is_silent_for(Duration::from_millis(500)).then_some(()));
    head.signal("CONT");
    head.until("WATCHDOG=1");
}
