//! What checks pages for people who do not see or point: axe-core, from npm's registry.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::apt::Apt;
use crate::process;
use crate::workspace::Workspace;

const VERSION: &str = "4.10.3";
/// SHA-256 of its archive.
const SHA256: &str = "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292";

/// Where the tests find the script.
pub(crate) const AXE_ENV: &str = "BRAMBLE_AXE";

/// Sees that the script is there, and fetches it where that is possible. Where it cannot be had,
/// the test says that it is skipped; in CI it fails.
pub(crate) fn prepare(workspace: &Workspace) -> Option<PathBuf> {
    match fetched(workspace) {
        Ok(script) => Some(script),
        Err(error) => {
            println!("axe: pages are not checked for accessibility: {error:#}");
            None
        }
    }
}

fn fetched(workspace: &Workspace) -> Result<PathBuf> {
    let dir = workspace.target_dir().join("tools").join(format!("axe-core-{VERSION}"));
    let script = dir.join("package").join("axe.min.js");
    if script.exists() {
        return Ok(script);
    }
    if process::find("npm").is_none() {
        let apt = Apt::find("axe").map_err(anyhow::Error::msg)?;
        apt.install(&["npm"]).map_err(anyhow::Error::msg)?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", &format!("axe-core@{VERSION}")]);
    process::output(npm.current_dir(&dir))?;
    let archive = format!("axe-core-{VERSION}.tgz");
    let mut sum = Command::new("sha256sum");
    let sum = process::output(sum.arg(&archive).current_dir(&dir))?;
    ensure!(sum.starts_with(SHA256), "{archive} is not the one that was looked at: {sum}");
    let mut tar = Command::new("tar");
    process::run(tar.args(["xzf", &archive, "package/axe.min.js"]).current_dir(&dir))?;
    Ok(script)
}
