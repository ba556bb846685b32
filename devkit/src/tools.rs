//! Toolchains of other people: finding them, and running them to their end.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{DevError, Language};

/// The first of some programs that is in `PATH`.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    let files = names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    files.into_iter().find(|file| is_program(file))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The same; that there is none is an error with what to install.
pub(crate) fn need(names: &[&str], language: Language) -> Result<PathBuf, DevError> {
    find(names).ok_or_else(|| missing(names[0], language))
}

/// A tool of a language is missing.
pub(crate) fn missing(tool: &str, language: Language) -> DevError {
    DevError::MissingTool { tool: tool.into(), install: format!("it needs {}", language.needs()) }
}

/// Runs a tool in `dir`. What it says goes to standard error, where all talk goes.
pub(crate) fn run(command: &mut Command, dir: &Path) -> Result<(), DevError> {
    prepare(command, dir).stdout(std::io::stderr());
    let status = command.status().map_err(|source| start(command, source))?;
    if status.success() {
        return Ok(());
    }
    Err(DevError::ToolFailed { tool: shown(command), status: status.to_string() })
}

/// The same for a tool whose answer is wanted.
pub(crate) fn answer(command: &mut Command, dir: &Path) -> Result<String, DevError> {
    prepare(command, dir).stderr(Stdio::inherit());
    let output = command.output().map_err(|source| start(command, source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(DevError::ToolFailed { tool: shown(command), status: output.status.to_string() })
}

fn prepare<'a>(command: &'a mut Command, dir: &Path) -> &'a mut Command {
    command.current_dir(dir).stdin(Stdio::null())
}

fn start(command: &Command, source: std::io::Error) -> DevError {
    DevError::Start { program: command.get_program().into(), source }
}

/// A command line as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
