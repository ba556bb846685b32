//! Builds a project by its language's own toolchain. What comes between source and module goes
//! into the project's `build/`, or where the toolchain has its own place.

mod c;
mod debian;
mod node;
mod rust;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::section::complete;
use crate::tools::{need, run, shown};
use crate::{DevError, Language, Project};

/// A module that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Its file.
    pub module: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Builds a project. The tools' own messages go to standard error.
///
/// # Errors
/// When a tool is missing or fails, or what it makes is no module.
pub fn build(project: &Project) -> Result<Built, DevError> {
    let scratch = project.dir.join("build");
    if !matches!(project.language, Language::Rust | Language::Wat) {
        fs::create_dir_all(&scratch).map_err(DevError::write(&scratch))?;
    }
    let made = match project.language {
        Language::Rust => rust::build(project)?,
        Language::C | Language::CJob => c::build(project)?,
        Language::AssemblyScript | Language::JavaScript | Language::TypeScript => {
            node::build(project)?
        }
        Language::Python => python(project)?,
        Language::Go => go(project)?,
        Language::Zig => zig(project)?,
        Language::Wat => return finish(project, wat(project)?),
    };
    let wasm = fs::read(&made).map_err(DevError::read(&made))?;
    finish(project, wasm)
}

fn finish(project: &Project, wasm: Vec<u8>) -> Result<Built, DevError> {
    let wasm = complete(wasm, &project.job)?;
    let module = project.module();
    let mut part = module.clone().into_os_string();
    part.push(".part");
    // Whole or not at all: a module cut off by a full disk looks like one that was built badly.
    fs::write(&part, &wasm).map_err(DevError::write(&module))?;
    fs::rename(&part, &module).map_err(DevError::write(&module))?;
    Ok(Built { module, bytes: wasm.len() as u64 })
}

/// Where a tool is to put what it makes.
fn output(project: &Project) -> PathBuf {
    project.dir.join("build").join(&project.name).with_added_extension("wasm")
}

/// Runs a tool that makes `output`.
fn make(command: &mut Command, dir: &Path, output: PathBuf) -> Result<PathBuf, DevError> {
    // What an earlier build left must not pass for what this one makes.
    let _ = fs::remove_file(&output);
    run(command, dir)?;
    if output.is_file() {
        return Ok(output);
    }
    let help = "look at what it said above".into();
    Err(DevError::NothingBuilt { tool: shown(command), help })
}

fn python(project: &Project) -> Result<PathBuf, DevError> {
    let output = output(project);
    let mut command = Command::new(need(&["componentize-py"], Language::Python)?);
    command.args(["--wit-path", "wit", "--world", "job", "componentize", "--stub-wasi", "app"]);
    make(command.arg("--output").arg(&output), &project.dir, output)
}

fn go(project: &Project) -> Result<PathBuf, DevError> {
    let output = output(project);
    let mut command = Command::new(need(&["go"], Language::Go)?);
    command
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        // A project asks for no other compiler than the one that is there.
        .env("GOTOOLCHAIN", "local")
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&output)
        .arg(".");
    make(&mut command, &project.dir, output)
}

fn zig(project: &Project) -> Result<PathBuf, DevError> {
    let output = output(project);
    // The second is how the package for Python calls it.
    let mut command = Command::new(need(&["zig", "python-zig"], Language::Zig)?);
    command
        .args(["build-exe", "-target", "wasm32-wasi", "-mcpu=generic+simd128", "-OReleaseFast"])
        .args(["--cache-dir", "build/zig-cache", "main.zig"])
        .arg(format!("-femit-bin={}", output.display()));
    make(&mut command, &project.dir, output)
}

/// The project's one `.wat` file, as a binary.
fn wat(project: &Project) -> Result<Vec<u8>, DevError> {
    let files = sources(&project.dir, "wat")?;
    let [file] = files.as_slice() else {
        let reason = format!("there are {} .wat files in it, one is needed", files.len());
        return Err(DevError::BadProject { path: project.dir.clone(), reason });
    };
    wat::parse_file(file).map_err(|error| DevError::BadModule { reason: error.to_string() })
}

/// The files of a directory with an extension, in the order of their names.
fn sources(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, DevError> {
    let entries = fs::read_dir(dir).map_err(DevError::read(dir))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|found| found == extension) && path.is_file())
        .collect();
    found.sort();
    Ok(found)
}
