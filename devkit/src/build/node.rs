//! Languages whose tools come by npm. The tools are part of the project: the first build
//! installs them into its `node_modules`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{make, output};
use crate::tools::{need, run};
use crate::{DevError, Language, Project};

pub(super) fn build(project: &Project) -> Result<PathBuf, DevError> {
    install(project)?;
    let output = output(project);
    if project.language == Language::AssemblyScript {
        let mut asc = tool(project, "asc")?;
        asc.args(["assembly/index.ts", "--outFile"]).arg(&output);
        return make(&mut asc, &project.dir, output);
    }
    let mut entry = "job.js";
    if project.language == Language::TypeScript {
        run(&mut tool(project, "tsc")?, &project.dir)?;
        entry = "build/job.js";
    }
    let mut componentize = tool(project, "componentize-qjs")?;
    // Synchronous, because bramble calls a function and waits; without WASI, because jobs in
    // bramble need none of it.
    componentize.args(["--wit", "wit", "--world", "job", "--sync", "--stub-wasi", "--js", entry]);
    make(componentize.arg("--output").arg(&output), &project.dir, output)
}

/// Installs what `package.json` names, unless that was done already.
fn install(project: &Project) -> Result<(), DevError> {
    if project.dir.join("node_modules").is_dir() {
        return Ok(());
    }
    let mut npm = Command::new(need(&["npm"], project.language)?);
    run(npm.args(["install", "--no-fund", "--no-audit", "--loglevel=error"]), &project.dir)
}

/// A tool of the project.
fn tool(project: &Project, name: &str) -> Result<Command, DevError> {
    need(&["node"], project.language)?;
    let program = project.dir.join("node_modules/.bin").join(name);
    if !program.is_file() {
        return Err(DevError::MissingTool {
            tool: name.into(),
            install: format!(
                "name its package in package.json, and run: npm install   (in {})",
                shown(&project.dir)
            ),
        });
    }
    Ok(Command::new(program))
}

fn shown(dir: &Path) -> String {
    dir.display().to_string()
}
