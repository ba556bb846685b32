//! A real cluster for one test: a head and agents as processes of the real binary on loopback,
//! on ports that the system chooses, with all data in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bramble_protocol::api::{JobView, NodeView};
use tempfile::TempDir;

/// How long a test waits for anything before it fails: generous, because machines are slow.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Path of the `bramble` binary: `BRAMBLE_BIN`, or beside this test's own directory.
pub fn program() -> PathBuf {
    built("BRAMBLE_BIN", "debug/bramble")
}

/// Path of the agent's program for `target`, such as `aarch64-unknown-linux-gnu`, where
/// `cargo xtask cross` puts it.
pub fn cross_program(target: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().expect("a program knows its own path");
    let relative = Path::new(target).join("debug/bramble");
    this.ancestors().map(|dir| dir.join(&relative)).find(|path| path.exists())
}

/// Path of a guest module: in `BRAMBLE_JOBS`, or where `cargo xtask build-jobs` puts it.
pub fn job(name: &str) -> PathBuf {
    let path = built("BRAMBLE_JOBS", "jobs").join(name).with_extension("wasm");
    assert!(path.exists(), "{} is missing: run `cargo xtask build-jobs`", path.display());
    path
}

/// Path of a file in `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn built(variable: &str, relative: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    // A test is <target>/debug/deps/<test>, a benchmark <target>/debug/<benchmark>.
    let this = std::env::current_exe().expect("a program knows its own path");
    let built = this.ancestors().map(|dir| dir.join(relative)).find(|path| path.exists());
    built.unwrap_or_else(|| {
        panic!("{relative} is not beside {}: run `cargo xtask test`", this.display())
    })
}

/// Waits until `condition` gives a value, and fails the test with `what` after [`DEADLINE`].
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A command of the real binary that knows nothing of the user's own settings.
pub fn bramble() -> Command {
    bramble_at(&program())
}

/// The same of another file: a program for another machine, or a script around one.
fn bramble_at(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars() {
        if name.starts_with("BRAMBLE_") {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// What sends requests by a token.
pub fn http_with(token: &str) -> ureq::Agent {
    let value = format!("Bearer {token}");
    let sign = move |mut request: http::Request<ureq::SendBody<'_>>,
                     next: ureq::middleware::MiddlewareNext<'_>| {
        let value = value.parse().expect("a token is of plain letters");
        request.headers_mut().insert("authorization", value);
        next.handle(request)
    };
    ureq::Agent::config_builder().proxy(None).middleware(sign).build().into()
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Exit status; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Said {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Fails the test unless the command succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.text(), self.stderr);
        self
    }

    /// Fails the test unless the command ended with `code` and said all of `words` on
    /// standard error.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> Self {
        let (stdout, stderr) = (self.text(), &self.stderr);
        assert_eq!(self.code, code, "stdout:\n{stdout}\nstderr:\n{stderr}");
        for word in words {
            assert!(stderr.contains(word), "`{word}` is not in:\n{stderr}");
        }
        self
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A process that is killed when the test is over.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How an agent gets at objects.
#[derive(Clone, Copy, Debug)]
pub enum Objects {
    /// It shares the head's directory.
    Shared,
    /// It has a directory of its own and asks the head for the rest.
    Own,
}

/// A head and its agents.
pub struct Cluster {
    dir: TempDir,
    head: Option<Process>,
    agents: Vec<(String, Option<Process>)>,
    /// Further arguments of the head.
    head_args: Vec<String>,
    /// Where the head listens.
    pub url: String,
}

impl Cluster {
    /// A head and `nodes` agents of one slot each, named `node-1` and so on, all connected.
    pub fn start(nodes: usize) -> Self {
        Self::start_with(nodes, Objects::Shared)
    }

    /// The same, with agents that get at objects as said.
    pub fn start_with(nodes: usize, objects: Objects) -> Self {
        let started = Self::start_prepared(nodes, objects, Vec::new(), |_| Some(()));
        started.expect("nothing was to be prepared")
    }

    /// The same, with agents that share the data directory, which `prepare` has made; `None` when
    /// it could not.
    pub fn start_on(nodes: usize, prepare: impl FnOnce(&Path) -> Option<()>) -> Option<Self> {
        Self::start_prepared(nodes, Objects::Shared, Vec::new(), prepare)
    }

    /// A head with further arguments, and agents that share its directory.
    pub fn start_with_head(nodes: usize, head_args: &[&str]) -> Self {
        let head_args = head_args.iter().map(|arg| (*arg).to_owned()).collect();
        let started = Self::start_prepared(nodes, Objects::Shared, head_args, |_| Some(()));
        started.expect("nothing was to be prepared")
    }

    fn start_prepared(
        nodes: usize,
        objects: Objects,
        head_args: Vec<String>,
        prepare: impl FnOnce(&Path) -> Option<()>,
    ) -> Option<Self> {
        let dir = TempDir::new().expect("a temporary directory can be made");
        let mut cluster =
            Self { dir, head: None, agents: Vec::new(), head_args, url: String::new() };
        prepare(&cluster.data())?;
        cluster.start_head();
        for number in 1..=nodes {
            cluster.agents.push((format!("node-{number}"), None));
            cluster.start_agent(number - 1, objects);
        }
        cluster.wait_for_nodes(nodes);
        Some(cluster)
    }

    /// The test's own directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The head's data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts the head, on the address it had before if there was one.
    pub fn start_head(&mut self) {
        let listen = match self.url.strip_prefix("http://") {
            Some(address) => address.to_owned(),
            None => "127.0.0.1:0".to_owned(),
        };
        let record = self.data().join("head.json");
        // A head that was killed leaves its record behind.
        let _ = fs::remove_file(&record);
        let log = self.log("head");
        let child = bramble()
            .args(["head", "--listen", &listen, "--data"])
            .arg(self.data())
            .args(&self.head_args)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the head can be started");
        self.head = Some(Process(child));
        self.url = wait_for("the head to listen", || {
            let text = fs::read_to_string(&record).ok()?;
            let record: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(record["url"].as_str()?.to_owned())
        });
    }

    fn log(&self, name: &str) -> fs::File {
        let path = self.dir.path().join(format!("{name}.log"));
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .expect("a log can be written in the test's own directory")
    }

    /// Starts one of the agents, counted from 0.
    pub fn start_agent(&mut self, index: usize, objects: Objects) {
        let name = self.agents[index].0.clone();
        let mut command = bramble();
        command.args(self.agent_args(&name)).args(["--slots", "1"]);
        if matches!(objects, Objects::Shared) {
            command.arg("--store").arg(self.data().join("store"));
        }
        let child = command
            .stdout(Stdio::null())
            .stderr(self.log(&name))
            .spawn()
            .expect("an agent can be started");
        self.agents[index].1 = Some(Process(child));
    }

    /// Starts one more agent, called `name`: `program` with further arguments. Does not wait until
    /// it is connected.
    pub fn add_agent(&mut self, name: &str, program: &Path, args: &[&str]) {
        let mut command = bramble_at(program);
        command.args(self.agent_args(name)).args(["--slots", "1", "--store"]);
        let child = command
            .arg(self.data().join("store"))
            .args(args)
            .stdout(Stdio::null())
            .stderr(self.log(name))
            .spawn()
            .expect("an agent can be started");
        self.agents.push((name.to_owned(), Some(Process(child))));
    }

    /// Starts one more agent, called `name`, with objects of its own and a share that it reads.
    pub fn add_reader(&mut self, name: &str, share: &str, args: &[&str]) {
        let child = bramble()
            .args(self.agent_args(name))
            .args(["--slots", "1", "--share", share])
            .args(args)
            .current_dir(self.dir())
            .stdout(Stdio::null())
            .stderr(self.log(name))
            .spawn()
            .expect("an agent can be started");
        self.agents.push((name.to_owned(), Some(Process(child))));
    }

    /// Where agents reach the head.
    pub fn agent_url(&self) -> String {
        self.url.replacen("http://", "https://", 1)
    }

    /// What starts an agent called `name`, with a directory of that name in the test's own.
    pub fn agent_args(&self, name: &str) -> Vec<String> {
        let text = |path: PathBuf| path.into_os_string().into_string().expect("paths are text");
        let (data, join) = (text(self.dir.path().join(name)), text(self.join_file()));
        let args = ["agent", "--head", &self.agent_url(), "--name", name, "--data", &data];
        let mut args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        args.extend(["--join-file".to_owned(), join]);
        args
    }

    /// A file with a token by which any number of nodes may join.
    pub fn join_file(&self) -> PathBuf {
        let path = self.dir.path().join("join.token");
        if !path.exists() {
            let said = self.bramble(&["nodes", "token", "--uses", "4096", "--expires", "24h"]);
            fs::write(&path, said.ok().stdout).expect("the directory is the test's own");
        }
        path
    }

    /// SIGTERM for an agent, counted from 0, and the wait for its end.
    pub fn stop_agent(&mut self, index: usize) {
        let mut agent = self.agents[index].1.take().expect("the agent was started");
        let id = agent.0.id().to_string();
        let sent = Command::new("kill").arg(id).status().expect("there is a `kill`");
        assert!(sent.success(), "the agent lives");
        wait_for("the agent to end", || agent.0.try_wait().expect("it is a child"));
    }

    /// Process id of the head.
    pub fn head_process(&self) -> u32 {
        self.head.as_ref().expect("the head was started").0.id()
    }

    /// Process id of an agent, counted from 0.
    pub fn agent_process(&self, index: usize) -> u32 {
        self.agents[index].1.as_ref().expect("the agent was started").0.id()
    }

    /// SIGKILL for the head.
    pub fn kill_head(&mut self) {
        self.head = None;
    }

    /// SIGKILL for an agent, counted from 0.
    pub fn kill_agent(&mut self, index: usize) {
        self.agents[index].1 = None;
    }

    /// Waits until `count` nodes are connected.
    pub fn wait_for_nodes(&self, count: usize) {
        wait_for("all nodes to connect", || {
            let said = self.bramble(&["nodes", "--json"]);
            let nodes: Vec<NodeView> = serde_json::from_slice(&said.stdout).ok()?;
            let alive = nodes.iter().filter(|node| node.state.name() != "lost").count();
            (alive == count).then_some(())
        });
    }

    /// A command of this cluster, not started yet, with the test's directory as its own.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = bramble();
        command.env("BRAMBLE_CLUSTER", &self.url).env("BRAMBLE_DATA", self.data());
        command.current_dir(self.dir()).args(args);
        command
    }

    /// The admin's token.
    pub fn token(&self) -> String {
        let path = self.data().join("admin.token");
        fs::read_to_string(path).expect("a head has a token").trim().to_owned()
    }

    /// What sends requests by the admin's token.
    pub fn http(&self) -> ureq::Agent {
        http_with(&self.token())
    }

    /// Runs a command of this cluster to its end.
    pub fn bramble(&self, args: &[&str]) -> Said {
        self.command(args).output().expect("the binary can be started").into()
    }

    /// Writes a file into the test's directory and returns its path as text.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.dir().join(name);
        fs::write(&path, bytes).expect("a file can be written in the test's own directory");
        path.into_os_string().into_string().expect("temporary paths are text")
    }

    /// A job as the head shows it.
    pub fn job(&self, id: &str) -> JobView {
        let said = self.bramble(&["jobs", id, "--json"]).ok();
        let jobs: serde_json::Value =
            serde_json::from_slice(&said.stdout).expect("jobs --json is JSON");
        let job = jobs.get(0).cloned().unwrap_or(jobs);
        serde_json::from_value(job).expect("a job is a JobView")
    }

    /// What the head or an agent has logged.
    pub fn logged(&self, name: &str) -> String {
        fs::read_to_string(self.dir().join(format!("{name}.log"))).unwrap_or_default()
    }
}
