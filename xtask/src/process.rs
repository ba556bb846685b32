//! Starting other programs.

use std::env;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The cargo that runs this program, in an environment as it was before.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        if is_set_by_cargo(&name) {
            command.env_remove(&name);
        }
    }
    command
}

/// What `cargo run` sets for the program it runs, and what must not reach another cargo: the
/// library path leads to this toolchain's compiler.
fn is_set_by_cargo(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    name.starts_with("CARGO_PKG_")
        || matches!(
            name,
            "CARGO"
                | "CARGO_BIN_NAME"
                | "CARGO_CRATE_NAME"
                | "CARGO_MANIFEST_DIR"
                | "CARGO_MANIFEST_PATH"
                | "CARGO_PRIMARY_PACKAGE"
                | "LD_LIBRARY_PATH"
                | "DYLD_FALLBACK_LIBRARY_PATH"
                | "OUT_DIR"
        )
}

/// Removes all by which one cargo steers another, for building with a different toolchain.
pub(crate) fn forget_cargo(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let steers = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_UNSTABLE_"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if steers
            || is_set_by_cargo(&name)
            || matches!(
                text,
                "CARGO_ENCODED_RUSTFLAGS" | "CARGO_INCREMENTAL" | "RUSTC" | "RUSTDOC" | "RUSTFLAGS"
            )
        {
            command.env_remove(&name);
        }
    }
}

/// Runs a program to its end, with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs a program to its end and returns what it prints. What it says besides is shown.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed: {}", shown(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no text", shown(command)))
}

/// What a program prints, when it is there and succeeds.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Whether a program succeeds within `limit`. What it says is returned for a message; it is
/// killed when the time has passed.
pub(crate) fn succeeds_within(command: &mut Command, limit: Duration) -> Result<(), String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                stop(&mut child);
                return Err(format!("was not done after {} s", limit.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        // Only for a message: what can be read of it will do.
        let _ = stderr.read_to_string(&mut said);
    }
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no reason");
    Err(last.to_owned())
}

fn stop(child: &mut Child) {
    // Both fail only when it has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// A program of this name in PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![name.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        let started = Instant::now();
        let fault = succeeds_within(Command::new("sleep").arg("600"), Duration::from_millis(50));
        assert_eq!(fault, Err("was not done after 0 s".into()));
        assert!(started.elapsed() < Duration::from_secs(300));
    }

    #[test]
    fn a_failure_is_told_by_the_last_line_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo first >&2; echo last >&2; echo >&2; exit 3"]);
        assert_eq!(succeeds_within(&mut command, Duration::from_secs(60)), Err("last".into()));
        assert_eq!(shown(&Command::new("/usr/bin/true")), "`true`");
    }

    #[test]
    fn what_cargo_sets_is_told_from_what_the_user_sets() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "LD_LIBRARY_PATH"] {
            assert!(is_set_by_cargo(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "PATH"] {
            assert!(!is_set_by_cargo(OsStr::new(name)), "{name}");
        }
    }
}
