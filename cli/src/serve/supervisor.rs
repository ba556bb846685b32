//! The parent of a local cluster's processes: starts them, starts them again, stops them.
//!
//! Each child stands in a process group of its own, so that Ctrl-C reaches only this process, and
//! has a pipe of ours as its standard input: when we die, however that happens, it ends.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use bramble_protocol::account::Hidden;
use bramble_protocol::join::NewJoinToken;
use bramble_runtime::agent::BoardKind;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::data;
use super::fleet::Bench;
use super::membership::NODE_KEY_FILE;
use super::part::{DEATHS_MAX, Part, how};
use crate::client::Client;
use crate::error::{CliError, CliResult, Exit, Slug};
use crate::local;
use crate::output::{Output, human};
use crate::paths;

/// How long the head, and then the agents, may take to get ready.
const READY_TIME_MAX: Duration = Duration::from_secs(30);
/// How often to look whether they are.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long an orderly end of a child may take before it is killed.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);
/// How often to look which simulated boards have power.
const POWER_EVERY: Duration = Duration::from_millis(200);

/// Where the agents keep their keys, in the data directory.
const NODES_DIR: &str = "nodes";
/// How long their join token lasts.
const TOKEN_TIME: Duration = Duration::from_secs(600);

/// What is to run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The data directory.
    pub(super) dir: PathBuf,
    /// Where the head is to listen; port 0 becomes a real one at its first start.
    pub(super) listen: SocketAddr,
    /// The nodes.
    pub(super) nodes: Vec<PlannedNode>,
    /// The switch of those that are simulated boards.
    pub(super) bench: Option<Bench>,
}

/// A node that is to run.
#[derive(Clone, Debug)]
pub(super) struct PlannedNode {
    pub(super) name: String,
    pub(super) slots: u32,
    /// What it simulates, if it does.
    pub(super) board: Option<BoardKind>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// A child may have ended.
    Child,
    /// We are to end.
    Stop,
}

/// The parent of a local cluster's processes.
pub(super) struct Supervisor {
    output: Output,
    plan: Plan,
    program: PathBuf,
    /// What the children log when nobody says otherwise.
    log: &'static str,
    /// The head first.
    parts: Vec<Part>,
    url: String,
    events: Receiver<Event>,
}

impl Supervisor {
    /// Starts to listen for signals; nothing runs yet.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn new(output: Output, plan: Plan, detached: bool) -> CliResult<Self> {
        let events = listen().map_err(|error| {
            CliError::new(Slug::Local, "cannot listen for signals").because(&error)
        })?;
        let names = std::iter::once("head").chain(plan.nodes.iter().map(|node| node.name.as_str()));
        let parts = names.map(Part::new).collect();
        let log = if detached || output.verbose { "info" } else { "warn" };
        let program = paths::program()?;
        Ok(Self { output, plan, program, log, parts, url: String::new(), events })
    }

    /// Starts everything and waits until it is ready. The head's address, or `None` when we were
    /// told to stop before.
    ///
    /// # Errors
    /// When a part does not start; what it said is its own message, and all others are stopped.
    pub(super) fn start(&mut self) -> CliResult<Option<String>> {
        let ready =
            self.start_head().and_then(|go_on| if go_on { self.start_agents() } else { Ok(false) });
        match ready {
            Ok(true) => Ok(Some(self.url.clone())),
            Ok(false) => {
                self.stop();
                Ok(None)
            }
            Err(error) => {
                self.stop();
                Err(error)
            }
        }
    }

    fn start_head(&mut self) -> CliResult<bool> {
        self.spawn(0)?;
        let pid = self.parts[0].child.as_ref().map(Child::id);
        let dir = self.plan.dir.clone();
        let mut record = None;
        let is_ready = self.wait_ready("the head", |_| {
            record = local::running_head(&dir).filter(|head| Some(head.process.pid) == pid);
            record.is_some()
        })?;
        if let Some(record) = record {
            self.url = record.url;
            self.plan.listen = record.listen;
        }
        Ok(is_ready)
    }

    fn start_agents(&mut self) -> CliResult<bool> {
        let client = Client::of_own_head(&self.url, &self.plan.dir)?;
        let wanted = self.plan.nodes.len();
        if wanted > 0 {
            let new = NewJoinToken {
                uses: Some(wanted.try_into().unwrap_or(u32::MAX)),
                lasts_ms: Some(TOKEN_TIME.as_millis() as u64),
                ..NewJoinToken::default()
            };
            self.write_token(&client.new_join_token(&new)?.token)?;
            self.forget_keys(&client)?;
        }
        for index in 1..self.parts.len() {
            self.spawn(index)?;
        }
        let ready = self.wait_ready("the nodes", |this| {
            // The head may switch some off, as somebody asked for earlier.
            let wanted = this.parts[1..].iter().filter(|part| !part.is_halted).count();
            client.head().is_ok_and(|head| head.nodes_connected as usize >= wanted)
        });
        // From now on they have keys.
        let _ = fs::remove_file(self.token_file());
        ready
    }

    /// Hands the agents what they join by.
    fn write_token(&self, token: &Hidden) -> CliResult<()> {
        let path = self.token_file();
        let failed = |error| CliError::file("write", &path, &error);
        let dir = self.plan.dir.join(NODES_DIR);
        fs::create_dir_all(&dir).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::with_prefix_in(".token-", dir).map_err(failed)?;
        writeln!(file, "{}", token.expose()).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Nodes that were removed join as new ones: whoever starts them again wants them again.
    fn forget_keys(&self, client: &Client) -> CliResult<()> {
        let admissions = client.admissions()?;
        let is_known = |name: &&String| admissions.iter().any(|known| known.node == **name);
        let names = self.plan.nodes.iter().map(|node| &node.name);
        for name in names.filter(|name| !is_known(name)) {
            // One that has no key has nothing to forget.
            let key = self.plan.dir.join(NODES_DIR).join(name).join(NODE_KEY_FILE);
            let _ = fs::remove_file(key);
        }
        Ok(())
    }

    fn token_file(&self) -> PathBuf {
        self.plan.dir.join(NODES_DIR).join("join.token")
    }

    /// Waits for `is_ready`; false when we are told to stop meanwhile.
    fn wait_ready(
        &mut self,
        what: &str,
        mut is_ready: impl FnMut(&Self) -> bool,
    ) -> CliResult<bool> {
        let started = Instant::now();
        let simulates = self.plan.bench.is_some();
        loop {
            if is_ready(self) {
                return Ok(true);
            }
            for part in &mut self.parts {
                if let Some(status) = part.ended() {
                    if simulates && status.success() {
                        part.is_halted = true;
                        continue;
                    }
                    // It has said itself what is wrong.
                    let code = status.code().and_then(|code| u8::try_from(code).ok());
                    let code = code.filter(|code| *code != 0).unwrap_or(Exit::Cluster.code());
                    if status.code().is_none() {
                        self.output.warn(&format!("{} was ended by {}", part.name, how(status)));
                    }
                    return Err(CliError::Silent(code));
                }
            }
            if started.elapsed() > READY_TIME_MAX {
                let time = human::duration(READY_TIME_MAX);
                return Err(CliError::new(Slug::ClusterDown, format!("{what} did not get ready"))
                    .why(format!("nothing was heard for {time}"))
                    .help("look closer: bramble -v up"));
            }
            if self.events.recv_timeout(LOOK_EVERY) == Ok(Event::Stop) {
                return Ok(false);
            }
        }
    }

    /// Starts part number `index`.
    fn spawn(&mut self, index: usize) -> CliResult<()> {
        let mut command = self.command(index);
        let part = &mut self.parts[index];
        part.start_at = None;
        let child = command.spawn().map_err(|error| {
            CliError::new(Slug::Local, format!("cannot start {}", part.name)).because(&error)
        })?;
        part.child = Some(child);
        Ok(())
    }

    fn command(&self, index: usize) -> Command {
        let mut command = Command::new(&self.program);
        if index == 0 {
            command
                .args(["head", "--exit-with-parent", "--data"])
                .arg(&self.plan.dir)
                .args(["--listen", &self.plan.listen.to_string()]);
            if let Some(bench) = &self.plan.bench {
                command.arg("--power").arg(&bench.config);
            }
        } else {
            let PlannedNode { name, slots, board } = &self.plan.nodes[index - 1];
            command
                .args(["agent", "--exit-with-parent", "--head"])
                .arg(self.url.replacen("http://", "https://", 1))
                .args(["--name", name, "--slots", &slots.to_string(), "--store"])
                .arg(self.plan.dir.join(data::STORE_DIR))
                .arg("--data")
                .arg(self.plan.dir.join(NODES_DIR).join(name));
            command.args(board.iter().flat_map(|board| ["--simulate", board.name()]));
            if self.token_file().exists() {
                command.arg("--join-file").arg(self.token_file());
            }
        }
        if paths::variable(paths::LOG_ENV).is_none() {
            command.env(paths::LOG_ENV, self.log);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        command
    }

    /// Keeps everything up until we are told to stop, then stops it.
    ///
    /// # Errors
    /// When the head keeps dying, or no agent is left.
    pub(super) fn keep_up(&mut self) -> CliResult<()> {
        let ended = self.watch();
        if ended.is_ok() && !self.output.quiet {
            self.output.note("stopping");
        }
        self.stop();
        ended
    }

    fn watch(&mut self) -> CliResult<()> {
        loop {
            let look = self.plan.bench.as_ref().map(|_| Instant::now() + POWER_EVERY);
            let due = self.parts.iter().filter_map(|part| part.start_at).chain(look).min();
            let event = match due {
                Some(due) => {
                    self.events.recv_timeout(due.saturating_duration_since(Instant::now()))
                }
                None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Stop) => return Ok(()),
                Ok(Event::Child) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(CliError::new(Slug::Local, "the thread for signals ended"));
                }
            }
            self.follow_power();
            for index in 0..self.parts.len() {
                self.look_after(index)?;
            }
            let nodes = &self.parts[1..];
            // Those that were removed are gone because somebody wanted it.
            let is_broken = |part: &Part| part.is_given_up() && !part.refused;
            let is_gone = |part: &Part| part.is_given_up() && !part.is_off();
            if nodes.iter().all(is_gone) && nodes.iter().any(is_broken) {
                return Err(CliError::new(Slug::ClusterDown, "no node stays up")
                    .help("their last words are above"));
            }
        }
    }

    /// Boards lose their power and get it as the switch says. One that gets it takes a while to boot.
    fn follow_power(&mut self) {
        let Some(bench) = &self.plan.bench else { return };
        let Some(outlets) = bench.on() else { return };
        for (part, on) in self.parts[1..].iter_mut().zip(outlets) {
            if !on && !part.is_cut {
                part.is_cut = true;
                part.start_at = None;
                part.kill();
            } else if on && part.is_cut {
                (part.is_cut, part.is_halted) = (false, false);
                part.start_at = Some(Instant::now() + bench.boot);
            }
        }
    }

    /// Notices a death, and starts what is due.
    fn look_after(&mut self, index: usize) -> CliResult<()> {
        let now = Instant::now();
        let part = &mut self.parts[index];
        if let Some(status) = part.ended() {
            if index > 0 && self.plan.bench.is_some() && status.success() {
                part.is_halted = true;
                return Ok(());
            }
            if index > 0 && status.code() == Some(Exit::Refused.code().into()) {
                part.refused = true;
                let name = &part.name;
                self.output.warn(&format!("{name} was refused, and is not started again"));
                return Ok(());
            }
            let died = format!("{} ended unexpectedly ({})", part.name, how(status));
            match part.pause_after_death(now) {
                Some(pause) => {
                    part.start_at = Some(now + pause);
                    let count = part.deaths.len();
                    self.output
                        .warn(&format!("{died}; starting it again ({count} of {DEATHS_MAX})"));
                }
                None if index == 0 => {
                    return Err(CliError::new(Slug::ClusterDown, died)
                        .why(format!("it died more than {DEATHS_MAX} times within a minute"))
                        .help(
                            "its last words are above; accepted jobs go on after the next start",
                        ));
                }
                None => self.output.warn(&format!("{died}; it is given up, it dies too often")),
            }
        }
        if self.parts[index].start_at.is_some_and(|due| due <= now) {
            self.spawn(index)?;
        }
        Ok(())
    }

    /// Stops the agents, then the head; what does not end in time is killed. A second order to
    /// stop kills at once.
    fn stop(&mut self) {
        let (head, agents) = self.parts.split_at_mut(1);
        for group in [agents, head] {
            for part in group.iter_mut() {
                part.terminate();
            }
            let deadline = Instant::now() + STOP_TIME_MAX;
            while !group.iter_mut().all(|part| part.child.is_none() || part.ended().is_some()) {
                let left = deadline.saturating_duration_since(Instant::now());
                let event = self.events.recv_timeout(left.min(LOOK_EVERY));
                if left.is_zero() || event == Ok(Event::Stop) {
                    group.iter_mut().for_each(Part::kill);
                }
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.parts.iter_mut().for_each(Part::kill);
    }
}

/// Turns signals into events.
fn listen() -> std::io::Result<Receiver<Event>> {
    let mut signals = Signals::new([SIGCHLD, SIGHUP, SIGINT, SIGTERM])?;
    let (sender, events) = mpsc::channel();
    let work = move || {
        for signal in signals.forever() {
            let event = if signal == SIGCHLD { Event::Child } else { Event::Stop };
            if sender.send(event).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(work)?;
    Ok(events)
}
