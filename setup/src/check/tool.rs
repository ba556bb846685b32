//! Runs a tool that checks a file: with a limit on time and output, and nothing to write to.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A check that takes longer than this hangs. `ToolError::Slow` names it.
const TIME_MAX: Duration = Duration::from_secs(30);
/// How often a tool that runs is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// More of a tool's words than this nobody reads, in bytes.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;
/// Where tools are, whatever the caller's PATH: those of administrators are missing in many.
pub(crate) const DIRS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// What a tool said.
pub(crate) struct Said {
    /// Whether it ended with 0.
    pub(crate) good: bool,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained.
    pub(crate) stderr: String,
}

impl Said {
    /// All of it.
    pub(crate) fn all(&self) -> String {
        let all = format!("{}\n{}", self.stderr.trim(), self.stdout.trim());
        all.trim().to_owned()
    }
}

/// Why a tool said nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    /// It is not there.
    #[error("{0} is not installed")]
    Missing(String),
    /// It could not be started, or its words not kept.
    #[error("{0} could not be run: {1}")]
    Run(String, io::Error),
    /// It hangs.
    #[error("{0} gave no answer within 30 seconds")]
    Slow(String),
}

/// Where a program is.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        let meta = fs::metadata(path);
        meta.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    DIRS.iter().map(|dir| Path::new(dir).join(name)).find(is_program)
}

/// Runs a program in `dir`, with the file `input` as its input.
///
/// # Errors
/// When it is not there, cannot be started, or does not end in time.
pub(crate) fn run(
    dir: &Path,
    name: &str,
    args: &[&str],
    input: Option<&Path>,
    variables: &[(&str, &str)],
) -> Result<Said, ToolError> {
    let program = find(name).ok_or_else(|| ToolError::Missing(name.to_owned()))?;
    let failed = |error| ToolError::Run(name.to_owned(), error);
    // Files and not pipes: a full pipe would stop the tool, and a child of it would hold one open.
    let mut stdout = tempfile::tempfile_in(dir).map_err(failed)?;
    let mut stderr = tempfile::tempfile_in(dir).map_err(failed)?;
    let stdin = match input {
        Some(path) => Stdio::from(File::open(path).map_err(failed)?),
        None => Stdio::null(),
    };
    let mut child = Command::new(program)
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", DIRS.join(":"))
        .env("LC_ALL", "C")
        .env("HOME", dir)
        .env("SYSTEMD_LOG_LEVEL", "warning")
        .envs(variables.iter().copied())
        .stdin(stdin)
        .stdout(stdout.try_clone().map_err(failed)?)
        .stderr(stderr.try_clone().map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + TIME_MAX;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if Instant::now() > deadline {
            // Whether it could still be killed or has just ended is all the same here.
            let _ = child.kill();
            let _ = child.wait();
            return Err(ToolError::Slow(name.to_owned()));
        }
        thread::sleep(LOOK);
    };
    Ok(Said {
        good: status.success(),
        stdout: words(&mut stdout).map_err(failed)?,
        stderr: words(&mut stderr).map_err(failed)?,
    })
}

fn words(file: &mut File) -> io::Result<String> {
    io::Seek::rewind(file)?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let told = run(dir.path(), "no-such-tool", &[], None, &[]).err().unwrap().to_string();
        assert_eq!(told, "no-such-tool is not installed");
    }

    #[test]
    fn a_tool_gets_its_input_and_its_words_are_kept_apart() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("input");
        fs::write(&input, "in").unwrap();
        let said =
            run(dir.path(), "sh", &["-c", "cat; echo bad >&2; exit 3"], Some(&input), &[]).unwrap();
        assert!(!said.good);
        assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("in", "bad\n"));
        assert_eq!(said.all(), "bad\nin");
    }
}
