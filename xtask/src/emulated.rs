//! `cargo xtask cross --demo`: the main job on nodes whose program is a 64-bit board's, each in an
//! emulator; head and client are this machine's own.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cluster::{Cluster, Scratch};
use crate::process;
use crate::test::{BRAMBLE_BIN_ENV, BRAMBLE_JOBS_ENV};
use crate::workspace::Workspace;
use crate::{build_jobs, test};

/// How many numbers are sorted: an emulator takes a multiple of the time.
const NUMBERS: u64 = 100_000;
/// How many nodes there are.
const NODES: u32 = 2;

/// An agent in an emulator, ended when this is dropped.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sorts numbers on nodes that run `program` under `emulator`, and checks the result.
///
/// # Errors
/// When something is missing, does not start, or the result is wrong.
pub(crate) fn demo(workspace: &Workspace, program: &Path, emulator: &str) -> Result<()> {
    if !program.exists() {
        bail!("there is no {}\n  help: cargo xtask cross", program.display());
    }
    let own = match std::env::var_os(BRAMBLE_BIN_ENV) {
        Some(own) => PathBuf::from(own),
        None => {
            test::build_bramble()?;
            workspace.bramble()
        }
    };
    let jobs = match std::env::var_os(BRAMBLE_JOBS_ENV) {
        Some(dir) => PathBuf::from(dir),
        None => build_jobs::run(workspace)?,
    };
    let scratch = Scratch::new()?;
    let file = |name: &str| scratch.path().join(name);
    let (input, output) = (file("numbers.txt"), file("sorted.txt"));
    // A step that has no factor in common with the count visits every number once.
    let text: String = (0..NUMBERS).map(|n| format!("{}\n", n * 7919 % NUMBERS)).collect();
    let sorted: String = (0..NUMBERS).map(|n| format!("{n}\n")).collect();
    fs::write(&input, text).context("cannot write the input")?;

    let data = file("data");
    let cluster = Cluster::start(&own, &data, 0)?;
    let mut token = Command::new(&own);
    token.env("BRAMBLE_DATA", &data).args(["nodes", "token", "--uses", &NODES.to_string()]);
    fs::write(file("join.token"), process::output(&mut token)?)
        .context("cannot write the token")?;
    // What an agent starts as its runners must be one file.
    let script = file("emulated");
    fs::write(&script, format!("#!/bin/sh\nexec {emulator} {} \"$@\"\n", program.display()))
        .and_then(|()| fs::set_permissions(&script, Permissions::from_mode(0o755)))
        .context("cannot write the script")?;
    let agents = (1..=NODES).map(|number| {
        let log = File::create(file(&format!("p{number}.log"))).context("cannot write a log")?;
        let mut agent = Command::new(&script);
        agent
            .args([
                "agent",
                "--head",
                &cluster.url().replacen("http:", "https:", 1),
                "--slots",
                "1",
            ])
            .args(["--name", &format!("p{number}")])
            .arg("--join-file")
            .arg(file("join.token"))
            .arg("--data")
            .arg(file(&format!("p{number}")))
            .arg("--program")
            .arg(&script)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        agent.spawn().map(Agent).context("cannot start the emulator")
    });
    let agents = agents.collect::<Result<Vec<Agent>>>()?;

    // The job waits for its nodes.
    let finished = cluster.sort(&jobs.join("merge-sort.wasm"), &input, &output, NODES)?;
    let result = fs::read(&output).context("cannot read the result")?;
    if result != sorted.as_bytes() {
        bail!("the result is wrong");
    }
    let mut nodes = Command::new(&own);
    nodes.env("BRAMBLE_DATA", &data).args(["nodes", "--plain"]);
    print!("{}", process::output(&mut nodes)?);
    println!(
        "cross: {NUMBERS} numbers sorted on {NODES} emulated nodes in {:.1} s, and the result is right",
        finished.wall.as_secs_f64()
    );
    drop(agents);
    cluster.stop()
}
