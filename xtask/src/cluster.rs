//! A cluster of this computer, by the program's own commands.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::process::shown;

/// Where the program looks for a token.
const TOKEN_FILE_ENV: &str = "BRAMBLE_TOKEN_FILE";

/// Ctrl-C does not end this program at once, so that it can stop the cluster first.
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on signals are only remembered.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub(crate) fn listen() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag))
                .context("cannot listen to Ctrl-C")?;
        }
        Ok(Self(flag))
    }

    /// Fails when the user wants to stop.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            bail!("stopped by Ctrl-C");
        }
        Ok(())
    }
}

/// A directory that is removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new one among the system's temporary files.
    ///
    /// # Errors
    /// When it cannot be made, or is there already.
    pub(crate) fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("bramble-xtask-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// A running cluster, stopped at the end.
pub(crate) struct Cluster {
    program: PathBuf,
    data: PathBuf,
    url: String,
    /// Who asks, where the head wants to know.
    token_file: Option<PathBuf>,
    is_up: bool,
}

/// A job that is done.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// How long the command took, from its start to the finished file.
    pub(crate) wall: Duration,
    /// When it was started, in milliseconds since 1970.
    pub(crate) started_at_ms: u64,
    /// The job as the head described it at the end.
    pub(crate) job: Value,
}

impl Cluster {
    /// Starts a head and `nodes` nodes with their data in `data`, and returns when they are ready.
    ///
    /// # Errors
    /// When they do not get ready.
    pub(crate) fn start(program: &Path, data: &Path, nodes: u32) -> Result<Self> {
        // Made before the start, so that a cluster that is half up is stopped too.
        let mut cluster = Self {
            program: program.to_owned(),
            data: data.to_owned(),
            url: String::new(),
            token_file: None,
            is_up: true,
        };
        let mut command = Command::new(program);
        command
            .args(["up", "--detach", "--json", "--listen", "127.0.0.1:0"])
            .args(["--nodes", &nodes.to_string()])
            .arg("--data")
            .arg(data);
        let answer = last_json(&mut command)?;
        cluster.url = answer["url"]
            .as_str()
            .with_context(|| format!("{} told no address", shown(&command)))?
            .to_owned();
        let admin = cluster.admin_token_file();
        cluster.token_file = admin.exists().then_some(admin);
        Ok(cluster)
    }

    /// Where its head is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where the head keeps the token of its admin, if it has one.
    pub(crate) fn admin_token_file(&self) -> PathBuf {
        self.data.join("admin.token")
    }

    /// Asks by another token from now on.
    pub(crate) fn ask_by(&mut self, token_file: PathBuf) {
        self.token_file = Some(token_file);
    }

    /// Sorts `input` on at most `nodes` nodes.
    ///
    /// # Errors
    /// When the job fails.
    pub(crate) fn sort(
        &self,
        module: &Path,
        input: &Path,
        output: &Path,
        nodes: u32,
    ) -> Result<Finished> {
        let mut command = Command::new(&self.program);
        command
            .env("BRAMBLE_DATA", &self.data)
            .args(["submit", "--no-cache", "--cluster", &self.url, "--json"])
            .args(["--nodes", &nodes.to_string()])
            .arg(module)
            .arg("--input")
            .arg(input)
            .arg("--output")
            .arg(output);
        command.envs(self.token_file.iter().map(|file| (TOKEN_FILE_ENV, file)));
        let started_at_ms = now_ms();
        let started = Instant::now();
        let job = last_json(&mut command)?;
        Ok(Finished { wall: started.elapsed(), started_at_ms, job })
    }

    /// Stops it.
    ///
    /// # Errors
    /// When it does not stop.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.down()
    }

    fn down(&mut self) -> Result<()> {
        self.is_up = false;
        let mut command = Command::new(&self.program);
        command.args(["down", "--quiet", "--data"]).arg(&self.data);
        crate::process::run(&mut command)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.is_up
            && let Err(error) = self.down()
        {
            eprintln!("{error:#}");
        }
    }
}

/// Runs a command to its end and reads the last line that it prints.
fn last_json(command: &mut Command) -> Result<Value> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        bail!("{} failed: {}", shown(command), output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("{} answered `{last}`", shown(command)))
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
