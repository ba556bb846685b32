//! Building the guest modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::c_programs;
use crate::process;
use crate::toolchain::{GUEST_TARGET, Toolchain};
use crate::workspace::{GuestJob, GuestKind, Workspace};

/// Builds every job and puts the modules into one directory, which is returned.
///
/// # Errors
/// When there is no toolchain for guests, or a job does not compile.
pub(crate) fn run(workspace: &Workspace) -> Result<PathBuf> {
    let jobs = workspace.jobs()?;
    let toolchain = Toolchain::find_or_install()?;
    let guests_dir = workspace.target_dir().join("guests").join(toolchain.name());
    println!("guests: {} jobs with {toolchain}", jobs.len());
    if !guests_dir.exists() && toolchain.builds_std() {
        println!("guests: the first build compiles the standard library too, which takes a minute");
    }
    let jobs_dir = workspace.jobs_dir();
    fs::create_dir_all(&jobs_dir)
        .with_context(|| format!("cannot create {}", jobs_dir.display()))?;
    for job in &jobs {
        process::run(&mut compile(workspace, &toolchain, &guests_dir, job))?;
        let built = guests_dir
            .join(GUEST_TARGET)
            .join("guest")
            .join(format!("{}.wasm", job.target.replace('-', "_")));
        let built = if built.exists() {
            built
        } else {
            // Programs keep their hyphens, libraries do not.
            built.with_file_name(format!("{}.wasm", job.target))
        };
        install(&built, &jobs_dir.join(format!("{}.wasm", job.name)))?;
    }
    programs_in_c(workspace, &jobs_dir)?;
    Ok(jobs_dir)
}

/// The programs in C among the jobs, which are left out where nothing compiles them.
fn programs_in_c(workspace: &Workspace, jobs_dir: &Path) -> Result<()> {
    let sources = c_programs::sources(&workspace.root().join("jobs"))?;
    let Some(compiler) = c_programs::compiler() else {
        println!(
            "guests: {} programs in C are left out: apt-get install clang-19 lld-19 wasi-libc \
             libclang-rt-19-dev-wasm32",
            sources.len()
        );
        return Ok(());
    };
    let built_dir = workspace.target_dir().join("guests/c");
    fs::create_dir_all(&built_dir)
        .with_context(|| format!("cannot create {}", built_dir.display()))?;
    for source in &sources {
        let name = source.with_extension("wasm");
        let Some(name) = name.file_name() else { continue };
        c_programs::build(&compiler, source, &built_dir.join(name))?;
        install(&built_dir.join(name), &jobs_dir.join(name))?;
    }
    Ok(())
}

fn compile(
    workspace: &Workspace,
    toolchain: &Toolchain,
    guests_dir: &Path,
    job: &GuestJob,
) -> Command {
    let mut command = toolchain.cargo();
    command
        .current_dir(workspace.root())
        .args(["rustc", "--quiet", "--locked", "--profile", "guest"])
        .args(["--target", GUEST_TARGET, "--package", &job.name])
        .arg("--target-dir")
        .arg(guests_dir);
    match job.kind {
        GuestKind::Job => command.args(["--lib", "--crate-type", "cdylib"]),
        GuestKind::Command => command.args(["--bin", &job.target]),
    };
    toolchain.add_arguments(&mut command, job.kind);
    command
}

/// Copies a module unless the same bytes are there, so that its time tells when it changed.
fn install(built: &Path, installed: &Path) -> Result<()> {
    let bytes = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    if fs::read(installed).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let unfinished = installed.with_extension("wasm.new");
    fs::write(&unfinished, &bytes)
        .and_then(|()| fs::rename(&unfinished, installed))
        .with_context(|| format!("cannot write {}", installed.display()))?;
    println!("guests: {} ({} KiB)", installed.display(), bytes.len().div_ceil(1024));
    Ok(())
}
